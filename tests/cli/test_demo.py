"""The demo from its command line: what it prints is true, and what it writes is whole."""

import errno
import os
import re
from itertools import pairwise
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.decomposition import PCA
from sklearn.metrics import r2_score
from sklearn.model_selection import LeaveOneOut, cross_val_score, train_test_split
from sklearn.neighbors import KNeighborsClassifier
from typer.testing import CliRunner

from tfae import __main__
from tfae._cli import demo, demo_data
from tfae._cli.demo_data import Dataset

pytestmark = pytest.mark.usefixtures("in_executor")

PICTURES = ["loss.png", "reconstructions.png", "tsne.png"]


@pytest.fixture
def small_digits(monkeypatch):
    """The demo's digits, cut to 150 rows."""
    whole = demo_data.digits()
    small = Dataset(whole.X[:150], whole.y[:150], whole.image_shape, whole.name)
    monkeypatch.setattr(demo_data, "digits", lambda: small)
    return small


@pytest.fixture
def small_mnist(monkeypatch):
    """Something like MNIST with 200 rows, dark but for one lit line in each image."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 10, 200)
    X = rng.uniform(0, 20, (200, 28, 28)).astype(np.float32)
    X[np.arange(200), 2 * y] = 255
    small = Dataset(X.reshape(200, 784), y, (28, 28), "mnist")
    monkeypatch.setattr(demo_data, "mnist", lambda: small)
    return small


def invoke(*arguments):
    return CliRunner().invoke(__main__.build_app(), [str(argument) for argument in arguments])


def assert_whole_pictures(folder):
    assert sorted(path.name for path in folder.iterdir()) == PICTURES
    for name in PICTURES:
        pixels = matplotlib.image.imread(folder / name)
        assert min(pixels.shape[:2]) > 200
        assert pixels.std() > 0.05


def printed_row(output, name):
    """Return the numbers in the line of a table that starts with `name`."""
    (line,) = re.findall(rf"^{re.escape(name)}  +(.*)$", output, re.M)
    return [float(number) for number in line.split()]


def test_demo_compares_with_pca_on_the_rows_held_out(small_digits, tmp_path):
    folder = tmp_path / "new" / "pictures"
    result = invoke("demo", "--epochs", 3, "--n-components", 5, "--output", folder)
    assert result.exit_code == 0, result.output
    assert_whole_pictures(folder)
    assert "digits: 105 rows to train on, 45 held out" in result.output
    train, test = train_test_split(small_digits.X, test_size=0.3, random_state=0)
    pca = PCA(5, random_state=0).fit(train)
    output = pca.inverse_transform(pca.transform(test))
    kept = r2_score(test, output, multioutput="variance_weighted")
    assert printed_row(result.output, "PCA") == pytest.approx(
        [np.mean((test - output) ** 2), kept], rel=1e-3
    )
    error, kept = printed_row(result.output, "Autoencoder")
    assert kept == pytest.approx(
        1 - error * test.size / ((test - test.mean(0)) ** 2).sum(), abs=1e-3
    )
    assert "Iter:" not in result.output


@pytest.mark.slow
def test_demo_is_the_same_twice_and_another_with_another_seed(small_digits, tmp_path):
    def errors(seed):
        options = demo.Options(epochs=60, n_components=3, seed=seed, output=tmp_path)
        return demo.run(options).errors

    assert errors(1) == errors(1)
    assert errors(1)["Autoencoder"] != errors(2)["Autoencoder"]


@pytest.mark.slow
def test_demo_beats_pca_on_digits_clearly(tmp_path):
    errors = demo.run(demo.Options(output=tmp_path)).errors
    assert errors["Autoencoder"] < 0.6 * errors["PCA"]


@pytest.mark.parametrize("label_column", ["kind", "none"])
@pytest.mark.slow
def test_demo_draws_a_table_of_any_width(tmp_path, label_column):
    X = np.random.default_rng(0).normal(size=(60, 5)).round(3)
    lines = [",".join(map(str, row)) + f",{'ab'[i % 2]}" for i, row in enumerate(X)]
    if label_column == "none":
        lines = [line.rpartition(",")[0] + ",1" for line in lines]
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["a,b,c,d,e,kind", *lines]))
    folder = tmp_path / "pictures"
    result = invoke(
        *("demo", "--csv", path, "--label-column", label_column, "--epochs", 2),
        *("--output", folder),
    )
    assert result.exit_code == 0, result.output
    assert_whole_pictures(folder)
    assert f"{6 if label_column == 'none' else 5} columns" in result.output


@pytest.mark.slow
def test_tutorial_prints_its_epochs_and_compares_with_plain_keras(small_mnist, tmp_path):
    result = invoke(
        *("demo", "--dataset", "mnist", "--recipe", "tutorial", "--compare-keras"),
        *("--epochs", 3, "--output", tmp_path),
    )
    assert result.exit_code == 0, result.output
    assert_whole_pictures(tmp_path)
    losses = re.findall(r"^Iter: (\d+), Loss: ([\d.]+)$", result.output, re.M)
    assert [epoch for epoch, _ in losses] == ["0", "1", "2"]
    ours, _ = printed_row(result.output, "tfae")
    theirs, _ = printed_row(result.output, "plain Keras")
    ratio, _ = printed_row(result.output, "tfae / Keras")
    assert ratio == pytest.approx(ours / theirs, abs=1e-3)
    # The same network on the same pixels in [0, 1]: the results are of one size.
    assert 0.5 < ratio < 2
    assert printed_row(result.output, "Autoencoder")[0] == ours < 0.25


def test_tutorial_is_the_network_and_the_split_of_the_tutorial(monkeypatch):
    monkeypatch.setattr(demo, "_TUTORIAL_ROWS", 100)
    X = np.arange(130 * 784, dtype=np.float32).reshape(130, 784)
    data = Dataset(X, np.arange(130), (28, 28), "images")
    options = demo.Options(recipe="tutorial", pixels="raw", epochs=1)
    split = demo.ordered_split(data, options)
    np.testing.assert_array_equal(split.train, X[:70])
    np.testing.assert_array_equal(split.test, X[70:100])
    np.testing.assert_array_equal(split.test_labels, np.arange(70, 100))
    unit = demo.ordered_split(data, demo.Options(recipe="tutorial"))
    np.testing.assert_array_equal(unit.test, X[70:100] / np.float32(255))
    whole = demo.ordered_split(Dataset(X[:60], None, (28, 28), "few"), options)
    assert (len(whole.train), len(whole.test), whole.test_labels) == (42, 18, None)

    estimator = demo.tutorial_estimator(options, unit).set_params(callbacks=None)
    estimator.fit(unit.train / X.max())
    shapes = [w.shape for w in estimator.encoder_weights_ + estimator.decoder_weights_]
    widths = [784, 392, 196, 98, 196, 392, 784]
    assert shapes[0::2] == list(pairwise(widths))
    assert (estimator.transform(unit.test) >= 0).all()
    assert (estimator.reconstruct(unit.test) >= 0).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--recipe", "tutorial"], "must have data of 784 columns, got digits with 64"),
        (["--compare-keras"], "--compare-keras must be used with --recipe tutorial"),
        (["--n-components", 65], "--n-components must be from 1 to 64 for these data, got 65"),
        (["--csv", "nowhere.csv"], "No such file or directory: nowhere.csv"),
        (["--csv", "few.csv"], "must have at least 10 rows, got 2"),
        (["--csv", "few.csv", "--label-column", "lable"], "Did you mean 'label'"),
        (["--output", "few.csv"], "File exists: few.csv"),
    ],
)
def test_mistakes_are_told_in_one_line(small_digits, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "few.csv").write_text("label,a\n1,2\n3,4\n")
    result = invoke("demo", *arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert re.fullmatch(r"error: .*\n", result.output)
    assert [path.name for path in tmp_path.iterdir()] == ["few.csv"]


def test_a_folder_that_cannot_be_written_to_is_found_before_training(
    small_digits, tmp_path, monkeypatch
):
    def refuse(dir):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(dir / "tmp1"))

    monkeypatch.setattr(demo.tempfile, "TemporaryFile", refuse)  # permissions do not stop root
    result = invoke("demo", "--output", tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"error: --output must be a folder that can be written to, got {tmp_path}: "
        "Permission denied.\n"
    )


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder that takes no files")
def test_a_folder_that_takes_no_files_is_found_before_training(small_digits):
    result = invoke("demo", "--output", "/proc")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--output must be a folder that can be written to, got /proc" in result.stderr


@pytest.mark.filterwarnings("default:The network could not")
def test_a_warning_is_told_in_one_line(tmp_path):
    noise = np.random.default_rng(0).normal(size=(60, 6))
    np.savetxt(tmp_path / "noise.csv", noise, delimiter=",", header="a,b,c,d,e,f", comments="")
    result = invoke(
        *("demo", "--csv", tmp_path / "noise.csv", "--epochs", 2, "--n-components", 2),
        *("--output", tmp_path / "pictures"),
    )
    assert result.exit_code == 0, result.output
    assert result.stderr.startswith("note: The network could not improve on PCA, whose loss")
    assert len(result.stderr.splitlines()) == 1


def test_neighbour_accuracy_is_leave_one_out():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 60)
    points = rng.normal(size=(60, 2)) + labels[:, None]
    one_nearest = KNeighborsClassifier(n_neighbors=1)
    expected = cross_val_score(one_nearest, points, labels, cv=LeaveOneOut()).mean()
    assert demo.neighbour_accuracy(points, labels) == pytest.approx(expected)
    names = np.array(["one", "two", "three"])[labels]
    assert demo.neighbour_accuracy(points, names) == pytest.approx(expected)


@pytest.mark.parametrize("labels", [None, np.arange(60), np.linspace(0, 1, 60)])
def test_neighbour_accuracy_is_of_classes_only(labels):
    assert demo.neighbour_accuracy(np.eye(60, 2), labels) is None


def test_no_half_written_picture_stays(tmp_path):
    class Failing(Figure):
        def savefig(self, path, **options):
            path.write_bytes(b"half")
            raise OSError("disk full")

    (tmp_path / "loss.png").write_bytes(b"old")
    with pytest.raises(OSError, match="disk full"):
        demo._save(Failing(), tmp_path / "loss.png")
    assert [path.name for path in tmp_path.iterdir()] == ["loss.png"]
    assert (tmp_path / "loss.png").read_bytes() == b"old"


@pytest.mark.parametrize("watched", [True, False])
def test_progress_is_shown_on_a_terminal_only(monkeypatch, watched):
    class Silent:
        callbacks = None
        n_iter_ = 1
        bars = ()

        def set_callbacks(self, *bars):
            self.bars = bars

        def fit(self, X):
            return self

    monkeypatch.setattr("sys.stdout.isatty", lambda: watched, raising=False)
    estimator = Silent()
    demo._train(estimator, demo.Split(np.eye(3), np.eye(3), None))
    assert len(estimator.bars) == watched


@pytest.mark.parametrize(("n_rows", "n_columns"), [(11, 1), (12, 2), (9, 5), (5, 3)])
def test_few_rows_and_columns_can_be_embedded(n_rows, n_columns):
    values = np.random.default_rng(0).normal(size=(n_rows, n_columns)).astype(np.float32)
    assert np.isfinite(demo._embed(values, 0)).all()
