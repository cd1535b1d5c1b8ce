"""The detector finds outliers that hide, keeps its promises, and says why."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

import tfae
from tfae import OutlierDetector
from tfae._data import samples
from tfae.streams import from_batches

pytestmark = pytest.mark.usefixtures("in_executor")
SMALL = {"hidden_layer_sizes": (8,), "max_iter": 2, "random_state": 0}
RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 3)) @ RNG.normal(size=(3, 5)) + 0.3 * RNG.normal(size=(400, 5))
X[:8] += 5 * RNG.normal(size=(8, 5))


def by_distance(**params):
    return OutlierDetector(evidence="distance", random_state=0, **params)


@pytest.fixture(scope="module", params=["distance", "both", "surprise"])
def fitted(request):
    return OutlierDetector(evidence=request.param, **SMALL).fit(X)


def table(n_rows=300, seed=0):
    """A frame of mixed kinds with missing entries; "double" is twice "number"."""
    rng = np.random.default_rng(seed)
    number = rng.normal(size=n_rows)
    frame = pd.DataFrame(
        {
            "number": number,
            "whole": rng.integers(0, 50, n_rows),
            "text": rng.choice(["red", "green", "blue"], n_rows, p=[0.5, 0.3, 0.2]),
            "date": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 900, n_rows), "D"),
            "double": 2 * number + 0.05 * rng.normal(size=n_rows),
        },
        index=[f"row {i}" for i in range(n_rows)],
    )
    frame.loc[frame.index[5:25], "number"] = np.nan
    frame.loc[frame.index[20:40], "text"] = None
    return frame


def hidden(kind, n_rows=2500):
    """Rows of which the first 3 % are outliers that hide each other."""
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(n_rows, 3)) @ rng.normal(size=(3, 8))
    rows += 0.3 * rng.normal(size=rows.shape)
    n_odd = int(0.03 * n_rows)
    if kind == "equal":
        rows[:n_odd] = 6 * rng.normal(size=8) * rows.std(axis=0)
    elif kind == "three clusters":
        for part in np.array_split(np.arange(n_odd), 3):
            rows[part] = 4 * rng.normal(size=8) * rows.std(axis=0)
    else:  # in the middle of a ring, and so inside the range of every column
        angle = rng.uniform(0, 2 * np.pi, n_rows)
        rows = np.column_stack([np.cos(angle), np.sin(angle), angle / 3])
        rows += 0.05 * rng.normal(size=rows.shape)
        rows[:n_odd] = [0, 0, 1] + 0.03 * rng.normal(size=(n_odd, 3))
    return rows, np.arange(n_rows) < n_odd


@pytest.mark.parametrize(
    ("kind", "least"), [("equal", 0.99), ("three clusters", 0.98), ("inside", 0.9)]
)
def test_clusters_of_outliers_do_not_hide_themselves(kind, least):
    rows, odd = hidden(kind)
    assert roc_auc_score(odd, -by_distance().fit(rows).score_samples(rows)) >= least


def orders(seed):
    """Orders of four products, two of them rare; in every hundredth the price is another one's."""
    rng = np.random.default_rng(seed)
    code = rng.choice(4, 2000, p=[0.46, 0.46, 0.04, 0.04])
    weight, wrong = rng.normal(size=2000), np.arange(2000) % 100 == 0
    log_price = np.array([0.0, 3, 5, 8])[np.where(wrong, (code + 2) % 4, code)]
    product = np.array(["apple", "book", "lamp", "bicycle"])[code]
    total = log_price + 0.2 * weight + rng.normal(0, 0.05, 2000)
    return pd.DataFrame({"product": product, "weight": weight, "total": total}), code, wrong


def test_rows_of_rare_categories_are_usual_and_errors_are_found():
    """Also if errors are among the rows of the fit."""
    detector = by_distance(false_alarm_rate=0.05).fit(orders(0)[0])
    new, code, wrong = orders(1)
    flagged = detector.predict(new) == -1
    assert roc_auc_score(wrong, -detector.score_samples(new)) > 0.95
    assert flagged[wrong].mean() > 0.8
    rare = (code >= 2) & ~wrong
    assert flagged[rare].mean() < 0.1


def test_clean_rows_are_all_usual():
    """A cluster of 3 % is a usual place if the user says so."""
    rows, odd = hidden("equal")
    detector = by_distance(training_rows="clean").fit(rows)
    new = rows[odd][:1] + 1e-9
    assert detector.predict(new)[0] == 1
    assert by_distance().fit(rows).predict(new)[0] == -1


