"""Rows that come in batches and do not fit into memory: how they are read, and in which order.

Who owns what: the user makes a :class:`Stream`, which describes the batches; :class:`Opened` reads
it for one estimator, which checks every batch. One pass counts the rows, sums up their statistics
and keeps a sample. A stream that ends before its window is full becomes an array.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from typing import Any

import numpy as np
from sklearn.utils import gen_batches

from tfae._data.rows import block_size, dense_rows
from tfae._data.source import Source
from tfae._data.statistics import Sample, Survey, n_kept
from tfae._support.typing import Array

WINDOW_BYTES = 128 << 20


@dataclass(frozen=True)
class Piece:
    """A part of a stream that can be read alone, such as a file."""

    label: str  # completes "batch 3 of"
    read: Callable[[], Iterable[Any]]


class Stream:
    """Rows that are read in batches, anew in every epoch; functions of this module make streams.

    Iterating over it yields the batches.

    Parameters
    ----------
    pieces : sequence of Piece
    window : int or None
        The number of rows that are shuffled together; None for as many as fit into 128 MB.
    once : bool
        Whether it can be read only once.

    Raises
    ------
    ValueError
        If `window` is neither an integer of at least 1 nor None.

    Examples
    --------
    >>> import numpy as np
    >>> from tfae.streams import from_batches
    >>> stream = from_batches([np.zeros((3, 2)), np.ones((2, 2))])
    >>> [batch.shape for batch in stream]
    [(3, 2), (2, 2)]
    """

    def __init__(self, pieces: Sequence[Piece], window: int | None, once: bool = False) -> None:
        if window is not None and (not isinstance(window, (int, np.integer)) or window < 1):
            raise ValueError(f"'window' must be an integer of at least 1, or None. Got {window!r}.")
        self.pieces, self.window, self.once = tuple(pieces), window, once

    def __iter__(self) -> Iterator[Any]:
        return chain.from_iterable(piece.read() for piece in self.pieces)

    @property
    def whole(self) -> Piece:
        """The whole stream as one piece."""
        return Piece(repr(self), lambda: iter(self))

    def __repr__(self) -> str:
        labels = ", ".join(piece.label for piece in self.pieces[:3])
        more = f", … {len(self.pieces)} pieces" if len(self.pieces) > 3 else ""
        return f"<Stream of {labels}{more}>"


@dataclass(frozen=True)
class Share:
    """Some rows of a stream: each row has a random key in [0, 1), a share an interval of keys."""

    low: float
    high: float
    n_rows: int

    def __len__(self) -> int:
        return self.n_rows


ALL = Share(0.0, 1.0, 0)


class Streamed(Source):
    """Rows that come in batches in every pass, of which some can be held out."""

    @property
    @abstractmethod
    def once(self) -> bool:
        """Whether one training uses it up."""

    @property
    @abstractmethod
    def digest(self) -> str | None:
        """What tells the rows of the pass, in their order, from others; None if nobody asked."""

    @abstractmethod
    def split(self, fraction: float) -> tuple[Share, Share]:
        """Return the shares to train on and to hold out; the rows to hold out are in memory."""

    @abstractmethod
    def epoch(self, size: int, rng: np.random.Generator | None) -> Iterator[Array]:
        """Yield the rows of one pass, `size` at a time, shuffled by `rng` if there is one."""


class Opened(Streamed):
    """A stream that an estimator reads.

    Parameters
    ----------
    stream : Stream
    check : callable
        Takes a batch, whether it is the first one, and whether its entries may be missing; returns
        rows that can be used.
    share : Share
        The share of the rows to read.
    missing : bool
        Whether entries may be missing. After a pass in which none was, none may be.
    digests : bool
        Whether :attr:`digest` will be asked for. It takes a second for a gigabyte.
    """

    def __init__(
        self,
        stream: Stream,
        check: Callable[[Any, bool, bool], Any],
        share: Share = ALL,
        missing: bool = False,
        digests: bool = False,
    ) -> None:
        self.stream, self._check, self._share, self._missing = stream, check, share, missing
        self._digest = sha256() if digests else None
        self.shape: tuple[int, ...] = ()
        self.dtype: Any = None
        self._untouched = True
        self._survey: Survey | None = None
        self._kept: _Kept
        self._head: list[tuple[Array, Array]] = []  # the batches that `begin` has read
        self._batches_left: Iterator[tuple[Array, Array]] = iter(())
        self._begun: Iterator[tuple[Array, Array]] | None = None
        self._seed = 0

    def __getitem__(self, rows: Share) -> Any:
        if rows.low == 0:
            return self._kept.rows_below(rows.high)
        part = Opened(self.stream, self._check, rows, self._missing)
        part.shape, part.dtype, part._untouched = (len(rows), self.shape[1]), self.dtype, False
        part._survey, part._kept, part._seed = self._survey, self._kept, self._seed
        part._digest = self._digest
        part._begun = self._begun
        return part

    @property
    def has_holes(self) -> bool:
        """Whether entries were missing in the pass."""
        of = self._survey
        return of is not None and bool((of.n_observed < of.n_rows).any())

    @property
    def once(self) -> bool:
        return self._begun is not None

    @property
    def digest(self) -> str | None:
        return None if self._digest is None else self._digest.hexdigest()

    @property
    def is_surveyed(self) -> bool:
        return self._survey is not None

    def take(self, index: Share) -> Array:
        """Return the rows that were held out."""
        return np.asarray(self._kept.rows_below(index.high))

    def statistics(self, rows: Any) -> Survey:
        """Return the statistics of all rows, from the pass."""
        assert self._survey is not None
        return self._survey

    def split(self, fraction: float) -> tuple[Share, Share]:
        n_rows = self.shape[0]
        high = self._kept.threshold(fraction)
        n_held_out = len(self._kept.rows_below(high))
        return Share(high, 1.0, n_rows - n_held_out), Share(0.0, high, n_held_out)

    def blocks(self, rows: Any = None) -> Iterator[Array]:
        """Yield the rows in their order as blocks of bounded size."""
        share = self._share if rows is None else rows
        for part in self._chosen(share, None):
            for block in gen_batches(len(part), block_size(part.shape[1])):
                yield part[block]

    def some(self, rows: Any) -> Array:
        """Return the kept sample, without the held-out rows."""
        return self._kept.sample()

    def epoch(self, size: int, rng: np.random.Generator | None) -> Iterator[Array]:
        parts = recut(self._chosen(self._share, rng), size)
        if rng is None:
            return parts
        return recut(mixed(parts, max(size, min(self._window, self.shape[0])), rng), size)

    @property
    def _window(self) -> int:
        if self.stream.window is not None:
            return self.stream.window
        return max(1, WINDOW_BYTES // (self.dtype.itemsize * self.shape[1]))

    def begin(self, seed: int, min_samples: int) -> Array | None:
        """Read the stream up to its window, and return all rows if they fit into it.

        `seed` decides which rows may be held out.
        """
        self._seed = seed
        self._batches_left = self._with_keys(None)
        n_rows = 0
        for keys, rows in self._batches_left:
            self._head.append((keys, rows.copy()))  # the next may use the same memory
            n_rows += len(rows)
            self.shape = (n_rows, rows.shape[1])
            if n_rows > self._window:
                return None
        _check_count(n_rows, min_samples)
        return np.concatenate([rows for _, rows in self._head])

    def prepare(self, covariance: bool, once: bool = False) -> None:
        """Make the pass that counts and describes the rows, unless they can be read only once.

        In that case the rows read so far describe the whole stream.
        """
        once = once or self.stream.once
        self._kept = _Kept(n_kept(self.shape[1], self.dtype.itemsize))
        coming = chain(_popped(self._head), self._batches_left)
        read = iter(self._head) if once else coming
        kept = self._kept
        self._survey = Survey(
            self._digested(kept.keeping(read)),
            lambda: Sample(kept.sample()),
            int(covariance),
            holes=None if self._missing else False,
        )
        self.shape = (self._survey.n_rows, self.shape[1])
        if once:
            self._begun = coming

    def _digested(self, batches: Iterable[Array]) -> Iterator[Array]:
        """Yield batches, and add their rows to the digest if there is one."""
        for rows in batches:
            if self._digest is not None:
                self._digest.update(np.ascontiguousarray(rows).data)
            yield rows

    def _chosen(self, share: Share, rng: np.random.Generator | None) -> Iterator[Array]:
        """Yield the rows of a share in one pass."""
        n_rows = 0
        for keys, rows in self._begun or self._with_keys(rng):
            n_rows += len(rows)
            others = keys < share.low
            if others.any():
                self._check_same(keys[others], rows[others])
                rows = rows[~others]
            if len(rows):
                yield rows
        if self._survey is None:
            _check_count(n_rows, 1)
        elif self._begun is None and n_rows != self._survey.n_rows:
            raise ValueError(
                f"A stream must give the same rows in every pass. Got {n_rows} rows, after "
                f"{self._survey.n_rows} in the first pass."
            )

    def _check_same(self, keys: Array, rows: Array) -> None:
        """Raise if the held-out rows have changed, so that none slips into training."""
        if not self._kept.have(keys, rows):
            raise ValueError(
                "A stream must give the same rows in the same order in every pass, because some "
                "are held out. Got other rows; leave the shuffling to the estimator, or fit with "
                "early_stopping=False."
            )

    def _with_keys(self, rng: np.random.Generator | None) -> Iterator[tuple[Array, Array]]:
        """Yield batches, each row with a key that it has in every pass."""
        n_pieces = len(self.stream.pieces)
        for place in range(n_pieces) if rng is None else rng.permutation(n_pieces).tolist():
            keys = np.random.default_rng([self._seed, place])
            for rows in self.batches(self.stream.pieces[place]):
                yield keys.random(len(rows)), rows

    def batches(self, piece: Piece) -> Iterator[Array]:
        """Yield the checked batches of a piece."""
        for number, batch in enumerate(piece.read(), start=1):
            if not (hasattr(batch, "shape") and batch.shape[:1] == (0,)):
                yield self._checked(batch, f"Batch {number} of {piece.label}")

    def _checked(self, batch: Any, name: str) -> Array:
        if isinstance(batch, (tuple, dict)):
            raise ValueError(
                f"{name} must be an array or a data frame. Got a {type(batch).__name__}; map the "
                "stream to its rows first, for example with dataset.map(lambda x, y: x)."
            )
        try:
            missing = self._missing and (self._survey is None or self.has_holes)
            rows = self._check(batch, self._untouched, missing)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name}: {error}") from error
        if isinstance(rows, Opened):
            raise ValueError(f"{name} must be an array or a data frame. Got {batch!r}.")
        self._untouched = False
        rows = dense_rows(rows, slice(None))
        if self.dtype is None:
            self.dtype = rows.dtype
        return self._cast(rows, name)

    def _cast(self, rows: Array, name: str) -> Array:
        """Return rows in the dtype of the first batch, which must be able to hold them."""
        with np.errstate(over="ignore"):
            cast = rows.astype(self.dtype, copy=False)
        if cast is not rows and not (fits := np.isfinite(cast) | np.isnan(rows)).all():
            raise ValueError(
                f"{name} must hold values that fit into {self.dtype}, the dtype of the first "
                f"batch. Got {rows[~fits][0]:g}."
            )
        return cast


class _Kept:
    """The rows with the smallest keys: an even sample, however many rows come."""

    def __init__(self, n_most: int) -> None:
        self._n_most = 2 * n_most  # half of them may be held out
        self._below = 1.0
        self._keys: list[Array] = []
        self._rows: list[Array] = []
        self._n = 0
        self._n_held_out = 0

    def keeping(self, batches: Iterable[tuple[Array, Array]]) -> Iterator[Array]:
        """Yield the rows of batches with keys, and keep some."""
        for keys, rows in batches:
            chosen = keys < self._below
            if chosen.any():
                self._keys.append(keys[chosen])
                self._rows.append(rows[chosen])  # a copy, because of the mask
                self._n += int(chosen.sum())
            if 2 * self._n > 3 * self._n_most:
                self._shrink()
            yield rows

    def _shrink(self) -> None:
        """Sort the rows by their keys, and drop those that are too many."""
        keys, rows = np.concatenate(self._keys), np.concatenate(self._rows)
        order = np.argsort(keys, kind="stable")
        if len(order) > self._n_most:
            self._below = float(keys[order[self._n_most]])
            order = order[: self._n_most]
        self._keys, self._rows, self._n = [keys[order]], [rows[order]], len(order)

    def threshold(self, fraction: float) -> float:
        """Return the key below which rows are held out."""
        self._shrink()
        keys = self._keys[0]
        most = min(self._n_most // 2, len(keys) - 1)
        high = min(fraction, float(keys[most]))
        self._n_held_out = max(1, int(np.searchsorted(keys, high)))
        return float(keys[self._n_held_out])

    def rows_below(self, key: float) -> Array:
        """Return the rows with keys below a threshold."""
        return self._rows[0][: int(np.searchsorted(self._keys[0], key))]

    def have(self, keys: Array, rows: Array) -> bool:
        """Whether rows with these keys are here and the same."""
        places = np.searchsorted(self._keys[0], keys)
        return np.array_equal(self._rows[0][places], rows, equal_nan=True)

    def sample(self) -> Array:
        """Return the rows that are not held out."""
        self._shrink()
        return self._rows[0][self._n_held_out :]


def recut(parts: Iterable[Array], size: int) -> Iterator[Array]:
    """Yield the same rows, `size` at a time; only the last ones may be fewer.

    A part, and an array that is yielded, is valid until the next one is asked for: its memory may
    then be used again. Rows that wait for others are copied, which is one pass over them.
    """
    waiting: list[Array] = []
    n_rows = 0
    for part in parts:
        n_rows += len(part)
        rest = part
        if n_rows >= size:
            rows = np.concatenate([*waiting, part]) if waiting else part
            whole = n_rows - n_rows % size
            yield from (rows[start : start + size] for start in range(0, whole, size))
            waiting, n_rows, rest = [], n_rows - whole, rows[whole:]
        if len(rest):
            waiting.append(rest.copy())
    if n_rows:
        yield np.concatenate(waiting)


def mixed(parts: Iterable[Array], window: int, rng: np.random.Generator) -> Iterator[Array]:
    """Yield the rows in an order drawn at random among the `window` rows read last."""
    pool: Array | None = None
    n_rows = 0
    for part in parts:
        if pool is None:
            pool = np.empty((window, part.shape[1]), part.dtype)
        free = min(len(part), window - n_rows)
        pool[n_rows : n_rows + free] = part[:free]
        n_rows += free
        if rest := len(part) - free:
            places = rng.choice(n_rows, rest, replace=False)
            out = pool[places]
            pool[places] = part[free:]
            yield out
    if pool is not None:
        order = rng.permutation(n_rows)
        yield from (pool[order[block]] for block in gen_batches(n_rows, 4096))


def _popped(batches: list[tuple[Array, Array]]) -> Iterator[tuple[Array, Array]]:
    """Yield the elements of a list, and remove them from it."""
    batches.reverse()
    while batches:
        yield batches.pop()


def _check_count(n_rows: int, least: int) -> None:
    if n_rows < least:
        raise ValueError(
            f"X must have at least {least} row{'s' * (least > 1)}. Got a stream of {n_rows}."
        )
