"""MNIST with stacked autoencoders and a softmax on top, before and after supervised fine-tuning.

``python -m benchmarks.published.stacked sparse``: 784-200-200 sigmoid units with a KL penalty
(rho 0.1, beta 3), as in Stanford's UFLDL exercise "Implement deep networks for digit
classification"; published 87.7 % before fine-tuning and 97.6 % after.

``python -m benchmarks.published.stacked denoising``: three layers of 1,000 units, pretrained layer
by layer on rows of which a quarter of the pixels is masked, as in Vincent et al. (2010); published
1.28 % test error.

The stages are trained without labels on the 60,000 training images; the encoder is handed over as
Keras layers, and plain Keras trains a softmax on the codes ("before") and then all layers
("after"). All settings were chosen with the last 10,000 training images held out
(``--validate`` does that, and does not touch the test images).
"""

from __future__ import annotations

import time

import keras
import numpy as np

from benchmarks.published._report import Report, mnist, parser
from tfae import StackedAutoencoder


def sparse_stack(seed: int) -> StackedAutoencoder:
    return StackedAutoencoder(
        200,
        hidden_layer_sizes=(200,),
        activation="logistic",
        penalty="kl",
        sparsity=0.1,
        penalty_weight=3.0,
        loss="binary_crossentropy",
        pretrain_max_iter=15,
        fine_tune=False,
        random_state=seed,
    )


def denoising_stack(seed: int) -> StackedAutoencoder:
    return StackedAutoencoder(
        1000,
        hidden_layer_sizes=(1000, 1000),
        activation="relu",
        code_activation="relu",
        corruption="masking",
        corruption_level=0.25,
        scaling=None,
        pretrain_max_iter=15,
        fine_tune=False,
        random_state=seed,
    )


PUBLISHED = {
    "sparse": {"published error, %": "12.3 before, 2.4 after", "goal": "5 before, 1.8 after"},
    "denoising": {"published error, %": 1.28, "goal": "1.30 in 15 minutes"},
}
STACKS = {"sparse": sparse_stack, "denoising": denoising_stack}
EPOCHS = {"sparse": 30, "denoising": 60}
DROPOUT = {"sparse": 0.1, "denoising": 0.4}


def train(model: keras.Model, X: np.ndarray, y: np.ndarray, epochs: int, rate: float) -> None:
    """Train a classifier with plain Keras; the learning rate falls to nothing."""
    steps = epochs * -(-len(X) // 128)
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps)),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,
    )
    model.fit(X, y, batch_size=128, epochs=epochs, verbose=0)


def with_dropout(encoder: keras.Model, rate: float) -> keras.Sequential:
    """The encoder's layers, the same objects, with dropout after each."""
    stack = keras.Sequential([keras.Input(encoder.input_shape[1:]), keras.layers.Dropout(rate / 2)])
    for layer in encoder.layers:
        if isinstance(layer, keras.Sequential):
            for dense in layer.layers:
                stack.add(dense)
                stack.add(keras.layers.Dropout(rate))
        elif not isinstance(layer, keras.layers.InputLayer):
            stack.add(layer)
    return stack


def _scaled(name: str, codes: np.ndarray) -> list[keras.layers.Layer]:
    """Sigmoid codes vary little and are standardised; of ReLU codes some are never active."""
    if name != "sparse":
        return [keras.Input(codes.shape[1:])]
    standardized = keras.layers.Normalization()
    standardized.adapt(codes)
    return [standardized]


def error(model: keras.Model, X: np.ndarray, y: np.ndarray) -> float:
    return 100 * float(np.mean(model.predict(X, batch_size=1000, verbose=0).argmax(axis=1) != y))


def run(name: str, seed: int, validate: bool) -> dict[str, float]:
    X, y, X_test, y_test = mnist()
    if validate:
        X, y, X_test, y_test = X[:50_000], y[:50_000], X[50_000:], y[50_000:]
    keras.utils.set_random_seed(seed)
    start = time.perf_counter()
    encoder = STACKS[name](seed).fit(X).to_keras().encoder
    minutes = {"stages, minutes": time.perf_counter() - start}
    codes, codes_test = (encoder.predict(rows, batch_size=1000, verbose=0) for rows in (X, X_test))
    softmax = keras.Sequential([*_scaled(name, codes), keras.layers.Dense(10)])
    train(softmax, codes, y, epochs=20, rate=0.01)
    before = error(softmax, codes_test, y_test)
    classifier = keras.Sequential([with_dropout(encoder, DROPOUT[name]), *softmax.layers])
    train(classifier, X, y, EPOCHS[name], rate=0.001)
    minutes["all, minutes"] = time.perf_counter() - start
    return {
        "error before fine-tuning, %": round(before, 2),
        "error after, %": round(error(classifier, X_test, y_test), 2),
        **{name: round(seconds / 60, 1) for name, seconds in minutes.items()},
    }


def main() -> None:
    made = parser(__doc__)
    made.add_argument("stack", choices=STACKS)
    made.add_argument("--seeds", type=int, default=1)
    made.add_argument("--validate", action="store_true")
    arguments = made.parse_args()
    report = Report(arguments.json, **PUBLISHED[arguments.stack])
    for seed in range(arguments.seeds):
        report.add(f"seed {seed}", run(arguments.stack, seed, arguments.validate))
    report.end()


if __name__ == "__main__":
    main()
