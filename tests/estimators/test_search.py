"""scikit-learn's searches over parameters."""

import pytest
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingGridSearchCV

from tfae import Autoencoder

pytestmark = pytest.mark.usefixtures("in_executor")


@pytest.mark.filterwarnings("ignore")  # few epochs do not converge
def test_halving_gives_more_epochs_to_those_that_remain(digits):
    search = HalvingGridSearchCV(
        Autoencoder(hidden_layer_sizes=(16,), linear_path=False, random_state=0),
        {"n_components": [2, 8], "learning_rate_init": [1e-5, 1e-3]},
        resource="max_iter",
        min_resources=2,
        max_resources=8,
        factor=2,
        cv=2,
    ).fit(digits[:300])
    assert search.n_resources_ == [2, 4, 8]
    assert search.n_candidates_ == [4, 2, 1]
    assert search.best_params_["learning_rate_init"] == 1e-3
    assert search.best_estimator_.n_iter_ == 8
