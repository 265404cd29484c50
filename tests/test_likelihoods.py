"""Likelihoods against scipy and finite differences."""

import numpy as np
import pytest
from autograd.test_util import check_grads
from scipy.special import rel_entr

from sklearn_irg._engine.likelihoods import bernoulli, categorical, gaussian
from tests import oracles

rng = np.random.RandomState(0)
Z = 3 * rng.randn(7, 3)
TARGETS = {
    "logistic": (rng.rand(7, 3) < 0.5) * 1.0,
    "softmax": np.eye(3)[rng.randint(3, size=7)],
    "identity": rng.randn(7, 3),
}


@pytest.mark.parametrize("likelihood", [bernoulli, categorical, gaussian], ids=lambda likelihood: likelihood.name)
class TestEveryLikelihood:
    def test_loss_mean_and_residual_match_their_formulas(self, likelihood):
        Y = TARGETS[likelihood.name]
        loss, residual = likelihood.loss_and_residual(Z, Y)
        np.testing.assert_allclose(loss, oracles.losses(Z, Y, likelihood.name), rtol=1e-12)
        np.testing.assert_allclose(residual, oracles.means(Z, likelihood.name) - Y, atol=1e-15)
        np.testing.assert_allclose(likelihood.mean(Z), oracles.means(Z, likelihood.name), rtol=1e-12)

    def test_derivatives_of_loss_and_residual_match_finite_differences(self, likelihood):
        Y = TARGETS[likelihood.name]
        check_grads(lambda Z: likelihood.evaluate(Z, Y)[0], modes=["rev"], order=1)(Z)
        check_grads(lambda Z: likelihood.evaluate(Z, Y)[1], modes=["rev"], order=1)(Z)

    def test_divergence_is_zero_at_itself_and_positive_elsewhere(self, likelihood):
        P = likelihood.mean(Z)
        np.testing.assert_allclose(likelihood.divergence(Z, P), 0, atol=1e-14)
        assert (likelihood.divergence(Z + rng.randn(*Z.shape), P) > 0).all()

    def test_outputs_of_any_size_stay_finite(self, likelihood):
        extreme = np.array([[1e4, -1e4, 0.0]])
        loss, residual = likelihood.loss_and_residual(extreme, np.array([[0.0, 1.0, 0.0]]))
        assert np.isfinite(loss).all()
        assert np.isfinite(residual).all()


def test_divergence_of_categorical_is_relative_entropy():
    P, Q = oracles.means(Z, "softmax"), oracles.means(Z[::-1], "softmax")
    np.testing.assert_allclose(categorical.divergence(Z[::-1], P), rel_entr(P, Q).sum(axis=1), rtol=1e-10, atol=1e-14)


def test_residual_of_a_confident_right_prediction_keeps_its_relative_precision():
    _, residual = bernoulli.loss_and_residual(np.array([[50.0]]), np.array([[1.0]]))
    np.testing.assert_allclose(residual, -np.exp(-50), rtol=1e-12)
