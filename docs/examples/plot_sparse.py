"""
SparseAutoencoder: a few units a digit
======================================

With 100 units for 64 pixels, of which each may be active in one row of twenty, every unit comes to
stand for some kind of digit. Rows of the decoder's kernel show what it adds to the picture.
"""

# %%

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from tfae import SparseAutoencoder

X = load_digits().data
model = SparseAutoencoder(
    100,
    hidden_layer_sizes=(),
    penalty="lifetime",
    sparsity=0.05,
    batch_size=100,
    learning_rate_init=0.005,
    max_iter=100,
    random_state=0,
).fit(X)
active = (model.transform(X) >= model.thresholds_).sum(axis=1).mean()
print(f"{active:.1f} of 100 units are active in a digit, {model.n_dead_units_} never are")

# %%
# What each unit adds to a picture when it is active.

units = model.decoder_weights_[0].reshape(10, 10, 8, 8)
units = np.pad(units, [(0, 0), (0, 0), (0, 1), (0, 1)])
picture = units.transpose(0, 2, 1, 3).reshape(90, 90)
limit = np.quantile(np.abs(picture), 0.99)
fig, ax = plt.subplots(figsize=(6, 6))
ax.imshow(picture, cmap="RdBu_r", vmin=-limit, vmax=limit)
ax.axis("off")
ax.set_title("What each of the 100 units adds")
fig.tight_layout()
