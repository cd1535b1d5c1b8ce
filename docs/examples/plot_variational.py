"""
VariationalAutoencoder: new digits
==================================

It learns a distribution: digits can be drawn from it, and rows that are unlikely under it found.
"""

# %%

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from tfae import VariationalAutoencoder

X = load_digits().data
X_train, X_test = train_test_split(X, random_state=0)
model = VariationalAutoencoder(
    8, activation="gelu", max_iter=300, early_stopping=True, n_iter_no_change=20, random_state=0
).fit(X_train)
print(f"{model.active_units_.sum()} of 8 units are active")

# %%
# 48 digits that nobody wrote.

drawn = model.sample(48, random_state=0)
images = np.pad(drawn.reshape(4, 12, 8, 8), [(0, 0), (0, 0), (1, 1), (1, 1)])
fig, ax = plt.subplots(figsize=(7, 2.6))
ax.imshow(images.transpose(0, 2, 1, 3).reshape(40, 120), cmap="gray_r", vmin=0, vmax=16)
ax.axis("off")
ax.set_title("Drawn from the model")
fig.tight_layout()

# %%
# A bound on the log-likelihood tells digits from the same pixels in another order, and from digits
# upside down.

rows = {
    "digits held out": X_test,
    "upside down": X_test.reshape(-1, 8, 8)[:, ::-1].reshape(-1, 64),
    "pixels shuffled": np.random.default_rng(0).permuted(X_test, axis=1),
}
fig, ax = plt.subplots()
for label, some in rows.items():
    scores = np.maximum(model.score_samples(some), -600)
    ax.hist(scores, bins=np.linspace(-600, -50, 60), alpha=0.6, label=label, log=True)
ax.set(xlabel="log-likelihood of a row (nats; lower ones at the left edge)", ylabel="rows")
ax.legend()
fig.tight_layout()
