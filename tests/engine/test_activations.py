"""Activations against finite differences, and what an author may declare of one."""

import numpy as np
import pytest
from scipy.special import expit

from sklearn_irg._engine.activations import ACTIVATIONS, Activation, Identity, ReLU, Tanh, check_activation

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
        np.testing.assert_allclose(slope[1:-1], np.gradient(A, z)[1:-1], atol=1e-4 if name != "relu" else 0.51)
        assert slope.max() <= activation.largest_slope
        assert slope.max() > 0.99 * activation.largest_slope

    def test_slope_derivatives_are_those_with_respect_to_the_activated_value(self, name):
        activation, A = ACTIVATIONS[name], FORMULAS[name]
        slope, derivative = activation.slope(A, np.empty_like(A)), activation.slope_derivative(A)
        expected = np.gradient(slope, z)[1:-1]
        if name == "relu":  # piecewise linear
            expected[np.abs(z[1:-1]) < 0.02] = 0
        np.testing.assert_allclose(0 if derivative is None else (derivative * slope)[1:-1], expected, atol=1e-4)


class Steep(Activation):
    largest_slope = 3.0

    def apply(self, Z):
        np.maximum(3 * Z, 0, out=Z)

    def slope(self, A, out):
        return np.multiply(A > 0, 3.0, out=out)

    def slope_derivative(self, A):
        del A


class TestAnAuthorsActivation:
    def test_true_declarations_pass(self):
        assert check_activation(Steep()).largest_slope == 3

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"largest_slope": 1.0}, "declares largest_slope=1, but has a slope of 3"),
            ({"slope": lambda self, A, out: np.multiply(A > 0, 1.0, out=out)}, r"slope\(A, out\) of Mistaken\(\) must"),
            ({"apply": Tanh.apply, "slope": Tanh.slope}, r"slope_derivative\(A\) of Mistaken\(\) must"),
        ],
        ids=["slope", "derivative", "curvature"],
    )
    def test_false_ones_are_named(self, changes, message):
        with pytest.raises(ValueError, match=message):
            check_activation(type("Mistaken", (Steep,), changes)())

    @pytest.mark.parametrize("base", [ReLU, Identity])
    def test_a_twin_must_not_be_inherited_unnoticed(self, base):
        class Leaky(base):
            def apply(self, Z):
                np.maximum(Z, 0.1 * Z, out=Z)

            def slope(self, A, out):
                out[...] = np.where(A > 0, 1.0, 0.1)
                return out

        with pytest.raises(ValueError, match=r"Leaky\(\) declares or inherits that it is scikit-learn's"):
            check_activation(Leaky())
        Leaky.sklearn_name, Leaky.is_identity = None, False
        assert isinstance(check_activation(Leaky()), Leaky)

    def test_a_name_that_scikit_learn_lacks_is_refused(self):
        with pytest.raises(ValueError, match="declares sklearn_name='silu', which scikit-learn lacks"):
            check_activation(type("Silu", (Steep,), {"sklearn_name": "silu"})())

    @pytest.mark.parametrize("largest", [np.nan, np.inf, 0.0, None], ids=str)
    def test_the_largest_slope_is_a_positive_number(self, largest):
        with pytest.raises(ValueError, match=r"largest_slope of .* must be a finite number > 0"):
            check_activation(type("Odd", (Steep,), {"largest_slope": largest})())

    def test_a_slope_that_overwrites_the_activated_value_is_stopped(self):
        class Overwriting(Tanh):
            def slope(self, A, out):
                np.multiply(A, A, out=A)
                return np.subtract(1, A, out=out)

        with pytest.raises(ValueError, match="read-only"):
            check_activation(Overwriting())

    def test_a_slope_that_returns_nothing_is_refused(self):
        with pytest.raises(ValueError, match=r"slope\(A, out\) of .* must return out"):
            check_activation(type("Silent", (Steep,), {"slope": lambda self, A, out: None})())

    def test_the_largest_slope_must_be_declared(self):
        class Silent(ReLU, Activation):
            largest_slope = Activation.largest_slope

        with pytest.raises(TypeError, match="largest_slope"):
            Silent()


@pytest.mark.parametrize("activation", ["sine", None, 3, ReLU], ids=str)
def test_what_is_no_activation_is_refused(activation):
    with pytest.raises(
        ValueError, match=r"activation must be one of 'identity', .*, or an Activation such as Softplus\(\)"
    ):
        check_activation(activation)
