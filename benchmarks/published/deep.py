"""MNIST: the deep autoencoder 784-1000-500-250-30, squared error of the test images.

Published: 3.00, summed over the pixels (Hinton and Salakhutdinov, 2006), where PCA with 30
components has 13.87 there and 14.3 here. A plain network, no linear path; unlike the paper's it has
batch normalisation. What is set was chosen on the last 10,000 training images (`--validate`), the
epochs are those that ten minutes of two cores are enough for.
"""

from __future__ import annotations

import numpy as np

from benchmarks.published._report import Report, annealed_over, mnist, parser_of_training
from tfae import Autoencoder


def main() -> None:
    made = parser_of_training(__doc__, epochs=70)
    made.add_argument("--batch", type=int, default=128)
    made.add_argument("--rate", type=float, default=0.003)
    made.add_argument("--activation", default="gelu")
    made.add_argument("--loss", default="binary_crossentropy")
    made.add_argument("--output", default="sigmoid", help="the output activation")
    made.add_argument("--plain", action="store_true", help="no batch normalisation")
    made.add_argument("--noise", type=float, default=0.0, help="on the input, as corruption_level")
    made.add_argument("--alpha", type=float, default=0.0, help="the L2 penalty")
    arguments = made.parse_args()
    X, _, X_test, _ = mnist(arguments.validate)
    report = Report(arguments.json, published=3.00, goal=2.6, seed=arguments.seed)
    model = Autoencoder(
        30,
        hidden_layer_sizes=(1000, 500, 250),
        activation=arguments.activation,
        linear_path=False,
        output_activation=arguments.output,
        loss=arguments.loss,
        scaling=None,
        corruption="gaussian" if arguments.noise else None,
        corruption_level=arguments.noise or None,
        alpha=arguments.alpha,
        batch_normalization=not arguments.plain,
        **annealed_over(arguments.epochs, arguments.batch, len(X), arguments.rate),
        random_state=arguments.seed,
        verbose=arguments.validate,
    ).fit(X)
    report.add("training images", round(_summed(model, X), 3))
    report.add("ours", round(_summed(model, X_test), 3))
    report.end()


def _summed(model: Autoencoder, X: np.ndarray) -> float:
    return -float(model.score_samples(X).mean()) * X.shape[1]


if __name__ == "__main__":
    main()
