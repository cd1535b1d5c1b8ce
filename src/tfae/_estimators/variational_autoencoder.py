"""The variational autoencoder: a Gaussian code, a likelihood of rows, and new rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any, ClassVar, NoReturn

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from tfae._data.rows import dense_blocks
from tfae._data.statistics import Survey
from tfae._estimators.autoencoder import Autoencoder
from tfae._fitting.recipe import Asked
from tfae._inference.blocks import of_every_block
from tfae._inference.workspace import NEW, Workspace
from tfae._objective.penalties import GAUSSIAN_KL, Penalty
from tfae._support.sklearn import Interval
from tfae._support.typing import Array
from tfae._support.warn import warn
from tfae._training.loop import Numbers
from tfae._training.step.optimizers import Optimizer
from tfae._training.step.program import Program

_LIKELIHOODS = ("gaussian", "bernoulli", "binary_crossentropy")
# What rounding may add to entries in [0, 1].
_SLACK = 1e-6
# A unit is active whose mean varies over the rows by more than this (Burda et al., 2016).
_ACTIVE = 0.01


@dataclass(eq=False, repr=False)
class VariationalAutoencoder(Autoencoder):
    r"""Autoencoder with a random code: a probabilistic model that new rows can be drawn from.

    The encoder gives a mean :math:`\mu` and a variance :math:`\sigma^2` for every component of the
    code, training draws :math:`z = \mu + \sigma \epsilon` [1]_, and what is minimised is the
    negative evidence lower bound, divided by the number of features:

    .. math:: -\mathbb{E}_{q(z|x)} \log p(x | z) + \beta\, \mathrm{KL}(q(z|x) \,\|\, N(0, I)).

    Parameters
    ----------
    n_components : int, default=None
        The length of the code. None takes half of the features, but at most 32.
    beta : float, default=1.0
        The weight :math:`\beta` of the divergence; above 1 it asks for independent components [2]_.
    kl_warm_up : int, default=10
        Over so many epochs `beta` grows from 0, which keeps units from being switched off before
        they have learnt anything [3]_. No loss of these epochs ends the training.
    loss : {"gaussian", "bernoulli"}, default="gaussian"
        The likelihood :math:`p(x | z)`. "gaussian" has one variance for all entries of the scaled
        data, always the one that fits the errors best [4]_. "bernoulli" needs data in [0, 1] or
        ``scaling="minmax"``; for values between 0 and 1 it is the cross-entropy.

    Attributes
    ----------
    noise_variance_ : float or ndarray of shape (n_features,)
        With ``loss="gaussian"``: the variance of :math:`p(x | z)` in the square of the user's
        units, as in :class:`sklearn.decomposition.PCA`.
    active_units_ : ndarray of bool of shape (n_components,)
        Which components of the code say something about a row: those whose mean has a variance of
        more than 0.01 over the training rows [5]_.

    See Also
    --------
    Autoencoder : All other parameters, and the attributes.

    Notes
    -----
    ``penalty`` must be None and ``tied`` False. ``score`` is the fraction of the variance that the
    reconstruction from the mean keeps, as for every autoencoder.

    References
    ----------
    .. [1] Kingma, D. P. and Welling, M. (2014). Auto-encoding variational Bayes. ICLR.
    .. [2] Higgins, I. et al. (2017). beta-VAE: learning basic visual concepts with a constrained
       variational framework. ICLR.
    .. [3] Bowman, S. R. et al. (2016). Generating sentences from a continuous space. CoNLL.
    .. [4] Rybkin, O., Daniilidis, K. and Levine, S. (2021). Simple and effective VAE training with
       calibrated decoders. ICML.
    .. [5] Burda, Y., Grosse, R. and Salakhutdinov, R. (2016). Importance weighted autoencoders.
       ICLR.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from tfae import VariationalAutoencoder
    >>> X = load_digits().data
    >>> model = VariationalAutoencoder(8, max_iter=40, random_state=0).fit(X)
    >>> model.sample(5, random_state=0).shape
    (5, 64)
    >>> model.score_samples(X).mean() > model.score_samples(X[:, ::-1]).mean()
    np.True_
    """

    beta: float = 1.0
    kl_warm_up: int = 10
    loss: str | Callable[[Any, Any], Any] = "gaussian"

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **Autoencoder._parameter_constraints,
        "beta": [Interval(Real, 0, None, closed="left")],
        "kl_warm_up": [Interval(Integral, 0, None, closed="left")],
    }
    _of_one_fit: ClassVar[tuple[str, ...]] = (*Autoencoder._of_one_fit, "noise_variance_")

    @classmethod
    def from_keras(cls, encoder: Any, decoder: Any, **params: Any) -> NoReturn:
        """Raise ValueError: other estimators wrap Keras models, this one cannot.

        Parameters
        ----------
        encoder, decoder : keras.Model
        **params

        Raises
        ------
        ValueError
            Always.
        """
        raise ValueError(
            f"from_keras of a {cls.__name__} must not be used: models do not say which of the "
            "encoder's numbers are means and which variances. Use Autoencoder.from_keras with an "
            "encoder that gives the means."
        )

    def transform(self, X: Any, *, sample: bool = False, random_state: Any = None) -> Array:
        """Encode rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        sample : bool, default=False
            False returns the mean of every row's code, True a random code.
        random_state : int, RandomState instance or None, default=None
            What the random codes are drawn with.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            The codes, float32 for float32 input and float64 otherwise.
        """
        if not sample:
            return super().transform(X)
        X = self._check_fitted_rows(X)
        rng = check_random_state(random_state)

        def posterior(rows: Array, space: Workspace) -> Array:
            return np.stack(self._posterior(rows, rows.dtype, space), axis=1)

        both = of_every_block(X, posterior, self._encoder.n_numbers)
        mean, deviation = both.swapaxes(0, 1)
        codes = mean + deviation * rng.standard_normal(mean.shape)
        return codes.astype(mean.dtype, copy=False)

    def sample(self, n_samples: int = 1, random_state: Any = None, *, noise: bool = False) -> Array:
        """Draw new rows from the model.

        Parameters
        ----------
        n_samples : int, default=1
            How many.
        random_state : int, RandomState instance or None, default=None
            What they are drawn with.
        noise : bool, default=False
            False decodes random codes, which gives the means of the likelihood. True draws from
            the likelihood, too: it adds Gaussian noise of ``noise_variance_``, or for "bernoulli"
            gives zeros and ones (on the scale of the data).

        Returns
        -------
        ndarray of shape (n_samples, n_features), float64
            In the user's units.

        Raises
        ------
        ValueError
            If `n_samples` is not an integer of at least 1.
        """
        check_is_fitted(self)
        _check_count(n_samples)
        rng = check_random_state(random_state)
        rows = self.inverse_transform(rng.standard_normal((n_samples, self.n_components_)))
        if not noise:
            return rows
        if hasattr(self, "noise_variance_"):
            return rows + np.sqrt(self.noise_variance_) * rng.standard_normal(rows.shape)
        chance = self._scaling.forward(rows, rows.dtype)
        return self._scaling.backward((rng.random_sample(rows.shape) < chance).astype(rows.dtype))

    def score_samples(  # type: ignore[override]  # likelihoods, which know no scaled units
        self, X: Any, *, n_samples: int = 64, random_state: Any = 0
    ) -> Array:
        r"""Return a lower bound on the log-likelihood of every row.

        It is estimated with `n_samples` random codes, weighted by importance (Burda et al., 2016):
        :math:`\log \frac1K \sum_k p(x | z_k) p(z_k) / q(z_k | x)`. The more, the tighter.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        n_samples : int, default=64
            How many codes are drawn for every row.
        random_state : int, RandomState instance or None, default=0
            What they are drawn with. Every row gets the same normal numbers, so that its score
            does not depend on the others.

        Returns
        -------
        ndarray of shape (n_samples,), float64
            In nats; for "gaussian" the logarithm of a density in the user's units. The lower, the
            odder the row. For "bernoulli" it is minus infinity where an entry of the scaled row is
            outside [0, 1], which such a variable cannot take; ``scaling="minmax"`` maps there what
            training has not seen, unless rows are clipped before.
        """
        _check_count(n_samples)
        X = self._check_fitted_rows(X)
        size = n_samples, self.n_components_
        normal = check_random_state(random_state).standard_normal(size)

        def bound(rows: Array, space: Workspace) -> Array:
            return self._bound(rows, normal, rows.dtype)

        return of_every_block(X, bound, n_numbers=0)  # a turn would take seconds

    def _bound(self, rows: Array, normal: Array, dtype: Any) -> Array:
        mean, deviation = self._posterior(rows, dtype)
        total = np.full(len(rows), -np.inf)
        for epsilon in normal:
            code = mean + deviation * epsilon.astype(dtype)
            # The densities of the prior and of the posterior, without the factor both have.
            ratio = 0.5 * (epsilon @ epsilon - np.square(code, dtype=np.float64).sum(axis=1))
            weight = self._log_likelihood(rows, code) + ratio
            total = np.logaddexp(total, weight)
        total += np.log(deviation).sum(axis=1, dtype=np.float64) - np.log(len(normal))
        return np.where(self._is_possible(rows), total, -np.inf)

    def _is_possible(self, rows: Array) -> Array:
        """Tell which rows the likelihood can give: a Bernoulli variable's are in [0, 1]."""
        if hasattr(self, "noise_variance_"):
            return np.ones(len(rows), bool)
        x = self._scaling.forward(rows, rows.dtype)
        rounding = 2 * np.finfo(rows.dtype).eps * np.abs(self.center_) / self.scale_
        slack = _SLACK + rounding
        return np.asarray(((x >= -slack) & (x <= 1 + slack)).all(axis=1))

    def _log_likelihood(self, rows: Array, code: Array) -> Array:
        """Return log p(x | z) of every row, in the user's units."""
        if not hasattr(self, "noise_variance_"):
            x = self._scaling.forward(rows, code.dtype)
            logits = self._decoder.run(self.decoder_weights_, code)
            values = x * logits - np.logaddexp(0, logits)
            return values.sum(axis=1, dtype=np.float64)
        variance = np.broadcast_to(self.noise_variance_, rows.shape[1:])
        errors = np.square(rows - self._coding.decode(code), dtype=np.float64) / variance
        return -0.5 * (errors.sum(axis=1) + np.log(2 * np.pi * variance).sum())

    def _posterior(self, rows: Array, dtype: Any, space: Workspace = NEW) -> tuple[Array, Array]:
        """Return the mean and the standard deviation of every row's code."""
        scaled = self._scaling.forward(rows, dtype)
        given = self._encoder.run(self.encoder_weights_, scaled, space)
        mean, log_variance = np.split(given, 2, axis=1)
        return mean, np.exp(0.5 * log_variance)

    def _asked_penalty(self) -> tuple[Penalty, float]:
        required = {
            "penalty": (None,),
            "penalty_weight": (None,),
            "tied": (False,),
            "code_activation": ("auto", "identity", "linear"),
            "linear_path": (False, "auto"),
            "loss": _LIKELIHOODS,
        }
        for name, values in required.items():
            value = getattr(self, name)
            if not any(value is allowed or value == allowed for allowed in values):
                raise ValueError(
                    f"{name!r} of a VariationalAutoencoder must be "
                    f"{' or '.join(map(repr, values))}{_REASONS.get(name, '')}. Got {value!r}."
                )
        if self.scaling == "quantile":
            raise ValueError(
                "'scaling' of a VariationalAutoencoder must not be 'quantile', which gives its "
                "likelihood no units. Put sklearn.preprocessing.QuantileTransformer before it."
            )
        return GAUSSIAN_KL, self.beta

    def _numbers(self, asked: Asked, optimizer: Optimizer, program: Program) -> Numbers:
        return replace(
            super()._numbers(asked, optimizer, program),
            growing=program.plan.numbers.index("penalty_weight"),
            warm_up=self.kl_warm_up,
            epoch=self.n_iter_,
        )

    def _describe(self, X: Any, train: Array | None, asked: Asked) -> None:
        """Measure the noise that the code leaves, and which units are active."""
        rng = np.random.default_rng(0)
        squares: list[float] = []

        def means() -> Iterator[Array]:
            for _, rows in dense_blocks(X, train):
                mean, deviation = self._posterior(rows, np.float32)
                code = mean + deviation * rng.standard_normal(mean.shape, dtype=np.float32)
                output = self._decoder(self.decoder_weights_, code)
                error = output - self._scaling.forward(rows, np.float32)
                squares.append(float(np.square(error, dtype=np.float64).sum()))
                yield mean

        survey = Survey(means())
        self.active_units_ = survey.variance > _ACTIVE
        if asked.objective.loss.of_batch is not None:
            variance = max(sum(squares) / (survey.n_rows * X.shape[1]), np.finfo(np.float32).tiny)
            self.noise_variance_ = variance * np.square(self.scale_)
        if not self.active_units_.any():
            warn(
                f"None of the {len(self.active_units_)} components of the code is active: the "
                "decoder makes no use of it. Lower 'beta', raise 'kl_warm_up' or train longer."
            )


def _check_count(n_samples: Any) -> None:
    if isinstance(n_samples, bool) or not isinstance(n_samples, Integral) or n_samples < 1:
        raise ValueError(f"'n_samples' must be an integer of at least 1. Got {n_samples!r}.")


_REASONS = {
    "penalty": ", its divergence from the normal distribution being one",
    "penalty_weight": "; 'beta' is the weight of its penalty",
    "tied": ", because its encoder gives variances too",
    "linear_path": ", because its encoder gives variances too",
}
