"""Memory maps and streams of rows with missing entries."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import tfae
from tfae import Autoencoder, AutoencoderImputer
from tfae._data.memory_map import Mapped
from tfae._data.scaling import fit_scaling
from tfae._data.weights import weighted
from tfae._networks.filling import learned_filling
from tfae._training.chunks import Noise
from tfae._training.holed_rows import HoledRows
from tfae._training.step.chunk import ChunkShape
from tfae.streams import from_batches

pytestmark = [
    pytest.mark.usefixtures("in_executor"),
    pytest.mark.filterwarnings("ignore:The network could not improve"),
    pytest.mark.filterwarnings("ignore:.* units of the code are dead", "ignore:None of the"),
]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 3)) @ RNG.normal(size=(3, 8)) + 0.2 * RNG.normal(size=(300, 8)) + 5
HOLED = np.where(RNG.random(X.shape) < 0.2, np.nan, X)
HOLED[:40] = X[:40]  # the first batch is complete
SMALL = {"hidden_layer_sizes": (8,), "max_iter": 3, "random_state": 0}
BATCHES = [slice(start, start + 40) for start in range(0, 300, 40)]


@pytest.fixture(autouse=True)
def small_maps(monkeypatch):
    monkeypatch.setattr("tfae._data.memory_map._SMALL", 0)


@pytest.fixture
def mapped(tmp_path):
    def make(rows):
        path = tmp_path / str(len(list(tmp_path.iterdir())))
        rows.tofile(path)
        return np.memmap(path, rows.dtype, "r", shape=rows.shape)

    return make


def stream(rows=HOLED, window=50):
    return from_batches([rows[part] for part in BATCHES], window=window)


def test_a_memory_map_knows_whether_it_has_holes(mapped):
    assert Mapped(mapped(HOLED), missing=True).has_holes
    assert not Mapped(mapped(X), missing=True).has_holes
    with pytest.raises(ValueError, match="contains NaN"):
        list(Mapped(mapped(HOLED)).blocks())


@pytest.mark.parametrize("weights", [None, 1.0 + np.arange(300) % 7])
def test_chunks_of_files_are_those_of_arrays(weights, mapped):
    scaling = learned_filling(fit_scaling(None, HOLED), HOLED)
    shape = ChunkShape(20, 16, 8, "float64")
    found, expected = (
        next(HoledRows(weighted(rows, weights), scaling, shape, None, Noise()).epochs())
        for rows in (Mapped(mapped(HOLED), missing=True), HOLED)
    )
    assert_allclose(found.x[:300], expected.x[:300])
    assert_allclose(found.entry_weight[:300], expected.entry_weight[:300])
    assert_allclose(found.weight, expected.weight)


@pytest.mark.sample(4)
@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("Autoencoder", {}),
        ("DenoisingAutoencoder", {"corruption": "gaussian"}),
        ("SparseAutoencoder", {}),
        ("ContractiveAutoencoder", {}),
        ("VariationalAutoencoder", {}),
        ("StackedAutoencoder", {"pretrain_max_iter": 1}),
    ],
)
@pytest.mark.parametrize("form", ["map", "stream"])
def test_the_family_takes_files_with_holes(kind, params, form, mapped):
    model = getattr(tfae, kind)(**{"n_components": 3, **SMALL, **params})
    given = mapped(HOLED) if form == "map" else stream()
    model.fit(given)
    assert_allclose(model.transform(given), model.transform(HOLED), rtol=1e-6, atol=1e-9)
    assert model.score(given) == pytest.approx(model.score(HOLED))
    assert_allclose(model.impute(given), model.impute(HOLED), rtol=1e-6)
    assert_allclose(model.score_samples(given), model.score_samples(HOLED), rtol=1e-6)


def test_a_file_is_fitted_as_an_array_is(mapped):
    """The rows are linear, so each is the linear model of what is observed."""
    of_array = Autoencoder(3, **SMALL).fit(HOLED).score(HOLED)
    assert of_array > 0.85
    assert Autoencoder(3, **SMALL).fit(mapped(HOLED)).score(HOLED) == pytest.approx(
        of_array, abs=0.02
    )
    assert Autoencoder(3, **SMALL).fit(stream()).score(HOLED) == pytest.approx(of_array, abs=0.05)


@pytest.mark.parametrize("form", ["map", "stream"])
def test_complete_files_train_as_before_and_later_holes_are_filled(form, mapped):
    given = mapped(X) if form == "map" else stream(X)
    model = Autoencoder(3, **SMALL).fit(given)
    holed = mapped(HOLED) if form == "map" else stream()
    assert_allclose(model.transform(holed), model.transform(HOLED), rtol=1e-6, atol=1e-9)
    pure = Autoencoder(3, linear_path=False, **SMALL).fit(given)
    holed = mapped(HOLED) if form == "map" else stream()
    with pytest.raises(ValueError, match="contains NaN"):
        pure.transform(holed)


def test_partial_fit_takes_streams_and_maps_with_holes(mapped):
    model = Autoencoder(3, **{**SMALL, "max_iter": "auto"})
    model.partial_fit(stream()).partial_fit(mapped(HOLED)).partial_fit(stream(X))
    assert np.isfinite(model.transform(HOLED)).all()


def test_holes_that_come_after_all_that_is_known_of_an_iterator_are_an_error():
    model = Autoencoder(3, **{**SMALL, "max_iter": "auto"})
    batches = [X[:40], X[40:80], HOLED[80:]]
    with pytest.raises(ValueError, match="contains NaN"):
        model.partial_fit(from_batches(iter(batches), window=30))


def imputer(**params):
    return AutoencoderImputer(
        **{"hidden_layer_sizes": (8,), "max_iter": 2, "random_state": 0, **params}
    )


@pytest.mark.parametrize("form", ["map", "stream"])
def test_the_imputer_takes_files(form, mapped):
    given = mapped(HOLED) if form == "map" else stream(window=1000)
    model = imputer(add_indicator=True).fit(given)
    expected = imputer(add_indicator=True).fit(HOLED)
    assert_allclose(model.transform(given), expected.transform(HOLED), rtol=1e-9)
    draws = model.impute(given if form == "map" else iter(stream()), n_imputations=2)
    assert_allclose(draws, expected.impute(HOLED, n_imputations=2), rtol=1e-9)


def test_an_imputer_of_a_long_stream_learns_from_a_sample(monkeypatch):
    monkeypatch.setattr("tfae._data.statistics._MAX_KEPT", 60)
    filled = imputer().fit(stream()).transform(stream())
    assert np.square(filled - X)[np.isnan(HOLED)].mean() < 0.3 * X.var()
    with pytest.raises(ValueError, match="more than once"):
        imputer().fit(iter([HOLED]))


def test_an_imputer_takes_a_stream_of_frames_of_mixed_kinds():
    frame = pd.DataFrame(HOLED, columns=list("abcdefgh"))
    frame["kind"] = np.where(X[:, 0] > 5, "large", "small")
    frame.loc[::4, "kind"] = None
    parts = from_batches([frame.iloc[part] for part in BATCHES], window=1000)
    filled = imputer().fit(parts).transform(parts)
    assert filled.index.equals(frame.index)
    assert not filled.isna().any().any()
    there = frame["kind"].notna()
    assert_array_equal(filled["kind"][there], frame["kind"][there])
