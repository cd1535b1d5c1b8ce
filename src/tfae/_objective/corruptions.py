"""Corruptions: changes that a denoising autoencoder makes to rows before it encodes them.

They run in NumPy, ahead of the device and beside it, because random numbers made inside the
compiled step would cost more than the step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from tfae._data.landmarks import Landmarks
from tfae._data.scaling import Scaling
from tfae._support.random_bits import N_VALUES, chosen, sixteen_bits, write_noisy
from tfae._support.registry import Registry
from tfae._support.typing import Array

Random = np.random.Generator
Corrupt = Callable[[Array, Array, Random], None]  # from rows, into a buffer of their shape


@dataclass(frozen=True)
class Corruption:
    """A corruption: the function, and whether it leaves some entries unchanged."""

    function: Callable[..., Any]
    in_users_units: bool = False
    partial: bool = True

    def bind(self, level: float, scaling: Scaling, marks: Landmarks) -> Corrupt:
        """Return a function that writes corrupted copies of scaled rows into a buffer."""
        if self.in_users_units:
            return partial(_in_users_units, self.function, level, scaling)
        return partial(self.function, level, marks)


def _in_users_units(
    function: Callable[..., Any], level: float, scaling: Scaling, x: Array, out: Array, rng: Random
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
    or_else="None or a callable",
    wrap=lambda function: Corruption(function, in_users_units=True),
    function=lambda corruption: corruption.function,
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


def _gaussian(level: float, marks: Landmarks, x: Array, out: Array, rng: Random) -> None:
    """Gaussian noise of `level` times the spread of the data."""
    write_noisy(x, level * marks.spread, out, rng)


def _masking(level: float, marks: Landmarks, x: Array, out: Array, rng: Random) -> None:
    """A fraction of the entries is set to 0."""
    np.copyto(out, x)
    np.copyto(out, marks.zero.astype(x.dtype), where=chosen(level, x.shape, rng))


def _salt_and_pepper(level: float, marks: Landmarks, x: Array, out: Array, rng: Random) -> None:
    """A fraction of the entries is set to the lowest or the highest value of its column."""
    np.copyto(out, x)
    draws, n_changed = sixteen_bits(x.shape, rng), round(level * N_VALUES)
    np.copyto(out, marks.high.astype(x.dtype), where=draws < n_changed)
    np.copyto(out, marks.low.astype(x.dtype), where=draws < n_changed // 2)


def _swap(level: float, marks: Landmarks, x: Array, out: Array, rng: Random) -> None:
    """A fraction of the entries takes another row's value in the same column."""
    np.copyto(out, x)
    if len(x) == 1:  # there is no other row
        return
    rows, columns = np.nonzero(chosen(level, x.shape, rng))
    others = (rows + rng.integers(1, len(x), size=len(rows))) % len(x)
    out[rows, columns] = x[others, columns]


for _name, _corruption in {
    "gaussian": Corruption(_gaussian, partial=False),
    "masking": Corruption(_masking),
    "salt_and_pepper": Corruption(_salt_and_pepper),
    "swap": Corruption(_swap),
}.items():
    CORRUPTIONS.register(_name)(_corruption)
