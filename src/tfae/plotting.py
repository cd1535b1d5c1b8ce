"""Pictures of a trained autoencoder and its codes; each function draws on one ``Axes``.

Every function returns its Matplotlib ``Axes``. It takes ``ax=`` and makes a figure only if that is
left out. No function shows or saves anything, or changes Matplotlib's global settings. Nothing else
in the package needs Matplotlib, except the demo.
"""

from tfae._plotting.codes import code_scatter, embedding_scores
from tfae._plotting.outliers import contribution_map, contributions, contributions_over_time, drift
from tfae._plotting.rows import reconstructed_rows, reconstructions
from tfae._plotting.tables import column_errors, imputation_errors, missing_together
from tfae._plotting.training import first_layer_weights, loss_curves

__all__ = [
    "code_scatter",
    "column_errors",
    "contribution_map",
    "contributions",
    "contributions_over_time",
    "drift",
    "embedding_scores",
    "first_layer_weights",
    "imputation_errors",
    "loss_curves",
    "missing_together",
    "reconstructed_rows",
    "reconstructions",
]
