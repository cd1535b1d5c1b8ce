"""Fits that end at any time and are called again, in every phase; those that cannot are refused."""

import contextlib
import json
import os

import keras
import numpy as np
import pytest
from damage import damaged, put_together, taken_apart
from examples import TABLE
from killed_fits import bits

import tfae
from tfae import (
    Autoencoder,
    AutoencoderImputer,
    DenoisingAutoencoder,
    ParametricTSNE,
    StackedAutoencoder,
    streams,
)
from tfae._fitting import checkpoint_files
from tfae._saving import native
from tfae._training import checkpoints

pytestmark = [
    pytest.mark.usefixtures("in_executor"),
    # The networks are tiny, and trained for some epochs only.
    pytest.mark.filterwarnings("ignore:Training stopped"),
]
X = TABLE[:150]
HOLED = np.where(np.random.default_rng(0).random(X.shape) < 0.1, np.nan, X)
SMALL = {"hidden_layer_sizes": (8,), "max_iter": 6, "batch_size": 64, "random_state": 0}


class Killed(BaseException):
    """The end of a process, as far as a fit can see it."""


@pytest.fixture
def killing(monkeypatch):
    """After every call of the program a checkpoint is written; a fit dies after so many of them."""
    monkeypatch.setattr(checkpoints, "SECONDS", 0.0)
    monkeypatch.setattr(checkpoints, "_MOST_OF_TIME", 1e9)
    write, lives = native.write, []

    def writing(path, values):
        write(path, values)
        if lives:
            lives[0] -= 1
            if lives[0] == 0:
                del lives[0]
                raise Killed

    monkeypatch.setattr(checkpoint_files.native, "write", writing)
    return lives


def again(fit, lives, killing):
    """Call a fit until it has ended; it lives for some numbers of checkpoints."""
    killing.extend(lives)
    n_killed = 0
    while True:
        try:
            model = fit()
        except Killed:
            n_killed += 1
        else:
            killing.clear()
            return model, n_killed


def stream():
    return streams.from_batches([HOLED[:50], HOLED[50:100], HOLED[100:]], window=20)


FITS = {
    "one training": lambda **c: Autoencoder(3, **SMALL, **c).fit(X),
    "the length, and a second training": lambda **c: Autoencoder(
        0.9, early_stopping=True, refit=True, dropout=0.2, **SMALL, **c
    ).fit(X),
    "stages": lambda **c: StackedAutoencoder(
        3, pretrain_max_iter=3, early_stopping=True, refit=True, **SMALL, **c
    ).fit(X),
    "noise, holes and no shuffling": lambda **c: DenoisingAutoencoder(
        3, shuffle=False, **SMALL, **c
    ).fit(HOLED),
    "pairs": lambda **c: DenoisingAutoencoder(3, **SMALL, **c).fit(X + 1, X_clean=X),
    "an imputer": lambda **c: AutoencoderImputer(
        **{**SMALL, "batch_size": 1, "max_iter": 12}, **c
    ).fit(HOLED[:90]),
    "an embedding": lambda **c: ParametricTSNE(
        perplexity=5, pretraining="autoencoder", pretrain_max_iter=2, **SMALL, **c
    ).fit(X),
    "holes in a stream": lambda **c: Autoencoder(3, **SMALL, **c).fit(stream()),
    "weights, and averages of weights": lambda **c: Autoencoder(
        3,
        optimizer=keras.optimizers.Adam(0.01, use_ema=True),
        early_stopping=True,
        linear_path=False,
        **SMALL,
        **c,
    ).fit(X, sample_weight=np.arange(150)),
    "random layers": lambda **c: Autoencoder(
        3,
        architecture=noisy,
        linear_path=False,
        alpha=0.1,
        optimizer="sgd",
        early_stopping=True,
        **SMALL,
        **c,
    ).fit(X),
}


def noisy(spec):
    """A network whose layers draw random numbers."""
    layers = keras.layers
    return (
        keras.Sequential(
            [keras.Input((spec.n_inputs,)), layers.GaussianNoise(0.1), layers.Dense(3)]
        ),
        keras.Sequential([keras.Input((3,)), layers.Dense(spec.n_outputs)]),
    )


