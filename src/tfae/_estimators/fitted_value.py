"""What all estimators have in common that hold the fitted value of their last fit."""

from __future__ import annotations

from typing import Any, ClassVar, Generic, SupportsIndex, TypeVar

from sklearn.base import BaseEstimator
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from tfae._data.schema import Schema
from tfae._estimators.attributes import without_missing
from tfae._estimators.checking_parameters import check_architecture
from tfae._estimators.names import with_what_goes_before
from tfae._estimators.saving import Savable

F = TypeVar("F")  # the class of the fitted value

_DOCUMENTATION = "https://tfae.readthedocs.io/en/stable"


class HoldsFitted(Savable, BaseEstimator, Generic[F]):
    """A base class: the estimator is fitted once it holds a value, which attributes read."""

    # Whether rows may come as frames of mixed kinds, and have missing entries.
    takes_tables: ClassVar[bool] = False
    _fitted: F | None = None
    _schema: Schema | None = None  # of the frame of the fit; learned where rows are read

    _doc_link_module: ClassVar[str] = "tfae"
    _doc_link_template: ClassVar[str] = (
        _DOCUMENTATION + "/generated/{estimator_module}.{estimator_name}.html"
    )

    def _checked_fitted(self) -> F:
        """Return the fitted value, or raise NotFittedError."""
        if self._fitted is None:
            check_is_fitted(self)
        assert self._fitted is not None
        return self._fitted

    def _validate_params(self) -> None:
        check_architecture(self)
        super()._validate_params()

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        return with_what_goes_before(super().__reduce_ex__(protocol), vars(self))

    def __sklearn_is_fitted__(self) -> bool:
        return self._fitted is not None

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = self.takes_tables
        if tags.transformer_tags is not None:
            tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def __dir__(self) -> list[str]:
        return without_missing(self, list(super().__dir__()))
