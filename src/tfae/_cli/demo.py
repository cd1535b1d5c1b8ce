"""The demo: train an autoencoder, compare it with PCA on held-out rows, draw three pictures.

The option ``--recipe`` decides which rows are held out and which autoencoder is trained. All the
rest is the same for every data set.
"""

from __future__ import annotations

import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rich.console import Console
from sklearn.callback import ProgressBar
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.model_selection import train_test_split
from sklearn.utils.multiclass import type_of_target
from threadpoolctl import threadpool_limits

from tfae import Autoencoder, plotting
from tfae._cli import demo_data
from tfae._cli.demo_data import Dataset
from tfae._support.tensorflow import keras
from tfae.metrics import knn_accuracy, reconstruction_errors

_HELD_OUT = 0.3
# Rows in the t-SNE maps: more rows take minutes and only hide each other.
_MAX_EMBEDDED = 2000
# With so few columns t-SNE gains nothing from a code, not even time.
_FEW_COLUMNS = 100
_MANY_ROWS = 1000
_MIN_ROWS = 10

_TUTORIAL_ROWS = 42_000
_TUTORIAL_COLUMNS = 784
_TUTORIAL_HIDDEN = (392, 196)
_TUTORIAL_COMPONENTS = 98
_TUTORIAL_EPOCHS = 5
_TUTORIAL_BATCH = 150
_TUTORIAL_RATE = 1e-3


@dataclass(frozen=True)
class Options:
    """The options of the command line; None stands for a value that suits the data."""

    dataset: Literal["digits", "mnist"] = "digits"
    csv: Path | None = None
    label_column: str | None = None
    recipe: Literal["default", "tutorial"] = "default"
    pixels: Literal["unit", "raw"] = "unit"
    n_components: int | None = None
    epochs: int | None = None
    seed: int = 0
    output: Path = Path("tfae-demo")
    compare_keras: bool = False


class Split(NamedTuple):
    """Rows to learn from and rows held out."""

    train: NDArray[np.float32]
    test: NDArray[np.float32]
    test_labels: NDArray[Any] | None
    value_range: tuple[float, float] | None = None


class Report(NamedTuple):
    """The results of a run of the demo."""

    errors: dict[str, float]
    pictures: list[Path]


def run(options: Options) -> Report:
    """Run the demo: print how well the held-out rows are reconstructed, and write the pictures.

    Raises
    ------
    ValueError
        If an option does not fit the data or the recipe, or a file is damaged.
    OSError
        If a file cannot be read or written.
    """
    if options.compare_keras and options.recipe != "tutorial":
        raise ValueError("--compare-keras must be used with --recipe tutorial, got default.")
    if options.pixels == "raw" and options.recipe != "tutorial":
        raise ValueError("--pixels raw must be used with --recipe tutorial, got default.")
    if options.label_column is not None and options.csv is None:
        raise ValueError("--label-column must be used with --csv, got no CSV file.")
    data = _load(options)
    recipe = _RECIPES[options.recipe]
    split = recipe.split(data, options)
    estimator = recipe.estimator(options, split)
    _check_size(estimator, split)
    # Before the long work, which would be lost if the folder cannot be made or written to.
    _make_folder(options.output)
    print(_describe(data, split, estimator))
    seconds = _train(estimator, split)
    errors = _compare_with_pca(estimator, split, options.seed)
    if options.compare_keras:
        errors |= _compare_with_keras(estimator, split, seconds)
    return Report(errors, _draw(estimator, data, split, options))


def _make_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    try:  # permissions are no proof: in some folders even root cannot write
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ValueError(
            f"--output must be a folder that can be written to, got {folder}: {error.strerror}."
        ) from error


def _load(options: Options) -> Dataset:
    if options.csv is not None:
        data = demo_data.csv(options.csv, options.label_column)
    else:
        data = {"digits": demo_data.digits, "mnist": demo_data.mnist}[options.dataset]()
    if len(data.X) < _MIN_ROWS:
        raise ValueError(f"{data.name} must have at least {_MIN_ROWS} rows, got {len(data.X)}.")
    if not np.ptp(data.X, axis=0).any():
        raise ValueError(f"{data.name} must have a column that varies, got only constant ones.")
    return data


