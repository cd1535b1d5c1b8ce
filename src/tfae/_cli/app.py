"""The commands and their options.

This file needs Typer, so :mod:`tfae.__main__` imports it only when a command is run.
"""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from tfae import __version__

app = typer.Typer(
    name="tfae",
    help="Autoencoders with the interface of scikit-learn, trained by TensorFlow.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        version()
        raise typer.Exit


@app.callback()
def options(
    _: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Take the options that stand before a command."""


@app.command()
def version() -> None:
    """Show the version."""
    print(__version__)


DatasetName = Annotated[
    Literal["digits", "mnist"], typer.Option(help="The data set, unless --csv is given.")
]
CsvFile = Annotated[Path | None, typer.Option(help="A CSV file with a first line of column names.")]
LabelColumn = Annotated[
    str | None,
    typer.Option(help="The column of labels in the CSV file, or 'none'.", show_default="the first"),
]
Recipe = Annotated[
    Literal["default", "tutorial"],
    typer.Option(help="'tutorial': 784-392-196-98-196-392-784, ReLU, 5 epochs."),
]
Pixels = Annotated[
    Literal["unit", "raw"],
    typer.Option(help="For the tutorial: pixels divided by 255, or as they are."),
]
Components = Annotated[int | None, typer.Option(min=1, help="The length of the code.")]
Epochs = Annotated[int | None, typer.Option(min=1, help="The number of epochs.")]
Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="The random seed.")]
Output = Annotated[Path, typer.Option(help="The folder for the pictures.")]
CompareKeras = Annotated[
    bool,
    typer.Option("--compare-keras", help="For the tutorial: train it in plain Keras as well."),
]


@app.command()
def demo(
    dataset: DatasetName = "digits",
    csv: CsvFile = None,
    label_column: LabelColumn = None,
    recipe: Recipe = "default",
    pixels: Pixels = "unit",
    n_components: Components = None,
    epochs: Epochs = None,
    seed: Seed = 0,
    output: Output = Path("tfae-demo"),
    compare_keras: CompareKeras = False,
) -> None:
    """Train an autoencoder, compare it with PCA and draw three pictures."""
    # Imported here because `tfae version` needs neither TensorFlow nor Matplotlib.
    from tfae._cli import demo as demo_module

    chosen = demo_module.Options(
        dataset=dataset,
        csv=csv,
        label_column=label_column,
        recipe=recipe,
        pixels=pixels,
        n_components=n_components,
        epochs=epochs,
        seed=seed,
        output=output,
        compare_keras=compare_keras,
    )
    try:
        demo_module.run(chosen)
    except (ValueError, OSError) as error:
        print(f"error: {_one_line(error)}", file=sys.stderr)
        raise typer.Exit(2) from None


def _one_line(error: Exception) -> str:
    text = str(error)
    if isinstance(error, OSError) and error.strerror and error.filename:
        text = f"{error.strerror}: {error.filename}"
    return " ".join(text.split())
