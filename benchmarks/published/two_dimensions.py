"""MNIST in two dimensions, encoder 784-1000-500-250-2: how well neighbours are kept.

Published (Moor et al., 2020, recomputed from their latents of the 10,000 test images), of a vanilla
autoencoder: trustworthiness .9385 and continuity .9224, averaged over 10, 20, … 200 neighbours, and
leave-one-out 1-NN accuracy .826; of PCA .7454, .9009, .388. A plain network, no linear path. What
is set was chosen on the last 10,000 training images (`--validate`).
"""

from __future__ import annotations

import numpy as np

from benchmarks.published._report import Report, mnist, parser
from tfae import Autoencoder, metrics
from tfae._auto import annealed


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--epochs", type=int, default=30)
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--validate", action="store_true", help="on 10,000 of the training images")
    arguments = made.parse_args()
    X, y, X_test, y_test = mnist()
    if arguments.validate:
        X, X_test, y_test = X[:50_000], X[50_000:], y[50_000:]
    report = Report(arguments.json, published=[0.9385, 0.9224, 0.826], seed=arguments.seed)
    n_steps = arguments.epochs * -(-len(X) // 128)
    model = Autoencoder(
        2,
        hidden_layer_sizes=(1000, 500, 250),
        activation="gelu",
        linear_path=False,
        scaling=None,
        batch_size=128,
        learning_rate_init=annealed(0.001, n_steps),
        max_iter=arguments.epochs,
        n_iter_no_change=arguments.epochs,
        random_state=arguments.seed,
    ).fit(X)
    Z, sizes = model.transform(X_test), list(range(10, 201, 10))
    report.add("squared error, summed", round(-784 * float(model.score_samples(X_test).mean()), 2))
    for measure in (metrics.trustworthiness, metrics.continuity):
        value = np.mean(measure(X_test, Z, n_neighbors=sizes))
        report.add(measure.__name__, round(float(value), 4))
    report.add("1-NN accuracy", round(metrics.knn_accuracy(Z, y_test), 4))
    report.end()


if __name__ == "__main__":
    main()
