"""Denoising MNIST: PSNR of the noisy images, of PCA, of filters, and of DenoisingAutoencoder.

Pixels lie in [0, 1]. Noise is gaussian with a standard deviation of 0.5, clipped to [0, 1], or a
mask that sets half of the pixels to 0. The autoencoder is trained on the 60,000 training images,
the number of principal components and the size of the filters are chosen on 5,000 of them. PSNR is
10 log10(1 / mean squared error) of an image, averaged over the 10,000 test images.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import median_filter
from scipy.signal import wiener
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


def psnr(clean: Rows, rows: Rows) -> float:
    """The mean over the images of the peak signal-to-noise ratio, in dB, of pixels in [0, 1]."""
    errors = np.square(np.clip(rows, 0, 1) - clean, dtype=np.float64).mean(axis=1)
    return float((10 * np.log10(1 / errors)).mean())


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


def best(methods: dict[str, Callable[[Rows], Rows]], noisy: Rows, clean: Rows) -> str:
    return max(methods, key=lambda name: psnr(clean, methods[name](noisy)))


def autoencoder(noise: Noise, epochs: int) -> DenoisingAutoencoder:
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
    made.add_argument("--picture", type=Path, help="where to draw the test images")
    arguments = made.parse_args()
    train, _, test, _ = mnist()
    report = Report(arguments.json, goal="4 dB ahead of the best of the others for gaussian noise")
    pictures = {"clean": test}
    for kind, noise in NOISES.items():
        rng = np.random.default_rng(1)
        held_out = train[-5000:]
        noisy, noisy_held_out = noise(test, LEVEL, rng), noise(held_out, LEVEL, rng)
        scores = {"noisy": psnr(test, noisy)}
        shown = {"noisy": noisy}
        others = (
            by_pca(train[:-5000], noise),
            by_filter("median filter"),
            by_filter("Wiener filter"),
        )
        for methods in others:
            name = best(methods, noisy_held_out, held_out)
            shown[name] = methods[name](noisy)
            scores[name] = psnr(test, shown[name])
        ours = autoencoder(noise, arguments.epochs).fit(train)
        shown["DenoisingAutoencoder"] = ours.reconstruct(noisy)
        ahead = psnr(test, shown["DenoisingAutoencoder"]) - max(scores.values())
        scores["DenoisingAutoencoder"] = psnr(test, shown["DenoisingAutoencoder"])
        report.add(f"{kind}, dB", {name: round(value, 2) for name, value in scores.items()})
        report.add(f"{kind}, ahead of the best of the others, dB", round(ahead, 2))
        for name, rows in shown.items():
            pictures[f"{kind}: {name} ({scores[name]:.1f} dB)"] = rows
    if arguments.picture is not None:
        picture(pictures, arguments.picture)
    report.end()


if __name__ == "__main__":
    main()
