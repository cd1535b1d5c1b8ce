"""Autoencoders with the interface of scikit-learn, trained by TensorFlow."""

from tfae._estimators import Autoencoder
from tfae._registry import architectures, register_architecture
from tfae._types import Spec

__version__ = "0.1.0"

__all__ = [
    "Autoencoder",
    "Spec",
    "__version__",
    "architectures",
    "register_architecture",
]