def test_the_distance_is_that_to_the_fifth_other_row():
    """Without trimming, against plain differences."""
    detector = by_distance(training_rows="clean", calibration_fraction=0.01).fit(X)
    model = detector._fitted
    unit = model.rows.std(axis=0)
    differences = (model.rows[:, None] - model.rows) / unit
    distances = np.sort(np.sqrt(np.square(differences).sum(axis=2)), axis=1)[:, 5]
    low, middle, high = np.quantile(distances, (0.25, 0.5, 0.75))
    wanted = -(distances - middle) / (high - low)
    np.testing.assert_allclose(detector.score_samples(model.rows), wanted, atol=1e-8)


def test_every_method_judges_training_rows_as_if_they_were_new(fitted):
    again = clone(fitted)
    np.testing.assert_array_equal(again.fit_predict(X), fitted.predict(X))
    np.testing.assert_array_equal(
        fitted.predict(X), np.where(fitted.decision_function(X) < 0, -1, 1)
    )
    scores = fitted.score_samples(X)
    some = [3, 200, 7]
    np.testing.assert_array_equal(fitted.score_samples(X[some]), scores[some])
    # A row is not its own neighbour: moved by nothing that matters, it has the row beside it.
    known = fitted._fitted.rows[fitted._fitted.compared.places[:20]]
    if fitted.evidence == "distance":
        assert (fitted.score_samples(known + 1e-9) > fitted.score_samples(known)).all()


def test_contributions_sum_to_the_negative_score(fitted):
    holed = X[:50].copy()
    holed[::3, 1] = np.nan
    holed[7] = np.nan
    for rows in (X[:50], holed):
        explained = fitted.explain(rows)
        sums = explained.sum(axis=1).to_numpy()
        np.testing.assert_allclose(sums, -fitted.score_samples(rows), atol=1e-6)
    assert list(explained.columns) == ["x0", "x1", "x2", "x3", "x4", "remainder"]
    assert (explained.to_numpy()[::3, 1] == 0).all()


def test_a_row_of_which_nothing_is_known_does_not_look_normal(fitted):
    usual = fitted.score_samples(fitted._fitted.rows)
    assert fitted.score_samples(np.full((1, 5), np.nan))[0] == -1 < np.median(usual)


def test_the_column_that_was_changed_is_named_first(fitted):
    rows = np.tile(np.median(X, axis=0), (5, 1))
    np.fill_diagonal(rows, rows.diagonal() + 30)
    first = fitted.explain(rows).to_numpy()[:, :-1].argmax(axis=1)
    np.testing.assert_array_equal(first, np.arange(5))


def test_counterfactuals_are_usual_and_change_little(fitted):
    rows = np.median(X, axis=0) + np.diag([30.0, 0, 40, 0, -50])
    found = fitted.counterfactual(rows)
    assert (fitted.predict(found) == 1).all()
    changed = found != rows
    odd = fitted.predict(rows) == -1
    assert not changed[~odd].any()
    if fitted.evidence == "surprise":  # two epochs are too few for it
        return
    assert odd[[0, 2, 4]].all()
    assert changed[[0, 2, 4], [0, 2, 4]].all()
    assert changed.sum(axis=1).max() <= 2


@pytest.mark.parametrize("scale", [1e-150, 1e-6, 1e150])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_units_and_offsets_change_nothing(scale, offset):
    plain = by_distance().fit(X).score_samples(X)
    found = by_distance().fit((X + offset) * scale).score_samples((X + offset) * scale)
    np.testing.assert_allclose(found, plain, atol=1e-6)


def test_the_further_out_the_odder_and_always_finite(fitted):
    out = np.outer(10.0 ** np.arange(1, 8), np.ones(5))
    scores = fitted.score_samples(out)
    assert (np.diff(scores) < 0).all()
    assert np.isfinite(fitted.score_samples(np.full((1, 5), 1e300))).all()


def test_a_value_beside_a_constant_is_odd_in_any_unit():
    for constant in (1e-9, 5.0, 1e12):
        rows = np.column_stack([X, np.full(len(X), constant)])
        new = rows[50:51].copy()
        new[0, -1] *= 1.01
        detector = by_distance().fit(rows)
        assert detector.predict(rows[50:51])[0] == 1
        assert detector.predict(new)[0] == -1
        assert detector.explain(new).idxmax(axis=1)[0] == "x5"


# ---- how many


def test_contamination_is_the_share_of_the_rows_and_the_rate_that_of_calibration_rows():
    detector = by_distance(contamination=0.1).fit(X)
    assert (detector.predict(X) == -1).sum() == 40
    detector = by_distance(false_alarm_rate=0.1, calibration_fraction=0.25).fit(X)
    new = RNG.normal(size=(200, 5)) * 2
    np.testing.assert_array_equal(detector.predict(new) == -1, detector.p_values(new) <= 0.1)
    with pytest.raises(ValueError, match="'contamination' must be 'auto' if there is a"):
        by_distance(false_alarm_rate=0.1, contamination=0.1).fit(X)


