"""Random frames through whole estimators: types come back, and no cell that is there changes."""

import pickle
import warnings

import narwhals.stable.v2 as nw
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from tables import columns_as_lists, frames, names_of, types_of

from tfae import Autoencoder, AutoencoderImputer

pytestmark = [pytest.mark.usefixtures("in_executor"), pytest.mark.filterwarnings("ignore")]
TINY = {"hidden_layer_sizes": (4,), "max_iter": 1, "random_state": 0}
SETTINGS = {"deadline": None, "suppress_health_check": list(HealthCheck)}


def fitted(model, frame):
    """Fit a model; give the frame up if nothing can be learned from it."""
    try:
        return model.fit(frame)
    except ValueError as error:
        assume("must have a column that can be learned from" not in str(error))
        raise


def assert_filled(frame, filled, learned):
    """Only missing cells changed, and of columns that are learned from none is left."""
    assert type(filled) is type(frame)
    assert names_of(filled) == names_of(frame)
    assert types_of(filled) == types_of(frame)
    before, after = columns_as_lists(frame), columns_as_lists(filled)
    for name, values in before.items():
        for value, found in zip(values, after[name], strict=True):
            assert found == value or value is None
            assert found is not None or name not in learned


def assert_serves(frame):
    model = fitted(Autoencoder(1, batch_size=64, **TINY), frame)
    codes = model.transform(frame)
    assert codes.shape == (frame.shape[0], 1)
    assert np.isfinite(codes).all()
    if not hasattr(model, "dropped_columns_"):
        return  # a frame of numbers is an array with names
    learned = [name for name in names_of(frame) if name not in model.dropped_columns_]
    back = model.reconstruct(frame)
    assert types_of(back) == types_of(frame)
    assert names_of(back) == names_of(frame)
    assert np.isfinite(model.score_samples(frame)).all()
    assert model.score(frame) <= 1
    assert_filled(frame, model.impute(frame), learned)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.transform(frame), codes)
    imputer = fitted(AutoencoderImputer(**TINY), frame)
    filled = imputer.transform(frame)
    assert_filled(frame, filled, learned)
    again = nw.from_native(pickle.loads(pickle.dumps(imputer)).transform(frame))
    assert columns_as_lists(again.to_native()) == columns_as_lists(filled)


@pytest.mark.sample(1)
@pytest.mark.parametrize("n_columns", [1, 5, 14])
def test_frames_of_three_widths(n_columns):
    @settings(max_examples=2, derandomize=True, **SETTINGS)
    @given(frames(n_columns))
    def serve(frame):
        assert_serves(frame)

    serve()


@pytest.mark.slow
@settings(max_examples=200, **SETTINGS)
@given(frames((1, 60), n_rows=(20, 150)))
def test_two_hundred_frames(frame):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert_serves(frame)
