"""Files of models: what they hold, and that they are there whole or not at all."""

import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest
import safetensors
from damage import put_together, taken_apart
from stored_files import FOLDER, outputs

import tfae
from tfae._saving import native
from tfae._support import whole_files

STORED = sorted(FOLDER.glob("*.tfae"))
DENSE = FOLDER / "1-denoising.tfae"


@pytest.fixture(scope="module")
def model():
    return tfae.load(DENSE)


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_stored_files_give_what_they_gave(path):
    """They were written by the first version that had the format, and never again."""
    wanted = np.load(path.with_suffix(".npz"))
    found = outputs(tfae.load(path), wanted["X"])
    assert set(found) == set(wanted) - {"X"}
    for name, values in found.items():
        np.testing.assert_allclose(values, wanted[name], rtol=1e-5, atol=1e-6, err_msg=name)


def test_files_of_all_versions_are_stored():
    versions = {int(path.name.partition("-")[0]) for path in STORED}
    assert versions == set(range(1, native.FORMAT_VERSION + 1))


def test_a_process_without_tensorflow_gives_the_same_bits(model, tmp_path):
    X = np.load(DENSE.with_suffix(".npz"))["X"]
    code = (
        "import sys, numpy as np, tfae\n"
        f"model, X = tfae.load({str(DENSE)!r}), np.load({str(DENSE.with_suffix('.npz'))!r})['X']\n"
        "codes = model.transform(X)\n"
        f"np.savez({str(tmp_path / 'out.npz')!r}, transform=codes, score=model.score_samples(X),\n"
        "         reconstruct=model.reconstruct(X), inverse=model.inverse_transform(codes))\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    out = np.load(tmp_path / "out.npz")
    codes = model.transform(X)
    np.testing.assert_array_equal(out["transform"], codes)
    np.testing.assert_array_equal(out["inverse"], model.inverse_transform(codes))
    np.testing.assert_array_equal(out["reconstruct"], model.reconstruct(X))
    np.testing.assert_array_equal(out["score"], model.score_samples(X))


def test_other_programs_can_read_it(model, tmp_path):
    model.save(tmp_path / "model.tfae")
    with safetensors.safe_open(tmp_path / "model.tfae", "np") as file:
        text = json.loads(file.metadata()["tfae"])
        kernel = file.get_tensor("fitted.encoder_weights.0")
    assert text["estimator"] == "DenoisingAutoencoder"
    np.testing.assert_array_equal(kernel, model.encoder_weights_[0])


def test_the_same_model_makes_the_same_file(model, tmp_path):
    for name in ("one", "two"):
        model.save(tmp_path / name)
    tfae.load(tmp_path / "one").save(os.fspath(tmp_path / "three"))
    one, *others = ((tmp_path / name).read_bytes() for name in ("one", "two", "three"))
    assert all(other == one for other in others)


def test_a_newer_format_says_so(tmp_path):
    header, text, arrays = taken_apart(DENSE.read_bytes())
    newer = {"format_version": native.FORMAT_VERSION + 1, "sha256": "0" * 64, "else": text}
    (tmp_path / "new.tfae").write_bytes(put_together(header, newer, arrays))
    with pytest.raises(ValueError, match=r"new\.tfae' cannot be loaded: it has the format.*update"):
        tfae.load(tmp_path / "new.tfae")


def test_other_files_are_no_models(tmp_path):
    for content in (b"", b"PK\3\4" + bytes(100), safetensors.numpy.save({"x": np.zeros(3)})):
        (tmp_path / "other").write_bytes(content)
        with pytest.raises(ValueError, match="not a file that the save of a tfae estimator wrote"):
            tfae.load(tmp_path / "other")
    with pytest.raises(FileNotFoundError):
        tfae.load(tmp_path / "none")


def test_a_file_with_more_values_than_it_may_have_is_not_written(model, tmp_path):
    long = model.__class__(hidden_layer_sizes=[1] * 300_000)
    vars(long).update({k: v for k, v in vars(model).items() if k in ("_fitted", "n_features_in_")})
    with pytest.raises(ValueError, match="too many values"):
        long.save(tmp_path / "long")
    assert os.listdir(tmp_path) == []


def test_a_write_that_fails_leaves_the_old_file(model, tmp_path, monkeypatch):
    path = tmp_path / "model"
    path.write_bytes(b"old")

    def fail(*_):
        raise OSError("no")

    for name in ("replace", "fsync"):
        with monkeypatch.context() as patch:
            patch.setattr(whole_files.os, name, fail)
            with pytest.raises(OSError, match="no"):
                model.save(path)
        assert path.read_bytes() == b"old"
        assert os.listdir(tmp_path) == ["model"]


def test_links_stay_links(model, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "model")
    model.save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    tfae.load(tmp_path / "model")


# Without the package, whose import takes seconds.
_WRITES_FOR_EVER = """
import itertools, runpy, sys
write_whole = runpy.run_path(sys.argv[1])["write_whole"]
contents = [open(path, "rb").read() for path in sys.argv[3:]]
print("ready", flush=True)
for content in itertools.cycle(contents):
    write_whole(sys.argv[2], [content[:1000], content[1000:]])
"""


def killed_while_writing(contents, folder, rng):
    """Return a file's content after a process that wrote them in turn was killed at some moment."""
    given = [folder / f"content-{i}" for i in range(len(contents))]
    for path, content in zip(given, contents, strict=True):
        path.write_bytes(content)
    target = folder / "target"
    target.write_bytes(contents[0])
    command = [sys.executable, "-c", _WRITES_FOR_EVER, whole_files.__file__, target, *given]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        time.sleep(rng.uniform(0, 0.05))
        process.kill()
    return target.read_bytes()


@pytest.mark.parametrize(
    "number", [*range(3), *(pytest.param(i, marks=pytest.mark.slow) for i in range(3, 50))]
)
def test_a_killed_process_leaves_a_whole_file(number, tmp_path):
    rng = np.random.default_rng(number)
    contents = [rng.bytes(1_000_000), rng.bytes(700_000)]
    assert killed_while_writing(contents, tmp_path, rng) in contents