@pytest.mark.sample(4)
@pytest.mark.parametrize("name", FITS)
def test_a_fit_that_is_called_again_ends_with_the_same_bits(name, killing, tmp_path):
    fit = FITS[name]
    wanted = bits(fit())
    model, n_killed = again(
        lambda: fit(checkpoint=tmp_path / "new" / "folder"), [1, 1, 2, 1, 1, 1, 1, 1], killing
    )
    assert n_killed >= 2
    found = bits(model)
    assert set(found) == set(wanted)
    for part, values in wanted.items():
        np.testing.assert_array_equal(found[part], values, err_msg=part)
    assert os.listdir(tmp_path / "new" / "folder") == []


def test_a_warm_start_continues_from_its_own_start_only(killing, tmp_path):
    def fit(seed):
        start = Autoencoder(3, linear_path=False, **{**SMALL, "random_state": seed}).fit(X)
        return start.set_params(
            warm_start=True, random_state=0, checkpoint=os.fspath(tmp_path)
        ).fit(X)

    wanted = bits(fit(1))
    killing.append(1)
    with pytest.raises(Killed):
        fit(2)
    model, _ = again(lambda: fit(1), [1], killing)
    for part, values in bits(model).items():
        np.testing.assert_array_equal(values, wanted[part], err_msg=part)
    assert len(os.listdir(tmp_path)) == 1  # that of the other start


def killed_at(folder, killing, data=X, **params):
    """Leave the checkpoint of a fit that was killed; return the fits' names so far."""
    killing.append(2)
    with pytest.raises(Killed):
        Autoencoder(3, **{**SMALL, "checkpoint": folder, **params}).fit(data)
    return sorted(os.listdir(folder))


def test_other_parameters_and_other_data_have_other_files(killing, tmp_path):
    names = killed_at(tmp_path, killing)
    changed = X.copy()
    changed[70, 5] += 1e-9
    for others in (
        {"alpha": 1e-3},
        {"random_state": 1},
        {"learning_rate_init": lambda step: 0.01},
        {"learning_rate_init": lambda step: 0.02},
        {"data": changed},
        {"data": X[::-1]},
        {"data": X.astype(np.float32)},
    ):
        names = killed_at(tmp_path, killing, **others)
    assert len(names) == 8
    assert killed_at(tmp_path, killing, verbose=1, data=X.copy()) == names
    assert all(name.startswith("Autoencoder-") for name in names)


def test_a_file_that_cannot_be_used_is_told_of_and_replaced(killing, tmp_path):
    (name,) = killed_at(tmp_path, killing)
    path, wanted = tmp_path / name, bits(Autoencoder(3, **SMALL).fit(X))
    data = path.read_bytes()
    header, text, arrays = taken_apart(data)
    newer = {"format_version": native.FORMAT_VERSION + 1, "sha256": "0" * 64, "else": text}
    for wrong, said in (
        (damaged(data, np.random.default_rng(0)), "damaged"),
        (put_together(header, newer, arrays), "update tfae"),
        (b"", "not a file"),
    ):
        path.write_bytes(wrong)
        with pytest.warns(UserWarning, match=f"the fit begins anew: .*{said}"):
            model = Autoencoder(3, checkpoint=tmp_path, **SMALL).fit(X)
        for part, values in bits(model).items():
            np.testing.assert_array_equal(values, wanted[part], err_msg=part)
    assert os.listdir(tmp_path) == []


def test_no_file_of_a_model_is_a_checkpoint_nor_the_other_way_round(killing, tmp_path):
    (name,) = killed_at(tmp_path, killing)
    with pytest.raises(ValueError, match="cannot be loaded"):
        tfae.load(tmp_path / name)
    Autoencoder(3, **SMALL).fit(X).save(tmp_path / name)
    with pytest.warns(UserWarning, match="the fit begins anew"):
        Autoencoder(3, checkpoint=tmp_path, **SMALL).fit(X)


def test_a_full_disk_does_not_end_a_fit(killing, monkeypatch, tmp_path):
    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(checkpoint_files.native, "write", full)
    with pytest.warns(UserWarning, match="No checkpoint could be written.*No space left"):
        Autoencoder(3, checkpoint=tmp_path, **SMALL).fit(X)


