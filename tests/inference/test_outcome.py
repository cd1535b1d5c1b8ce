"""What is finite gives finite results, or one clear error."""

import numpy as np
import pandas as pd
import pytest

from tfae import (
    Autoencoder,
    ConvolutionalAutoencoder,
    ParametricTSNE,
    VariationalAutoencoder,
    streams,
)

# Nothing but the error may be said, not even a warning about the numbers on the way.
pytestmark = [
    pytest.mark.usefixtures("in_executor"),
    pytest.mark.filterwarnings("error", "ignore:Training stopped at max_iter"),
]

ROWS = np.random.default_rng(0).normal(size=(60, 4))
SMALL = {"max_iter": 2, "hidden_layer_sizes": (6,), "random_state": 0, "linear_path": False}
METHODS = ["transform", "reconstruct", "score_samples", "score"]
# Zeros of the network's weights would turn infinity into NaN, and a saturated unit hides it.
SHAPES = {
    "one hidden layer": {},
    "no hidden layer": {"hidden_layer_sizes": ()},
    "standard": {"scaling": "standard"},
    "no scaling": {"scaling": None},
    "robust": {"scaling": "robust"},
}


def with_value(value, dtype=float, row=3, column=2):
    X = ROWS.astype(dtype)
    X[row, column] = value
    return X


def told(function, X):
    """Return what a function returns, or what its error says."""
    try:
        return function(X)
    except ValueError as error:
        return str(error)


@pytest.fixture(scope="module", params=SHAPES)
def fitted(request):
    return Autoencoder(2, **{**SMALL, **SHAPES[request.param]}).fit(0.01 * ROWS)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("value", "dtype"), [(3.4e38, np.float32), (-3.4e38, np.float32), (1.7e308, np.float64)]
)
def test_a_row_is_finite_in_what_comes_out_or_is_told(fitted, method, value, dtype):
    X = with_value(value, dtype)
    said = f"column 2 has {value:.6g}. If that marks a missing value, impute it; otherwise"
    found = told(getattr(fitted, method), X)
    if isinstance(found, str):
        assert said in found
    else:
        assert np.isfinite(found).all()
        assert method in ("transform", "reconstruct") or dtype == np.float32


@pytest.mark.parametrize("n_rows", [1, 60, 5000])
def test_the_value_is_told_with_the_name_of_its_column(n_rows):
    X = np.resize(ROWS, (n_rows, 4))
    X[-1, 2] = 1e200
    model = Autoencoder(2, **SMALL).fit(pd.DataFrame(ROWS, columns=list("abcd")))
    frame = pd.DataFrame(X, columns=list("abcd"))
    for method in ("score_samples", "score") if n_rows > 1 else ("score_samples",):
        with pytest.raises(ValueError, match=r"column 'c' has 1e\+200") as caught:
            getattr(model, method)(frame)
        assert type(caught.value) is ValueError


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_codes_of_a_wider_type_are_finite_and_those_too_large_are_told(dtype):
    rows = 10 * ROWS.astype(np.float32)  # so that codes grow into rows
    model = Autoencoder(2, **{**SMALL, "hidden_layer_sizes": ()}).fit(rows)
    assert np.isfinite(model.transform(with_value(3e38))).all()
    large = np.full((5, 2), np.finfo(dtype).max)
    with pytest.raises(ValueError, match=r"X must hold codes small enough.*component 0 is"):
        model.inverse_transform(large)


def test_streams_and_other_estimators_tell_it_too():
    odd = with_value(3.4e38, np.float32)
    rows = 0.01 * ROWS.astype(np.float32)
    variational = VariationalAutoencoder(2, max_iter=1, hidden_layer_sizes=(), random_state=0)
    variational.fit(rows)
    shape = {"image_shape": (2, 2), "hidden_layer_sizes": (2,)}
    images = ConvolutionalAutoencoder(2, max_iter=1, random_state=0, **shape)
    images.fit(rows)
    plain = Autoencoder(2, **{**SMALL, "hidden_layer_sizes": ()}).fit(rows)
    for call in (
        lambda: plain.transform(streams.from_batches([rows, odd])),
        lambda: variational.transform(odd),
        lambda: variational.transform(odd, sample=True),
        lambda: variational.score_samples(odd),
        lambda: images.transform(odd),
        lambda: images.transform(with_value(1e200)),
    ):
        with pytest.raises(ValueError, match=r"column 2 has (3\.4e\+38|1e\+200)"):
            call()


@pytest.mark.parametrize("scaling", ["global", "standard", "robust", "minmax"])
def test_rows_that_overflow_when_they_are_scaled_are_not_trained_on(scaling):
    X = np.full(ROWS.shape, -3e38, np.float32)
    X[::20] *= -1
    with pytest.raises(ValueError, match=r"fit into float32 after scaling.*-3e\+38 to 3e\+38"):
        Autoencoder(2, **SMALL, scaling=scaling).fit(X)
    model = Autoencoder(2, **SMALL, scaling=scaling).fit(X.astype(np.float64))
    assert np.isfinite(model.transform(X.astype(np.float64))).all()


@pytest.mark.parametrize(
    ("value", "dtype"), [(1e200, np.float64), (3.4e38, np.float32), (-1.7e308, np.float64)]
)
def test_later_rows_that_overflow_when_they_are_scaled_are_not_trained_on(value, dtype):
    model = Autoencoder(2, **SMALL, warm_start=True).partial_fit((0.01 * ROWS).astype(dtype))
    before = model.transform(ROWS)
    for method in ("partial_fit", "fit"):
        with pytest.raises(ValueError, match=r"fit into float32 after scaling\. Column 2"):
            getattr(model, method)(with_value(value, dtype))
    np.testing.assert_array_equal(model.transform(ROWS), before)


@pytest.mark.parametrize("X", [1e200 * ROWS, with_value(1e200), with_value(np.finfo(float).max)])
def test_an_embedding_says_that_squares_overflow(X):
    with pytest.raises(ValueError, match=r"squares are finite.* column \d has "):
        ParametricTSNE(perplexity=5, max_iter=1).fit(X)


def test_an_embedding_says_that_squares_vanish():
    with pytest.raises(ValueError, match="squares are not all 0"):
        ParametricTSNE(perplexity=5, max_iter=1).fit(1e-200 * ROWS)
