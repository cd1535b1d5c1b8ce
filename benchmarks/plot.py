"""A picture of all cases: every contender's speed, ours being 1."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

_COLOURS = plt.get_cmap("tab10").colors
_MARKERS = "osD^vP"


def plot(cases: dict[str, dict[str, Any]], path: Path) -> None:
    """Draw a line a case and a point a contender: left of 1 are those that we are ahead of."""
    rows = {name: case["contenders"] for name, case in cases.items() if len(case["contenders"]) > 1}
    figure, axes = plt.subplots(figsize=(9, 1.5 + 0.4 * len(rows)), layout="constrained")
    styles: dict[str, tuple[Any, str]] = {}
    for place, entries in enumerate(rows.values()):
        _, *others = entries.values()
        for entry in others:
            title = entry["title"]
            number = len(styles)
            style = _COLOURS[number % 10], _MARKERS[number // 10 % len(_MARKERS)]
            colour, marker = styles.setdefault(title, style)
            known = title in axes.get_legend_handles_labels()[1]
            axes.plot(
                *(1 / entry["first_is_faster_by"], place, marker),
                color=colour,
                label=None if known else title,
            )
    axes.axvline(1, color="black", linewidth=1)
    axes.set(xscale="log", xlabel="speed (tfae = 1; left of the line: slower than tfae)")
    axes.set_yticks(range(len(rows)), list(rows))
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside right upper", fontsize="small")
    figure.savefig(path, dpi=120)
    plt.close(figure)
