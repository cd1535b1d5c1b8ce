"""The tutorial's network, trained by tfae and by plain Keras, from the same weights.

``python -m benchmarks.tutorial_parity`` trains 784-392-196-98-196-392-784 for 5 epochs on the first
29,400 rows of MNIST, several times over, and prints the mean squared error of either on the next
12,600. One run differs from the next by some 5 % through the order of the rows alone, on either
side, so that a single pair of runs decides nothing.
"""

from __future__ import annotations

import argparse

import numpy as np

from tfae._cli import demo, demo_data


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--pixels", choices=["unit", "raw"], default="unit")
    arguments = parser.parse_args()
    data = demo_data.mnist()
    errors = []
    for seed in range(arguments.runs):
        options = demo.Options(recipe="tutorial", pixels=arguments.pixels, seed=seed)
        split = demo.ordered_split(data, options)
        ours = demo.tutorial_estimator(options, split).fit(split.train)
        theirs = demo.plain_keras(ours, split)
        outputs = ours.reconstruct(split.test), theirs.predict(split.test, verbose=0)
        errors.append([np.square(output - split.test).mean() for output in outputs])
        # Pixels that are black in every reconstruction: their ReLU never fires again.
        dead = ~outputs[0].any(axis=0)
        share = np.square(split.test[:, dead]).sum() / np.square(outputs[0] - split.test).sum()
        print(
            f"seed {seed}: tfae {errors[-1][0]:.6g} ({share:.0%} of it in dead pixels), "
            f"Keras {errors[-1][1]:.6g}",
            flush=True,
        )
    mean, spread = np.mean(errors, axis=0), np.std(errors, axis=0)
    print(f"test MSE over {arguments.runs} runs, mean (standard deviation):")
    print(f"  tfae {mean[0]:.6g} ({spread[0]:.2g}), Keras {mean[1]:.6g} ({spread[1]:.2g})")
    print(f"  tfae / Keras {mean[0] / mean[1]:.3f}")


if __name__ == "__main__":
    main()
