"""The loss of a batch against NumPy, scikit-learn's divergence and gradient."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.optimize import approx_fprime
from sklearn.manifold._t_sne import _kl_divergence

from tfae._objective.divergence import Divergence
from tfae._objective.losses import LOSSES
from tfae._objective.objective import Batch

SCALARS = {"exaggeration": 1.0, "constant": 0.0, "reconstruction_weight": 0.5}


def objective(freedom=1, decoded=False):
    return Divergence(LOSSES.find("mse"), batch_size=8, degrees_of_freedom=freedom, decoded=decoded)


def batch_of(places, affinities):
    target = tf.constant(places)
    return Batch(target, target, tf.ones(len(places), target.dtype), tf.constant(affinities))


def sums(divergence, batch, scalars=SCALARS):
    """With an encoder that passes places on, and a decoder that gives zeros."""
    terms = divergence.sums(batch, lambda x, training: x, tf.zeros_like, scalars, True)
    return terms.numpy() / batch.target.shape[0]


@pytest.fixture(scope="module")
def places():
    return np.random.default_rng(0).normal(size=(8, 2))


@pytest.fixture(scope="module")
def affinities():
    P = np.triu(np.random.default_rng(1).integers(0, 4, size=(8, 8)), 1).astype(np.float64)
    return (P + P.T) / (2 * P.sum())


@pytest.mark.parametrize("freedom", [1, 2.5])
def test_a_batch_gives_the_means_of_the_formula(places, affinities, freedom):
    squares = np.square(places[:, None] - places[None]).sum(-1)
    w = (1 + squares / freedom) ** (-(freedom + 1) / 2)
    attraction = -(affinities * np.log(w)).sum()
    log_mean = np.log(w[~np.eye(8, dtype=bool)].mean())
    scalars = {**SCALARS, "exaggeration": 4, "constant": 3.0}
    got = sums(objective(freedom), batch_of(places, affinities), scalars)
    np.testing.assert_allclose(got, [4 * attraction + log_mean + 3, attraction + log_mean + 3])


@pytest.mark.parametrize("freedom", [1, 3])
def test_with_all_rows_it_is_the_divergence_of_scikit_learn(places, affinities, freedom):
    p = affinities[affinities > 0]
    scalars = {**SCALARS, "constant": (p * np.log(p)).sum() + np.log(8 * 7)}
    variable = tf.Variable(places)
    batch = batch_of(places, affinities)
    with tf.GradientTape() as tape:
        terms = objective(freedom).sums(
            batch, lambda x, training: variable + 0, None, scalars, True
        )
        loss = terms[1] / 8

    def theirs(values):
        p = affinities[np.triu_indices(8, 1)]
        return _kl_divergence(values, p, freedom, 8, 2)

    assert loss.numpy() == pytest.approx(theirs(places.ravel())[0], rel=1e-6)
    # Its own gradient is right for one degree of freedom only.
    numerical = approx_fprime(places.ravel(), lambda values: theirs(values)[0])
    ours = tf.convert_to_tensor(tape.gradient(loss, variable)).numpy()
    np.testing.assert_allclose(ours, numerical.reshape(8, 2), atol=1e-6)


def test_rows_at_the_same_place_have_a_finite_gradient():
    variable = tf.Variable(np.zeros((8, 2)))
    batch = batch_of(np.zeros((8, 2)), np.full((8, 8), 1 / 64))
    with tf.GradientTape() as tape:
        loss = objective().sums(batch, lambda x, training: variable + 0, None, SCALARS, True)[0]
    assert np.isfinite(tape.gradient(loss, variable).numpy()).all()


def test_the_reconstruction_is_added_with_its_weight(places, affinities):
    batch = batch_of(places, affinities)
    alone = sums(objective(), batch)
    loss, divergence, reconstruction = sums(objective(decoded=True), batch)
    assert reconstruction == pytest.approx(np.square(places).mean())
    assert divergence == pytest.approx(alone[1])
    assert loss == pytest.approx(alone[0] + 0.5 * reconstruction)
