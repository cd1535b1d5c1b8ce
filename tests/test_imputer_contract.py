"""scikit-learn's own checks of the imputer, and those that its suite leaves out."""

import pytest
from sklearn.impute import KNNImputer
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn_checks import FOR_TRANSFORMERS, passes, run

from tfae import AutoencoderImputer

pytestmark = [
    pytest.mark.usefixtures("in_executor"),
    pytest.mark.filterwarnings("ignore:The network could not improve on the linear model"),
    pytest.mark.filterwarnings("ignore:X (does not have valid|has) feature names"),
]
IMPUTER = AutoencoderImputer(hidden_layer_sizes=(8,), max_iter=2)


@parametrize_with_checks([IMPUTER])
def test_check_of_the_suite(estimator, check):
    check(estimator)


@pytest.mark.sample(6)
@pytest.mark.parametrize("name", FOR_TRANSFORMERS)
def test_check_that_scikit_learns_imputers_pass(name):
    if not passes(name, KNNImputer()):
        pytest.skip("scikit-learn's own imputer does not pass it")
    run(name, IMPUTER)
