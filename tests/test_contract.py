"""scikit-learn's own checks, those that its suite runs and those that it does not."""

import inspect
import re
from functools import partial

import pytest
from examples import CONTRACTIVE
from family import FOR_FEW_ROWS, kinds, other_architectures
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn_checks import FOR_TRANSFORMERS, run

from tfae import (
    Autoencoder,
    AutoencoderImputer,
    ContractiveAutoencoder,
    ConvolutionalAutoencoder,
    OutlierDetector,
    SparseAutoencoder,
    StackedAutoencoder,
)
from tfae._estimators.base import BaseEncoder

pytestmark = pytest.mark.usefixtures("in_executor")

# Small and short, so that a check takes no longer than it must.
KINDS = [
    kind(hidden_layer_sizes=(8,), max_iter=2, **FOR_FEW_ROWS.get(kind.__name__, {}))
    for kind in kinds()
]
# One that takes tables and one that takes images: together they have every check of the suite.
MAIN = [each for each in KINDS if type(each) in (Autoencoder, ConvolutionalAutoencoder)]
# They share nearly all of what reads and checks data: `make test` runs some checks of each.
ALIKE = [
    *(each for each in KINDS if each not in MAIN),
    *(
        Autoencoder(architecture=name, hidden_layer_sizes=(8,), max_iter=2)
        for name in other_architectures()
    ),
]


@pytest.mark.parametrize("kind", [*kinds(), AutoencoderImputer, OutlierDetector])
def test_only_the_length_of_the_code_is_given_by_its_place(kind):
    parameters = inspect.signature(kind).parameters.values()
    by_place = [each.name for each in parameters if each.kind is not each.KEYWORD_ONLY]
    assert by_place == (["n_components"] if issubclass(kind, BaseEncoder) else [])
    with pytest.raises(TypeError, match=rf"{kind.__name__}\.__init__\(\) takes"):
        kind(4, 0.5)


def identifier(estimator):
    return f"{type(estimator).__name__}-{estimator.architecture}"


# Checks that exist but are not among those that the suite runs for a transformer.
MORE_CHECKS = [*FOR_TRANSFORMERS, "check_estimators_partial_fit_n_features"]

SKLEARNS = estimator_checks.__name__
# What checks are about that cannot be made of a transformer without labels and weights of rows:
# other kinds of estimators, other promises in tags, and helpers of the suite itself.
OF_OTHERS = re.compile(
    "classif|class_weight|decision|regress|cluster|outlier|supervised|sample_weight|sparsify"
    "|array_api|stateless|non_transformer|non_negative|nonsquare|requires_y_none"
    "|check_estimator$|check_estimators_data_not_an_array"
)


def stochastic(estimator):
    """Checks that fail by chance or by design, as for scikit-learn's own estimators of SGD.

    The configuration in which they pass has its own test.
    """
    reason = "repeated rows meet in other batches, with other noise, or are held out"
    return {
        f"check_sample_weight_equivalence_on_{kind}_data": reason for kind in ("dense", "sparse")
    }


@parametrize_with_checks(MAIN, expected_failed_checks=stochastic, xfail_strict=False)
def test_check_of_the_suite(estimator, check):
    check(estimator)


@pytest.mark.sample(40)
@parametrize_with_checks(ALIKE, expected_failed_checks=stochastic, xfail_strict=False)
def test_check_of_the_suite_for_those_that_are_alike(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings("ignore:X (does not have valid|has) feature names")
@pytest.mark.parametrize("name", MORE_CHECKS)
def test_check_beyond_the_suite(name):
    run(name, MAIN[0])


@pytest.mark.sample(13)
@pytest.mark.filterwarnings("ignore:X (does not have valid|has) feature names")
@pytest.mark.parametrize("name", MORE_CHECKS)
@pytest.mark.parametrize("estimator", [*MAIN[1:], *ALIKE], ids=identifier)
def test_check_beyond_the_suite_for_others(estimator, name):
    run(name, estimator)


@pytest.mark.parametrize("estimator", [*MAIN, *ALIKE], ids=identifier)
def test_no_check_is_left_out_but_those_of_other_kinds_of_estimators(estimator):
    suite = estimator_checks.estimator_checks_generator(estimator)
    run = {check.func.__name__ for _, check in suite}  # fewer if a tag asks to be excused
    known = {name for name in vars(estimator_checks) if name.startswith("check_")}
    helpers = {name for name in known if vars(estimator_checks)[name].__module__ != SKLEARNS}
    left_out = known - helpers - run - set(MORE_CHECKS)
    if estimator.takes_tables:  # infinity alone is an error, see `test_autoencoder`
        left_out -= {"check_estimators_nan_inf"}
    assert not [name for name in left_out if not OF_OTHERS.search(name)]
    assert not run & set(MORE_CHECKS)


DETERMINISTIC = {
    "hidden_layer_sizes": (8,),
    "linear_path": False,
    "batch_size": 64,
    "early_stopping": False,
    "shuffle": False,
    "precision": "float64",
    "max_iter": 5,
}


@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize(
    "estimator",
    [
        Autoencoder(3, scaling="standard", **DETERMINISTIC),
        SparseAutoencoder(3, **DETERMINISTIC),
        # The penalty of a single layer takes no random numbers.
        ContractiveAutoencoder(3, **{**DETERMINISTIC, **CONTRACTIVE}),
        StackedAutoencoder(3, **DETERMINISTIC),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_weights_are_repetitions_where_nothing_is_random(estimator, kind):
    check = getattr(estimator_checks, f"check_sample_weight_equivalence_on_{kind}_data")
    check(type(estimator).__name__, estimator)


def test_default_estimator_passes_the_invariance_checks():
    for check in ("check_methods_sample_order_invariance", "check_methods_subset_invariance"):
        partial(getattr(estimator_checks, check), "Autoencoder")(Autoencoder(max_iter=5))
