"""
ContractiveAutoencoder: codes that move little
==============================================

Small changes of a digit should not move its code. The penalty on the encoder's Jacobian sees to it:
the singular values of the Jacobian fall, all but the few along which digits really differ.
"""

# %%

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from tfae import ContractiveAutoencoder

X = load_digits().data


def singular_values(penalty_weight):
    """The mean spectrum of the Jacobian of the one sigmoid layer, over the rows."""
    model = ContractiveAutoencoder(
        64,
        hidden_layer_sizes=(),
        linear_path=False,
        activation="logistic",
        code_activation="logistic",
        tied=True,
        penalty_weight=penalty_weight,
        learning_rate_init=0.005,
        max_iter=100,
        random_state=0,
    ).fit(X)
    code = model.transform(X)[::10]
    jacobians = (code * (1 - code))[:, :, None] * model.encoder_weights_[0].T
    return np.linalg.svd(jacobians, compute_uv=False).mean(axis=0), model.score(X)


# %%
# The score is the fraction of the variance that is rebuilt.

fig, ax = plt.subplots()
for weight in (0.0, 1.0, 10.0):
    values, score = singular_values(weight)
    ax.plot(values, label=f"penalty_weight={weight:g} (score {score:.2f})")
ax.set(xlabel="direction", ylabel="singular value of the Jacobian", yscale="log", ylim=(1e-3, None))
ax.legend()
fig.tight_layout()
