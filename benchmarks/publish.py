"""``python -m benchmarks.publish new.json``: bring the published tables and the plot up to date.

Cases that were measured anew take the place of the old ones in ``docs/results/benchmarks.json``;
the part of ``docs/benchmarks.md`` between its two marks, and the plot, are made from that file.
"""

from __future__ import annotations

import argparse
import json
import reprlib
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.cases import all_cases
from tfae._support.registry import nearest_name

_DOCS = Path(__file__).parents[1] / "docs"
_RESULTS, _PAGE = _DOCS / "results" / "benchmarks.json", _DOCS / "benchmarks.md"
_PLOT = _DOCS / "images" / "benchmarks.png"
_MARKS = "<!-- tables: python -m benchmarks.publish -->", "<!-- end of tables -->"

# What the page shows of each.
_OF_A_MACHINE = "cpu", "flags", "cores", "memory_gb", "device", "python", "packages"
_OF_A_CASE = "title", "unit", "contenders", "skipped", "goals", "problems"
_OF_A_CONTENDER = "title", "speed", "seconds", "loss", "first_is_faster_by"

Results = dict[str, Any]  # what --json writes


def merged(old: Results | None, new: Results) -> Results:
    """Return the old results with the new ones in their place, in the order of the table."""
    _check(new)
    if old is None:
        old = {"machine": new["machine"], "cases": {}}
    left = set(old["cases"]) - set(new["cases"])
    if left and _lasting(old["machine"]) != _lasting(new["machine"]):
        raise ValueError(
            "All results must be of one machine and its software. Measure these too, or start "
            f"with --anew: {', '.join(sorted(left))}."
        )
    cases = {**old["cases"], **new["cases"]}
    order = [name for name in _names() if name in cases]
    return {"machine": new["machine"], "cases": {name: cases[name] for name in order}}


def left_out(old: Results | None) -> list[str]:
    """Return the old cases that are no longer in the table, which :func:`merged` leaves out."""
    return [] if old is None else sorted(set(old["cases"]) - set(_names()))


def _names() -> list[str]:
    return [case.name for case in all_cases()]


def _check(new: Any) -> None:
    """Refuse what is no results, or would take the place of better ones."""
    parts = [new.get(name) for name in ("machine", "cases")] if isinstance(new, dict) else []
    if not (parts and all(isinstance(part, dict) and part for part in parts)):
        raise ValueError(
            f"Results must be what --json writes, a machine and cases. Got {reprlib.repr(new)}."
        )
    if new.get("quick") or new.get("failures"):
        got = "--quick" if new.get("quick") else f"failures: {new['failures']}"
        raise ValueError(f"Results must be of a whole run. Got {got}.")
    empty = [
        name
        for name, case in new["cases"].items()
        if not (isinstance(case, dict) and case.get("contenders"))
    ]
    if empty:
        raise ValueError(f"Every case must have measurements. Got none of {', '.join(empty)}.")
    for name in sorted(set(new["cases"]) - set(_names())):
        nearest = nearest_name(name, _names())
        raise ValueError(f"Every case must be in the table of cases. Got {name!r}.{nearest}")
    _check_parts("The machine", new["machine"], _OF_A_MACHINE)
    for name, case in new["cases"].items():
        _check_parts(f"The case {name!r}", case, _OF_A_CASE)
        for key, entry in case["contenders"].items():
            _check_parts(f"The contender {key!r} of {name!r}", entry, _OF_A_CONTENDER)


def _check_parts(what: str, record: Any, parts: tuple[str, ...]) -> None:
    """Refuse a record without the parts that the page shows."""
    for part in parts:
        if not (isinstance(record, dict) and part in record) or record[part] == "":
            raise ValueError(f"{what} must have a {part!r}, as --json writes it. Got none.")


def _lasting(machine: dict[str, Any]) -> dict[str, Any]:
    """Return the facts that do not change from run to run."""
    return {name: fact for name, fact in machine.items() if name != "load_before"}


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
    parser.add_argument("--anew", action="store_true", help="forget the old results")
    options = parser.parse_args()
    results = None if options.anew else json.loads(_RESULTS.read_text())
    if options.new and (gone := left_out(results)):
        print(f"Left out, because the table of cases no longer has them: {', '.join(gone)}.")
    for path in options.new:
        try:
            results = merged(results, json.loads(path.read_text()))
        except (OSError, ValueError) as error:
            parser.error(f"cannot publish {path}. {error}")
    if results is None:
        parser.error("--anew needs new results")
    page = with_tables(_PAGE.read_text(), report.page(results["machine"], results["cases"]))
    _PAGE.write_text(page)
    _RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    from benchmarks.plot import plot  # matplotlib takes a second

    plot(results["cases"], _PLOT)


if __name__ == "__main__":
    main()
