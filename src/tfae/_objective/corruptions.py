"""Corruptions: changes that a denoising autoencoder makes to rows before it encodes them.

They run in NumPy, ahead of the device and beside it, because random numbers made inside the
compiled step would cost more than the step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from tfae._data.landmarks import Landmarks
from tfae._data.scaling import Scaling
from tfae._networks.linear_denoiser import Moments
from tfae._support.random_bits import chosen, sixteen_bits, threshold, write_noisy
from tfae._support.registry import Registry
from tfae._support.typing import Array

Random = np.random.Generator
Corrupt = Callable[[Array, Array, Random], None]  # from rows, into a buffer of their shape


class Levels(NamedTuple):
    """The strengths of a corruption: uniform between two numbers, drawn for every row."""

    low: float
    high: float

    @property
    def mean(self) -> float:
        return (self.low + self.high) / 2

    @property
    def mean_square(self) -> float:
        return (self.low**2 + self.low * self.high + self.high**2) / 3

    def draw(self, n_rows: int, rng: Random) -> Any:
        """Return the one level, or a column with a level for every row."""
        return self.low if self.low == self.high else rng.uniform(*self, size=(n_rows, 1))


class Terms(NamedTuple):
    """What a corruption is made of, in units of the scaled data."""

    fill: Array  # [features], the value of masked entries
    low: Array  # [features]
    high: Array  # [features]
    unit: float | Array  # of the level of additive noise; one number if it is the same everywhere


@dataclass(frozen=True)
class Corruption:
    """A corruption: the function, and what is known of it.

    ``moments(levels, terms, mean, covariance)`` returns the moments of clean and of corrupted rows
    from those of clean rows.
    """

    function: Callable[..., Any]
    in_users_units: bool = False
    partial: bool = True  # whether it leaves some entries unchanged
    moments: Callable[[Levels, Terms, Array, Array], Moments] | None = None


@dataclass(frozen=True, eq=False)
class Corrupter:
    """A corruption as it is asked for: with its levels, and all else that is stated about it."""

    corruption: Corruption
    levels: Levels
    clip: tuple[float, float] | None = None  # the range of corrupted rows, in the user's units
    fill_value: float | Array = 0.0  # of masked entries, in the user's units
    absolute: bool = False  # whether the level of additive noise is in the user's units

    def bind(self, scaling: Scaling, marks: Landmarks) -> Corrupt:
        """Return a function that writes corrupted copies of scaled rows into a buffer."""
        if self.corruption.in_users_units:
            corrupt = partial(_in_users_units, self.corruption.function, scaling)
        else:
            corrupt = partial(self.corruption.function, self._terms(scaling, marks))
        ends = None if self.clip is None else _scaled_ends(scaling, self.clip)
        return partial(_corrupted, corrupt, self.levels, ends)

    def moments(
        self, scaling: Scaling, marks: Landmarks, mean: Array, covariance: Array
    ) -> Moments | None:
        """Return the moments of clean and of corrupted scaled rows, if there is a formula."""
        if self.clip is not None or self.corruption.moments is None:
            return None
        terms = self._terms(scaling, marks)
        return self.corruption.moments(self.levels, terms, mean, covariance)

    def scaled_fill(self, scaling: Scaling) -> Array:
        """Return the value of masked entries in units of the scaled data, shape [features]."""
        n_features = len(scaling.center)
        given = np.broadcast_to(np.asarray(self.fill_value, np.float64), (1, n_features))
        return scaling.forward(given, np.float64)[0]

    def _terms(self, scaling: Scaling, marks: Landmarks) -> Terms:
        unit = 1 / scaling.scale if self.absolute else marks.spread
        return Terms(self.scaled_fill(scaling), marks.low, marks.high, unit)


@dataclass(frozen=True, eq=False, repr=False)
class Pairs:
    """Noisy rows that were given together with the clean ones, in place of a corruption."""

    noisy: Any  # ndarray, CSR matrix or memory map


def _corrupted(
    corrupt: Callable[..., None],
    levels: Levels,
    ends: tuple[Array, Array] | None,
    x: Array,
    out: Array,
    rng: Random,
) -> None:
    corrupt(levels.draw(len(x), rng), x, out, rng)
    if ends is not None:
        np.clip(out, *(end.astype(out.dtype) for end in ends), out=out)


def _scaled_ends(scaling: Scaling, ends: tuple[float, float]) -> tuple[Array, Array]:
    n_features = len(scaling.center)
    low, high = (scaling.forward(np.full((1, n_features), end), np.float64) for end in ends)
    return low, high


def _in_users_units(
    function: Callable[..., Any], scaling: Scaling, level: Any, x: Array, out: Array, rng: Random
) -> None:
    rows = scaling.backward(x)
    corrupted = np.asarray(function(rows, level, rng))
    if corrupted.shape != x.shape:
        raise ValueError(
            f"The 'corruption' must return rows of the shape it is given, {x.shape}. Got shape "
            f"{corrupted.shape}."
        )
    if not np.isfinite(corrupted).all():
        raise ValueError("The 'corruption' must return finite numbers. Got NaN or infinity.")
    scaling.forward(corrupted.astype(x.dtype, copy=False), x.dtype, out=out)


CORRUPTIONS: Registry[Corruption] = Registry(
    "corruption",
    or_else="'auto', None or a callable",
    wrap=lambda function: Corruption(function, in_users_units=True),
    function=lambda corruption: corruption.function,
    known_as={"normal": "gaussian", "dropout": "masking"},
)


def register_corruption(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a corruption available as ``Autoencoder(corruption=name)``.

    Parameters
    ----------
    name : str
        The name to register the decorated function under.

    Returns
    -------
    callable
        A decorator that returns the function unchanged. The function takes an array of rows in the
        user's units, the ``corruption_level`` and a :class:`numpy.random.Generator`. It returns
        the corrupted rows. It must draw from that generator only, and must not change the array.

    Raises
    ------
    ValueError
        If another function is registered under that name.

    Examples
    --------
    >>> import tfae
    >>> @tfae.register_corruption("dimming")
    ... def dimming(X, level, rng):
    ...     '''Multiply every row by a random number from 1 - level to 1.'''
    ...     return X * rng.uniform(1 - level, 1, size=(len(X), 1))
    >>> tfae.corruptions()["dimming"]
    'Multiply every row by a random number from 1 - level to 1.'
    """
    return CORRUPTIONS.register_function(name)


