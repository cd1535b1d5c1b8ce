"""Autoencoders with the interface of scikit-learn, trained by TensorFlow."""

from tfae._convolutional import ConvolutionalAutoencoder
from tfae._corruptions import corruptions, register_corruption
from tfae._estimators import (
    Autoencoder,
    ContractiveAutoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
)
from tfae._losses import losses, register_loss
from tfae._penalties import penalties, register_penalty
from tfae._registry import architectures, register_architecture
from tfae._stacked import StackedAutoencoder
from tfae._tsne import ParametricTSNE
from tfae._types import Spec
from tfae._variational import VariationalAutoencoder

__version__ = "0.1.0"

__all__ = [
    "Autoencoder",
    "ContractiveAutoencoder",
    "ConvolutionalAutoencoder",
    "DenoisingAutoencoder",
    "ParametricTSNE",
    "SparseAutoencoder",
    "Spec",
    "StackedAutoencoder",
    "VariationalAutoencoder",
    "__version__",
    "architectures",
    "corruptions",
    "losses",
    "penalties",
    "register_architecture",
    "register_corruption",
    "register_loss",
    "register_penalty",
]
