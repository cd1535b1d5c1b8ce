"""The estimator as its users meet it: results against oracles, inputs of every kind, errors."""

import copy
import pickle
import random
import subprocess
import sys
import warnings

import keras
import numpy as np
import pandas as pd
import polars
import pytest
import tensorflow as tf
from examples import small
from scipy import sparse
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tfae import Autoencoder

pytestmark = pytest.mark.usefixtures("in_executor")


@pytest.fixture(scope="module")
def fitted(digits):
    return small(max_iter=30, batch_size=64).fit(digits)


# ---- results -----------------------------------------------------------------------------------


def test_a_linear_autoencoder_reaches_the_error_of_pca(digits):
    pca = PCA(8).fit(digits)
    best = np.square(digits - pca.inverse_transform(pca.transform(digits))).mean()
    model = Autoencoder(
        8,
        hidden_layer_sizes=(),
        linear_path=False,
        learning_rate_init=keras.optimizers.schedules.CosineDecay(0.01, 150 * 29),
        max_iter=150,
        batch_size=64,
        tol=0,
        random_state=0,
    ).fit(digits)
    error = -model.score_samples(digits).mean()
    assert best * (1 - 1e-5) <= error <= 1.01 * best
    assert model.score(digits) == pytest.approx(pca.explained_variance_ratio_.sum(), abs=0.005)


@pytest.mark.slow
def test_a_deep_autoencoder_beats_pca_on_rows_it_has_not_seen(digits):
    train, test = digits[:1300], digits[1300:]
    model = Autoencoder(8, max_iter=60, batch_size=64, random_state=0).fit(train)
    pca = PCA(8).fit(train)
    theirs = r2_score(
        test, pca.inverse_transform(pca.transform(test)), multioutput="variance_weighted"
    )
    assert model.score(test) > theirs + 0.05


def test_score_is_r2_and_score_samples_the_negative_error(fitted, digits):
    X, rebuilt = digits.astype(float), fitted.reconstruct(digits).astype(float)
    score = fitted.score(digits)
    assert isinstance(score, float)
    # r2_score leaves out what goes wrong in constant columns; see that nothing does.
    rebuilt_but_constant = np.where(X.std(axis=0) > 0, rebuilt, X)
    expected = r2_score(X, rebuilt_but_constant, multioutput="variance_weighted")
    assert score == pytest.approx(expected, abs=1e-3)
    assert score == pytest.approx(1 - np.square(X - rebuilt).mean() / X.var(axis=0).mean())
    scores = fitted.score_samples(digits)
    assert scores.dtype == np.float64
    np.testing.assert_allclose(scores, -np.square(X - rebuilt).mean(axis=1), rtol=1e-5)


def test_score_of_constant_data():
    X = np.full((5, 3), 2.0)
    model = small().fit(X)
    assert model.score(X) == 1.0


def test_reconstruct_is_inverse_transform_of_transform(fitted, digits):
    np.testing.assert_array_equal(
        fitted.reconstruct(digits), fitted.inverse_transform(fitted.transform(digits))
    )


def test_results_do_not_depend_on_the_units(digits):
    one = small(max_iter=10).fit(digits)
    other = small(max_iter=10).fit(digits * 1024)  # a power of two: the same bits after scaling
    np.testing.assert_array_equal(one.transform(digits), other.transform(digits * 1024))
    assert other.loss_curve_[-1] == pytest.approx(one.loss_curve_[-1] * 1024**2)


def test_layer_sizes(digits):
    model = small(hidden_layer_sizes=(20, 10), n_components=4).fit(digits)
    assert [w.shape for w in model.encoder_weights_[::2]] == [(64, 20), (20, 10), (10, 4)]
    assert [w.shape for w in model.decoder_weights_[::2]] == [(4, 10), (10, 20), (20, 64)]
    model = small(hidden_layer_sizes=7, decoder_layer_sizes=[], n_components=4).fit(digits)
    assert [w.shape for w in model.encoder_weights_[::2]] == [(64, 7), (7, 4)]
    assert [w.shape for w in model.decoder_weights_[::2]] == [(4, 64)]
    assert Autoencoder(hidden_layer_sizes=(), max_iter=1).fit(digits[:, :9]).n_components_ == 5
    assert Autoencoder(hidden_layer_sizes=(), max_iter=1).fit(np.eye(100)).n_components_ == 32


