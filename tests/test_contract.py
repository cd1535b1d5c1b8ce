"""scikit-learn's own checks, those that its suite runs and those that it does not."""

import inspect
from functools import partial

import pytest
from family import FOR_FEW_ROWS, kinds, other_architectures
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from tfae import Autoencoder

pytestmark = pytest.mark.usefixtures("in_executor")

# Small and short, so that a check takes no longer than it must.
ESTIMATORS = [
    *(
        kind(hidden_layer_sizes=(8,), max_iter=5, **FOR_FEW_ROWS.get(kind.__name__, {}))
        for kind in kinds()
    ),
    *(
        Autoencoder(architecture=name, hidden_layer_sizes=(8,), max_iter=5)
        for name in other_architectures()
    ),
]


def identifier(estimator):
    return f"{type(estimator).__name__}-{estimator.architecture}"


# Checks that exist but are not among those that the suite runs for a transformer.
MORE_CHECKS = [
    "check_dataframe_column_names_consistency",
    "check_estimators_partial_fit_n_features",
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


@parametrize_with_checks(ESTIMATORS)
def test_check_of_the_suite(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings("ignore:X (does not have valid|has) feature names")
@pytest.mark.parametrize("name", MORE_CHECKS)
@pytest.mark.parametrize(
    "estimator", ESTIMATORS, ids=lambda e: f"{type(e).__name__}-{e.architecture}"
)
def test_check_beyond_the_suite(estimator, name):
    getattr(estimator_checks, name)(type(estimator).__name__, estimator)


def test_every_check_runs_and_none_is_excused():
    tags = Autoencoder().__sklearn_tags__()
    assert not tags.non_deterministic
    assert not tags.no_validation
    assert tags.requires_fit
    source = inspect.getsource(inspect.getmodule(test_check_of_the_suite))
    assert "expected_failed" + "_checks" not in source


def test_default_estimator_passes_the_invariance_checks():
    for check in ("check_methods_sample_order_invariance", "check_methods_subset_invariance"):
        partial(getattr(estimator_checks, check), "Autoencoder")(Autoencoder(max_iter=5))
