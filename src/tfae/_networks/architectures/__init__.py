"""The built-in architectures, one file a family. Importing this registers them."""

from tfae._networks.architectures import convolutional, dense

__all__ = ["convolutional", "dense"]
