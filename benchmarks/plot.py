"""A picture of all cases: every rival's speed, ours being 1."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

from benchmarks.contenders import CONTENDERS

_OURS = ("tfae", "unpickle")
_RIVALS = [name for name in CONTENDERS if name not in (*_OURS, "copy")]
_COLOURS = plt.get_cmap("tab20").colors


def plot(cases: dict[str, dict[str, Any]], path: Path) -> None:
    """Draw a line a case and a point a rival; left of 1 are those that we are ahead of."""
    rows = {name: speeds for name, case in cases.items() if (speeds := _relative(case))}
    figure, axes = plt.subplots(figsize=(9, 2 + 0.35 * len(rows)), layout="constrained")
    for colour, rival in zip(_COLOURS, _RIVALS, strict=False):
        places = [place for place, speeds in enumerate(rows.values()) if rival in speeds]
        if places:
            values = [speeds[rival] for speeds in rows.values() if rival in speeds]
            label = CONTENDERS[rival].title.replace("`", "")
            marker = "|" if rival.startswith("products") else "o"
            axes.plot(values, places, marker, color=colour, markersize=9, label=label)
    axes.axvline(1, color="black", linewidth=1)
    axes.set(xscale="log", xlabel="speed (tfae = 1; left of the line: slower than tfae)")
    axes.set_yticks(range(len(rows)), list(rows))
    axes.invert_yaxis()
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper", fontsize="small")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _relative(case: dict[str, Any]) -> dict[str, float]:
    """Return the speeds of the rivals of a case."""
    return {
        key: 1 / entry["first_is_faster_by"]
        for key, entry in case["contenders"].items()
        if key in _RIVALS
    }
