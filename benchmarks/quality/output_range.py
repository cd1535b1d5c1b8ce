"""Images rebuilt with and without ``output_range``: errors of held-out rows, beside PCA.

digits and the first 42,000 training images of MNIST are split as in `against_pca`. "clipped" are
rows that are clipped to the range of the pixels after they are rebuilt, without a word of it in
training. Nothing else is set but the length of the code and the seed. Errors are mean squared ones
in the units of the data.

Lines already in the file of ``--json`` are not computed again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from benchmarks.published._report import parser
from benchmarks.quality._data import Split, mnist_seed_split, tables
from benchmarks.quality._lines import measured_lines
from tfae import Autoencoder

Range = tuple[float, float]
CODES = {"digits": (2, 8, 32), "MNIST images": (8, 32, 98)}
_NAMES = ("data", "code", "seed")


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--only", nargs="+", default=list(CODES), choices=list(CODES))
    arguments.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    asked = arguments.parse_args()
    frame = pd.DataFrame(measured_lines(cases(asked.only, asked.seeds), _NAMES, asked.json))
    means = frame.groupby(["data", "code"], sort=False).mean().drop(columns="seed")
    print(means.to_string(float_format="%.4g"))


def cases(only: list[str], seeds: list[int]) -> Iterator[tuple[dict, Callable[[], dict]]]:
    for name in only:
        for seed in seeds:
            split, ends = _split(name, seed)
            for code in CODES[name]:
                line = {"data": name, "code": code, "seed": seed}
                yield line, lambda a=(split, ends, code, seed): compare(*a)


def _split(name: str, seed: int) -> tuple[Split, Range]:
    return (next(tables(seed))[1], (0, 16)) if name == "digits" else (mnist_seed_split(), (0, 1))


def compare(split: Split, ends: Range, code: int, seed: int) -> dict[str, float]:
    """Return the errors of the held-out rows."""
    train, test = split
    pca = PCA(code, random_state=seed).fit(train)
    plain = Autoencoder(code, random_state=seed).fit(train).reconstruct(test)
    within = Autoencoder(code, output_range=ends, random_state=seed).fit(train).reconstruct(test)
    by_pca = pca.inverse_transform(pca.transform(test))
    rebuilt = {
        "PCA": by_pca,
        "PCA, clipped": by_pca.clip(*ends),
        "tfae": plain,
        "tfae, clipped": plain.clip(*ends),
        "output_range": within,
    }
    return {k: float(np.square(v - test, dtype=np.float64).mean()) for k, v in rebuilt.items()}


if __name__ == "__main__":
    main()
