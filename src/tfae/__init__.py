"""Autoencoders with the interface of scikit-learn, trained by TensorFlow."""

from tfae._estimators.autoencoder import Autoencoder
from tfae._estimators.autoencoder_imputer import AutoencoderImputer
from tfae._estimators.contractive_autoencoder import ContractiveAutoencoder
from tfae._estimators.convolutional_autoencoder import ConvolutionalAutoencoder
from tfae._estimators.denoising_autoencoder import DenoisingAutoencoder
from tfae._estimators.drift_monitor import DriftMonitor
from tfae._estimators.loading import load
from tfae._estimators.outlier_detector import OutlierDetector
from tfae._estimators.parametric_tsne import ParametricTSNE
from tfae._estimators.sparse_autoencoder import SparseAutoencoder
from tfae._estimators.stacked_autoencoder import StackedAutoencoder
from tfae._estimators.trusted_types import trusted_types
from tfae._estimators.variational_autoencoder import VariationalAutoencoder
from tfae._networks.architectures.registry import architectures, register_architecture
from tfae._networks.spec import Spec
from tfae._objective.corruptions import corruptions, register_corruption
from tfae._objective.losses import losses, register_loss
from tfae._objective.penalties import penalties, register_penalty

__version__ = "0.1.0"

__all__ = [
    "Autoencoder",
    "AutoencoderImputer",
    "ContractiveAutoencoder",
    "ConvolutionalAutoencoder",
    "DenoisingAutoencoder",
    "DriftMonitor",
    "OutlierDetector",
    "ParametricTSNE",
    "SparseAutoencoder",
    "Spec",
    "StackedAutoencoder",
    "VariationalAutoencoder",
    "__version__",
    "architectures",
    "corruptions",
    "load",
    "losses",
    "penalties",
    "register_architecture",
    "register_corruption",
    "register_loss",
    "register_penalty",
    "trusted_types",
]