@pytest.mark.parametrize("loss", ["mae", "huber", "mse"])
def test_every_loss_learns(digits, loss):
    model = small(max_iter=30, batch_size=64, loss=loss).fit(digits)
    assert model.score(digits) > 0.3
    assert model.loss_curve_[-1] < 0.8 * model.loss_curve_[0]


def test_each_loss_is_reported_in_its_own_units(digits):
    model = small(max_iter=30, batch_size=64, loss="mae").fit(digits)
    error = np.abs(digits - model.reconstruct(digits)).mean()
    assert model.loss_curve_[-1] == pytest.approx(error, rel=0.05)


def test_a_callable_loss(digits):
    def fourth_power(target, output):
        return (target - output) ** 4

    model = small(max_iter=30, batch_size=64, loss=fourth_power).fit(digits)
    scaled = (digits - model.reconstruct(digits)) / model.scale_
    assert model.loss_curve_[-1] == pytest.approx((scaled**4).mean(), rel=0.2)


def test_binary_crossentropy(digits):
    X = digits / 16
    model = small(max_iter=60, batch_size=64, loss="binary_crossentropy").fit(X)
    rebuilt = model.reconstruct(X)
    assert rebuilt.min() >= 0
    assert rebuilt.max() <= 1
    expected = -np.mean(X * np.log(rebuilt) + (1 - X) * np.log1p(-rebuilt))
    assert model.loss_curve_[-1] == pytest.approx(expected, rel=0.03)
    assert model.score(X) > 0.2
    raw = small(max_iter=2, loss="binary_crossentropy", scaling="minmax").fit(digits)
    assert raw.reconstruct(digits).max() > 1  # back in the units given


# ---- the same bits -----------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_bits(digits):
    one, other = (small(max_iter=8, early_stopping=True).fit(digits) for _ in range(2))
    assert one.history_["loss"] == other.history_["loss"]
    for mine, theirs in zip(one.encoder_weights_, other.encoder_weights_, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    different = small(max_iter=8, random_state=1).fit(digits)
    assert different.history_["loss"][0] != one.history_["loss"][0]


def test_nothing_of_the_process_is_changed(digits, monkeypatch):
    import os

    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        tf.random.set_seed(5)
        expected = float(tf.random.uniform(()))
        tf.random.set_seed(5)
        np_state = np.random.get_state()[1].copy()  # noqa: NPY002
        py_state, environment = random.getstate(), dict(os.environ)
        model = small().fit(digits)
        assert model.encoder_weights_[0].dtype == np.float32
        model.transform(digits)
        model.to_keras()
        assert float(tf.random.uniform(())) == expected
        assert (np.random.get_state()[1] == np_state).all()  # noqa: NPY002
        assert random.getstate() == py_state
        assert dict(os.environ) == environment
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
        assert keras.config.floatx() == "float32"
    finally:
        keras.config.set_dtype_policy("float32")
    unaffected = small().fit(digits)
    np.testing.assert_array_equal(unaffected.transform(digits), model.transform(digits))


# ---- inputs ------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_of_floats_is_kept(digits, dtype):
    X = digits.astype(dtype)
    model = small().fit(X)
    codes = model.transform(X)
    assert (
        codes.dtype == model.inverse_transform(codes).dtype == model.reconstruct(X).dtype == dtype
    )
    assert model.encoder_weights_[0].dtype == dtype


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, bool, np.float16])
def test_other_numbers_give_what_their_floats_give(digits, dtype):
    X = (digits > 8).astype(dtype)
    expected = small().fit(X.astype(float)).transform(X.astype(float))
    codes = small().fit(X).transform(X)
    assert codes.dtype == np.float64
    np.testing.assert_array_equal(codes, expected)


def test_rows_in_float64_do_not_depend_on_their_company(fitted, digits):
    X = digits.astype(float)
    np.testing.assert_allclose(fitted.transform(X)[7], fitted.transform(X[7:8])[0], atol=1e-12)


@pytest.mark.parametrize("make", [sparse.csr_array, sparse.csr_matrix, sparse.coo_matrix])
def test_sparse_rows_give_what_dense_ones_give(digits, make):
    dense = small(early_stopping=True).fit(digits)
    model = small(early_stopping=True).fit(make(digits))
    np.testing.assert_allclose(model.transform(make(digits)), dense.transform(digits), atol=1e-4)
    assert model.score(make(digits)) == pytest.approx(dense.score(digits), abs=1e-5)


