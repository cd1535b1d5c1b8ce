"""TensorFlow as the user's own code imports it, on the device that was asked for."""

from __future__ import annotations

import keras
import tensorflow as tf

from benchmarks.contenders import Skip

__all__ = ["keras", "need_device", "tf"]


def need_device(device: str) -> None:
    if device == "gpu" and not tf.config.list_logical_devices("GPU"):
        raise Skip("TensorFlow sees no GPU")
