"""Constraints hold at the end of a fit, and bound what they promise to bound."""

from functools import partial

import numpy as np
import pytest

from sklearn_irg import (
    GradRegLogisticRegression,
    GradRegMLPClassifier,
    GradRegMLPRegressor,
    VATClassifier,
)
from sklearn_irg._engine.autodiff import make_vjp
from sklearn_irg._engine.sensitivity import power_iterations
from sklearn_irg.activations import Activation
from sklearn_irg.constraints import (
    FrobeniusCap,
    MaxNorm,
    Projection,
    SpectralNormalization,
    WeightClipping,
    check_constraint,
)
from sklearn_irg.solvers import Solution, Solver
from tests.problems import MULTI_X, MULTI_Y, evaluate, make_objective, problem

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class ThreeTimesSteeper(Activation):
    largest_slope = 3.0

    def apply(self, Z):
        np.maximum(3 * Z, 0, out=Z)

    def slope(self, A, out):
        return np.multiply(A > 0, 3.0, out=out)

    def slope_derivative(self, A):
        del A


@pytest.mark.parametrize("activation", ["relu", "tanh", "softplus", ThreeTimesSteeper()], ids=str)
def test_spectral_normalization_bounds_every_change_of_the_outputs(activation):
    model = GradRegMLPClassifier(
        (16, 8),
        activation,
        constraint=SpectralNormalization(2.0),
        max_iter=100,
        learning_rate_init=0.03,
        random_state=0,
    ).fit(MULTI_X, MULTI_Y)
    assert model.score(MULTI_X, MULTI_Y) > 0.8
    rng, outputs = np.random.RandomState(0), model.decision_function(MULTI_X)

    def steepness(other):
        change = np.linalg.norm(model.decision_function(other) - outputs, axis=1)
        return change / np.linalg.norm(other - MULTI_X, axis=1)

    for step in (1e-3, 0.1, 3.0):
        other = MULTI_X + step * rng.randn(*MULTI_X.shape)
        for _ in range(20):  # climb the ratio of the changes
            trial = other + 0.1 * step * rng.randn(*MULTI_X.shape)
            other = np.where((steepness(trial) > steepness(other))[:, None], trial, other)
        assert steepness(other).max() <= 2.0 * (1 + 1e-9)


def test_spectral_normalization_is_as_published_for_slopes_of_at_most_one():
    options = {"constraint": SpectralNormalization(2.0), "max_iter": 20, "random_state": 0}
    for activation in ("relu", "logistic"):
        coefs = GradRegMLPClassifier((16, 8), activation, **options).fit(MULTI_X, MULTI_Y).coefs_
        np.testing.assert_allclose([np.linalg.norm(W, 2) for W in coefs], 2.0 ** (1 / 3), rtol=1e-9)


def test_max_norm_scales_only_the_units_that_are_too_large():
    network, _, _, theta, _ = problem()
    moved = theta.copy()
    MaxNorm(1.1).project(network, moved)
    n_scaled = 0
    for (W, b), (V, c) in zip(network.unpack(theta), network.unpack(moved), strict=True):
        norms = np.linalg.norm(W, axis=0)
        np.testing.assert_allclose(V, W * np.minimum(1, 1.1 / norms), rtol=1e-12)
        np.testing.assert_array_equal(b, c)
        n_scaled += (norms > 1.1).sum()
    assert 0 < n_scaled < 17


def test_max_norm_holds_after_a_fit():
    model = GradRegMLPClassifier(
        (9,), constraint=MaxNorm(0.7), max_iter=20, learning_rate_init=0.05, random_state=0
    )
    assert [
        np.linalg.norm(W, axis=0).max() for W in model.fit(MULTI_X, MULTI_Y).coefs_
    ] == pytest.approx([0.7, 0.7])