def test_memory_mapped_rows(digits, tmp_path):
    path = tmp_path / "rows.npy"
    np.save(path, digits)
    mapped = np.load(path, mmap_mode="r")
    expected = small().fit(digits).transform(digits)
    np.testing.assert_array_equal(small().fit(mapped).transform(mapped), expected)


def test_frames_keep_their_names(digits):
    columns = [f"pixel {i}" for i in range(64)]
    frame = pd.DataFrame(digits, columns=columns, index=np.arange(len(digits)) * 2)
    model = small().fit(frame)
    assert list(model.feature_names_in_) == columns
    names = [f"autoencoder{i}" for i in range(3)]
    assert list(model.get_feature_names_out()) == names
    codes = clone(model).set_output(transform="pandas").fit_transform(frame)
    assert list(codes.columns) == names
    assert codes.index.equals(frame.index)
    np.testing.assert_array_equal(codes.to_numpy(), model.transform(frame))
    other = polars.DataFrame({name: digits[:, i] for i, name in enumerate(columns)})
    np.testing.assert_array_equal(model.transform(other), codes.to_numpy())


def test_an_array_is_warned_of_where_a_frame_was_fitted(digits):
    frame = pd.DataFrame(digits[:100]).rename(columns=str)
    model = Autoencoder(2, max_iter=1).fit(frame)
    with pytest.warns(UserWarning, match="valid feature names"):
        from_array = model.transform(frame.to_numpy())
    np.testing.assert_array_equal(from_array, model.transform(frame))


@pytest.mark.sample(4)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, ">f8", np.int64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_plain_arrays_give_what_lists_of_rows_give(digits, dtype, order):
    rows = digits[:50]
    model = Autoencoder(2, max_iter=1, random_state=0).fit(digits[:100].astype(np.float64))
    given = rows.astype(dtype, order=order)
    np.testing.assert_allclose(
        model.transform(given), model.transform(rows.tolist()), rtol=1e-5, atol=1e-5
    )


def test_a_batch_larger_than_the_data_works(digits):
    model = small(batch_size=1000, max_iter=50, learning_rate_init=0.01).fit(digits[:20])
    assert model.score(digits[:20]) > 0.3


def test_in_a_pipeline_and_a_grid_search(digits):
    pipeline = make_pipeline(StandardScaler(), small(max_iter=10, batch_size=64))
    search = GridSearchCV(pipeline, {"autoencoder__n_components": [1, 8]}, cv=2).fit(digits)
    assert search.best_params_ == {"autoencoder__n_components": 8}


# ---- going on ----------------------------------------------------------------------------------