def _random_split(data: Dataset, options: Options) -> Split:
    # The split does not depend on the seed, so that runs with different seeds can be compared.
    train, test = train_test_split(np.arange(len(data.X)), test_size=_HELD_OUT, random_state=0)
    labels = None if data.y is None else data.y[test]
    return Split(data.X[train], data.X[test], labels, data.pixel_range)


def ordered_split(data: Dataset, options: Options) -> Split:
    """Split the tutorial's rows in their order; raise if they have another width."""
    n_columns = data.X.shape[1]
    if n_columns != _TUTORIAL_COLUMNS:
        raise ValueError(
            f"--recipe tutorial must have data of {_TUTORIAL_COLUMNS} columns, got {data.name} "
            f"with {n_columns}. Add --dataset mnist, or --csv with a file of 28 x 28 images."
        )
    X = data.X[:_TUTORIAL_ROWS]
    if options.pixels == "unit":
        X = X / np.float32(255)
    n_train = len(X) - round(_HELD_OUT * len(X))
    labels = None if data.y is None else data.y[n_train : len(X)]
    return Split(X[:n_train], X[n_train:], labels)


def _default_estimator(options: Options, split: Split) -> Autoencoder:
    """Return an autoencoder with the defaults, which follow from the shape of the rows."""
    n_columns = split.train.shape[1]
    return Autoencoder(
        n_components=options.n_components or int(np.clip(n_columns // 4, 1, 32)),
        max_iter=options.epochs or "auto",
        output_range=split.value_range,
        random_state=options.seed,
    )


def tutorial_estimator(options: Options, split: Split) -> Autoencoder:
    """Return the network of the tutorial: ReLU everywhere, the code and the output included."""
    epochs = options.epochs or _TUTORIAL_EPOCHS
    return Autoencoder(
        n_components=options.n_components or _TUTORIAL_COMPONENTS,
        hidden_layer_sizes=_TUTORIAL_HIDDEN,
        activation="relu",
        code_activation="relu",
        output_activation="relu",
        kernel_initializer="variance_scaling",
        scaling=None,
        learning_rate_init=_TUTORIAL_RATE,
        batch_size=_TUTORIAL_BATCH,
        max_iter=epochs,
        # The tutorial does not end early.
        tol=0.0,
        n_iter_no_change=epochs,
        random_state=options.seed,
        callbacks=[_tutorial_callback()],
    )


class _Recipe(NamedTuple):
    split: Callable[[Dataset, Options], Split]
    estimator: Callable[[Options, Split], Autoencoder]


_RECIPES = {
    "default": _Recipe(_random_split, _default_estimator),
    "tutorial": _Recipe(ordered_split, tutorial_estimator),
}


def _tutorial_callback() -> Any:
    """Return a Keras callback that prints the epochs and keeps the first weights."""

    class TutorialCallback(keras.callbacks.Callback):
        def on_train_begin(self, logs: Any = None) -> None:
            self.start = self.model.get_weights()

        def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
            print(f"Iter: {epoch}, Loss: {logs['loss']:.6f}", flush=True)

    return TutorialCallback()


def _check_size(estimator: Autoencoder, split: Split) -> None:
    # PCA finds at most as many components as there are rows or columns.
    largest = min(split.train.shape)
    if not 1 <= int(estimator.n_components or 0) <= largest:
        raise ValueError(
            f"--n-components must be from 1 to {largest} for these data, "
            f"got {estimator.n_components}."
        )


def _describe(data: Dataset, split: Split, estimator: Autoencoder) -> str:
    return (
        f"{data.name}: {len(split.train):,} rows to train on, {len(split.test):,} held out, "
        f"{split.train.shape[1]} columns, codes of {estimator.n_components} numbers"
    )


def _train(estimator: Autoencoder, split: Split) -> float:
    """Fit, with a progress bar in a terminal if no lines are printed; return the seconds."""
    if sys.stdout.isatty() and not estimator.callbacks:
        estimator.set_callbacks(ProgressBar())
    start = time.perf_counter()
    with warnings.catch_warnings(record=True) as told:
        estimator.fit(split.train)
    seconds = time.perf_counter() - start
    for warning in told:  # without the line of code, which helps no reader here
        print(f"note: {warning.message}", file=sys.stderr)
    print(f"trained for {estimator.n_iter_} epochs in {seconds:.1f} s")
    return seconds


def _compare_with_pca(estimator: Autoencoder, split: Split, seed: int) -> dict[str, float]:
    """Print the errors of PCA and of the autoencoder, with codes of the same size."""
    pca = PCA(estimator.n_components, random_state=seed).fit(split.train)
    by_pca = pca.inverse_transform(pca.transform(split.test))
    if split.value_range is not None:  # what the estimator knows, PCA's user knows, too
        by_pca = by_pca.clip(*split.value_range)
    outputs = {"PCA": by_pca, "Autoencoder": estimator.reconstruct(split.test)}
    errors = {name: reconstruction_errors(split.test, output) for name, output in outputs.items()}
    print("\nheld-out rows   MSE (data's units)   variance kept")
    for name, of in errors.items():
        print(f"{name:<16}{of['mse']:>18.6g}{of['explained_variance']:>16.4f}")
    return {name: of["mse"] for name, of in errors.items()}


def _compare_with_keras(estimator: Autoencoder, split: Split, seconds: float) -> dict[str, float]:
    """Train the tutorial's network in plain Keras on the same rows and print both results."""
    start = time.perf_counter()
    with _status("training the same network in plain Keras"):
        model = plain_keras(estimator, split)
    keras_seconds = time.perf_counter() - start
    ours, theirs = (
        reconstruction_errors(split.test, output)["mse"]
        for output in (estimator.reconstruct(split.test), model.predict(split.test, verbose=0))
    )
    print("\nsame network         test MSE     seconds")
    print(f"{'tfae':<16}{ours:>13.6g}{seconds:>12.1f}")
    print(f"{'plain Keras':<16}{theirs:>13.6g}{keras_seconds:>12.1f}")
    print(f"{'tfae / Keras':<16}{ours / theirs:>13.3f}{seconds / keras_seconds:>12.2f}")
    return {"Keras": theirs}


def plain_keras(estimator: Any, split: Split) -> Any:
    """Train the tutorial's network from the same weights with Keras's own ``fit``."""
    code = estimator.n_components
    widths = (*_TUTORIAL_HIDDEN, code, *_TUTORIAL_HIDDEN[::-1], split.train.shape[1])
    layers = [keras.layers.Dense(width, activation="relu") for width in widths]
    model = keras.Sequential([keras.Input((split.train.shape[1],)), *layers])
    # With the same start only the training and the order of the rows differ.
    model.set_weights(estimator.callbacks[0].start)
    model.compile(keras.optimizers.Adam(_TUTORIAL_RATE), "mse")
    model.fit(
        split.train, split.train, batch_size=_TUTORIAL_BATCH, epochs=estimator.max_iter, verbose=0
    )
    return model


def _draw(estimator: Autoencoder, data: Dataset, split: Split, options: Options) -> list[Path]:
    """Write the three pictures and say where they are."""
    figures = {
        "reconstructions.png": _reconstructions(estimator, data, split),
        "loss.png": _loss(estimator),
        "tsne.png": _maps(estimator, data, split, options.seed),
    }
    print("\nwrote")
    pictures = []
    for name, figure in figures.items():
        pictures.append(_save(figure, options.output / name))
        print(f"  {pictures[-1]}")
    return pictures


def _reconstructions(estimator: Autoencoder, data: Dataset, split: Split) -> Figure:
    if data.image_shape is None:
        figure = Figure(figsize=(8.0, 4.5), layout="constrained")
        plotting.reconstructed_rows(estimator, split.test, ax=figure.subplots())
    else:
        figure = Figure(figsize=(10.0, 2.2), layout="constrained")
        plotting.reconstructions(
            estimator, split.test, image_shape=data.image_shape, ax=figure.subplots()
        )
    return figure


def _loss(estimator: Autoencoder) -> Figure:
    figure = Figure(figsize=(6.0, 4.0), layout="constrained")
    plotting.loss_curves(estimator, ax=figure.subplots())
    return figure


def _maps(estimator: Autoencoder, data: Dataset, split: Split, seed: int) -> Figure:
    """Draw t-SNE maps of the codes and of the rows themselves, side by side."""
    chosen = np.random.default_rng(seed).permutation(len(split.test))[:_MAX_EMBEDDED]
    rows = split.test[chosen]
    labels = None if split.test_labels is None else split.test_labels[chosen]
    figure = Figure(figsize=(12.0, 5.5), layout="constrained")
    kind = "columns" if data.image_shape is None else "pixels"
    pairs = {
        f"the codes ({estimator.n_components} numbers)": estimator.transform(rows),
        f"the raw {kind} ({rows.shape[1]})": rows,
    }
    accuracies = []
    for ax, (name, values) in zip(figure.subplots(1, 2), pairs.items(), strict=True):
        with _status(f"t-SNE of {name}"):
            points = _embed(values, seed)
        accuracies.append(_map(ax, f"t-SNE of {name}", points, labels))
    of_codes, of_rows = accuracies
    if rows.shape[1] <= _FEW_COLUMNS and (of_rows or 0.0) > (of_codes or 0.0):
        figure.supxlabel(
            f"{rows.shape[1]} {kind} are few enough for t-SNE itself. A code before it is for rows "
            "of hundreds of columns.",
            fontsize=9,
        )
    # Both maps have the same classes: the right one's legend serves both.
    if legend := figure.axes[0].get_legend():
        legend.remove()
    return figure


def _embed(values: NDArray[Any], seed: int) -> NDArray[np.float32]:
    n_rows, n_columns = values.shape
    # TSNE cannot start from the PCA of constant values, such as the codes of dead units.
    has_pca = n_columns > 1 and values.std(axis=0).max() > 0
    tsne = TSNE(
        perplexity=min(30.0, (n_rows - 1) / 3),
        init="pca" if has_pca else "random",
        random_state=seed,
    )
    # Threads that wait for each other at every small step gain little on an idle machine and
    # lose a factor of ten or more on a busy one.
    with threadpool_limits(1 if n_rows < _MANY_ROWS else None, user_api="openmp"):
        return tsne.fit_transform(values)


def _map(
    ax: Any, title: str, points: NDArray[np.float32], labels: NDArray[Any] | None
) -> float | None:
    """Draw a map; return its neighbour accuracy, or None without classes."""
    plotting.code_scatter(points, labels, ax=ax)
    accuracy = neighbour_accuracy(points, labels)
    ax.set_title(title if accuracy is None else f"{title}\nneighbour accuracy {accuracy:.1%}")
    # The axes of a t-SNE map have no meaning.
    ax.set(xlabel="", ylabel="", xticks=[], yticks=[])
    return accuracy


def neighbour_accuracy(points: NDArray[Any], labels: NDArray[Any] | None) -> float | None:
    """Return how often the nearest other point has the same label, or None without classes."""
    if labels is None or not _are_classes(labels):
        return None
    return knn_accuracy(points, labels)


def _are_classes(labels: NDArray[Any]) -> bool:
    """Whether labels repeat, like those of classes and unlike row numbers or prices."""
    if type_of_target(labels) not in {"binary", "multiclass"}:
        return False
    return 2 * len(np.unique(labels)) <= len(labels)


def _save(figure: Figure, path: Path) -> Path:
    # Write another file and move it when it is whole, so that nobody ever finds half a picture.
    partial = path.with_name(f".{path.name}.part")
    try:
        figure.savefig(partial, format="png", dpi=150)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def _status(text: str) -> AbstractContextManager[Any]:
    """Show a status in a terminal."""
    return Console().status(text) if sys.stdout.isatty() else nullcontext()
