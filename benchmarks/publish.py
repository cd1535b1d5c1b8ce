"""``python -m benchmarks.publish new.json``: bring the published tables and the plot up to date.

Cases that were measured anew take the place of the old ones in ``docs/results/benchmarks.json``;
the part of ``docs/benchmarks.md`` between its two marks, and the plot, are made from that file.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.cases import all_cases

_DOCS = Path(__file__).parents[1] / "docs"
_RESULTS, _PAGE = _DOCS / "results" / "benchmarks.json", _DOCS / "benchmarks.md"
_PLOT = _DOCS / "images" / "benchmarks.png"
_MARKS = "<!-- tables: python -m benchmarks.publish -->", "<!-- end of tables -->"


def merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return the old results with the new ones in their place, in the order of the table."""
    cases = {**old["cases"], **new["cases"]}
    order = [case.name for case in all_cases() if case.name in cases]
    return {"machine": new["machine"], "cases": {name: cases[name] for name in order}}


def with_tables(page: str, tables: str) -> str:
    """Return the page with these tables between its marks."""
    start, end = _MARKS
    before, found, rest = page.partition(start)
    _, found_too, after = rest.partition(end)
    if not (found and found_too):
        raise ValueError(f"The page must have the lines {start!r} and {end!r}.")
    return f"{before}{start}\n\n{tables}\n{end}{after}"


def main() -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.publish", description=__doc__)
    parser.add_argument("new", nargs="*", type=Path, help="what --json wrote")
    results = json.loads(_RESULTS.read_text())
    for path in parser.parse_args().new:
        new = json.loads(path.read_text())
        if new.get("failures"):
            raise SystemExit(f"{path} must be a run without failures. Got {new['failures']}.")
        results = merged(results, new)
    _RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    page = with_tables(_PAGE.read_text(), report.page(results["machine"], results["cases"]))
    _PAGE.write_text(page)
    from benchmarks.plot import plot  # matplotlib takes a second

    plot(results["cases"], _PLOT)


if __name__ == "__main__":
    main()
