"""scikit-learn's own checks of the imputer, and those that its suite leaves out."""

import warnings

import pytest
from sklearn.impute import KNNImputer
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from tfae import AutoencoderImputer

pytestmark = [
    pytest.mark.usefixtures("in_executor"),
    pytest.mark.filterwarnings("ignore:The network could not improve on the linear model"),
    pytest.mark.filterwarnings("ignore:X (does not have valid|has) feature names"),
]
IMPUTER = AutoencoderImputer(hidden_layer_sizes=(8,), max_iter=2)
MORE_CHECKS = [
    "check_dataframe_column_names_consistency",
    "check_get_feature_names_out_error",
    "check_global_output_transform_pandas",
    "check_global_set_output_transform_polars",
    "check_inplace_ensure_writeable",
    "check_param_validation",
    "check_set_output_transform",
    "check_set_output_transform_pandas",
    "check_set_output_transform_polars",
    "check_transformer_get_feature_names_out",
    "check_transformer_get_feature_names_out_pandas",
]


@parametrize_with_checks([IMPUTER])
def test_check_of_the_suite(estimator, check):
    check(estimator)


def _passes(name, estimator):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            getattr(estimator_checks, name)(type(estimator).__name__, estimator)
    except Exception:
        return False
    return True


@pytest.mark.sample(11)
@pytest.mark.parametrize("name", MORE_CHECKS)
def test_check_that_scikit_learns_imputers_pass(name):
    if not _passes(name, KNNImputer()):
        pytest.skip("scikit-learn's own imputer does not pass it")
    getattr(estimator_checks, name)(type(IMPUTER).__name__, IMPUTER)