def corruptions() -> dict[str, str]:
    """Return the registered corruptions: each name with one line that describes it.

    Returns
    -------
    dict of str to str

    Examples
    --------
    >>> import tfae
    >>> tfae.corruptions()["swap"]
    "A fraction of the entries takes another row's value in the same column."
    """
    return CORRUPTIONS.describe()


def _gaussian(terms: Terms, level: Any, x: Array, out: Array, rng: Random) -> None:
    """Gaussian noise of `level` times the spread of the data."""
    write_noisy(x, level * terms.unit, out, rng)


def mask(terms: Terms, level: Any, x: Array, out: Array, rng: Random) -> None:
    """A fraction of the entries is set to one value, by default 0."""
    np.copyto(out, x)
    np.copyto(out, terms.fill.astype(x.dtype), where=chosen(level, x.shape, rng))


def _salt_and_pepper(terms: Terms, level: Any, x: Array, out: Array, rng: Random) -> None:
    """A fraction of the entries is set to the lowest or the highest value of its column."""
    np.copyto(out, x)
    draws, n_changed = sixteen_bits(x.shape, rng), threshold(level)
    np.copyto(out, terms.high.astype(x.dtype), where=draws < n_changed)
    np.copyto(out, terms.low.astype(x.dtype), where=draws < n_changed // 2)


def _swap(terms: Terms, level: Any, x: Array, out: Array, rng: Random) -> None:
    """A fraction of the entries takes another row's value in the same column."""
    np.copyto(out, x)
    if len(x) == 1:  # there is no other row
        return
    rows, columns = np.nonzero(chosen(level, x.shape, rng))
    others = (rows + rng.integers(1, len(x), size=len(rows))) % len(x)
    out[rows, columns] = x[others, columns]


def _of_gaussian(levels: Levels, terms: Terms, mean: Array, covariance: Array) -> Moments:
    added = levels.mean_square * np.square(np.broadcast_to(terms.unit, mean.shape))
    return Moments(mean, covariance, mean, covariance + np.diag(added), covariance)


def moments_of_masking(levels: Levels, terms: Terms, mean: Array, covariance: Array) -> Moments:
    return _of_replaced(levels, terms.fill, np.square(terms.fill), mean, covariance)


def _of_salt_and_pepper(levels: Levels, terms: Terms, mean: Array, covariance: Array) -> Moments:
    ends = np.stack([terms.low, terms.high]).astype(np.float64)
    return _of_replaced(levels, ends.mean(axis=0), np.square(ends).mean(axis=0), mean, covariance)


def _of_swap(levels: Levels, terms: Terms, mean: Array, covariance: Array) -> Moments:
    return _of_replaced(levels, mean, np.diag(covariance) + np.square(mean), mean, covariance)


def _of_replaced(
    levels: Levels, value: Array, square: Array, mean: Array, covariance: Array
) -> Moments:
    """Return the moments if entries are replaced independently, by values with given moments."""
    p, p2 = levels.mean, levels.mean_square
    q, q2, pq = 1 - p, 1 - 2 * p + p2, p - p2
    mean_seen = q * mean + p * value
    products = q2 * (covariance + np.outer(mean, mean)) + p2 * np.outer(value, value)
    products += pq * (np.outer(mean, value) + np.outer(value, mean))
    np.fill_diagonal(products, q * (np.diag(covariance) + np.square(mean)) + p * square)
    return Moments(
        mean, covariance, mean_seen, products - np.outer(mean_seen, mean_seen), q * covariance
    )


for _name, _corruption in {
    "gaussian": Corruption(_gaussian, partial=False, moments=_of_gaussian),
    "masking": Corruption(mask, moments=moments_of_masking),
    "salt_and_pepper": Corruption(_salt_and_pepper, moments=_of_salt_and_pepper),
    "swap": Corruption(_swap, moments=_of_swap),
}.items():
    CORRUPTIONS.register(_name)(_corruption)
