"""The method that writes a fitted estimator to a file; :mod:`.loading` reads it."""

from __future__ import annotations

import os
from typing import Any

from sklearn.utils.validation import check_is_fitted

from tfae._estimators.contents import contents_of
from tfae._saving import native


class Savable:
    """An estimator that can be written to a file as soon as it has a ``_fitted``."""

    _fitted: Any

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted estimator to a file, which :func:`tfae.load` reads without running code.

        The file is in the format safetensors: the arrays, and a text in JSON with all else. An
        existing file is replaced at once, by the whole new one; if that is interrupted, the old
        file stays.

        Parameters
        ----------
        path : str or path-like
            The name of the file; no ending is added.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If the file cannot hold a parameter, such as a function that is not registered under a
            name, a Keras object or a callback; the message says what to do. Also if a parameter
            is wrong.
        OSError
            If the file cannot be written.

        Notes
        -----
        The file holds statistics of the training rows, and with ``scaling="quantile"`` up to 1,000
        values of every feature, after a fit on a frame of mixed kinds also the categories of its
        columns. That of a :class:`tfae.ParametricTSNE` holds the embedding of all training rows.
        **That of a :class:`tfae.OutlierDetector` holds training rows themselves**, up to 20,000 of
        them, because new rows are compared with them. See :doc:`/saving` for what goes into a file,
        and for other ways to keep a model.

        Examples
        --------
        >>> import tempfile, tfae
        >>> from pathlib import Path
        >>> from sklearn.datasets import load_digits
        >>> X = load_digits().data
        >>> model = tfae.Autoencoder(8, max_iter=5, random_state=0).fit(X)
        >>> path = Path(tempfile.mkdtemp()) / "digits.tfae"
        >>> model.save(path)
        >>> tfae.load(path)
        Autoencoder(max_iter=5, n_components=8, random_state=0)
        """
        check_is_fitted(self)
        native.save(path, contents_of(self), self._fitted)
