"""The examples in the README and the guides run as they stand."""

import re
from pathlib import Path

import matplotlib
import pytest
from sklearn.datasets import load_digits

from tfae._registry import ARCHITECTURES

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", "docs/quickstart.md", "docs/extending.md"]


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # for the pictures that they write
    matplotlib.use("Agg")
    examples = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    assert examples
    names = {"X": load_digits().data[:300]}
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
        assert (ROOT / page).parent.joinpath(target).exists(), target
