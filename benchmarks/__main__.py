"""``python -m benchmarks``: tfae beside what a user would take instead, in one run.

Rivals are charged for their training only, ours for a whole ``fit``: checking the data,
reading the weights back. The command fails if a contender did not do the same work as the others.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import traceback
from dataclasses import dataclass, field
from fnmatch import fnmatch
from typing import Any

from benchmarks import report
from benchmarks.cases import Case, all_cases
from benchmarks.contenders import CONTENDERS
from benchmarks.facts import facts, sees_gpu
from benchmarks.options import count, folder, gigabytes, output, picture
from benchmarks.timing import Workers, race


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--list", action="store_true", help="list cases and contenders, and end")
    add("--only", nargs="+", metavar="CASE", help="these cases; patterns like seed-* too")
    add("--contenders", nargs="+", metavar="NAME", help="ours and these")
    add("--repeats", type=count, default=5, help="rounds, in which all contenders run in turn")
    add("--quick", action="store_true", help="a smoke test on few rows, which judges no times")
    add("--device", choices=["cpu", "gpu"], default="cpu")
    add("--memmap-gb", type=gigabytes, default=8.0, help="the size of the file of the case memmap")
    add("--scratch", type=folder, help="where temporary files go, which are always removed")
    add("--json", type=output, help="write all measurements to this file")
    add("--markdown", type=output, help="write the tables to this file")
    add("--plot", type=picture, help="draw the speeds into this file")
    return parser


def chosen_cases(options: argparse.Namespace) -> list[Case]:
    """Return the cases that the options ask for, as they ask for them."""
    cases = all_cases(options.memmap_gb)
    _check("--only", options.only, [case.name for case in cases])
    _check("--contenders", options.contenders, list(CONTENDERS))
    if options.only:
        cases = [case for case in cases if any(fnmatch(case.name, p) for p in options.only)]
    if options.contenders:
        cases = [case.only(options.contenders) for case in cases]
    if options.quick:
        cases = [case.tiny() for case in cases]
    return [case.on(options.device) for case in cases]


def check_device(device: str) -> None:
    """End where there is no GPU: some cases would measure the CPU under its name."""
    if device == "gpu" and not sees_gpu():
        raise SystemExit("--device must be cpu where TensorFlow sees no GPU. Got 'gpu'.")


def _check(option: str, wanted: list[str] | None, names: list[str]) -> None:
    for pattern in wanted or []:
        if not any(fnmatch(name, pattern) for name in names):
            raise SystemExit(f"{option} must name one of {', '.join(names)}. Got {pattern!r}.")


def set_environment(device: str, scratch: str) -> None:
    """Tell all processes to come which device they have, to be quiet and where to write."""
    os.environ |= {
        "TMPDIR": scratch,
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        # One GPU is for all contenders in turn.
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    }
    if device == "cpu":
        os.environ |= {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}


@dataclass
class Run:
    """The cases so far, written out after each of them: a long run must not be lost."""

    options: argparse.Namespace
    machine: dict[str, Any]
    cases: dict[str, dict[str, Any]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def take(self, case: Case, workers: Workers) -> None:
        print(f"{case.name}: {case.title}", flush=True)
        repeats = 1 if self.options.quick else self.options.repeats
        try:
            if self.options.quick:
                workers.start(case)
            result = race(case, workers.measure, repeats, say)
        except Exception as error:  # the other cases go on, in other processes
            traceback.print_exc()
            self.failures.append(f"{case.name}: {type(error).__name__}: {error}")
            workers.close()
        else:
            record = result.as_dict()
            self.cases[case.name] = record
            self.failures += record["problems"]
            say("\n" + report.section(record) + "\n")
        try:
            self.write()
        except OSError as error:  # such as a full disk
            self.failures.append(f"{case.name}: could not be written: {error}")

    def write(self) -> None:
        options = self.options
        if options.json:
            content = {
                "quick": options.quick,
                "machine": self.machine,
                "cases": self.cases,
                "failures": self.failures,
            }
            options.json.write_text(json.dumps(content, indent=1) + "\n")
        if options.markdown:
            options.markdown.write_text(report.page(self.machine, self.cases))
        if options.plot and self.cases:
            from benchmarks.plot import plot  # matplotlib takes a second

            plot(self.cases, options.plot)


def say(line: str) -> None:
    print(line, flush=True)


def measure_all(options: argparse.Namespace) -> int:
    """Run the cases; return how the process must end."""
    run = Run(options, facts(options.device))
    settle = 0.0 if options.quick else 0.3
    with Workers(settle) as workers:
        for case in chosen_cases(options):
            run.take(case, workers)
            # Processes as new as the case; but starting them is most of what a smoke test does.
            if not options.quick:
                workers.close()
    say(report.machine_line(run.machine))
    say(report.goals_table(run.cases))
    for failure in run.failures:
        say(f"FAILED {failure}")
    return 1 if run.failures else 0


def list_all() -> None:
    for case in all_cases():
        print(f"{case.name}: {case.title}")
        print(f"    {', '.join(entrant.key for entrant in case.entrants)}")


def main() -> int:
    options = parser().parse_args()
    if options.list:
        list_all()
        return 0
    # Whatever ends the run, its temporary files go.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="tfae-benchmarks-", dir=options.scratch) as scratch:
        set_environment(options.device, scratch)
        check_device(options.device)
        return measure_all(options)


if __name__ == "__main__":
    sys.exit(main())
