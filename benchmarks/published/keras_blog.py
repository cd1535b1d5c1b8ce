"""MNIST: the first autoencoder of the Keras blog, 784-32-784, binary cross-entropy of a pixel.

Published: about .09 after 50 epochs (blog.keras.io). Code units and the learning rate were chosen
on the last 10,000 training images (`--validate`); the blog has ReLU units.
"""

from __future__ import annotations

import numpy as np

from benchmarks.published._report import Report, mnist, parser
from tfae import Autoencoder
from tfae._auto import annealed


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--epochs", type=int, default=20)
    made.add_argument("--rate", type=float, default=0.003)
    made.add_argument("--batch", type=int, default=128)
    made.add_argument("--code-activation", default="linear")
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--validate", action="store_true", help="on 10,000 of the training images")
    arguments = made.parse_args()
    X, _, X_test, _ = mnist()
    if arguments.validate:
        X, X_test = X[:50_000], X[50_000:]
    report = Report(arguments.json, published=0.09, goal=0.09, seed=arguments.seed)
    n_steps = arguments.epochs * -(-len(X) // arguments.batch)
    model = Autoencoder(
        32,
        hidden_layer_sizes=(),
        code_activation=arguments.code_activation,
        loss="binary_crossentropy",
        scaling=None,
        batch_size=arguments.batch,
        learning_rate_init=annealed(arguments.rate, n_steps),
        max_iter=arguments.epochs,
        n_iter_no_change=arguments.epochs,
        random_state=arguments.seed,
    ).fit(X)
    P = np.clip(model.reconstruct(X_test), 1e-7, 1 - 1e-7)
    loss = -np.mean(X_test * np.log(P) + (1 - X_test) * np.log1p(-P), dtype=np.float64)
    report.add("ours", round(float(loss), 5))
    report.end()


if __name__ == "__main__":
    main()