@pytest.mark.parametrize("Estimator", [GradRegMLPClassifier, GradRegMLPRegressor, VATClassifier])
def test_projections_hold_at_the_end(Estimator):
    capped = Estimator(
        (9,), constraint=FrobeniusCap(0.7), max_iter=20, learning_rate_init=0.05
    ).fit(MULTI_X, MULTI_Y)
    assert max(np.linalg.norm(W) for W in capped.coefs_) <= 0.7 + 1e-9
    clipped = Estimator((9,), constraint=WeightClipping(0.05), max_iter=20).fit(MULTI_X, MULTI_Y)
    assert max(abs(W).max() for W in clipped.coefs_) <= 0.05


def test_lbfgs_takes_normalization_and_refuses_projections():
    model = GradRegLogisticRegression(None, constraint=SpectralNormalization(3.0), random_state=0)
    np.testing.assert_allclose(np.linalg.norm(model.fit(MULTI_X, MULTI_Y).coef_, 2), 3.0)
    with pytest.raises(
        ValueError, match="LBFGS cannot project onto a constraint between its steps"
    ):
        GradRegLogisticRegression(constraint=FrobeniusCap()).fit(MULTI_X, MULTI_Y)


def test_a_projection_that_returns_what_it_should_change_is_refused():
    returning = type(
        "Returning", (Projection,), {"project": lambda self, network, theta: np.maximum(theta, 0)}
    )
    with pytest.raises(
        TypeError, match=r"Returning.project must change theta in place and return None"
    ):
        GradRegMLPClassifier((9,), constraint=returning()).fit(MULTI_X, MULTI_Y)


def test_a_projection_that_never_ends_is_refused():
    class Halving(Projection):
        def project(self, network, theta):
            theta *= 0.5

    with pytest.raises(
        ValueError, match=r"Halving.project must leave what it has projected as it is"
    ):
        GradRegMLPClassifier((9,), constraint=Halving(), max_iter=1).fit(MULTI_X, MULTI_Y)


def test_a_solver_that_forgets_the_projection_is_refused():
    class Forgetful(Solver):
        def minimize(self, objective, theta, schedule, state=None):
            return Solution(theta - 1.0, 1, 0.0, True)

    with pytest.raises(
        ValueError,
        match="the weights that Forgetful found violate FrobeniusCap: minimize must call",
    ):
        GradRegMLPClassifier((9,), constraint=FrobeniusCap(), solver=Forgetful()).fit(
            MULTI_X, MULTI_Y
        )


def test_l2_counts_the_weights_inside_the_constraint():
    options = {
        "constraint": SpectralNormalization(3.0),
        "random_state": 0,
        "max_iter": 1,
        "penalty": None,
    }
    losses = [
        GradRegMLPClassifier((5,), l2=l2, learning_rate_init=1e-12, **options).fit(MULTI_X, MULTI_Y)
        for l2 in (0, 1)
    ]
    squares = sum((W**2).sum() for W in losses[0].coefs_)
    np.testing.assert_allclose(losses[1].loss_ - losses[0].loss_, squares / 300, rtol=1e-6)


@pytest.mark.parametrize(
    ("constraint", "message"),
    [
        (
            1.0,
            r"constraint must be None or a Constraint such as SpectralNormalization\(\); got 1.0",
        ),
        (WeightClipping(0), "bound must be a finite number > 0; got 0"),
        (SpectralNormalization(np.inf), "bound must be a finite number > 0; got inf"),
        (FrobeniusCap(np.nan), "bound must be a finite number > 0; got nan"),
        (MaxNorm(0), "bound must be a finite number > 0; got 0"),
    ],
    ids=str,
)
def test_what_is_no_constraint_is_named(constraint, message):
    with pytest.raises(ValueError, match=message):
        check_constraint(constraint)
    with pytest.raises(ValueError, match=message):
        GradRegMLPClassifier(constraint=constraint).fit(MULTI_X, MULTI_Y)


def test_a_projection_that_does_not_project_cannot_be_made():
    with pytest.raises(TypeError, match="abstract"):
        type("Incomplete", (Projection,), {})()


