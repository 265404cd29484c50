"""Parametrizations: other parameters, the same objective and its gradient."""

import numpy as np
import pytest

from sklearn_irg._engine.parametrizations import ScaledRows, SignedParts
from sklearn_irg.constraints import SpectralNormalization
from sklearn_irg.penalties import InputGradient, WeightDecay
from tests import oracles
from tests.problems import evaluate, make_objective, problem


@pytest.mark.parametrize("likelihood", ["logistic", "softmax", "identity"])
@pytest.mark.parametrize("by_entry", [False, True], ids=["columns", "entries"])
class TestWhatTakesOutAKink:
    def bounded(self, likelihood, by_entry):
        network, X, Y, theta, rng = problem(likelihood, hidden=())
        penalty = 0.7 * InputGradient("l1", features=[0, 2, 3]) + WeightDecay()
        mask = rng.rand(*X.shape) < 0.5 if by_entry else None
        plain = make_objective(
            network, X, Y, penalty, 0.5, sample_weight=rng.rand(len(X)), mask=mask
        )
        return plain, plain.bounded(), theta, rng

    def test_the_objective_is_the_same(self, likelihood, by_entry):
        plain, bounded, theta, _ = self.bounded(likelihood, by_entry)
        phi = bounded.from_network(theta, 1e-4)
        assert phi.size > theta.size
        np.testing.assert_allclose(bounded.to_network(phi), theta, atol=1e-14)
        np.testing.assert_allclose(evaluate(bounded, phi)[0], evaluate(plain, theta)[0], rtol=1e-12)

    def test_its_gradient_matches_finite_differences(self, likelihood, by_entry):
        _, bounded, theta, rng = self.bounded(likelihood, by_entry)
        inside = bounded.from_network(theta, 1e-4) + 0.1  # away from the bounds
        direction = rng.randn(inside.size)
        expected = oracles.directional_derivative(
            lambda t: evaluate(bounded, t)[0], inside, direction
        )
        np.testing.assert_allclose(evaluate(bounded, inside)[1] @ direction, expected, rtol=1e-6)

    def test_what_enters_lies_within_the_bounds(self, likelihood, by_entry):
        _, bounded, theta, _ = self.bounded(likelihood, by_entry)
        low = [-np.inf if low is None else low for low, _ in bounded.bounds]
        assert (bounded.from_network(theta, 1e-4) >= low).all()


@pytest.mark.parametrize(("strength", "descends"), [(0.1, True), (0.3, True), (3.0, False)])
def test_rows_of_zeros_start_in_a_direction_of_descent_where_there_is_one(strength, descends):
    network, X, Y, _, _ = problem("softmax", hidden=())
    plain = make_objective(network, X, Y, InputGradient("l1"), strength)
    zero = np.zeros(network.n_parameters)
    bounded, ((G, _),) = plain.bounded(), network.unpack(evaluate(plain, zero)[1])
    phi = bounded.from_network(zero, 1e-4)
    slopes = evaluate(bounded, phi)[1][:5]  # with respect to the length of each row
    residuals = oracles.means(np.zeros((20, 4)), "softmax") - Y
    for slope, gradient in zip(slopes, G, strict=True):
        shortest = oracles.shortest_in_zonotope(gradient, strength * residuals / len(X))
        assert slope <= -shortest / 2 or shortest < 1e-4
    assert (slopes < 0).any() == descends


def test_objectives_without_such_a_kink_or_under_a_constraint_are_their_own_bounded_form():
    network, X, Y, _, _ = problem("softmax", hidden=())
    assert make_objective(network, X, Y, InputGradient()).bounded().bounds is None
    constrained = make_objective(
        network, X, Y, InputGradient("l1"), constraint=SpectralNormalization()
    )
    assert constrained.bounded() is constrained
    deep = problem()
    assert make_objective(*deep[:3], InputGradient("l1")).bounded().bounds is None


@pytest.mark.parametrize("parametrization", [SignedParts(), ScaledRows()])
def test_both_are_whole(parametrization):
    network, _, _, theta, _ = problem("logistic", hidden=())
    phi = parametrization.from_network(network, theta, np.ones_like, 1e-4)
    np.testing.assert_allclose(parametrization.transform(network, phi), theta, atol=1e-15)
    assert len(parametrization.bounds(network)) == phi.size
