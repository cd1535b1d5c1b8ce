"""The built-in architectures, one file per family. Importing this package registers them."""

from tfae._networks.architectures import convolutional, dense

__all__ = ["convolutional", "dense"]
