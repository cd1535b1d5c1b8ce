"""Denoising MNIST: PSNR of the noisy images, of filters, linear maps, and DenoisingAutoencoder.

Pixels lie in [0, 1]. Noise is gaussian with a standard deviation of 0.5, clipped to [0, 1], or a
mask that sets half of the pixels to 0. The autoencoders are trained on the 60,000 training images:
the network of the papers, the one that the estimator's defaults give, and a larger one for as many
epochs as the papers' network. The ridge regression of
clean on noisy images uses them, too, three draws of the noise of each. The number of principal
components and the settings of the filters are chosen on 5,000 of them. PSNR is
10 log10(1 / mean squared error) of an image, averaged over the 10,000 test images; "pooled" is that
of the error of all images together.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import median_filter
from scipy.signal import wiener
from skimage.restoration import denoise_nl_means
from sklearn.decomposition import PCA

from benchmarks.published._report import Report, mnist, parser
from tfae import DenoisingAutoencoder

Rows = np.ndarray
Noise = Callable[[Rows, float, np.random.Generator], Rows]


def clipped_gaussian(X: Rows, level: float, rng: np.random.Generator) -> Rows:
    noise = rng.standard_normal(X.shape, dtype=X.dtype)
    return np.clip(X + X.dtype.type(level) * noise, 0, 1)


def masking(X: Rows, level: float, rng: np.random.Generator) -> Rows:
    return X * (rng.random(X.shape, dtype=X.dtype) >= level)


NOISES: dict[str, Noise] = {"gaussian": clipped_gaussian, "masking": masking}
LEVEL = 0.5
PAPERS, DEFAULTS = "network of the papers", "DenoisingAutoencoder"
LARGER = "DenoisingAutoencoder, 1024-512"
NETWORKS = [PAPERS, DEFAULTS, LARGER]


def psnr(clean: Rows, rows: Rows) -> float:
    """The mean over the images of the peak signal-to-noise ratio, in dB, of pixels in [0, 1]."""
    return float((-10 * np.log10(_errors(clean, rows))).mean())


def pooled_psnr(clean: Rows, rows: Rows) -> float:
    """The peak signal-to-noise ratio of all images together."""
    return float(-10 * np.log10(_errors(clean, rows).mean()))


def _errors(clean: Rows, rows: Rows) -> Rows:
    return np.square(np.clip(rows, 0, 1) - clean, dtype=np.float64).mean(axis=1)


def by_pca(train: Rows, noise: Noise) -> dict[str, Callable[[Rows], Rows]]:
    """PCA of the clean images, and of noisy ones: it sees their mean, which noise has shifted."""
    rng = np.random.default_rng(2)
    made = {}
    for kind, rows in {"": train, " of noisy images": noise(train, LEVEL, rng)}.items():
        pca = PCA(100, random_state=0).fit(rows[:20_000])
        for n in (10, 20, 30, 40, 60, 100):
            made[f"PCA{kind}, {n} components"] = _projection(pca, n)
    return made


def _projection(pca: PCA, n: int) -> Callable[[Rows], Rows]:
    axes = pca.components_[:n]
    return lambda X: (X - pca.mean_) @ axes.T @ axes + pca.mean_


def by_filter(name: str) -> dict[str, Callable[[Rows], Rows]]:
    def images(function: Callable[[Rows, int], Rows], size: int) -> Callable[[Rows], Rows]:
        return lambda X: np.stack(
            [function(x.reshape(28, 28), size).ravel() for x in X.astype(np.float64)]
        )

    def adaptive(image: Rows, size: int) -> Rows:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.nan_to_num(wiener(image, size))  # where a patch is all zeros

    function = {"median filter": median_filter, "Wiener filter": adaptive}[name]
    return {f"{name}, {size} x {size}": images(function, size) for size in (3, 5, 7)}


def by_non_local_means() -> dict[str, Callable[[Rows], Rows]]:
    """Non-local means (Buades et al., 2005) of scikit-image, told the level of the noise."""

    def images(strength: float) -> Callable[[Rows], Rows]:
        settings = {"patch_size": 5, "patch_distance": 9, "h": strength * LEVEL, "sigma": LEVEL}
        return lambda X: np.stack(
            [denoise_nl_means(x.reshape(28, 28), **settings).ravel() for x in X]
        )

    return {f"non-local means, h = {s:g} sigma": images(s) for s in (0.4, 0.6, 0.8, 1.0)}


def by_ridge(train: Rows, noise: Noise) -> dict[str, Callable[[Rows], Rows]]:
    """The linear map from noisy to clean images, from three draws of the noise."""
    rng = np.random.default_rng(3)
    n_features = train.shape[1]
    gram, cross, seen = np.zeros((n_features,) * 2), np.zeros((n_features,) * 2), 0.0
    clean = train - (mean := train.mean(axis=0, dtype=np.float64))
    for _ in range(3):
        noisy = noise(train, LEVEL, rng).astype(np.float64)
        seen = noisy.mean(axis=0)
        gram, cross = gram + (noisy - seen).T @ (noisy - seen), cross + (noisy - seen).T @ clean
    ridge = 1e-6 * np.trace(gram) / n_features * np.eye(n_features)
    matrix = np.linalg.solve(gram + ridge, cross)
    return {"ridge regression": lambda X: (X - seen) @ matrix + mean}


def best(methods: dict[str, Callable[[Rows], Rows]], noisy: Rows, clean: Rows) -> str:
    return max(methods, key=lambda name: psnr(clean, methods[name](noisy)))


def anchored(kind: str, **params: Any) -> DenoisingAutoencoder:
    """The anchored denoiser, told what the noise and the range of pixels are, and nothing else."""
    if kind == "gaussian":
        params |= {"corruption_unit": "data", "corruption_range": (0, 1)}
    params |= {"corruption": kind, "corruption_level": LEVEL, "output_range": (0, 1)}
    return DenoisingAutoencoder(256, random_state=0, **params)


def network_of_the_papers(noise: Noise, epochs: int) -> DenoisingAutoencoder:
    return DenoisingAutoencoder(
        256,
        hidden_layer_sizes=(1024,),
        code_activation="relu",
        output_activation="logistic",
        corruption=noise,
        corruption_level=LEVEL,
        linear_path=False,
        scaling=None,
        batch_size=256,
        max_iter=epochs,
        tol=0.0,
        random_state=0,
    )


def picture(rows: dict[str, Rows], path: Path) -> None:
    fig, axes = plt.subplots(len(rows), 1, figsize=(7, 0.85 * len(rows)))
    for ax, (title, images) in zip(axes, rows.items(), strict=True):
        ax.imshow(np.hstack(images[:14].reshape(-1, 28, 28)), cmap="gray", vmin=0, vmax=1)
        ax.set_title(title, fontsize=8, loc="left", pad=2)
        ax.axis("off")
    fig.tight_layout(pad=0.4)
    fig.savefig(path, dpi=130)


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--epochs", type=int, default=30)
    made.add_argument("--noises", nargs="+", choices=list(NOISES), default=list(NOISES))
    made.add_argument("--networks", nargs="+", choices=NETWORKS, default=NETWORKS)
    made.add_argument("--picture", type=Path, help="where to draw the test images")
    arguments = made.parse_args()
    train, _, test, _ = mnist()
    report = Report(arguments.json, goal="4 dB ahead of the best of the others for gaussian noise")
    pictures = {"clean": test}
    for kind in arguments.noises:
        noise = NOISES[kind]
        rng = np.random.default_rng(1)
        held_out = train[-5000:]
        noisy, noisy_held_out = noise(test, LEVEL, rng), noise(held_out, LEVEL, rng)
        shown = {"noisy": noisy}
        others = (
            by_pca(train[:-5000], noise),
            by_filter("median filter"),
            by_filter("Wiener filter"),
            by_non_local_means(),
            by_ridge(train, noise),
        )
        for methods in others:
            name = best(methods, noisy_held_out, held_out)
            shown[name] = methods[name](noisy)
        scores = {name: psnr(test, rows) for name, rows in shown.items()}
        strongest = max(scores.values())
        networks = {
            PAPERS: network_of_the_papers(noise, arguments.epochs),
            DEFAULTS: anchored(kind),
            LARGER: anchored(kind, hidden_layer_sizes=(1024, 512), max_iter=arguments.epochs),
        }
        for name in arguments.networks:
            network = networks[name]
            start = time.perf_counter()
            shown[name] = network.fit(train).reconstruct(noisy)
            scores[name] = psnr(test, shown[name])
            report.add(f"{kind}, {name}, minutes", round((time.perf_counter() - start) / 60, 1))
        report.add(f"{kind}, dB", {name: round(value, 2) for name, value in scores.items()})
        pooled = {name: round(pooled_psnr(test, rows), 2) for name, rows in shown.items()}
        report.add(f"{kind}, pooled, dB", pooled)
        ahead = max(scores[name] for name in arguments.networks) - strongest
        report.add(f"{kind}, ahead of the best of the others, dB", round(ahead, 2))
        for name, rows in shown.items():
            pictures[f"{kind}: {name} ({scores[name]:.1f} dB)"] = rows
    if arguments.picture is not None:
        picture(pictures, arguments.picture)
    report.end()


if __name__ == "__main__":
    main()
