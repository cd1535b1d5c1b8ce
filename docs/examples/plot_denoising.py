"""
DenoisingAutoencoder: clean rows out of noisy ones
==================================================

Trained to rebuild clean digits from noisy ones, it cleans digits that it has not seen. PCA, its
number of components chosen with hindsight, is the rival.
"""

# %%
# The noise has a standard deviation of 4, for pixels from 0 to 16. Training starts at the best
# linear denoiser, ``"linear"`` in ``baseline_``, and improves on it.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from tfae import DenoisingAutoencoder

X = load_digits().data
X_train, X_test = train_test_split(X, test_size=0.5, random_state=0)
noisy = X_test + np.random.default_rng(0).normal(0, 4, X_test.shape)

model = DenoisingAutoencoder(
    32, corruption="gaussian", corruption_level=4, corruption_unit="data", random_state=0
).fit(X_train)
print({name: round(value, 1) for name, value in model.baseline_.items()})
cleaned = model.reconstruct(noisy)


def by_pca(n_components):
    pca = PCA(n_components).fit(X_train)
    return pca.inverse_transform(pca.transform(noisy))


def error(rows):
    return np.square(rows - X_test).mean()


best = min(range(1, 64), key=lambda n: error(by_pca(n)))
pictures = {
    "clean": X_test,
    f"noisy ({error(noisy):.1f})": noisy,
    f"PCA, {best} components ({error(by_pca(best)):.1f})": by_pca(best),
    f"DenoisingAutoencoder ({error(cleaned):.1f})": cleaned,
}

# %%
# In brackets the mean squared error.

fig, axes = plt.subplots(4, 1, figsize=(7, 4.6))
for ax, (title, rows) in zip(axes, pictures.items(), strict=True):
    ax.imshow(np.hstack(rows[:12].reshape(-1, 8, 8)), cmap="gray_r", vmin=0, vmax=16)
    ax.set_title(title, fontsize=10, loc="left")
    ax.axis("off")
fig.tight_layout()
