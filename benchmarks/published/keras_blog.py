"""MNIST: the first autoencoder of the Keras blog, 784-32-784, binary cross-entropy of a pixel.

Published: about .09 after 50 epochs (blog.keras.io). Code units and the learning rate were chosen
on the last 10,000 training images (`--validate`); the blog has ReLU units.
"""

from __future__ import annotations

import numpy as np

from benchmarks.published._report import Report, annealed_over, mnist, parser_of_training
from tfae import Autoencoder


def main() -> None:
    made = parser_of_training(__doc__, epochs=20)
    made.add_argument("--rate", type=float, default=0.02)
    made.add_argument("--batch", type=int, default=16)
    made.add_argument("--code-activation", default="leaky_relu")
    arguments = made.parse_args()
    X, _, X_test, _ = mnist(arguments.validate)
    report = Report(arguments.json, published=0.09, goal=0.09, seed=arguments.seed)
    model = Autoencoder(
        32,
        hidden_layer_sizes=(),
        code_activation=arguments.code_activation,
        loss="binary_crossentropy",
        scaling=None,
        **annealed_over(arguments.epochs, arguments.batch, len(X), arguments.rate),
        random_state=arguments.seed,
    ).fit(X)
    P = np.clip(model.reconstruct(X_test), 1e-7, 1 - 1e-7)
    loss = -np.mean(X_test * np.log(P) + (1 - X_test) * np.log1p(-P), dtype=np.float64)
    report.add("ours", round(float(loss), 5))
    report.end()


if __name__ == "__main__":
    main()
