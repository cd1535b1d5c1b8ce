"""The loss of a batch against NumPy, scikit-learn's divergence and gradient."""

import numpy as np
import pytest
import tensorflow as tf
from sklearn.manifold._t_sne import _kl_divergence

from tfae._divergence import Divergence
from tfae._losses import LOSSES
from tfae._objective import Batch

NUMBERS = {"exaggeration": 1.0, "constant": 0.0, "reconstruction_weight": 0.5}


def objective(freedom=1, decoded=False):
    return Divergence(LOSSES.find("mse"), degrees_of_freedom=freedom, decoded=decoded)


def batch_of(places, order, weight=None):
    target = tf.constant(places[order])
    weight = np.ones(len(order)) if weight is None else weight
    return Batch(target, target, tf.constant(weight), None, tf.constant(order))


def sums(divergence, batch, numbers=NUMBERS):
    """With an encoder that passes places on, and a decoder that gives zeros."""
    terms = divergence.sums(batch, lambda x, training: x, tf.zeros_like, numbers, True)
    return terms.numpy() / batch.weight.numpy().sum()


def similarity(places, freedom):
    squares = np.square(places[:, None] - places[None]).sum(-1)
    return (1 + squares / freedom) ** (-(freedom + 1) / 2)


@pytest.mark.parametrize("freedom", [1, 2.5])
def test_a_batch_gives_the_means_of_the_formula(freedom):
    rng = np.random.default_rng(0)
    places = rng.normal(size=(7, 2))
    heads, tails = np.array([0, 1, 2, 3, 0]), np.array([4, 5, 6, 2, 1])
    order, edge = np.concatenate([heads, tails]), np.tile(np.arange(5), 2)
    weight = rng.uniform(0.5, 2, size=10)
    w = similarity(places, freedom)
    pairs = [
        (weight[r] * weight[s], w[order[r], order[s]])
        for r in range(10)
        for s in range(10)
        if edge[r] != edge[s] and order[r] != order[s]
    ]
    normaliser = sum(v * x for v, x in pairs) / sum(v for v, _ in pairs)
    attraction = -np.log(w[heads, tails]).mean()
    got = sums(objective(freedom), batch_of(places, order, weight), {**NUMBERS, "exaggeration": 4})
    np.testing.assert_allclose(
        got, [4 * attraction + np.log(normaliser), attraction + np.log(normaliser)]
    )


def every_edge_and_every_pair(P):
    """A batch that holds each edge in proportion to P, small whole numbers over their sum."""
    heads, tails = np.nonzero(P)
    return np.concatenate([np.repeat(i, P[heads, tails]) for i in (heads, tails)])


def test_with_all_edges_it_is_the_divergence_of_scikit_learn_and_its_gradient():
    rng = np.random.default_rng(1)
    n = 8
    P = np.triu(rng.integers(1, 4, size=(n, n)), 1)
    P = P + P.T
    order = every_edge_and_every_pair(P)
    # All pairs count the same if the pairs within an edge are not left out, so take many copies.
    order = np.concatenate([np.tile(half, 12) for half in np.split(order, 2)])
    weight = (1 / P.sum(axis=1))[order]
    p = P / P.sum()
    constant = (p[p > 0] * np.log(p[p > 0])).sum() + np.log(n * (n - 1))
    places = rng.normal(size=(n, 2))
    variable = tf.Variable(places)

    def encode(x, training):
        return tf.gather(variable, order)

    batch = batch_of(places, order, weight)
    with tf.GradientTape() as tape:
        terms = objective().sums(batch, encode, None, {**NUMBERS, "constant": constant}, True)
        loss = terms[1] / weight.sum()
    expected, gradient = _kl_divergence(places.ravel(), p[np.triu_indices(n, 1)], 1, n, 2)
    assert loss.numpy() == pytest.approx(expected, rel=2e-3)
    ours = tf.convert_to_tensor(tape.gradient(loss, variable)).numpy()
    np.testing.assert_allclose(ours, gradient.reshape(n, 2), atol=0.01 * np.abs(gradient).max())


def test_rows_at_the_same_place_have_a_finite_gradient():
    variable = tf.Variable(np.zeros((6, 2)))
    batch = batch_of(np.zeros((6, 2)), np.arange(6))
    with tf.GradientTape() as tape:
        loss = objective().sums(batch, lambda x, training: variable + 0, None, NUMBERS, True)[0]
    assert np.isfinite(tape.gradient(loss, variable).numpy()).all()


def test_the_reconstruction_is_added_with_its_weight():
    places = np.random.default_rng(0).normal(size=(6, 2))
    batch = batch_of(places, np.arange(6))
    alone = sums(objective(), batch)
    loss, divergence, reconstruction = sums(objective(decoded=True), batch)
    assert reconstruction == pytest.approx(np.square(places).mean())
    assert divergence == pytest.approx(alone[1])
    assert loss == pytest.approx(alone[0] + 0.5 * reconstruction)
