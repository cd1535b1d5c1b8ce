"""
ConvolutionalAutoencoder: images as images
==========================================

Convolutions know which pixels are neighbours. The rows may be flat or images; what comes back has
the shape of what was given.
"""

# %%

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from tfae import ConvolutionalAutoencoder

images = load_digits().images  # (1797, 8, 8)
train, test = train_test_split(images, random_state=0)

model = ConvolutionalAutoencoder(
    16, hidden_layer_sizes=(16, 32), learning_rate_init=0.003, max_iter=60, random_state=0
).fit(train)
rebuilt = model.reconstruct(test)
print(f"image_shape_ {model.image_shape_}, code {model.transform(test).shape}")

# %%
# Images held out, and what a code of 16 numbers rebuilds.

fig, axes = plt.subplots(2, 1, figsize=(7, 2.6))
for ax, title, rows in zip(axes, ["images", "rebuilt"], [test, rebuilt], strict=True):
    ax.imshow(np.hstack(rows[:12]), cmap="gray_r", vmin=0, vmax=16)
    ax.set_title(title, fontsize=10, loc="left")
    ax.axis("off")
fig.tight_layout()
