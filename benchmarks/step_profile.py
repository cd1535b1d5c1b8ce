"""``python -m benchmarks.step_profile seed-256``: where the time of our training step goes.

TensorFlow's profiler notes every operation of a run of the case. Operations overlap on the cores,
so their sum may exceed the time of the step; the profiler itself makes it a little longer.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf
from tensorflow.tsl.profiler.protobuf import xplane_pb2

from benchmarks.cases import all_cases
from benchmarks.contenders import Run, make_run
from benchmarks.options import count
from benchmarks.tasks import Training

# What the profiler notes besides operations: calls that contain them.
_AROUND = re.compile(
    r"::|^while(\.\d+)?$"
    r"|^(_*(inference_)?function|call|Eager|TFE_|tf\.|Executor|FunctionRun|Kernel|BlockUntilReady)"
)


def main() -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.step_profile", description=__doc__)
    tasks = {case.name: case.entrants[0].task for case in all_cases()}
    training = [name for name, task in tasks.items() if isinstance(task, Training)]
    parser.add_argument("case", choices=training)
    parser.add_argument(
        "--top", type=count, default=15, help="how many kinds of operations to print"
    )
    arguments = parser.parse_args()
    run = make_run("tfae", tasks[arguments.case])
    run.warm_up()
    print(f"a step takes {1e3 * _seconds_a_step(run):.2f} ms")
    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        run.reset(0)
        run.run()
        tf.profiler.experimental.stop()
        spent = _milliseconds(Path(folder))
    n_steps = run.work().steps
    print(f"operations, all together, {sum(spent.values()) / n_steps:.2f} ms; by kind:")
    for kind, milliseconds in spent.most_common(arguments.top):
        print(f"{milliseconds / n_steps:8.3f}  {kind}")


def _seconds_a_step(run: Run) -> float:
    run.reset(0)
    start = time.perf_counter()
    run.run()
    return (time.perf_counter() - start) / run.work().steps


def _milliseconds(folder: Path) -> Counter[str]:
    spent: Counter[str] = Counter()
    for path in folder.rglob("*.xplane.pb"):
        space = xplane_pb2.XSpace()
        space.ParseFromString(path.read_bytes())
        for name, picoseconds in _events(space):
            if not _AROUND.search(name):
                spent[_kind(name)] += picoseconds / 1e9
    return spent


def _events(space: xplane_pb2.XSpace) -> Iterator[tuple[str, int]]:
    for plane in space.planes:
        for line in plane.lines:
            for event in line.events:
                yield plane.event_metadata[event.metadata_id].name, event.duration_ps


def _kind(name: str) -> str:
    """Return the kind of an operation of the executor, "scope/name:Kind", or of XLA, "kind.7"."""
    return re.sub(r"(_\d+)?(\.\d+)?$", "", name.rpartition(":")[2])


if __name__ == "__main__":
    main()