def test_too_few_calibration_rows_are_told():
    with pytest.warns(UserWarning, match="needs at least 199 calibration rows. Got 80"):
        detector = by_distance(false_alarm_rate=0.005).fit(X)
    assert detector.offset_ == detector.calibration_scores_.min()
    new = np.vstack([X[100:180], np.full((1, 5), 99.0)])
    with pytest.warns(UserWarning, match="are odder than all 80 calibration rows, and none"):
        assert not detector.detect(new, fdr=0.1).any()


@pytest.mark.parametrize("kind", ["normal", "standard_t", "lognormal"])
def test_few_usual_rows_are_outliers_by_default(kind):
    """However skewed the scores are; planted rows are found."""
    draw = {"standard_t": {"df": 3}}.get(kind, {})
    rng = np.random.default_rng(0)
    rows, new = (getattr(rng, kind)(**draw, size=(2000, 5)) for _ in range(2))
    rows[:25] += 60 * rng.normal(size=(25, 5))
    new[:25] += 60 * rng.normal(size=(25, 5))
    odd = by_distance().fit(rows).predict(new) == -1
    assert odd[:25].mean() > 0.9
    assert odd[25:].mean() < 0.025


def rejected(method, alpha, n_splits=40):
    rates = []
    for seed in range(n_splits):
        rows = np.random.default_rng(seed).standard_t(4, size=(240, 3))
        detector = OutlierDetector(evidence="distance", random_state=seed).fit(rows[:160])
        rates.append((detector.p_values(rows[160:], method) <= alpha).mean())
    return np.mean(rates), np.std(rates) / np.sqrt(n_splits)


def test_split_p_values_are_valid():
    rate, error = rejected("split", 0.1)
    # At most 0.1, and at least 0.1 - 1 / 33 with 32 calibration rows.
    assert 0.1 - 1 / 33 - 3 * error < rate < 0.1 + 3 * error


def test_cross_p_values_are_valid():
    rate, error = rejected("cross", 0.1, n_splits=6)
    assert rate < 0.2 + 3 * error
    assert rate > 0.02


def test_false_discoveries_are_few_and_true_ones_are_found():
    shares, found = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        rows = rng.normal(size=(1000, 2))
        new = np.vstack([rng.normal(size=(180, 2)), rng.normal(size=(20, 2)) + 7])
        chosen = by_distance(training_rows="clean").fit(rows).detect(new, fdr=0.2)
        shares.append(chosen[:180].sum() / max(1, chosen.sum()))
        found.append(chosen[180:].mean())
    assert np.mean(shares) < 0.2 + 2 * np.std(shares) / np.sqrt(20)
    assert np.mean(found) > 0.9


def test_p_values_of_groups_hold_in_every_group():
    groups = np.array(["a", "b"] * 200)
    rows = RNG.normal(size=(400, 2)) * np.where(groups == "a", 1, 10)[:, None]
    detector = by_distance(training_rows="clean", calibration_fraction=0.5).fit(rows, groups=groups)
    new = RNG.normal(size=(400, 2)) * np.where(groups == "a", 1, 10)[:, None]
    apart, together = detector.p_values(new, groups=groups), detector.p_values(new)
    for group in "ab":
        assert 0.03 < (apart[groups == group] <= 0.1).mean() < 0.2
    assert (together[groups == "a"] <= 0.1).mean() < 0.01
    with pytest.raises(ValueError, match="must be groups of the rows that were given to fit"):
        detector.p_values(new, groups=np.array(["c"] * 400))
    with pytest.raises(ValueError, match="need method='split'"):
        detector.p_values(new, "cross", groups=groups)
    with pytest.raises(ValueError, match="need a fit with groups"):
        by_distance().fit(rows).p_values(new, groups=groups)


def test_drift_is_seen_and_its_absence_too():
    rng = np.random.default_rng(3)
    detector = by_distance().fit(rng.normal(size=(500, 3)))
    assert detector.drift(rng.normal(size=(300, 3))) > 0.01
    assert detector.drift(rng.normal(size=(300, 3)) + 1) < 1e-6
    monitor = detector.monitor(random_state=0)
    for _ in range(3):
        monitor.update(rng.normal(size=(100, 3)))
    assert not monitor.alarm()
    monitor.update(rng.normal(size=(100, 3)) + 2)
    assert monitor.alarm()
    assert monitor.batch_ends_ == [100, 200, 300, 400]
    with pytest.raises(ValueError, match="'rate' must be above 0"):
        monitor.alarm(0)


# ---- kinds of data


