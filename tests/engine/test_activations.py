"""Activations against formulas and finite differences."""

import numpy as np
import pytest
from scipy.special import expit

from sklearn_irg._engine.activations import ACTIVATIONS

z = np.linspace(-6, 6, 1000)
FORMULAS = {
    "identity": z,
    "relu": np.maximum(z, 0),
    "tanh": np.tanh(z),
    "logistic": expit(z),
    "softplus": np.logaddexp(0, z),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
class TestEveryActivation:
    def test_is_its_formula_in_place(self, name):
        A = z.copy()
        ACTIVATIONS[name].apply(A)
        np.testing.assert_allclose(A, FORMULAS[name], atol=1e-15)

    def test_slopes_are_derivatives_and_reach_the_largest(self, name):
        activation, A = ACTIVATIONS[name], FORMULAS[name]
        slope = activation.slope(A, np.empty_like(A))
        np.testing.assert_allclose(
            slope[1:-1], np.gradient(A, z)[1:-1], atol=1e-4 if name != "relu" else 0.51
        )
        assert slope.max() <= activation.largest_slope
        assert slope.max() > 0.99 * activation.largest_slope

    def test_slope_derivatives_are_those_with_respect_to_the_activated_value(self, name):
        activation, A = ACTIVATIONS[name], FORMULAS[name]
        slope, derivative = activation.slope(A, np.empty_like(A)), activation.slope_derivative(A)
        expected = np.gradient(slope, z)[1:-1]
        if name == "relu":  # piecewise linear
            expected[np.abs(z[1:-1]) < 0.02] = 0
        np.testing.assert_allclose(
            0 if derivative is None else (derivative * slope)[1:-1], expected, atol=1e-4
        )