def test_ctrl_c_keeps_the_checkpoint(killing, tmp_path, monkeypatch):
    wanted, write, n_written = bits(Autoencoder(3, **SMALL).fit(X)), native.write, []

    def interrupting(path, values):
        write(path, values)
        n_written.append(path)
        if len(n_written) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint_files.native, "write", interrupting)
    model = Autoencoder(3, checkpoint=tmp_path, **SMALL)
    with pytest.warns(UserWarning, match="Training was interrupted after 3 epochs"):
        model.fit(X)
    assert len(os.listdir(tmp_path)) == 1
    for part, values in bits(model.fit(X)).items():
        np.testing.assert_array_equal(values, wanted[part], err_msg=part)
    assert os.listdir(tmp_path) == []


def test_nothing_is_written_without_the_parameter_or_by_partial_fit(killing, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Autoencoder(3, **SMALL).fit(X)
    Autoencoder(3, checkpoint=tmp_path, linear_path=False, **SMALL).partial_fit(X)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("kind", [Autoencoder, ParametricTSNE, AutoencoderImputer])
def test_what_cannot_be_repeated_is_refused(kind, tmp_path):
    given = {"checkpoint": tmp_path, "max_iter": 1}
    with pytest.raises(ValueError, match="'random_state' must be an integer or a RandomState"):
        kind(**given).fit(X)
    if kind is AutoencoderImputer:
        return
    callbacks = [keras.callbacks.TerminateOnNaN()]
    with pytest.raises(ValueError, match="With 'checkpoint' 'callbacks' must be None"):
        kind(random_state=0, callbacks=callbacks, **given).fit(X)


def test_streams_that_cannot_be_repeated_are_refused(tmp_path):
    model, rng = Autoencoder(3, checkpoint=tmp_path, **SMALL), np.random.default_rng(0)
    with pytest.raises(ValueError, match="fit can read more than once"):
        model.fit(iter([X]))
    shuffled = streams.from_batches(lambda: iter(np.split(rng.permutation(X), 3)), window=20)
    with pytest.raises(ValueError, match="the same rows in the same order in every pass"):
        model.fit(shuffled)


def test_a_parameter_that_cannot_be_told_apart_is_named(tmp_path):
    class Schedule:
        __slots__ = ()

        def __call__(self, step):
            return 0.1

    model = Autoencoder(3, checkpoint=tmp_path, **SMALL, learning_rate_init=Schedule())
    with pytest.raises(ValueError, match="'learning_rate_init' must be a value, a function"):
        model.fit(X)


@pytest.mark.parametrize("below", [(), ("folder",)])
def test_a_file_in_the_place_of_the_folder_is_refused(below, tmp_path):
    (tmp_path / "file").write_text("mine")
    path = tmp_path.joinpath("file", *below)
    with pytest.raises(ValueError, match=r"'checkpoint' must be a folder.*Got a file"):
        Autoencoder(2, checkpoint=path, **SMALL).fit(X)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_saved_model_does_not_bring_its_folder_along(tmp_path):
    model = Autoencoder(3, checkpoint=tmp_path / "kept", **SMALL).fit(X)
    model.save(tmp_path / "model.tfae")
    assert tfae.load(tmp_path / "model.tfae").checkpoint is None
    header, text, arrays = taken_apart((tmp_path / "model.tfae").read_bytes())
    text["parameters"]["dict"]["checkpoint"] = "/etc"
    (tmp_path / "forged.tfae").write_bytes(put_together(header, text, arrays))
    with pytest.raises(ValueError, match="no parameter 'checkpoint'"):
        tfae.load(tmp_path / "forged.tfae")


def test_the_file_holds_no_pickle(killing, tmp_path):
    (name,) = killed_at(tmp_path, killing)
    _, text, _ = taken_apart((tmp_path / name).read_bytes())
    place = text["checkpoints"]["dict"]["place"]["dict"]
    assert place["program"]["dict"]["execution"]["dict"] == {"training": False, "testing": False}
    assert json.loads(json.dumps(place["epoch"])) >= 1
    with contextlib.suppress(KeyError):
        del text["checkpoints"]
    assert set(text) == {"format_version", "sha256"}