def test_partial_fit_twice_is_two_epochs_of_fit(digits):
    once = small(max_iter=2, shuffle=False).fit(digits)
    twice = small(max_iter=2, shuffle=False).partial_fit(digits).partial_fit(digits)
    assert twice.n_iter_ == 2
    for mine, theirs in zip(once.encoder_weights_, twice.encoder_weights_, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_partial_fit_learns_from_a_stream(digits):
    model = small(batch_size=64, learning_rate_init=0.003)
    for start in range(0, 20 * 1797, 300):
        model.partial_fit(digits[np.arange(start, start + 300) % 1797])
    assert model.score(digits) > 0.4
    model.partial_fit(digits[:1])  # one row is enough


def test_partial_fit_survives_pickling(digits):
    model = small().partial_fit(digits)
    again = pickle.loads(pickle.dumps(model))
    expected = model.partial_fit(digits).transform(digits)
    np.testing.assert_array_equal(again.partial_fit(digits).transform(digits), expected)


def test_partial_fit_refuses_early_stopping(digits):
    with pytest.raises(ValueError, match=r"early_stopping=False\. Got True"):
        small(early_stopping=True).partial_fit(digits)


def test_warm_start_goes_on(digits):
    model = small(warm_start=True, max_iter=5).fit(digits)
    first = model.loss_curve_[-1]
    model.fit(digits)
    assert model.n_iter_ == 10
    assert model.loss_curve_[-1] < first
    assert model.loss_curve_[5] < 1.1 * first
    with pytest.raises(ValueError, match="fit with warm_start=False"):
        model.set_params(hidden_layer_sizes=(5,)).fit(digits)
    assert model.n_iter_ == 10
    assert small(max_iter=5).fit(digits).fit(digits).n_iter_ == 5


def test_histories_of_different_trainings_have_all_epochs(digits):
    model = small(warm_start=True).fit(digits).set_params(early_stopping=True).fit(digits)
    model.set_params(early_stopping=False).fit(digits)
    assert [len(values) for values in model.history_.values()] == [9, 9, 9]
    np.testing.assert_array_equal(
        np.isnan(model.history_["val_loss"]), [True] * 3 + [False] * 3 + [True] * 3
    )


# ---- keeping -----------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
def test_an_estimator_can_be_copied_in_any_state(fitted, digits, protocol):
    for model in [small(), fitted]:
        for twin in [copy.deepcopy(model), pickle.loads(pickle.dumps(model, protocol))]:
            assert str(twin.get_params()) == str(model.get_params())
    twin = pickle.loads(pickle.dumps(fitted, protocol))
    np.testing.assert_array_equal(twin.transform(digits), fitted.transform(digits))
    with pytest.raises(NotFittedError):
        clone(fitted).transform(digits)


def test_a_configured_optimizer_survives_clone_and_pickle(digits):
    model = small(optimizer=keras.optimizers.RMSprop(0.002, momentum=0.5)).fit(digits)
    for twin in [clone(model), pickle.loads(pickle.dumps(model))]:
        twin.fit(digits)
        np.testing.assert_array_equal(twin.transform(digits), model.transform(digits))


def test_a_fresh_process_transforms_without_tensorflow(fitted, digits, tmp_path):
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(fitted))
    np.save(tmp_path / "X.npy", digits)
    code = (
        "import pickle, sys, numpy as np\n"
        "model = pickle.load(open('model.pkl', 'rb')); X = np.load('X.npy')\n"
        "np.save('codes.npy', model.transform(X)); model.reconstruct(X); model.score(X)\n"
        "assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    np.testing.assert_allclose(np.load(tmp_path / "codes.npy"), fitted.transform(digits), rtol=1e-5)


# ---- errors ------------------------------------------------------------------------------------

GOOD = np.random.default_rng(0).normal(size=(30, 4))


def with_value(value, row=3, column=2):
    X = GOOD.copy()
    X[row, column] = value
    return X


def as_frame(X):
    return pd.DataFrame(X, columns=list("abcd"))


FRAME = as_frame(GOOD)
BAD_DATA = {
    "infinity": (with_value(-np.inf), r"contains infinity.*column 2, row 3; 1 values"),
    "infinity in a frame": (
        FRAME.assign(c=with_value(np.inf)[:, 2]),
        r"contains infinity.*column 'c', row 3",
    ),
    "infinity in a sparse matrix": (
        sparse.csr_array(with_value(np.inf)),
        r"infinity.*column 2, row 3",
    ),
    "lists in a frame": (FRAME.assign(b=[[1.0]] * 30), r"numbers only. Column 'b' has dtype"),
    "an array of strings": (np.array([["a", "b"], ["c", "d"]]), r"only. Row 0 has 'a' in column 0"),
    "no rows": (GOOD[:0], r"0 sample"),
    "no columns": (GOOD[:, :0], r"0 feature"),
    "one row": (GOOD[:1], r"1 sample.*minimum of 2"),
    "one dimension": (GOOD[0], r"Expected 2D array"),
    "three dimensions": (GOOD[None], r"2 dimensions. Got the shape \(1, "),
    "complex": (GOOD * 1j, r"Complex data not supported"),
}


@pytest.mark.parametrize("case", BAD_DATA)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_bad_data_is_one_clear_error_and_changes_nothing(case, early_stopping):
    X, message = BAD_DATA[case]
    model = small(early_stopping=early_stopping).fit(FRAME)
    before = pickle.dumps(model)
    with pytest.raises(ValueError, match=message):
        model.fit(X)
    assert pickle.dumps(model) == before
    unfitted = small(early_stopping=early_stopping)
    with pytest.raises(ValueError, match=message):
        unfitted.fit(X)
    assert vars(unfitted) == vars(small(early_stopping=early_stopping))


BAD_PARAMS = [
    ({"n_components": 0}, r"'n_components'.*Got 0"),
    ({"n_components": 2.5}, r"'n_components'.*Got 2.5"),
    ({"loss": "msee"}, r"'loss'.*Got 'msee'. Did you mean 'mse'\?"),
    ({"optimizer": "adma"}, r"'optimizer'.*Got 'adma'. Did you mean 'ada\w+'\?"),
    ({"architecture": "dens"}, r"'architecture'.*Got 'dens'. Did you mean 'dense'\?"),
    ({"activation": "reluu"}, r"'activation'.*Got 'reluu'. Did you mean 'relu'\?"),
    ({"output_activation": "sigmoyd"}, r"'output_activation'.*Did you mean 'sigmoid'\?"),
    ({"scaling": "globall"}, r"'scaling'.*Did you mean 'global'\?"),
    ({"kernel_initializer": "he_norml"}, r"'kernel_initializer'.*Did you mean 'he_normal'\?"),
    ({"hidden_layer_sizes": (8, 0)}, r"'hidden_layer_sizes' must be integers.*Got 0"),
    ({"hidden_layer_sizes": (8, 2.5)}, r"'hidden_layer_sizes' must be integers.*Got 2.5"),
    ({"decoder_layer_sizes": -1}, r"'decoder_layer_sizes'.*Got -1"),
    ({"batch_size": 0}, r"'batch_size'.*Got 0"),
    ({"precision": "float16"}, r"'precision'.*Got 'float16'"),
    ({"validation_fraction": 1.0}, r"'validation_fraction'.*Got 1.0"),
    ({"architecture_params": {"widht": 3}}, r"widht"),
    ({"loss": "binary_crossentropy"}, r"must lie in \[0, 1\]. Got values from -"),
    (
        {"loss": "binary_crossentropy", "output_activation": "relu"},
        r"'output_activation' must be 'auto' or 'sigmoid'. Got 'relu'",
    ),
]


@pytest.mark.parametrize(("params", "message"), BAD_PARAMS, ids=lambda p: str(p)[:40])
def test_a_bad_parameter_is_one_clear_error_and_changes_nothing(params, message):
    model = small().fit(GOOD)
    model.set_params(**params)
    before = pickle.dumps(model)
    with pytest.raises((ValueError, TypeError), match=message):
        model.fit(GOOD)
    assert pickle.dumps(model) == before


def test_transform_checks_its_columns(digits):
    model = small().fit(FRAME)
    with pytest.raises(ValueError, match="X has 3 features, but Autoencoder is expecting 4"):
        small().fit(GOOD).transform(GOOD[:, :3])
    with pytest.raises(ValueError, match="must be in the same order"):
        model.transform(FRAME[["b", "a", "c", "d"]])
    with pytest.raises(ValueError, match=r"contains infinity.*column 'c', row 3"):
        model.transform(FRAME.assign(c=with_value(np.inf)[:, 2]))
    with pytest.raises(ValueError, match=r"X must have 3 columns.*Got 5"):
        model.inverse_transform(np.zeros((2, 5)))
    with pytest.raises(ValueError, match="NaN"):
        model.inverse_transform(np.full((2, 3), np.nan))
    with pytest.raises(ValueError, match="is expecting 4"):
        small().partial_fit(GOOD).partial_fit(GOOD[:, :3])


@pytest.mark.parametrize("kind", [np.asarray, as_frame, sparse.csr_array])
def test_values_of_many_rows_are_checked_to_the_last(kind):
    X = np.tile(GOOD, (10_000 // len(GOOD) + 1, 1))[:10_000]
    model = small(max_iter=1).fit(kind(X))
    X[9_999, 2] = np.inf
    place = rf"column {'.c.' if kind is as_frame else 2}, row 9999; 1 values in all"
    for method in ("transform", "reconstruct", "score_samples", "score"):
        with warnings.catch_warnings(action="error"), pytest.raises(ValueError, match=place):
            getattr(model, method)(kind(X))


@pytest.mark.parametrize(
    "method",
    ["transform", "inverse_transform", "reconstruct", "score", "score_samples", "to_keras"],
)
def test_an_unfitted_estimator_says_so(method):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        getattr(small(), method)(*([] if method == "to_keras" else [GOOD]))
    assert not hasattr(small(), "loss_curve_")
    assert not hasattr(small(), "n_iter_")


def test_an_output_that_cannot_reach_the_data_warns_where_fit_was_called():
    with pytest.warns(UserWarning, match=r"'relu' gives values in \[0, inf\].*from -") as caught:
        small(output_activation="relu").fit(GOOD)
    assert caught[0].filename == __file__
    # Data that can be reached are no reason to warn; warnings are errors here.
    small(output_activation="relu", scaling=None).fit(np.abs(GOOD))
    small(output_activation="sigmoid", scaling="minmax").fit(GOOD)
