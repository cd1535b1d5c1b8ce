"""Seconds of OutlierDetector on 5,000 rows of 30 columns, beside a plain loop and PyOD.

Rows are of rank 5 with noise. A fit is timed after one that has compiled its program. As many new
rows are scored in turns by the detector with both kinds of evidence; by its networks alone, and by
a plain loop in NumPy over the same networks and groups of hidden columns, which must give the same;
and by AutoEncoder of PyOD together with scikit-learn's NearestNeighbors. Ratios are medians of the
rounds'.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import numpy as np
from sklearn.neighbors import NearestNeighbors

from benchmarks.published._report import Report, parser
from tfae import OutlierDetector
from tfae._inference.surprise import Surprise

try:
    from pyod.models.auto_encoder import AutoEncoder
except ImportError:
    AutoEncoder = None


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--rows", type=int, default=5000)
    arguments.add_argument("--rounds", type=int, default=5)
    asked = arguments.parse_args()
    report = Report(asked.json, rows=asked.rows)
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(5, 30))
    X, Y = (rng.normal(size=(asked.rows, 5)) @ mixing for _ in range(2))
    X, Y = (rows + 0.3 * rng.normal(size=rows.shape) for rows in (X, Y))

    for evidence in ("distance", "both"):
        model = OutlierDetector(evidence=evidence, random_state=0)
        report.add(f"first fit, {evidence}, seconds", round(seconds(lambda m=model: m.fit(X)), 2))
        report.add(f"next fit, {evidence}, seconds", round(seconds(lambda m=model: m.fit(X)), 2))

    surprise = model._fitted.surprise
    np.testing.assert_allclose(plain_loop(surprise, Y), surprise.columns(Y), rtol=1e-6, atol=1e-6)
    jobs: dict[str, Callable[[], object]] = {
        "both": lambda: model.score_samples(Y),
        "networks": lambda: surprise.columns(Y),
        "plain loop": lambda: plain_loop(surprise, Y),
    }
    if AutoEncoder is not None:
        theirs, near = AutoEncoder(verbose=0).fit(X), NearestNeighbors(n_neighbors=5).fit(X)
        jobs["PyOD and neighbours"] = lambda: (theirs.decision_function(Y), near.kneighbors(Y))
    rounds = [{name: seconds(job) for name, job in jobs.items()} for _ in range(asked.rounds)]
    for name in jobs:
        report.add(f"{name}, rows a second", round(asked.rows / median(r[name] for r in rounds)))
    for name, ours in {"plain loop": "networks", "PyOD and neighbours": "both"}.items():
        if name in jobs:
            ratio = median(r[name] / r[ours] for r in rounds)
            report.add(f"{ours}: times as fast as {name}", round(ratio, 2))
    report.end()


def seconds(job: Callable[[], object]) -> float:
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


def plain_loop(surprise: Surprise, rows: np.ndarray) -> np.ndarray:
    """Return the surprise of every entry, one network and one group of columns after the other."""
    members, densities = surprise.members, surprise.densities
    scaled = surprise._view.scaled(rows, surprise.scaling)
    found = []
    for member in range(members.n_members):
        outputs = np.empty((len(rows), densities.n_outputs))
        for group, wanted in enumerate(surprise._wanted):
            hidden = surprise.layout.spread((surprise.groups == group)[None])[0]
            seen = surprise._view.seen(np.where(hidden, np.nan, scaled)).inputs
            outputs[:, wanted] = members._of_member(member, seen)[:, wanted]
        found.append(densities.surprise(scaled, outputs))
    return np.mean(found, axis=0)


if __name__ == "__main__":
    main()
