"""The demo's data: what was written is what is read, and damage is told in one sentence."""

import gzip
import struct
from urllib.error import URLError

import numpy as np
import pandas as pd
import pytest

from tfae._cli import demo_data

TRAIN, TEST = 5, 3


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.tobytes()


def packed(content):
    """Compress without the time of day, which would get into the names of the tests."""
    return gzip.compress(content, mtime=0)


@pytest.fixture
def parts():
    """Tiny images and labels of MNIST's two parts."""
    rng = np.random.default_rng(0)
    return {
        part: (rng.integers(0, 256, (n, 4, 3), np.uint8), rng.integers(0, 10, n, np.uint8))
        for part, n in [("train", TRAIN), ("t10k", TEST)]
    }


@pytest.fixture
def folder(tmp_path, parts, monkeypatch):
    """A folder that holds them in MNIST's four files and nothing else in reach."""
    folder = tmp_path / "data" / "mnist"
    folder.mkdir(parents=True)
    for part, (images, labels) in parts.items():
        for array, path in zip((images, labels), demo_data._mnist_files(folder, part), strict=True):
            path.write_bytes(packed(idx(array)))
    monkeypatch.delenv("TFAE_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo_data, "fetch_openml", unreachable)
    return folder


def unreachable(*args, **kwargs):
    raise URLError("no network")


def test_digits_are_images_in_their_own_units():
    data = demo_data.digits()
    assert data.X.shape == (1797, 64)
    assert data.X.dtype == np.float32
    assert (data.X.min(), data.X.max()) == (0, 16)
    assert data.image_shape == (8, 8)
    assert len(data.y) == 1797


@pytest.mark.parametrize("place", ["folder", "its parent", "working folder"])
def test_mnist_is_read_from_a_folder(folder, parts, monkeypatch, tmp_path, place):
    if place == "working folder":
        (tmp_path / "shared").mkdir()
        folder.parent.rename(tmp_path / "shared" / "data")
        (tmp_path / "project").mkdir()
        monkeypatch.chdir(tmp_path / "project")
    else:
        monkeypatch.setenv("TFAE_DATA", str(folder if place == "folder" else folder.parent))
    data = demo_data.mnist()
    images = np.concatenate([parts["train"][0], parts["t10k"][0]])
    np.testing.assert_array_equal(data.X, images.reshape(TRAIN + TEST, 12))
    np.testing.assert_array_equal(data.y, np.concatenate([parts["train"][1], parts["t10k"][1]]))
    assert data.X.dtype == np.float32
    assert data.image_shape == (4, 3)


def test_mnist_comes_from_openml_where_no_folder_has_it(folder, monkeypatch):
    asked = []

    def fetch(name, **options):
        asked.append((name, options["version"], options["as_frame"]))
        return np.arange(2 * 784.0).reshape(2, 784), np.array(["7", "3"], dtype=object)

    monkeypatch.setattr(demo_data, "fetch_openml", fetch)
    data = demo_data.mnist()
    assert asked == [("mnist_784", 1, False)]
    np.testing.assert_array_equal(data.X, np.arange(2 * 784).reshape(2, 784))
    assert data.X.dtype == np.float32
    np.testing.assert_array_equal(data.y, [7, 3])
    assert data.image_shape == (28, 28)


def test_mnist_that_is_nowhere_tells_where_it_was_looked_for(folder, monkeypatch):
    demo_data._mnist_files(folder, "t10k")[1].unlink()  # one file missing is as good as none
    monkeypatch.setenv("TFAE_DATA", str(folder))
    with pytest.raises(FileNotFoundError, match="TFAE_DATA") as raised:
        demo_data.mnist()
    for place in [str(folder), "shared", "OpenML", "no network"]:
        assert place in str(raised.value)


GOOD = packed(idx(np.zeros((TRAIN, 4, 3), np.uint8)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (GOOD[: len(GOOD) // 2], "must be a whole gzip file"),
        (b"not gzip", "must be a whole gzip file"),
        (b"", "must be an IDX file"),
        (
            packed(b"GIF89a"),
            r"must be an IDX file .* \[0, 0, 8, 3\], got \[71, 73, 70, 56\]",
        ),
        (packed(idx(np.zeros(5, np.uint8))), r"got \[0, 0, 8, 1\]"),
        (packed(bytes([0, 0, 8, 3, 0])), "header of 16 bytes, got 5"),
        (
            packed(idx(np.zeros((TRAIN, 4, 3), np.uint8))[:-1]),
            r"must hold 60 values for the shape \(5, 4, 3\), got 59",
        ),
        (packed(idx(np.zeros((9, 4, 3), np.uint8))), "each of the 9 images, got 5 labels"),
    ],
)
def test_damaged_mnist_files_are_named_and_not_replaced_from_elsewhere(
    folder, monkeypatch, content, message
):
    monkeypatch.setenv("TFAE_DATA", str(folder))
    images, _ = demo_data._mnist_files(folder, "train")
    images.write_bytes(content)
    with pytest.raises(ValueError, match=message) as raised:
        demo_data.mnist()
    assert "train-" in str(raised.value)


@pytest.mark.data
def test_real_mnist(data_folder, monkeypatch):
    if not (data_folder / "mnist").is_dir():
        pytest.skip(f"needs mnist in {data_folder}")
    monkeypatch.setenv("TFAE_DATA", str(data_folder))
    data = demo_data.mnist()
    assert data.X.shape == (70_000, 784)
    assert (data.X.min(), data.X.max()) == (0, 255)
    # Known of the data set: its first labels, and the mean of the training pixels (0.1307).
    np.testing.assert_array_equal(data.y[:6], [5, 0, 4, 1, 9, 2])
    assert data.X[:60_000].mean(dtype=np.float64) / 255 == pytest.approx(0.1307, abs=1e-4)


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "table.csv"
        path.write_text(text)
        return path

    return write


def test_csv_gives_back_what_pandas_wrote(tmp_path):
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(7, 3)), columns=list("abc"))
    frame.insert(1, "kind", ["x", "y"] * 3 + ["z"])
    frame["flag"] = [True, False] * 3 + [True]
    frame.to_csv(tmp_path / "table.csv.gz", index=False)
    data = demo_data.csv(tmp_path / "table.csv.gz", "kind")
    expected = frame.drop(columns="kind").to_numpy(np.float32)
    np.testing.assert_array_equal(data.X, expected)
    assert data.X.dtype == np.float32
    np.testing.assert_array_equal(data.y, frame["kind"].to_numpy().astype(str))
    assert data.image_shape is None
    assert data.name == "table.csv.gz"


def test_csv_labels_are_the_first_column_a_named_one_or_none(write):
    path = write("label,a,b\n1,2,3\n4,5,6\n")
    first = demo_data.csv(path)
    np.testing.assert_array_equal(first.y, [1, 4])
    np.testing.assert_array_equal(first.X, [[2, 3], [5, 6]])
    named = demo_data.csv(path, "b")
    np.testing.assert_array_equal(named.y, [3, 6])
    np.testing.assert_array_equal(named.X, [[1, 2], [4, 5]])
    without = demo_data.csv(path, "none")
    assert without.y is None
    assert without.X.shape == (2, 3)
    # A column of that name is a column.
    np.testing.assert_array_equal(demo_data.csv(write("a,none\n1,2\n"), "none").y, [2])


@pytest.mark.parametrize(
    ("n_columns", "shape"), [(784, (28, 28)), (64, (8, 8)), (63, None), (49, None), (9, None)]
)
def test_csv_of_images_is_known_by_a_large_square_number_of_columns(write, n_columns, shape):
    names = ",".join(f"pixel{i}" for i in range(n_columns))
    path = write(f"label,{names}\n1{',0' * n_columns}\n")
    assert demo_data.csv(path).image_shape == shape


def test_csv_lines_may_end_with_a_comma(write):
    np.testing.assert_array_equal(demo_data.csv(write("label,a\n1,2,\n3,4,\n")).X, [[2], [4]])


def test_csv_columns_may_be_called_by_their_places(write):
    np.testing.assert_array_equal(demo_data.csv(write("0,1\n7,8\n")).X, [[8]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must have a line of column names, got an empty file"),
        ("label,a\n", "must have at least one row of data"),
        ("5,0,0,3\n4,0,0,2\n", "must have a first line of column names, got numbers: 5, 0"),
        ("label,a,b\n1,2,3\n4,5\n", r"'b' .* got nothing in row 2\. The file may be cut short"),
        (
            "label,a,b\n1,,3\n4,5,6\n",
            r"'a' .* must have a value in every row, got nothing in row 1\.",
        ),
        (
            "label,a,b\n1,2,3\n4,five,6\n",
            "'a' .* must have finite numbers only, got 'five' in row 2",
        ),
        ("label,a,b\n1,2,inf\n4,5,6\n", "'b' .* finite numbers only, got inf in row 1"),
        ("label,a,b\n1,2,1e300\n4,5,6\n", "'b' .* finite numbers only, got 1e[+]300 in row 1"),
        ("label,a,b\n1,2,3\n,5,6\n", "'label' .* must have a label in every row, got nothing"),
        (
            "label,a\n1,2,3\n4,5,6\n",
            "as many values in a line as the first line has names, got more",
        ),
        ("label,a\n1,2\n4,5,6\n", "must be a whole CSV file, got: .*line 3"),
        ("label\n1\n2\n", "must have columns beside the label's, got none"),
        ('label,a\n1,"2\n', "must be a whole CSV file"),
    ],
)
def test_bad_csv_files_are_told_with_the_column_and_the_row(write, text, message):
    with pytest.raises(ValueError, match=message) as raised:
        demo_data.csv(write(text))
    assert "table.csv" in str(raised.value)


def test_a_missing_label_column_suggests_the_nearest(write):
    path = write("label,height,width\n1,2,3\n")
    with pytest.raises(ValueError, match=r"got 'heigth'\. Did you mean 'height'"):
        demo_data.csv(path, "heigth")


def test_csv_files_that_are_missing_cut_or_not_text(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        demo_data.csv(tmp_path / "nowhere.csv")
    whole = packed(b"label,a\n" + b"1,2\n" * 5000)
    (tmp_path / "cut.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"cut\.csv\.gz must be a whole CSV file"):
        demo_data.csv(tmp_path / "cut.csv.gz")
    (tmp_path / "picture.csv").write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF")
    with pytest.raises(ValueError, match=r"picture\.csv must be a whole CSV file"):
        demo_data.csv(tmp_path / "picture.csv")
