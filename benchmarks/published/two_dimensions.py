"""MNIST in two dimensions, encoder 784-1000-500-250-2: how well neighbours are kept.

Published (Moor et al., 2020, recomputed from their latents of the 10,000 test images), of a vanilla
autoencoder: trustworthiness .9385 and continuity .9224, averaged over 10, 20, … 200 neighbours, and
leave-one-out 1-NN accuracy .826; of PCA .7454, .9009, .388. A plain network, no linear path. What
is set was chosen on the last 10,000 training images (`--validate`).
"""

from __future__ import annotations

import numpy as np

from benchmarks.published._report import Report, annealed_over, mnist, parser_of_training
from tfae import Autoencoder, metrics


def main() -> None:
    made = parser_of_training(__doc__, epochs=30)
    made.add_argument("--rate", type=float, default=0.001)
    made.add_argument("--activation", default="gelu")
    made.add_argument("--normalize", action="store_true", help="batches, after hidden layers")
    made.add_argument("--loss", default="mse")
    made.add_argument("--output", default="identity", help="the output activation")
    arguments = made.parse_args()
    X, _, X_test, y_test = mnist(arguments.validate)
    report = Report(arguments.json, published=[0.9385, 0.9224, 0.826], seed=arguments.seed)
    model = Autoencoder(
        2,
        hidden_layer_sizes=(1000, 500, 250),
        activation=arguments.activation,
        batch_normalization=arguments.normalize,
        linear_path=False,
        output_activation=arguments.output,
        loss=arguments.loss,
        scaling=None,
        **annealed_over(arguments.epochs, 128, len(X), arguments.rate),
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
