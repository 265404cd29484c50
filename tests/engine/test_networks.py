"""Networks: parameters in one vector, and outputs in blocks of rows."""

import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from sklearn_irg._engine.autodiff import value_and_grad
from sklearn_irg._engine.networks import Network
from tests.problems import outputs_of, problem


@pytest.mark.parametrize("hidden", [(), (7,), (7, 6)], ids=len)
@pytest.mark.parametrize("thin", [False, True], ids=["dense", "sparse"])
def test_outputs_are_those_of_the_formula_whatever_the_blocks(hidden, thin, monkeypatch):
    network, X, _, theta, _ = problem(hidden=hidden, n_samples=50)
    expected = outputs_of(network, theta)(X)
    rows = sparse.csr_array(X) if thin else X
    np.testing.assert_allclose(network.outputs(theta, rows), expected, rtol=1e-12)
    monkeypatch.setattr("sklearn_irg._engine.networks._BLOCK_BYTES", 2000)
    np.testing.assert_allclose(network.outputs(theta, rows), expected, rtol=1e-12)
    positions = network.outputs(theta, rows, lambda Z: Z.argmax(axis=1))
    np.testing.assert_array_equal(positions, expected.argmax(axis=1))


def test_no_rows_have_no_outputs():
    network, X, _, theta, _ = problem()
    assert network.outputs(theta, X[:0]).shape == (0, 4)


def test_memory_of_outputs_does_not_grow_with_hidden_units_times_rows():
    base = problem()[0]
    network = Network((5, 400, 400, 1), base.activation, base.likelihood)
    X, theta = np.zeros((50_000, 5)), np.zeros(network.n_parameters)
    tracemalloc.start()
    network.outputs(theta, X)
    assert tracemalloc.get_traced_memory()[1] < 2**25  # all activations would take 320 MB
    tracemalloc.stop()


def test_squared_weights_are_the_sum_of_squares_without_biases():
    network, _, _, theta, _ = problem()
    value, gradient = value_and_grad(network.squared_weights, theta)
    np.testing.assert_allclose(value, sum((W**2).sum() for W, _ in network.unpack(theta)))
    for (G, g), (W, _) in zip(network.unpack(gradient), network.unpack(theta), strict=True):
        np.testing.assert_allclose(G, 2 * W)
        np.testing.assert_array_equal(g, 0)
