"""The fit of the surprise, and what it says of rows."""

import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import roc_auc_score

from tfae import Autoencoder
from tfae._data.layout import Layout
from tfae._data.scaling import Affine
from tfae._estimators.parameters import defaults
from tfae._fitting.surprise import fit_surprise, random_folds, surprise_recipe
from tfae._inference.surprise import shares_of_columns, surprise_of_rows
from tfae._networks.densities import Densities, Mixture
from tfae._saving.checks import check_surprise
from tfae._saving.values import Reader, Writer
from tfae._training.state import TrainingState

pytestmark = pytest.mark.usefixtures("in_executor")
LAYOUT = Layout((0, 4, 0, 2, 0))
RNG = np.random.default_rng(0)
_T = RNG.uniform(0, 4, size=600)
# The category is the quarter in which a number lies. Another number and the last category follow,
# and one number is noise far from 0.
VALUES = np.column_stack([_T * 10, np.floor(_T), (_T - 2) ** 2, _T > 2, 1e6 + RNG.normal(size=600)])
HOLES = RNG.random(VALUES.shape) < 0.1
ROWS = LAYOUT.encoded(np.where(HOLES, np.nan, VALUES))
FOLDS = random_folds(len(ROWS), np.random.default_rng(1)) % 4
SMALL = {"hidden_layer_sizes": (32, 16), "max_iter": 60, "batch_size": 32, "random_state": 0}


def fit(rows, layout, folds, **params):
    given = {**defaults(Autoencoder), **SMALL, **params}
    return fit_surprise(
        lambda n_rows: surprise_recipe(given, layout, n_rows),
        rows,
        layout,
        folds,
        TrainingState.new(0),
    )


@pytest.fixture(scope="module")
def fitted():
    return fit(ROWS, LAYOUT, FOLDS)


def test_impossible_entries_are_the_most_surprising_of_their_columns(fitted):
    """Each value is one that the column has, but not together with the others."""
    usual = fitted.columns(ROWS, FOLDS)
    odd = np.column_stack(
        [
            (10 * _T + 20) % 40,
            (np.floor(_T) + 2) % 4,
            np.abs((_T - 2) ** 2 - 4),
            _T <= 2,
            VALUES[:, 4],
        ]
    )
    for column in range(4):
        changed = VALUES.copy()
        changed[:, column] = odd[:, column]
        found = fitted.columns(LAYOUT.encoded(changed))
        labels = np.repeat([0, 1], [(~HOLES[:, column]).sum(), len(found)])
        scores = np.concatenate([usual[~HOLES[:, column], column], found[:, column]])
        assert roc_auc_score(labels, scores) > 0.85


def test_the_excess_is_above_what_is_usual_for_a_column(fitted):
    surprise, excess = fitted.columns(ROWS, FOLDS), fitted.excess(ROWS, FOLDS)
    assert_allclose(fitted.usual, np.nanmedian(surprise, axis=0))
    assert_array_equal(excess, np.maximum(surprise - fitted.usual, 0))


def test_a_row_is_as_surprising_as_a_mean_in_which_large_excesses_count_more():
    excess = np.array([[0, 0, 0, 0], [4, 4, np.nan, 4], [6, 0, 0, 0], [2, 2, 1, 1], [900, 1, 0, 0]])
    found, shares = surprise_of_rows(excess), shares_of_columns(excess)
    expected = 2 * np.log(np.nanmean(np.exp(excess / 2), axis=1))
    assert_allclose(found, expected, atol=1e-12)
    assert found[2] > found[3]
    assert_allclose(shares[1], [1 / 3, 1 / 3, 0, 1 / 3])
    assert_array_equal(shares[[0, 2]], [[0, 0, 0, 0], [1, 0, 0, 0]])
    assert_allclose(shares[1:].sum(axis=1), 1)
    grown = np.expm1(excess[3] / 2)
    assert_allclose(shares[3], grown / grown.sum())
    assert np.isfinite(surprise_of_rows(np.array([[5000.0, 0]]))).all()
    nothing = np.full((1, 3), np.nan)
    assert np.isnan(surprise_of_rows(nothing)).all()
    assert_array_equal(shares_of_columns(nothing), 0)


def test_missing_entries_have_no_surprise_and_all_others_have(fitted):
    assert_array_equal(np.isnan(fitted.columns(ROWS)), HOLES)
    nothing = np.full((1, LAYOUT.width), np.nan)
    assert np.isnan(fitted.columns(nothing)).all()
    assert np.isfinite(fitted.expected(nothing)).all()


def test_noise_has_the_entropy_of_its_density(fitted):
    """The standardised noise is normal: its entropy is .5 log(2 pi e)."""
    found = np.nanmean(fitted.columns(ROWS, FOLDS)[:, 4])
    assert found == pytest.approx(0.5 * np.log(2 * np.pi * np.e), abs=0.15)


def test_a_row_is_judged_by_members_that_have_not_seen_its_fold(fitted):
    assert fitted.left_out.shape == (4, 4)
    assert (fitted.left_out.any(axis=0) & fitted.left_out.any(axis=1)).all()
    of_folds, of_all = fitted.by_fold(ROWS[:20]), fitted.columns(ROWS[:20])
    judged = fitted.columns(ROWS[:20], FOLDS[:20])
    assert_allclose(judged, of_folds[np.arange(20), FOLDS[:20]])
    assert_allclose(fitted.columns(ROWS[:20], np.full(20, -1)), of_all)
    assert not np.allclose(judged, of_all, equal_nan=True)


