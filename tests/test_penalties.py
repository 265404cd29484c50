"""Laws that every penalty obeys, and the closed form or limit of each."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone

from sklearn_irg import _objective
from sklearn_irg._engine.activations import ACTIVATIONS
from sklearn_irg._objective import Objective
from sklearn_irg.losses import Flooding, LabelSmoothing
from sklearn_irg.penalties import (
    AdversarialLoss,
    InputGradient,
    InputNoise,
    Jacobian,
    LipschitzGradient,
    ParameterGradient,
    RandomPerturbation,
    RightReasons,
    SpectralNorm,
    VirtualAdversarial,
    WeightDecay,
    check_penalty,
)
from tests import oracles
from tests.test_objective import LIKELIHOODS, problem, row_losses

DIFFERENTIABLE = [
    InputGradient(),
    InputGradient("l1"),
    InputGradient(features=[0, 2]),
    RightReasons(),
    RightReasons(features=[1]),
    Jacobian(),
    Jacobian(n_projections=2),
    Jacobian(features=[0, 3]),
    LipschitzGradient(bound=0.5),
    LipschitzGradient(bound=0.5, two_sided=True),
    LipschitzGradient(bound=0.3, two_sided=True, at="interpolates"),
    ParameterGradient(),
    WeightDecay(),
    SpectralNorm(),
    InputNoise(sigma=0.3, n_draws=2),
    InputGradient() + 0.3 * ParameterGradient() + 2 * RightReasons(features=[1]),
]
DETACHED = [
    VirtualAdversarial(epsilon=0.5),
    RandomPerturbation(epsilon=0.5),
    AdversarialLoss(epsilon=0.3),
    AdversarialLoss(epsilon=0.3, norm="linf", n_steps=3, clip=(-2, 2)),
]
MOVES_INPUTS = (AdversarialLoss, InputNoise, RandomPerturbation, VirtualAdversarial)
PENALTIES = DIFFERENTIABLE + DETACHED


def skip_if_meaningless(penalty, likelihood):
    if likelihood == "identity" and any(isinstance(term, RightReasons) for _, term in penalty.terms()):
        pytest.skip("a regressor has no probabilities")


def evaluate(objective, theta, seed=0):
    return objective.value_and_grad(theta, objective.everything(), np.random.RandomState(seed))


def penalty_value(penalty, network, X, Y, theta, **options):
    """The penalty alone."""
    with_it, without = (Objective(network, X, Y, p, 1.0, **options) for p in (penalty, None))
    return evaluate(with_it, theta)[0] - evaluate(without, theta)[0]


@pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
class TestEveryPenalty:
    def test_is_non_negative(self, penalty):
        network, X, Y, theta, _ = problem()
        assert penalty_value(penalty, network, X, Y, theta) >= 0

    def test_scales_with_its_weight_and_with_alpha(self, penalty):
        network, X, Y, theta, _ = problem()
        one = penalty_value(penalty, network, X, Y, theta)
        np.testing.assert_allclose(penalty_value(2.5 * penalty, network, X, Y, theta), 2.5 * one, rtol=1e-9)
        np.testing.assert_allclose(penalty_value((penalty * 0.5) * 5, network, X, Y, theta), 2.5 * one, rtol=1e-9)

    def test_survives_clone_and_pickle(self, penalty):
        network, X, Y, theta, _ = problem()
        for copy in (clone(penalty), pickle.loads(pickle.dumps(penalty))):
            assert repr(copy) == repr(penalty)
            assert penalty_value(copy, network, X, Y, theta) == penalty_value(penalty, network, X, Y, theta)

    def test_sample_weights_are_repeated_rows(self, penalty):
        network, X, Y, theta, _ = problem()
        counts = np.arange(1, len(X) + 1)
        weighted = Objective(network, X, Y, penalty, 0.5, sample_weight=counts)
        if weighted.obstacles_to_line_search:
            pytest.skip("repeated rows draw random numbers of their own")
        repeated = Objective(network, np.repeat(X, counts, axis=0), np.repeat(Y, counts, axis=0), penalty, 0.5)
        left, right = evaluate(weighted, theta), evaluate(repeated, theta)
        np.testing.assert_allclose(left[0], right[0], rtol=1e-10)
        np.testing.assert_allclose(left[1], right[1], rtol=1e-8, atol=1e-13)

    def test_single_precision_stays_single_and_agrees_with_double(self, penalty):
        network, X, Y, theta, _ = problem()
        results = []
        for dtype in (np.float32, np.float64):
            objective = Objective(network, X.astype(dtype), Y.astype(dtype), penalty, np.float64(0.5))
            results.append(evaluate(objective, theta.astype(dtype)))
            assert results[-1][1].dtype == dtype
        np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-4)
        np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-2, atol=1e-4)

    def test_sparse_rows_are_dense_rows_or_a_clear_error(self, penalty):
        network, X, Y, theta, _ = problem()
        X[X < 0.5] = 0
        thin = sparse.csr_array(X)
        if any(isinstance(term, MOVES_INPUTS) or "interpolates" in repr(term) for _, term in penalty.terms()):
            with pytest.raises(ValueError, match="needs a dense X; got a sparse one"):
                Objective(network, thin, Y, penalty, 1.0)
            return
        expected = evaluate(Objective(network, X, Y, penalty, 1.0), theta)
        for a, b in zip(evaluate(Objective(network, thin, Y, penalty, 1.0), theta), expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("penalty", DIFFERENTIABLE, ids=repr)
def test_gradient_matches_finite_differences(penalty, likelihood, activation):
    skip_if_meaningless(penalty, likelihood)
    network, X, Y, theta, rng = problem(likelihood, activation)
    objective = Objective(network, X, Y, penalty, 0.7, sample_weight=rng.rand(len(X)))
    direction = rng.randn(theta.size)
    _, gradient = evaluate(objective, theta)
    expected = oracles.directional_derivative(lambda t: evaluate(objective, t)[0], theta, direction)
    np.testing.assert_allclose(gradient @ direction, expected, rtol=5e-6, atol=1e-7)


@pytest.mark.parametrize(
    "penalty", [p for p in PENALTIES if not isinstance(p, (AdversarialLoss, InputNoise))], ids=repr
)
def test_vanishes_for_zero_weights(penalty):
    network, X, Y, theta, _ = problem()
    if "two_sided=True" in repr(penalty) or "ParameterGradient" in repr(penalty):
        pytest.skip("zero weights are not what it wants")
    value, gradient = evaluate(Objective(network, X, Y, penalty, 1.0), np.zeros_like(theta))
    plain = evaluate(Objective(network, X, Y, None, 1.0), np.zeros_like(theta))
    np.testing.assert_allclose(value, plain[0], atol=1e-15)
    assert np.isfinite(gradient).all()


def outputs_of(network, theta):
    return lambda X: oracles.outputs(X, network.unpack(theta), network.activation)


@pytest.mark.parametrize("likelihood", ["logistic", "labels", "softmax"])
def test_right_reasons_is_the_gradient_of_summed_log_probabilities(likelihood):
    network, X, Y, theta, rng = problem(likelihood)
    A = rng.rand(*X.shape) < 0.5

    def summed_log_probabilities(X):
        P = oracles.means(outputs_of(network, theta)(X), network.likelihood.name)
        return np.log(P).sum(axis=1) if likelihood == "softmax" else (np.log(P) + np.log(1 - P)).sum(axis=1)

    G = oracles.input_gradients(summed_log_probabilities, X)
    value = penalty_value(RightReasons(), network, X, Y, theta)
    np.testing.assert_allclose(value, (G**2).sum(axis=1).mean(), rtol=1e-7)
    objective = Objective(network, X, Y, RightReasons(features=[0, 1]), 1.0, mask=A)
    plain = evaluate(Objective(network, X, Y, None, 1.0), theta)[0]
    expected = ((A * G)[:, :2] ** 2).sum(axis=1).mean()
    np.testing.assert_allclose(evaluate(objective, theta)[0] - plain, expected, rtol=1e-7)


@pytest.mark.parametrize("likelihood", ["logistic", "softmax"])
def test_jacobian_is_that_of_finite_differences_and_projections_are_unbiased(likelihood):
    network, X, Y, theta, _ = problem(likelihood)
    f = outputs_of(network, theta)
    J = [oracles.input_gradients(lambda X, k=k: f(X)[:, k], X) for k in range(Y.shape[1])]
    exact = sum((G**2).sum(axis=1) for G in J).mean()
    np.testing.assert_allclose(penalty_value(Jacobian(), network, X, Y, theta), exact, rtol=1e-7)
    projected = penalty_value(Jacobian(n_projections=2000), network, X, Y, theta)
    np.testing.assert_allclose(projected, exact, rtol=0.02)


@pytest.mark.parametrize("two_sided", [True, False])
def test_lipschitz_gradient_is_the_squared_excess(two_sided):
    network, X, Y, theta, _ = problem("softmax", hidden=())
    W, bound = network.unpack(theta)[0][0], 1.3
    excess = np.linalg.norm(W) - bound
    expected = excess**2 if two_sided else max(excess, 0) ** 2
    penalty = LipschitzGradient(bound, two_sided)
    np.testing.assert_allclose(penalty_value(penalty, network, X, Y, theta), expected, rtol=1e-7)
    gradient = evaluate(Objective(network, X, Y, LipschitzGradient(1.0, True), 1.0), np.zeros_like(theta))[1]
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_parameter_gradient_is_the_squared_gradient_of_the_loss(likelihood):
    network, X, Y, theta, rng = problem(likelihood)
    weight = rng.rand(len(X))
    plain = evaluate(Objective(network, X, Y, None, 1.0, sample_weight=weight), theta)[1]
    value = penalty_value(ParameterGradient(), network, X, Y, theta, sample_weight=weight)
    np.testing.assert_allclose(value, plain @ plain, rtol=1e-9)


@pytest.mark.parametrize(("norm", "order"), [("l2", 2), ("linf", 1)])
def test_adversarial_loss_tends_to_loss_plus_epsilon_times_the_dual_norm(norm, order):
    network, X, Y, theta, _ = problem()
    losses, epsilon = row_losses(network, theta, Y), 1e-5
    value = penalty_value(AdversarialLoss(epsilon, norm=norm), network, X, Y, theta)
    slope = (value - losses(X).mean()) / epsilon
    expected = np.linalg.norm(oracles.input_gradients(losses, X), ord=order, axis=1).mean()
    np.testing.assert_allclose(slope, expected, rtol=1e-4)


def test_adversarial_loss_of_a_linear_binary_model_is_its_closed_form():
    network, X, Y, theta, _ = problem("logistic", hidden=())
    W, b = network.unpack(theta)[0]
    for norm, dual in [("l2", np.linalg.norm(W)), ("linf", abs(W).sum())]:
        expected = np.logaddexp(0, -(2 * Y - 1) * (X @ W + b) + 0.3 * dual).mean()
        value = penalty_value(AdversarialLoss(0.3, norm=norm), network, X, Y, theta)
        np.testing.assert_allclose(value, expected, rtol=1e-10)


def test_input_noise_tends_to_loss_plus_half_sigma_squared_times_the_trace_of_the_hessian():
    network, X, Y, theta, _ = problem("softmax", hidden=(), n_samples=3)
    (W, b), sigma = network.unpack(theta)[0], 0.05
    P = oracles.means(X @ W + b, "softmax")
    traces = [np.trace(W @ (np.diag(p) - np.outer(p, p)) @ W.T) for p in P]
    losses = row_losses(network, theta, Y)(X)
    value = penalty_value(
        InputNoise(sigma, n_draws=1), network, np.repeat(X, 400000, axis=0), np.repeat(Y, 400000, axis=0), theta
    )
    np.testing.assert_allclose(value - losses.mean(), sigma**2 / 2 * np.mean(traces), rtol=0.1)


@pytest.mark.parametrize(
    "penalty", [AdversarialLoss(0.3), AdversarialLoss(0.3, "linf", n_steps=3), RandomPerturbation(0.5)], ids=repr
)
def test_gradient_of_detached_perturbations_is_that_at_fixed_perturbation_and_prediction(penalty):
    network, X, Y, theta, rng = problem()
    objective = Objective(network, X, Y, penalty, 1.0)
    step, moved = _objective.Step(objective, theta, X, Y, None, None, np.random.RandomState(0)), []
    forward_at = step.forward_at
    step.forward_at = lambda X: moved.append(X) or forward_at(X)
    penalty.values(step)
    (moved,) = [X_moved for X_moved in moved if X_moved is not X]
    targets = step.mean.copy() if isinstance(penalty, RandomPerturbation) else Y

    def frozen(t):
        return (row_losses(network, t, targets)(moved) + row_losses(network, t, Y)(X)).mean()

    direction = rng.randn(theta.size)
    expected = oracles.directional_derivative(frozen, theta, direction)
    np.testing.assert_allclose(evaluate(objective, theta)[1] @ direction, expected, rtol=1e-6)


@given(st.integers(0, 10**6), st.sampled_from(["tanh", "relu", "softplus"]))
@settings(derandomize=True, deadline=None, max_examples=15)
def test_dropout_masks_reach_the_penalty_too(seed, activation):
    network, X, Y, theta, rng = problem("softmax", activation, seed=seed)
    objective = Objective(network, X, Y, InputGradient() + Jacobian(), 0.7, dropout=0.4)
    direction = rng.randn(theta.size)
    expected = oracles.directional_derivative(lambda t: evaluate(objective, t)[0], theta, direction)
    np.testing.assert_allclose(evaluate(objective, theta)[1] @ direction, expected, rtol=1e-5, atol=1e-6)


def test_flooding_reflects_the_mean_loss_at_its_level():
    network, X, Y, theta, _ = problem()
    value, gradient = evaluate(Objective(network, X, Y, None, 0.0), theta)
    for level, sign in [(value - 0.3, 1), (value + 0.3, -1)]:
        flooded = evaluate(Objective(network, X, Y, None, 0.0, loss=Flooding(level)), theta)
        np.testing.assert_allclose(flooded[0], abs(value - level) + level)
        np.testing.assert_allclose(flooded[1], sign * gradient)


@pytest.mark.parametrize("likelihood", ["logistic", "softmax"])
def test_label_smoothing_is_the_loss_of_mixed_targets(likelihood):
    network, X, Y, theta, _ = problem(likelihood)
    soft = 0.8 * Y + 0.2 / max(Y.shape[1], 2)
    expected = row_losses(network, theta, soft)(X).mean()
    loss = Flooding(0.0, loss=LabelSmoothing(0.2))
    np.testing.assert_allclose(evaluate(Objective(network, X, Y, None, 0.0, loss=loss), theta)[0], expected, rtol=1e-10)


def test_every_name_is_its_class_with_defaults():
    for name in [
        "jacobian",
        "right_reasons",
        "adversarial_loss",
        "input_noise",
        "lipschitz_gradient",
        "parameter_gradient",
    ]:
        assert type(check_penalty(name)).__name__.lower() == name.replace("_", "")
