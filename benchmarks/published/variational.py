"""MNIST, a variational autoencoder 784-400-40-400-784: negative log-likelihood.

Published: 89.78 nats (pythae). Pixels are binarised once, each with the probability that its grey
value gives, from a fixed seed; so there is one set of binary images, as in the paper. The
log-likelihood of the 10,000 test images is estimated by importance sampling with 500 codes a row.
Epochs, learning rate and activation were chosen on the last 5,000 training images.
"""

from __future__ import annotations

import keras
import numpy as np

from benchmarks.published._report import Report, mnist, parser
from tfae import VariationalAutoencoder

BATCH = 200


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--epochs", type=int, default=150)
    made.add_argument("--samples", type=int, default=500)
    made.add_argument("--seed", type=int, default=0)
    arguments = made.parse_args()
    report = Report(arguments.json, published=89.78, goal=93.0, stretch=89.9, seed=arguments.seed)
    X, _, X_test, _ = mnist()
    rng = np.random.default_rng(0)
    X, X_test = (
        (rng.random(rows.shape, dtype=np.float32) < rows).astype(np.float32) for rows in (X, X_test)
    )
    steps = arguments.epochs * len(X) // BATCH
    model = VariationalAutoencoder(
        40,
        hidden_layer_sizes=(400,),
        activation="gelu",
        loss="bernoulli",
        kl_warm_up=20,
        batch_size=BATCH,
        learning_rate_init=keras.optimizers.schedules.CosineDecay(0.004, steps),
        max_iter=arguments.epochs,
        tol=0.0,
        n_iter_no_change=arguments.epochs,
        random_state=arguments.seed,
    ).fit(X)
    report.add("training, minutes", round(sum(model.history_["seconds"]) / 60, 1))
    report.add("active units", int(model.active_units_.sum()))
    report.add("negative evidence lower bound", round(-_bound(model, X_test, 1), 2))
    report.add("negative log-likelihood", round(-_bound(model, X_test, arguments.samples), 2))
    report.end()


def _bound(model: VariationalAutoencoder, X: np.ndarray, n_samples: int) -> float:
    return float(model.score_samples(X, n_samples=n_samples).mean())


if __name__ == "__main__":
    main()
