"""All members at once, against one network after the other."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from small_programs import small_structure

from tfae._inference.coder import Coder
from tfae._inference.members import Members
from tfae._inference.workspace import NEW

RNG = np.random.default_rng(0)
WANTED = [np.array([0, 4]), np.array([1, 2]), np.array([3, 5])]


@pytest.mark.parametrize("in_numpy", [True, False])
def test_a_member_puts_out_what_its_network_alone_does(in_numpy):
    structure = small_structure()
    network = structure.build("float64")
    coders = [Coder.of(structure, s, "float64", getattr(network, s)) for s in network._fields]
    weights = [[RNG.normal(size=(3, *w.shape)) for w in model.weights] for model in network]
    if not in_numpy:
        coders = [Coder.of_layers(structure, c.side, "float64", None, []) for c in coders]
    members, inputs = Members(*coders, *weights), RNG.normal(size=(3, 7, 6))
    found = members.outputs(inputs, WANTED, NEW)
    assert found.shape == (3, 7, 6)
    assert (members.floats_per_row > 0) == in_numpy
    for member in range(3):
        encoder, decoder = ([w[member] for w in of] for of in weights)
        network.encoder.set_weights(encoder)
        network.decoder.set_weights(decoder)
        for version, wanted in enumerate(WANTED):
            expected = network.decoder(network.encoder(inputs[version])).numpy()
            assert_allclose(found[member][:, wanted], expected[:, wanted], rtol=1e-9)