def test_members_have_not_seen_the_folds_that_they_leave_out():
    """A column has the same value in all rows but those of one fold, which are a surprise."""
    folds = np.repeat(np.arange(4), 50)
    rows = RNG.normal(size=(200, 3))
    rows[:, 1] = np.where(folds == 2, 3.0, 0.0) + 0.01 * rows[:, 1]
    rows[:, 2] = rows[:, 1]
    layout = Layout.of_numbers(3)
    found = fit(rows, layout, folds, max_iter=40)
    unseen, seen = found.columns(rows, folds), found.columns(rows, np.zeros(200, int))
    assert unseen[folds == 2, 1].mean() > seen[folds == 2, 1].mean() + 1


def test_what_is_expected_follows_from_the_other_columns(fitted):
    found = fitted.expected(ROWS, FOLDS)
    assert np.abs(found[:, 0] - VALUES[:, 0])[HOLES[:, 0]].mean() < 0.4 * VALUES[:, 0].std()
    assert (found == VALUES)[:, 1][HOLES[:, 1]].mean() > 0.6
    assert (found == VALUES)[:, 3][HOLES[:, 3]].mean() > 0.85
    # Of noise, the mean is expected, in its unit.
    assert_allclose(found[:, 4], 1e6, atol=1)
    observed = np.nanmin(ROWS[:, 0]), np.nanmax(ROWS[:, 0])
    assert observed[0] <= found[:, 0].min() < found[:, 0].max() <= observed[1]


@pytest.mark.parametrize("sign", [1, -1])
def test_extreme_numbers_are_ever_more_surprising(fitted, sign):
    rows = np.repeat(ROWS[~HOLES.any(axis=1)][:1], 5, axis=0)
    rows[:, 0] = sign * np.array([1e3, 1e6, 1e9, 1e12, 1e300])
    found = fitted.columns(rows)
    assert np.isfinite(found).all()
    assert (np.diff(found[:4, 0]) > 0).all()
    assert found[4, 0] >= found[3, 0]


def test_a_row_has_the_same_surprise_whatever_rows_come_with_it(fitted):
    together = fitted.columns(ROWS, FOLDS)
    for rows in (slice(7, 8), slice(3, 100), slice(None, None, -1)):
        alone = fitted.columns(ROWS[rows], FOLDS[rows])
        assert_allclose(alone, together[rows], rtol=1e-10, atol=1e-12)


def test_it_can_be_pickled_and_saved_and_scores_without_tensorflow(fitted, tmp_path):
    writer = Writer()
    written = writer.json(fitted, "surprise")
    read = Reader(writer.arrays).value(written)
    expected = fitted.columns(ROWS[:5])
    assert_array_equal(read.columns(ROWS[:5]), expected)
    (tmp_path / "surprise").write_bytes(pickle.dumps((fitted, ROWS[:5])))
    script = (
        "import pickle, sys\n"
        f"fitted, rows = pickle.load(open({str(tmp_path / 'surprise')!r}, 'rb'))\n"
        "print(repr(fitted.columns(rows).tolist()), repr(fitted.expected(rows).shape))\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "change",
    [
        lambda s: {"groups": s.groups + 1},
        lambda s: {"usual": s.usual[:-1]},
        lambda s: {"high": s.high[:-1]},
        lambda s: {"left_out": s.left_out[:-1]},
        lambda s: {"left_out": s.left_out & False},
        lambda s: {"scaling": Affine(s.scaling.center, 0 * s.scaling.scale)},
        lambda s: {"densities": Densities(s.layout, Mixture(n_parts=2))},
        lambda s: {"densities": Densities(s.layout, Mixture(least_scale=0.0))},
        lambda s: {"densities": Densities(Layout((0, 4, 0, 2, 0, 0)))},
        lambda s: {"members": s.members.some(np.array([True, True, False, False]))},
        lambda s: {"members": replace(s.members, decoder_weights=s.members.decoder_weights[:-1])},
    ],
)
def test_parts_of_a_file_that_do_not_fit_together_are_refused(fitted, change):
    check_surprise(fitted)
    with pytest.raises(ValueError, match="must hold"):
        check_surprise(replace(fitted, **change(fitted)))


@pytest.mark.parametrize("n_rows", [1, 2, 5])
def test_few_rows_and_one_column(n_rows):
    rows = RNG.normal(size=(n_rows, 1))
    found = fit(rows, Layout.of_numbers(1), np.arange(n_rows), max_iter=1)
    assert np.isfinite(found.columns(rows, np.arange(n_rows))).all()


def test_a_convolutional_ensemble():
    rows = RNG.normal(size=(40, 6))
    params = {"architecture_params": {"image_shape": (2, 3)}, "hidden_layer_sizes": (4, 8)}
    folds = np.arange(40) % 2
    found = fit(
        rows, Layout.of_numbers(6), folds, architecture="convolutional", max_iter=1, **params
    )
    assert found.columns(rows, folds).shape == (40, 6)
