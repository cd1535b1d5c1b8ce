"""
Counts without clean rows: molecules of single cells
====================================================

A cell has a rate for every gene; a sequencer counts a few of its molecules. No clean rows exist.
``training_rows="noisy"`` halves the counts of every cell at random, and predicts one half from the
other.
"""

# %%
# If the environment variable ``TFAE_DATA`` names a folder with the counts of a mouse bladder
# (``single_cell`` in it), its 300 most frequent genes are taken. Otherwise counts are drawn: eight
# types of cells, in which genes go up and down together, each cell of another depth.

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy import sparse
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.model_selection import train_test_split

from tfae import DenoisingAutoencoder

rng = np.random.default_rng(0)


def real_counts(folder):
    with np.load(folder / "mouse_bladder_2100_counts_csr.npz") as parts:
        counts = sparse.csr_array(
            (parts["data"], parts["indices"], parts["indptr"]), shape=parts["shape"]
        )
    most = np.argsort(np.asarray(counts.sum(axis=0)).ravel())[-300:]
    types = np.unique(np.load(folder / "mouse_bladder_2100_labels.npy"), return_inverse=True)[1]
    return counts[:, most].toarray().astype(np.float32), types


def drawn_counts(n_cells=900, n_genes=200, n_types=8):
    types = rng.integers(n_types, size=n_cells)
    logarithms = rng.normal(0, 0.8, (n_types, 6))[types] + rng.normal(0, 0.5, (n_cells, 6))
    logarithms = logarithms @ rng.normal(0, 0.5, (6, n_genes)) + rng.normal(-1.5, 1, n_genes)
    rates = np.exp(logarithms) * rng.gamma(4, 1 / 4, (n_cells, 1))
    return rng.poisson(rates).astype(np.float32), types


folder = Path(os.environ.get("TFAE_DATA", "")) / "single_cell"
counts, types = real_counts(folder) if folder.is_dir() else drawn_counts()
train, test, _, test_types = train_test_split(counts, types, test_size=0.3, random_state=0)

# %%
# ``loss="poisson"`` says that rows are counts. ``reconstruct`` returns rates, ``transform`` codes.

model = DenoisingAutoencoder(
    10, training_rows="noisy", loss="poisson", max_iter=30, random_state=0
).fit(train)
print(model.settings_["corruption"], model.n_iter_, "epochs")

# %%
# How good are the rates? The half of a test cell's molecules that a method has not seen tells
# (molecular cross-validation). PCA sees the roots of counts, and is tried with every rank. The
# error is the Poisson negative log-likelihood, without the term that no prediction changes.


def halves(X):
    one = rng.binomial(X.astype(int), 0.5).astype(np.float32)
    return one, X - one


def error(rates, counts):
    rates = np.maximum(rates, 1e-4)
    return (rates - counts * np.log(rates)).mean()


(fitted_on, predicted), (seen, unseen) = halves(train), halves(test)
pca = PCA(30, random_state=0).fit(np.sqrt(fitted_on))


def by_pca(X, rank):
    axes = pca.components_[:rank]
    return np.square(np.maximum((np.sqrt(X) - pca.mean_) @ axes.T @ axes + pca.mean_, 0))


def error_of_pca(rank):
    # The square of a mean is less than the mean of squares, by the variance of the roots.
    variance = predicted.mean(axis=0) - by_pca(fitted_on, rank).mean(axis=0)
    return error(by_pca(seen, rank) + variance, unseen)


ranks = range(1, 31)
ours = error(model.reconstruct(2 * seen) / 2, unseen)  # a half has half the rates

fig, ax = plt.subplots(figsize=(6, 3.8), layout="constrained")
ax.plot(ranks, [error_of_pca(rank) for rank in ranks], label="PCA of roots")
ax.axhline(ours, color="C1", label="DenoisingAutoencoder(10)")
ax.set(xlabel="components", ylabel="error of unseen molecules")
ax.legend()

# %%
# The codes of all test cells, as a picture.

places = TSNE(random_state=0).fit_transform(model.transform(test))
fig, ax = plt.subplots(figsize=(6, 3.8), layout="constrained")
ax.scatter(*places.T, c=test_types, cmap="tab20", s=8)
ax.set(xticks=[], yticks=[], title="codes of test cells, coloured by type")
