"""What an author may declare of an activation or a likelihood."""

import numpy as np
import pytest

from sklearn_irg._engine.activations import Activation, Identity, ReLU, Tanh
from sklearn_irg._engine.derivative_checks import check_activation, check_likelihood
from sklearn_irg._engine.likelihoods import Bernoulli, Gaussian, Likelihood, Poisson


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
            (
                {"slope": lambda self, A, out: np.multiply(A > 0, 1.0, out=out)},
                r"slope\(A, out\) of Mistaken\(\) must",
            ),
            (
                {"apply": Tanh.apply, "slope": Tanh.slope},
                r"slope_derivative\(A\) of Mistaken\(\) must",
            ),
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

        with pytest.raises(
            ValueError, match=r"Leaky\(\) declares or inherits that it is scikit-learn's"
        ):
            check_activation(Leaky())
        Leaky.sklearn_name, Leaky.is_identity = None, False
        assert isinstance(check_activation(Leaky()), Leaky)

    def test_a_name_that_scikit_learn_lacks_is_refused(self):
        with pytest.raises(
            ValueError, match="declares sklearn_name='silu', which scikit-learn lacks"
        ):
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
        ValueError,
        match=r"activation must be one of 'identity', .*, or an Activation such as Softplus\(\)",
    ):
        check_activation(activation)


class TestAnAuthorsLikelihood:
    class Huber(Likelihood):
        """Not a natural parameter, with a mean that is one all the same."""

        out_activation = "identity"
        delta = 1.0

        def mean(self, outputs):
            return outputs

        def loss_and_residual(self, outputs, targets):
            residual = np.clip(outputs - targets, -self.delta, self.delta)
            return (residual * (outputs - targets) - residual**2 / 2).sum(axis=1), residual

        def hessian_product(self, outputs, targets, residuals, vectors):
            return (np.abs(outputs - targets) < self.delta) * vectors

    def test_right_derivatives_pass(self):
        assert check_likelihood(self.Huber()) is None

    @pytest.mark.parametrize(
        ("method", "wrong", "message"),
        [
            (
                "loss_and_residual",
                lambda self, Z, Y: (((Z - Y) ** 2).sum(axis=1), Z - Y),
                "the residual of loss_and",
            ),
            (
                "hessian_product",
                lambda self, Z, Y, R, V: 2 * V,
                r"hessian_product\(outputs, targets, residuals, vectors\)",
            ),
            ("mean_derivative_product", lambda self, Z, M, V: 0 * V, "mean_derivative_product"),
        ],
    )
    def test_wrong_ones_are_named(self, method, wrong, message):
        mistaken = type("Mistaken", (self.Huber,), {method: wrong})
        with pytest.raises(ValueError, match=message):
            check_likelihood(mistaken())

    @pytest.mark.parametrize(
        ("method", "wrong", "message"),
        [
            (
                "mean",
                lambda self, Z: Z[:, 0],
                r"mean\(outputs\) of Misshapen\(\) must have shape \(6, 2\) .*; got \(6,\)",
            ),
            (
                "loss_and_residual",
                lambda self, Z, Y: ((Z - Y) ** 2, Z - Y),
                r"the loss of .* must have shape \(6,\)",
            ),
            (
                "loss_and_residual",
                lambda self, Z, Y: (Z[:, 0], Z[:, 0]),
                r"its residual of .* must have shape \(6, 2\)",
            ),
        ],
    )
    def test_wrong_shapes_are_named_first(self, method, wrong, message):
        misshapen = type("Misshapen", (self.Huber,), {method: wrong})
        with pytest.raises(ValueError, match=message):
            check_likelihood(misshapen())

    def test_the_default_for_natural_parameters_says_so_where_it_is_wrong(self):
        class Exposed(Poisson):
            sklearn_loss = None

            def mean(self, outputs):
                return 2 * np.exp(outputs)

            def loss_and_residual(self, outputs, targets):
                return (outputs - targets) @ np.ones(2), np.ones_like(outputs)

            def hessian_product(self, outputs, targets, residuals, vectors):
                return 0 * vectors

        with pytest.raises(
            ValueError, match="The default holds for outputs that are natural parameters; define it"
        ):
            check_likelihood(Exposed())

    def test_a_twin_must_not_be_inherited_unnoticed(self):
        class Doubled(Poisson):
            def mean(self, outputs):
                return 2 * np.exp(outputs)

            def loss_and_residual(self, outputs, targets):
                return (self.mean(outputs) - targets * outputs).sum(axis=1), self.mean(
                    outputs
                ) - targets

        with pytest.raises(
            ValueError,
            match=r"Doubled\(\) declares or inherits sklearn_loss='poisson', but its mean",
        ):
            check_likelihood(Doubled())
        Doubled.sklearn_loss = None
        assert check_likelihood(Doubled()) is None
        with pytest.raises(
            ValueError,
            match=r"Tempered\(\) declares or inherits sklearn_loss='squared_error', but its mean or",
        ):
            check_likelihood(
                type("Tempered", (self.Huber,), {"sklearn_loss": "squared_error", "delta": 0.1})()
            )

    def test_the_loss_of_a_class_is_minus_the_logarithm_of_its_probability(self):
        class Focal(Bernoulli):
            def loss_and_residual(self, outputs, targets):
                loss, residual = Bernoulli().loss_and_residual(outputs, targets)
                return 3 * loss, 3 * residual

            def hessian_product(self, outputs, targets, residuals, vectors):
                return 3 * Bernoulli().hessian_product(outputs, targets, residuals / 3, vectors)

            def mean_derivative_product(self, outputs, mean, vectors):
                return mean * (1 - mean) * vectors

        with pytest.raises(
            ValueError,
            match=r"the loss of Focal\(\) is not minus the logarithm .*SampleLoss instead",
        ):
            check_likelihood(Focal())

    def test_means_of_classes_are_probabilities(self):
        numbers = type(
            "Numbers",
            (Gaussian,),
            {"n_classes": lambda self, n_outputs: n_outputs, "sklearn_loss": None},
        )
        with pytest.raises(
            ValueError, match=r"Numbers\(\) declares classes, but its means are not probabilities"
        ):
            check_likelihood(numbers())

    def test_what_is_given_must_not_be_overwritten(self):
        class Overwriting(Gaussian):
            def hessian_product(self, outputs, targets, residuals, vectors):
                residuals *= 0
                return vectors

        with pytest.raises(ValueError, match="read-only"):
            check_likelihood(Overwriting())

    def test_incomplete_ones_cannot_be_made(self):
        with pytest.raises(TypeError, match="abstract"):
            type("Incomplete", (Likelihood,), {"out_activation": "exp"})()
