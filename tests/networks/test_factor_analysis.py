"""Factor analysis with holes against scikit-learn's without, and against gaussian conditioning."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import multivariate_normal
from sklearn.decomposition import FactorAnalysis as Complete

from tfae._data.layout import Layout
from tfae._networks.factor_analysis import chosen_factor_analysis, factor_analysis


def table(n=400, holes=0.0, seed=0):
    """Standardised rows of three factors, and the same with holes."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3)) @ rng.normal(size=(3, 9))
    X += rng.normal(size=X.shape) * rng.uniform(0.3, 1, 9)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    return X, np.where(rng.random(X.shape) < holes, np.nan, X)


@pytest.fixture(scope="module")
def fitted():
    return factor_analysis(table(holes=0.3)[1], 3)


def test_without_holes_it_is_the_maximum_of_the_likelihood():
    X, _ = table()
    found = factor_analysis(X, 3, 1000, 1e-9)
    expected = Complete(3, tol=1e-8, max_iter=5000).fit(X)
    assert found.log_likelihoods(X).mean() == pytest.approx(expected.score(X), abs=1e-5)
    assert_allclose(found.covariance, expected.get_covariance(), atol=2e-3)
    expected = expected.mean_ + Complete.transform(expected, X) @ expected.components_
    assert_allclose(found.mean + found.factors(X) @ found.loadings, expected, atol=5e-3)


def test_a_hole_gets_the_conditional_mean(fitted):
    _, holed = table(holes=0.4, seed=1)
    filled = fitted.filled(holed)
    for row, found in zip(holed[:50], filled[:50], strict=True):
        o, m = ~np.isnan(row), np.isnan(row)
        of_observed = fitted.covariance[np.ix_(o, o)]
        beyond = np.linalg.solve(of_observed, row[o] - fitted.mean[o])
        assert_allclose(found[m], fitted.mean[m] + fitted.covariance[np.ix_(m, o)] @ beyond)
    assert_allclose(filled[~np.isnan(holed)], holed[~np.isnan(holed)], rtol=0)


def test_the_likelihood_is_that_of_the_observed_entries(fitted):
    _, holed = table(n=20, holes=0.4, seed=2)
    for row, found in zip(holed, fitted.log_likelihoods(holed), strict=True):
        o = ~np.isnan(row)
        gaussian = multivariate_normal(fitted.mean[o], fitted.covariance[np.ix_(o, o)])
        assert found == pytest.approx(gaussian.logpdf(row[o]))


def test_every_step_makes_the_observed_entries_likelier():
    _, holed = table(holes=0.3)
    likelihoods = [factor_analysis(holed, 3, n).log_likelihoods(holed).sum() for n in range(1, 12)]
    assert (np.diff(likelihoods) > 0).all()


def test_the_model_of_the_rows_is_found_in_spite_of_holes():
    complete, holed = (factor_analysis(X, 3) for X in table(n=2000, holes=0.4))
    assert_allclose(holed.covariance, complete.covariance, atol=0.15)


def test_a_filled_row_has_the_factors_of_the_row_with_holes(fitted):
    """So a linear encoder of filled rows gives the posterior means."""
    _, holed = table(n=30, holes=0.4, seed=3)
    assert_allclose(fitted.factors(fitted.filled(holed)), _regressed(fitted, holed), atol=1e-9)


def _regressed(model, holed):
    seen = (model.filled(holed) - model.mean) @ np.linalg.inv(model.covariance)
    return seen @ model.loadings.T


@pytest.mark.parametrize("n_factors", [0, 1, 4])
def test_odd_columns_and_rows(n_factors):
    X, holed = table(n=60, holes=0.3)
    holed = np.hstack([holed, holed[:, :1], np.zeros((60, 1)), np.full((60, 1), np.nan)])
    holed[0] = np.nan
    model = factor_analysis(holed, n_factors)
    filled = model.filled(holed)
    assert np.isfinite(filled).all()
    assert_allclose(filled[0], model.mean)
    assert_allclose(filled[:, -2:], 0, atol=1e-9)
    assert not model.factors(holed)[0].any()
    assert model.filled(holed[:0]).shape == (0, 12)
    assert X.shape == (60, 9)


def test_the_number_of_factors_follows_the_rows():
    rng = np.random.default_rng(0)
    layout = Layout.of_numbers(9)
    _, holed = table(n=600, holes=0.2)
    assert chosen_factor_analysis(holed, layout, rng).n_factors in (2, 3, 4)
    noise = np.where(np.isnan(holed), np.nan, rng.normal(size=holed.shape))
    assert chosen_factor_analysis(noise, layout, rng).n_factors == 0


def test_errors_of_draws_have_the_conditional_covariance(fitted):
    _, holed = table(holes=0.4, seed=1)
    row = next(row for row in holed if 4 <= np.isnan(row).sum() <= 6)
    o, m = ~np.isnan(row), np.isnan(row)
    cross = fitted.covariance[np.ix_(m, o)]
    of_observed = np.linalg.solve(fitted.covariance[np.ix_(o, o)], cross.T)
    expected = fitted.covariance[np.ix_(m, m)] - cross @ of_observed
    rows = np.tile(row, (60_000, 1))
    normal = np.random.default_rng(0).normal(size=(len(rows), fitted.n_factors + 9))
    deviations = fitted.deviations(rows[:1])[0]
    assert_allclose(deviations[m], np.sqrt(np.diag(expected)), rtol=1e-9)
    errors = (fitted.deviates(rows, normal) * deviations)[:, m]
    assert_allclose(np.cov(errors.T), expected, atol=0.02)
