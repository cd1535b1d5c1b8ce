"""The examples in the README and the guides run as they stand."""

import re
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import sklearn.datasets
from sklearn.datasets import load_digits

from tfae._fitting import defaults, imputation
from tfae._networks.architectures.registry import ARCHITECTURES

pytestmark = pytest.mark.usefixtures("in_executor")

ROOT = Path(__file__).parents[1]
PAGES = [
    "README.md",
    *(
        f"docs/{name}.md"
        for name in (
            "quickstart",
            "coming-from",
            "compress",
            "denoise",
            "defaults",
            "embedding",
            "extending",
            "streams",
            "tables",
            "imputation",
            "outliers",
            "saving",
        )
    ),
]
N_ROWS = 300
ARCHITECTURE_PAGES = sorted(
    f"docs/architectures/{path.name}" for path in (ROOT / "docs/architectures").glob("*.md")
)
# Of what the site makes itself, nothing is read.
MADE = {"_build", "generated", "gallery"}
ALL_PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *(
        path
        for path in sorted((ROOT / "docs").rglob("*.md"))
        if not MADE & set(path.relative_to(ROOT / "docs").parts)
    ),
]


def few_digits(*, return_X_y=False):
    """Stand in for `load_digits`: what is right of 300 digits is so of all."""
    digits = load_digits()
    digits.data, digits.target = digits.data[:N_ROWS], digits.target[:N_ROWS]
    return (digits.data, digits.target) if return_X_y else digits


@pytest.mark.sample(4)
@pytest.mark.usefixtures("in_executor")
@pytest.mark.parametrize("page", [*PAGES, *ARCHITECTURE_PAGES])
def test_the_examples_of_a_page_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # for the pictures that they write
    monkeypatch.setattr(defaults, "max_iter", lambda *shape: 10)  # what is right of 300 is so of 10
    monkeypatch.setattr(imputation, "_AUTO", imputation._AUTO._replace(n_steps=100))
    monkeypatch.setattr(sklearn.datasets, "load_digits", few_digits)
    matplotlib.use("Agg")
    examples = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    assert examples
    X, y = few_digits(return_X_y=True)
    rows = np.random.default_rng(0).random((30, 32 * 32 * 3))
    names = {"X": X, "y": y, "X_noisy": X, "images": X.reshape(-1, 8, 8), "rows": rows}
    before = dict(ARCHITECTURES._entries)
    try:
        for example in examples:
            exec(compile(example, page, "exec"), names)
    finally:
        ARCHITECTURES._entries.clear()
        ARCHITECTURES._entries.update(before)


def prose(path):
    """Return a page without its code."""
    return re.sub(r"```.*?```|`[^`\n]*`", "", path.read_text(), flags=re.DOTALL)


def paragraphs(path):
    """Return the paragraphs and points of a page, without tables, formulas and targets of links."""
    text = re.sub(r"<!-- tables.*?end of tables -->|\$[^$]+\$", "", prose(path), flags=re.DOTALL)
    text = re.sub(r"^([|#!:]).*$", "", re.sub(r"\]\([^)]*\)", "]", text), flags=re.MULTILINE)
    return re.split(r"\n\s*\n|\n(?=- )", text)


@pytest.mark.parametrize("page", ["quality", "published", "benchmarks"])
def test_figures_stand_in_tables(page):
    for paragraph in paragraphs(ROOT / f"docs/{page}.md"):
        numbers = re.findall(r"(?<![\w.,/-])[.\d][\d.,]*\b", re.sub(r"\([^)]*\)", "", paragraph))
        assert len(numbers) <= 3, (numbers, paragraph)


def anchors(path):
    """Return the names of a page's headings, as GitHub and MyST make them."""
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def linked(path, target):
    """Return the file that a link leads to; the gallery is made by the site from the examples."""
    target = target.replace("gallery/index.rst", "examples/README.rst")
    target = re.sub(r"gallery/(\w+)\.rst", r"examples/\1.py", target)
    return path.parent.joinpath(target) if target else path


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"\w+:", target):  # of the web
            continue
        target, _, anchor = target.partition("#")
        assert linked(page, target).exists(), target
        assert not anchor or anchor in anchors(linked(page, target)), f"{target}#{anchor}"


def test_links_that_lead_nowhere_are_found(tmp_path):
    page = tmp_path / "page.md"
    (tmp_path / "other.md").write_text("# The one, `x`\n")
    page.write_text("# Here\n[a](other.md) [b](other.md#the-one-x) [c](#here) [d](https://x.y/z)\n")
    test_links_lead_somewhere(page)
    for broken in ("none.md", "other.md#two", "#there", "gallery/index.rst"):
        page.write_text(f"# Here\n[a]({broken})\n")
        with pytest.raises(AssertionError):
            test_links_lead_somewhere(page)
