"""Checks of scikit-learn that exist but are not among those that its suite runs."""

import warnings

from sklearn.utils import estimator_checks

FOR_ALL = [
    "check_dataframe_column_names_consistency",
    "check_inplace_ensure_writeable",
    "check_param_validation",
]
FOR_TRANSFORMERS = [
    *FOR_ALL,
    "check_get_feature_names_out_error",
    "check_global_output_transform_pandas",
    "check_global_set_output_transform_polars",
    "check_set_output_transform",
    "check_set_output_transform_pandas",
    "check_set_output_transform_polars",
    "check_transformer_get_feature_names_out",
    "check_transformer_get_feature_names_out_pandas",
]


def run(name, estimator):
    getattr(estimator_checks, name)(type(estimator).__name__, estimator)


def passes(name, estimator):
    """Whether an estimator of scikit-learn's own passes a check."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            run(name, estimator)
    except Exception:
        return False
    return True
