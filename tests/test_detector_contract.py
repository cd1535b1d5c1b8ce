"""scikit-learn's own checks of the detector of outliers, and those that its suite leaves out."""

import pytest
from sklearn.ensemble import IsolationForest
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn_checks import FOR_ALL, passes, run

from tfae import OutlierDetector

pytestmark = [
    pytest.mark.usefixtures("in_executor"),
    pytest.mark.filterwarnings("ignore:X (does not have valid|has) feature names"),
]
DETECTORS = [
    OutlierDetector(evidence="both", hidden_layer_sizes=(8,), max_iter=2),
    OutlierDetector(evidence="distance", training_rows="clean", contamination=0.1),
]


@parametrize_with_checks(DETECTORS)
def test_check_of_the_suite(estimator, check):
    check(estimator)


@pytest.mark.parametrize("name", FOR_ALL)
def test_check_that_scikit_learns_detectors_pass(name):
    if not passes(name, IsolationForest(n_estimators=5)):
        pytest.skip("scikit-learn's own detector does not pass it")
    run(name, DETECTORS[0])
