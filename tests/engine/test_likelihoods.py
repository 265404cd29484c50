"""Likelihoods against scipy and finite differences."""

import numpy as np
import pytest
from autograd.test_util import check_grads
from scipy.special import rel_entr
from sklearn.metrics import mean_poisson_deviance

from sklearn_irg._engine.likelihoods import Bernoulli, Categorical, Gaussian, Poisson
from tests import oracles

rng = np.random.RandomState(0)
Z = 1.5 * rng.randn(7, 3)
TARGETS = {
    "logistic": (rng.rand(7, 3) < 0.5) * 1.0,
    "softmax": np.eye(3)[rng.randint(3, size=7)],
    "identity": rng.randn(7, 3),
    "exp": rng.poisson(2.0, (7, 3)) * 1.0,
}
LIKELIHOODS = [Bernoulli(), Categorical(), Gaussian(), Poisson()]


@pytest.mark.parametrize("likelihood", LIKELIHOODS, ids=repr)
class TestEveryLikelihood:
    def test_loss_mean_and_residual_match_their_formulas(self, likelihood):
        kind = likelihood.out_activation
        loss, residual = likelihood.loss_and_residual(Z, TARGETS[kind])
        np.testing.assert_allclose(loss, oracles.losses(Z, TARGETS[kind], kind), rtol=1e-12)
        np.testing.assert_allclose(residual, oracles.means(Z, kind) - TARGETS[kind], atol=1e-14)
        np.testing.assert_allclose(likelihood.mean(Z), oracles.means(Z, kind), rtol=1e-12)

    def test_derivatives_match_finite_differences(self, likelihood):
        Y = TARGETS[likelihood.out_activation]
        check_grads(lambda Z: likelihood.evaluate(Z, Y)[0], modes=["rev"], order=1)(Z)
        check_grads(lambda Z: likelihood.evaluate(Z, Y)[1], modes=["rev"], order=1)(Z)
        check_grads(likelihood.differentiable_mean, modes=["rev"], order=1)(Z)
        reference = Z[::-1].copy()
        check_grads(lambda Z: likelihood.divergence(Z, reference), modes=["rev"], order=1)(Z)

    def test_divergence_is_zero_at_itself_and_positive_elsewhere(self, likelihood):
        np.testing.assert_allclose(likelihood.divergence(Z, Z), 0, atol=1e-13)
        assert (likelihood.divergence(Z + rng.randn(*Z.shape), Z) > 0).all()

    def test_large_outputs_stay_finite(self, likelihood):
        largest = 700.0 if likelihood.out_activation == "exp" else 1e4
        loss, residual = likelihood.loss_and_residual(
            np.array([[largest, -1e4, 0.0]]), np.array([[0.0, 1.0, 0.0]])
        )
        assert np.isfinite(loss).all()
        assert np.isfinite(residual).all()


@pytest.mark.parametrize("likelihood", [Bernoulli(), Categorical()], ids=repr)
def test_probabilities_have_a_column_per_class_and_are_differentiable(likelihood):
    outputs = Z[:, :1] if likelihood.n_classes(1) == 2 else Z
    P = likelihood.probabilities(outputs)
    assert P.shape == (7, likelihood.n_classes(outputs.shape[1]))
    np.testing.assert_allclose(P.sum(axis=1), 1, rtol=1e-15)
    check_grads(likelihood.probabilities, modes=["rev"], order=1)(outputs)


def test_probabilities_of_labels_have_a_column_per_label():
    np.testing.assert_allclose(Bernoulli().probabilities(Z), oracles.means(Z, "logistic"))


@pytest.mark.parametrize("likelihood", [Gaussian(), Poisson()], ids=repr)
def test_numbers_have_no_probabilities(likelihood):
    with pytest.raises(ValueError, match="has no classes, so there are no probabilities"):
        likelihood.probabilities(Z)


def test_both_probabilities_of_two_classes_keep_their_relative_precision():
    P = Bernoulli().probabilities(np.array([[50.0]]))
    np.testing.assert_allclose(P[0, 0], np.exp(-50), rtol=1e-12)
    _, residual = Bernoulli().loss_and_residual(np.array([[50.0]]), np.array([[1.0]]))
    np.testing.assert_allclose(residual, -np.exp(-50), rtol=1e-12)


def test_divergence_of_categorical_is_relative_entropy():
    P, Q = oracles.means(Z, "softmax"), oracles.means(Z[::-1], "softmax")
    np.testing.assert_allclose(
        Categorical().divergence(Z[::-1], Z), rel_entr(P, Q).sum(axis=1), rtol=1e-10, atol=1e-14
    )


def test_the_loss_of_counts_is_half_the_deviance():
    y, z = TARGETS["exp"][:, :1], Z[:, :1]
    loss = Poisson().loss_and_residual(z, y)[0]
    np.testing.assert_allclose(loss.mean(), mean_poisson_deviance(y[:, 0], np.exp(z[:, 0])) / 2)


def test_what_each_says_of_itself():
    facts = [
        (k.n_classes(4), k.is_categorical, k.is_multilabel(4), k.is_multilabel(1))
        for k in LIKELIHOODS
    ]
    assert facts == [
        (2, False, True, False),
        (4, True, False, False),
        (None,) + (False,) * 3,
        (None,) + (False,) * 3,
    ]


@pytest.mark.parametrize(
    ("likelihood", "y"),
    [(Poisson(), [[-1.0]]), (Bernoulli(), [[1.5]]), (Categorical(), [[2.0]])],
    ids=repr,
)
def test_targets_without_a_likelihood_are_refused(likelihood, y):
    with pytest.raises(ValueError, match="y must"):
        likelihood.check_targets(np.array(y))
