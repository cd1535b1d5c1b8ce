"""scikit-learn's own checks of the detector of outliers, and those that its suite leaves out."""

import warnings

import pytest
from sklearn.ensemble import IsolationForest
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from tfae import OutlierDetector

pytestmark = [
    pytest.mark.usefixtures("in_executor"),
    pytest.mark.filterwarnings("ignore:X (does not have valid|has) feature names"),
]
DETECTORS = [
    OutlierDetector(evidence="both", hidden_layer_sizes=(8,), max_iter=2),
    OutlierDetector(evidence="distance", training_rows="clean", contamination=0.1),
]
MORE_CHECKS = [
    "check_dataframe_column_names_consistency",
    "check_inplace_ensure_writeable",
    "check_param_validation",
]


@parametrize_with_checks(DETECTORS)
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


@pytest.mark.parametrize("name", MORE_CHECKS)
def test_check_that_scikit_learns_detectors_pass(name):
    if not _passes(name, IsolationForest(n_estimators=5)):
        pytest.skip("scikit-learn's own detector does not pass it")
    getattr(estimator_checks, name)("OutlierDetector", DETECTORS[0])
