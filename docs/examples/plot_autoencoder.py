"""
Autoencoder: a code for t-SNE
=============================

A dense autoencoder squeezes the 64 pixels of a digit into 8 numbers. The code rebuilds digits that
were held out better than as many principal components do, and t-SNE draws it.
"""

# %%
# Half of the rows are held out.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.model_selection import train_test_split

from tfae import Autoencoder, plotting

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.5, random_state=0)

model = Autoencoder(8, activation="gelu", max_iter=300, early_stopping=True, random_state=0)
model.fit(X_train)
pca = PCA(8).fit(X_train)
pca_error = np.square(pca.inverse_transform(pca.transform(X_test)) - X_test).mean()
print(f"squared error: autoencoder {-model.score_samples(X_test).mean():.2f}, PCA {pca_error:.2f}")

# %%
# Digits above, what their 8 numbers rebuild below.

plotting.reconstructions(model, X_test, n_images=12, image_shape=(8, 8))

# %%
# The code in two dimensions.

embedding = TSNE(random_state=0).fit_transform(model.transform(X_test))
fig, ax = plt.subplots()
points = ax.scatter(*embedding.T, c=y_test, cmap="tab10", s=8)
ax.legend(*points.legend_elements(), title="digit", loc="center left", bbox_to_anchor=(1, 0.5))
ax.set(xticks=[], yticks=[], title="t-SNE of the code")
fig.tight_layout()
