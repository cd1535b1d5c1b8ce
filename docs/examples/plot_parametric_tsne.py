"""
ParametricTSNE: new rows in the picture
=======================================

t-SNE has no place for a row that it has not seen. An encoder that is trained on the loss of t-SNE
has one. Half of the digits train it, the other half are placed by it, and the measures of
``tfae.metrics`` say how good the picture of either half is.
"""

# %%

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.model_selection import train_test_split

from tfae import ParametricTSNE, plotting
from tfae.metrics import embedding_report

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.5, random_state=0)

model = ParametricTSNE(random_state=0).fit(X_train)

# %%
# Left the digits that it was trained on, right those that it had not seen.

fig, axes = plt.subplots(1, 2, figsize=(10, 4.5), layout="constrained", sharex=True, sharey=True)
plotting.code_scatter(model.embedding_, y_train, size=10, ax=axes[0])
plotting.code_scatter(model.transform(X_test), y_test, size=10, ax=axes[1])
axes[0].set_title("trained on")
axes[1].set(title="new", ylabel="")
axes[0].get_legend().remove()

# %%
# Is it a good picture? Beside it are two principal components, which place new rows, too, and
# t-SNE, which must be fitted to the very rows that it draws. Trustworthiness asks whether those
# who are neighbours in the picture are neighbours in the data, continuity the reverse, and recall
# counts the neighbours that were kept.

embeddings = {
    "PCA": PCA(2, random_state=0).fit(X_train).transform(X_test),
    "ParametricTSNE": model.transform(X_test),
    "t-SNE fitted to these rows": TSNE(random_state=0).fit_transform(X_test),
}
report = embedding_report(X_test, embeddings, y=y_test)
print(report.round(2).T)

# %%
# The same as a picture; higher is better.

plotting.embedding_scores(report)