def test_sparse_rows_streams_and_maps_are_the_same_rows(tmp_path):
    rows = RNG.poisson(0.4, size=(500, 12)).astype(float)
    detector = by_distance().fit(rows)
    scores = detector.score_samples(rows)
    stream = from_batches([rows[i : i + 90] for i in range(0, 500, 90)])
    for data in (sparse.csr_array(rows), stream, rows.astype(np.float32), rows.tolist()):
        np.testing.assert_array_equal(by_distance().fit(data).score_samples(data), scores)
    np.save(tmp_path / "rows.npy", np.tile(rows, (200, 1)))
    large = np.load(tmp_path / "rows.npy", mmap_mode="r")
    found = detector.score_samples(large)
    np.testing.assert_array_equal(found[-500:], scores)


def test_a_map_is_fitted_on_a_sample(tmp_path, monkeypatch):
    monkeypatch.setattr(samples, "_MOST_ROWS", 400)
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).normal(size=(25_000, 50)))
    large = np.load(tmp_path / "rows.npy", mmap_mode="r")
    detector = by_distance(calibration_fraction=0.5, training_rows="clean").fit(large)
    assert len(detector.calibration_scores_) == 200


@pytest.mark.parametrize("evidence", ["distance", "both"])
def test_tables_of_mixed_kinds(evidence):
    frame = table()
    frame.loc["row 299", ["number", "double"]] = 2.0, -4.0
    detector = OutlierDetector(evidence=evidence, **SMALL).fit(frame)
    explained = detector.explain(frame)
    assert list(explained.columns) == [*frame.columns, "remainder"]
    assert explained.index.equals(frame.index)
    np.testing.assert_allclose(explained.sum(axis=1), -detector.score_samples(frame), atol=1e-6)
    for found in (detector.expected(frame), detector.nearest_normal(frame)):
        assert list(found.dtypes) == list(frame.dtypes)
        assert found.index.equals(frame.index)
    odd = frame.iloc[[50, 60]].copy()
    odd.loc[odd.index[0], "double"] = 60.0
    changed = detector.counterfactual(odd)
    assert list(changed.dtypes) == list(frame.dtypes)
    assert detector.predict(odd)[0] == -1
    assert detector.predict(changed)[0] == 1
    assert changed.iloc[1].equals(odd.iloc[1])
    reasons = detector.reasons(odd, n_columns=2)
    assert reasons["row"][0] == odd.index[0]
    assert reasons["column"][0] == "double"
    assert reasons["value"][0] == 60.0


def test_frames_of_polars_come_back_as_such():
    polars = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    frame = polars.from_pandas(table())
    detector = by_distance().fit(frame)
    for method in (detector.explain, detector.expected, detector.counterfactual):
        assert isinstance(method(frame.tail(3)), polars.DataFrame)
    assert detector.counterfactual(frame.tail(3)).schema == frame.schema


def test_text_columns_of_many_values_do_not_outweigh_numbers():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"number": rng.normal(size=500), "letter": rng.choice([*"abcdefgh"], 500)})
    detector = by_distance(training_rows="clean").fit(frame)
    rows = detector._fitted.compared.scaled(detector._fitted.rows)
    of_pairs = np.square(rows[:, None] - rows).mean(axis=(0, 1))
    np.testing.assert_allclose([of_pairs[0], of_pairs[1:].sum()], 2, rtol=0.05)


def test_few_rows_and_equal_rows_have_finite_scores():
    for rows in (X[:2], np.ones((50, 2)), np.tile([[1.0, 2.0], [3.0, 4.0]], (20, 1))):
        for training_rows in ("mixed", "clean"):
            detector = by_distance(training_rows=training_rows).fit(rows)
            assert np.isfinite(detector.score_samples(rows)).all()
            assert np.isfinite(detector.p_values(rows, "cross")).all()


def test_a_failed_fit_leaves_the_detector_as_it_was():
    detector = by_distance().fit(X)
    before = detector.score_samples(X)
    with pytest.raises(ValueError, match="infinity"):
        detector.fit(np.full((5, 5), np.inf))
    np.testing.assert_array_equal(detector.score_samples(X), before)


# ---- keeping


def test_pickles_and_files_give_the_same_bits(fitted, tmp_path):
    fitted.save(tmp_path / "detector.tfae")
    for other in (pickle.loads(pickle.dumps(fitted)), tfae.load(tmp_path / "detector.tfae")):
        np.testing.assert_array_equal(other.score_samples(X), fitted.score_samples(X))
        np.testing.assert_array_equal(other.p_values(X, "cross"), fitted.p_values(X, "cross"))
        assert other.offset_ == fitted.offset_
        assert other.get_params() == fitted.get_params()


def test_groups_travel_with_a_file(tmp_path):
    groups = np.array(["a", "b"] * 200)
    detector = by_distance().fit(X, groups=groups)
    detector.save(tmp_path / "detector.tfae")
    loaded = tfae.load(tmp_path / "detector.tfae")
    np.testing.assert_array_equal(
        loaded.p_values(X, groups=groups), detector.p_values(X, groups=groups)
    )
