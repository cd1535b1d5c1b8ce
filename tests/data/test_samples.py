"""Samples of rows of any kind of data."""

import numpy as np
import pytest
from scipy import sparse

from tfae._data import samples
from tfae._data.reading import as_stream
from tfae._data.samples import sample_of
from tfae._data.streams import Opened
from tfae.streams import from_batches

X = np.arange(600.0).reshape(300, 2)


def opened(X):
    return Opened(
        as_stream(from_batches([X[i : i + 70] for i in range(0, 300, 70)])), lambda b, *_: b
    )


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array, opened])
def test_few_rows_are_all_there(kind):
    rows, places = sample_of(kind(X), np.random.default_rng(0))
    np.testing.assert_array_equal(rows, X)
    np.testing.assert_array_equal(places, np.arange(300))


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array, opened])
def test_of_many_rows_each_is_as_likely(kind, monkeypatch):
    monkeypatch.setattr(samples, "_MOST_ROWS", 30)
    counts = np.zeros(300)
    for seed in range(200):
        rows, places = sample_of(kind(X), np.random.default_rng(seed))
        assert len(places) == 30
        assert (np.diff(places) > 0).all()
        np.testing.assert_array_equal(rows, X[places])
        counts[places] += 1
    # 300 binomial counts of mean 20: chi-squared of 299 degrees of freedom, within 5 deviations.
    chi_squared = (np.square(counts - 20) / 18).sum()
    assert 300 - 5 * np.sqrt(600) < chi_squared < 300 + 5 * np.sqrt(600)
    assert counts.min() > 0


def test_wide_rows_are_fewer(monkeypatch):
    monkeypatch.setattr(samples, "_MOST_ENTRIES", 100)
    assert len(sample_of(X, np.random.default_rng(0))[0]) == 50
    assert len(sample_of(opened(X), np.random.default_rng(0))[0]) == 50
