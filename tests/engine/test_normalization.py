"""Batch normalization: an ordinary network whose weights follow from the rows."""

import numpy as np
import pytest

from sklearn_irg._engine import normalization
from sklearn_irg._engine.normalization import BatchNormalization
from sklearn_irg.penalties import InputGradient, VirtualAdversarial
from tests import oracles
from tests.problems import LIKELIHOODS, evaluate, make_objective, problem


def normalized(likelihood="softmax", penalty=None, activation="tanh", **options):
    network, X, Y, theta, rng = problem(likelihood, activation)
    objective = make_objective(
        network,
        X,
        Y,
        penalty,
        0.3,
        constraint=BatchNormalization(),
        sample_weight=rng.rand(len(X)),
        **options,
    )
    return objective, theta, rng


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_gradient_matches_finite_differences(likelihood, activation):
    objective, theta, rng = normalized(
        likelihood, InputGradient(), activation, labeled=np.arange(20) < 12
    )
    direction = rng.randn(theta.size)
    expected = oracles.directional_derivative(lambda t: evaluate(objective, t)[0], theta, direction)
    np.testing.assert_allclose(
        evaluate(objective, theta)[1] @ direction, expected, rtol=5e-6, atol=1e-7
    )


def test_what_enters_each_layer_has_the_bias_for_mean_and_the_gain_for_deviation():
    objective, theta, _ = normalized()
    batch = objective.full_batch()
    A, weights = batch.X, batch.weights["all"]
    network = objective.network
    for (W, b), (V, bias) in zip(
        network.unpack(objective.effective(theta)), network.unpack(theta), strict=True
    ):
        Z = A @ W + b
        np.testing.assert_allclose(weights @ Z, bias, atol=1e-12)
        variance = weights @ (Z - bias) ** 2
        np.testing.assert_allclose(
            np.sqrt(variance), np.linalg.norm(V, axis=0), rtol=1e-3
        )  # but for the floor
        A = np.tanh(Z)


def test_what_is_kept_is_the_network_of_a_step_over_all_rows_whatever_the_blocks(monkeypatch):
    objective, theta, _ = normalized()
    step = objective.parametrization.for_batch(objective.full_batch()).transform(
        objective.network, theta
    )
    np.testing.assert_allclose(objective.effective(theta), step, rtol=1e-10, atol=1e-13)
    monkeypatch.setattr(normalization, "_BLOCK_ROWS", 6)
    np.testing.assert_allclose(objective.effective(theta), step, rtol=1e-10, atol=1e-13)


def test_what_is_kept_leads_back_to_itself():
    objective, theta, _ = normalized()
    kept = objective.effective(theta)
    np.testing.assert_allclose(
        objective.effective(objective.unfold(kept)), kept, rtol=1e-9, atol=1e-12
    )


def test_units_without_weights_or_variation_stay_finite():
    objective, theta, _ = normalized(activation="relu")
    (V, b), (U, _), _ = objective.network.unpack(theta)
    V[:, 0], b[0] = 0, -1  # never active
    U[0] = 0
    value, gradient = evaluate(objective, theta)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    assert np.isfinite(objective.unfold(objective.effective(theta))).all()


def test_the_scale_and_place_of_inputs_do_not_matter():
    network, X, Y, theta, _ = problem()
    plain = make_objective(network, X, Y, constraint=BatchNormalization())
    moved = make_objective(network, X * 1e3 + 5, Y, constraint=BatchNormalization())
    value = evaluate(plain, theta)[0]
    np.testing.assert_allclose(evaluate(moved, theta)[0], value, rtol=1e-4)


def test_terms_do_not_notice():
    # the virtual adversarial divergence at the folded weights is the one that the normalized
    # objective counts
    objective, theta, _ = normalized(penalty=VirtualAdversarial(0.5))
    plain = make_objective(
        objective.network,
        objective.rows.X,
        objective.rows.targets,
        VirtualAdversarial(0.5),
        0.3,
        sample_weight=objective.rows.sample_weight,
    )
    np.testing.assert_allclose(
        evaluate(objective, theta)[0], evaluate(plain, objective.effective(theta))[0], rtol=1e-9
    )
