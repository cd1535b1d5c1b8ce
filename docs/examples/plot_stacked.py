"""
StackedAutoencoder: layer by layer
==================================

Many layers of sigmoid units hardly learn when they are trained all at once. Trained one after the
other first, and then together, they do.
"""

# %%

import warnings

import matplotlib.pyplot as plt
from matplotlib.ticker import MaxNLocator
from sklearn.datasets import load_digits

from tfae import StackedAutoencoder

X = load_digits().data
network = {
    "n_components": 16,
    "hidden_layer_sizes": (48, 40, 32),
    "activation": "logistic",
    "learning_rate_init": 0.003,
    "max_iter": 100,
    "n_iter_no_change": 100,
    "random_state": 0,
}
# A warning would say that the loss was still falling after 100 epochs.
warnings.filterwarnings("ignore", "Training stopped at max_iter")
stacked = StackedAutoencoder(**network).fit(X)
at_once = StackedAutoencoder(**network, pretrain_max_iter=0).fit(X)

# %%
# Left every layer on its own, right the whole network after that.

fig, (stages, whole) = plt.subplots(1, 2, figsize=(9, 3.6))
for number, history in enumerate(stacked.stage_histories_, start=1):
    loss = history["loss"]
    epochs = range(1, len(loss) + 1)
    stages.plot(epochs, [value / loss[0] for value in loss], label=f"stage {number}")
stages.set(xlabel="epoch", ylabel="loss, in units of the first epoch's", title="Layer by layer")
stages.xaxis.set_major_locator(MaxNLocator(integer=True))
stages.legend()
for model, label in [(stacked, "after the stages"), (at_once, "without them")]:
    whole.plot(range(1, model.n_iter_ + 1), model.loss_curve_, label=label)
whole.set(xlabel="epoch", ylabel="mean squared error", title="All layers together")
whole.legend()
fig.tight_layout()
