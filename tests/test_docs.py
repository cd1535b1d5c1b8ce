"""The examples in the README and the guides run as they stand."""

import re
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from sklearn.datasets import load_digits

from tfae import _auto
from tfae._registry import ARCHITECTURES

pytestmark = pytest.mark.usefixtures("in_executor")

ROOT = Path(__file__).parents[1]
PAGES = [
    "README.md",
    *(f"docs/{name}.md" for name in ("quickstart", "embedding", "extending", "streams")),
]
ARCHITECTURE_PAGES = sorted(
    f"docs/architectures/{path.name}" for path in (ROOT / "docs/architectures").glob("*.md")
)


@pytest.mark.parametrize("page", [*PAGES, *ARCHITECTURE_PAGES])
def test_the_examples_of_a_page_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # for the pictures that they write
    monkeypatch.setattr(_auto, "max_iter", lambda *shape: 10)  # what is right of 300 is so of 10
    matplotlib.use("Agg")
    examples = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    assert examples
    X = load_digits().data[:300]
    rows = np.random.default_rng(0).random((30, 32 * 32 * 3))
    y = load_digits().target[:300]
    names = {"X": X, "y": y, "X_noisy": X, "images": X.reshape(-1, 8, 8), "rows": rows}
    before = dict(ARCHITECTURES._entries)
    try:
        for example in examples:
            exec(compile(example, page, "exec"), names)
    finally:
        ARCHITECTURES._entries.clear()
        ARCHITECTURES._entries.update(before)


@pytest.mark.parametrize("page", [*PAGES, "CONTRIBUTING.md"])
def test_links_to_files_lead_somewhere(page):
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        if target.startswith("gallery/"):  # made by the site from this
            target = target.replace("gallery/", "examples/").replace(".rst", ".py")
        assert (ROOT / page).parent.joinpath(target).exists(), target