def test_weight_clipping_clips_biases_as_published_only_when_asked():
    network, *_, theta, _ = problem()
    theta = 10 * theta
    for biases in (False, True):
        clipped = theta.copy()
        WeightClipping(0.5, biases=biases).project(network, clipped)
        for (W, b), (_, before) in zip(network.unpack(clipped), network.unpack(theta), strict=True):
            assert abs(W).max() <= 0.5
            np.testing.assert_array_equal(b, np.clip(before, -0.5, 0.5) if biases else before)


def test_normalization_by_power_iterations_tends_to_the_exact_one():
    network, X, Y, theta, _ = problem()
    exact = SpectralNormalization(2.0).transform(network, theta)
    np.testing.assert_allclose(
        SpectralNormalization(2.0, n_iterations=300).transform(network, theta), exact, rtol=1e-9
    )
    for (W, _), (V, _) in zip(
        network.unpack(SpectralNormalization(2.0, n_iterations=1).transform(network, theta)),
        network.unpack(exact),
        strict=True,
    ):
        assert np.linalg.norm(W, 2) > np.linalg.norm(V, 2) * (1 + 1e-6)
    objectives = [
        make_objective(network, X, Y, constraint=SpectralNormalization(2.0, n_iterations=n))
        for n in (None, 300)
    ]
    gradients = [evaluate(objective, theta)[1] for objective in objectives]
    np.testing.assert_allclose(gradients[1], gradients[0], rtol=1e-6, atol=1e-9)


def test_power_iterations_exclude_a_line_search():
    _, X, Y, *_ = problem("logistic")
    with pytest.raises(
        ValueError,
        match="LBFGS needs a deterministic objective, but SpectralNormalization holds its "
        "directions",
    ):
        GradRegLogisticRegression(constraint=SpectralNormalization(n_iterations=3)).fit(X, Y[:, 0])


@pytest.mark.parametrize("n_iterations", [None, 1, 3])
def test_derivative_outside_a_trace_is_that_of_the_trace(n_iterations):
    network, _, _, theta, rng = problem()
    constraint = SpectralNormalization(2.0, n_iterations=n_iterations)
    effective, pull_back = constraint.transform_and_vjp(network, theta)
    traced, expected = make_vjp(partial(constraint.transform, network), theta)
    cotangent = rng.standard_normal(len(theta))
    np.testing.assert_array_equal(effective, expected)
    np.testing.assert_array_equal(pull_back(cotangent), traced(cotangent))


def test_derivative_is_that_of_the_last_transform():
    class Doubled(SpectralNormalization):
        def transform(self, network, theta):
            return 2 * theta

    class Doubling:
        def transform(self, network, theta):
            return 2 * theta

    class Mixed(Doubling, SpectralNormalization):
        pass

    network, _, _, theta, _ = problem()
    for constraint in (Doubled(), Mixed()):
        effective, pull_back = constraint.transform_and_vjp(network, theta)
        np.testing.assert_array_equal(effective, 2 * theta)
        np.testing.assert_array_equal(pull_back(theta), 2 * theta)


@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e300])
@pytest.mark.parametrize("kind", ["random", "rows of zero sum", "zero"])
def test_power_iterations_are_those_of_plain_products(kind, scale):
    W = np.random.RandomState(0).standard_normal((6, 4))
    W = {"random": W, "rows of zero sum": W - W.mean(axis=0), "zero": 0 * W}[kind]
    u = np.ones(6) if kind == "random" else W[:, np.linalg.norm(W, axis=0).argmax()]
    for _ in range(40):
        v = W.T @ u / (np.linalg.norm(W.T @ u) or 1)
        u = W @ v / (np.linalg.norm(W @ v) or 1)
    left, length, right = power_iterations(scale * W, 40)
    np.testing.assert_allclose(left, u, atol=1e-12)
    np.testing.assert_allclose(right, v, atol=1e-12)
    assert length == pytest.approx(scale * np.linalg.norm(W @ v), rel=1e-12)
