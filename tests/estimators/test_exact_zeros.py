"""The L1 input gradient of a linear model sets coefficients to zero exactly, at an optimum."""

import numpy as np
import pytest

from sklearn_irg import GradRegLogisticRegression
from sklearn_irg.constraints import SpectralNormalization
from sklearn_irg.penalties import InputGradient
from tests import oracles
from tests.problems import BINARY_X, BINARY_Y, MULTI_X, MULTI_Y

L1 = InputGradient("l1")


def test_features_drop_out_as_the_strength_grows():
    counts = [
        int((GradRegLogisticRegression(L1, alpha, max_iter=5000).fit(BINARY_X, BINARY_Y).coef_ != 0).sum())
        for alpha in (0.01, 0.1, 0.5)
    ]
    assert 30 > counts[0] > counts[1] > counts[2] > 0


@pytest.mark.parametrize("l2", [0.0, 1.0])
def test_the_zeros_are_optimal(l2):
    model = GradRegLogisticRegression(L1, 0.1, l2=l2, max_iter=5000, tol=1e-7).fit(BINARY_X, BINARY_Y)
    w, b, y = model.coef_[0], model.intercept_[0], BINARY_Y

    def objective(w):
        z = BINARY_X @ w + b
        residual = oracles.means(z, "logistic") - y
        decay = l2 / 2 / len(y) * (w @ w)
        return (np.logaddexp(0, z) - y * z).mean() + 0.1 * abs(residual).mean() * abs(w).sum() + decay

    best = objective(w)
    np.testing.assert_allclose(model.loss_, best, rtol=1e-12)
    for step in np.concatenate([1e-4 * np.eye(30), -1e-4 * np.eye(30)]):
        assert objective(w + step) > best - 1e-9


def test_columns_of_noise_drop_out_for_all_classes_at_once():
    X = np.column_stack([MULTI_X, np.random.RandomState(0).standard_normal((150, 3))])
    model = GradRegLogisticRegression(L1, 0.5, max_iter=5000, tol=1e-5).fit(X, MULTI_Y)
    assert (model.coef_[:, 4:] == 0).all()
    assert (model.coef_ != 0).any(axis=0).sum() >= 2

    def objective(W):
        Z = X @ W.T + model.intercept_
        residual = oracles.means(Z, "softmax") - np.eye(3)[MULTI_Y]
        loss = oracles.losses(Z, np.eye(3)[MULTI_Y], "softmax").mean()
        return loss + 0.5 * np.abs(residual @ W).sum(axis=1).mean() + (W**2).sum() / 300

    best, rng = objective(model.coef_), np.random.RandomState(0)
    np.testing.assert_allclose(model.loss_, best, rtol=1e-9)
    for size in (0.01, 0.1, 1.0):
        moved = [objective(model.coef_ + size * rng.standard_normal(model.coef_.shape)) for _ in range(200)]
        assert min(moved) > best


def test_columns_outside_features_are_not_shrunk():
    penalty = InputGradient("l1", features=range(20))
    model = GradRegLogisticRegression(penalty, 0.5, max_iter=5000).fit(BINARY_X, BINARY_Y)
    assert (model.coef_[0, :20] == 0).any()
    assert (model.coef_[0, 20:] != 0).all()


def test_under_a_constraint_the_reported_loss_is_the_objective():
    model = GradRegLogisticRegression(
        L1, 1.0, l2=0, constraint=SpectralNormalization(3.0), max_iter=2000, random_state=0
    ).fit(BINARY_X, BINARY_Y)
    z = BINARY_X @ model.coef_[0] + model.intercept_[0]
    residual = np.abs(oracles.means(z, "logistic") - BINARY_Y)
    expected = (np.logaddexp(0, z) - BINARY_Y * z).mean() + residual.mean() * np.abs(model.coef_).sum()
    np.testing.assert_allclose(model.loss_, expected, rtol=1e-9)
