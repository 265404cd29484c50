"""The L1 input gradient of a linear model sets coefficients to zero exactly, at an optimum."""

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.preprocessing import scale

from sklearn_irg import GradRegLogisticRegression
from sklearn_irg.constraints import SpectralNormalization
from sklearn_irg.penalties import InputGradient
from tests import oracles
from tests.problems import BINARY_X, BINARY_Y, MULTI_X, MULTI_Y

L1 = InputGradient("l1")


def test_features_drop_out_as_the_strength_grows():
    counts = [
        int(
            (
                GradRegLogisticRegression(L1, alpha, max_iter=5000).fit(BINARY_X, BINARY_Y).coef_
                != 0
            ).sum()
        )
        for alpha in (0.01, 0.1, 0.5)
    ]
    assert 30 > counts[0] > counts[1] > counts[2] > 0


@pytest.mark.parametrize("l2", [0.0, 1.0])
def test_the_zeros_are_optimal(l2):
    model = GradRegLogisticRegression(L1, 0.1, l2=l2, max_iter=5000, tol=1e-7).fit(
        BINARY_X, BINARY_Y
    )
    w, b, y = model.coef_[0], model.intercept_[0], BINARY_Y

    def objective(w):
        z = BINARY_X @ w + b
        residual = oracles.means(z, "logistic") - y
        decay = l2 / 2 / len(y) * (w @ w)
        return (
            (np.logaddexp(0, z) - y * z).mean() + 0.1 * abs(residual).mean() * abs(w).sum() + decay
        )

    best = objective(w)
    np.testing.assert_allclose(model.loss_, best, rtol=1e-12)
    for step in np.concatenate([1e-4 * np.eye(30), -1e-4 * np.eye(30)]):
        assert objective(w + step) > best - 1e-9


@pytest.mark.parametrize("alpha", [0.1, 0.3, 0.5])
def test_with_several_classes_zero_is_a_subgradient_where_a_feature_drops_out(alpha):
    X, y = make_classification(400, 15, n_informative=8, n_classes=4, random_state=3)
    X, l2 = scale(X), 1.0
    model = GradRegLogisticRegression(L1, alpha, l2=l2, max_iter=2000).fit(X, y)
    W, Y = model.coef_.T, np.eye(4)[y]
    zero = np.flatnonzero(~W.any(axis=1))
    assert 0 < len(zero) < 15

    def residuals(W):
        return oracles.means(X @ W + model.intercept_, "softmax") - Y

    def without_their_kink(W, d):
        rest = np.delete(W, d, axis=0)
        loss = oracles.losses(X @ W + model.intercept_, Y, "softmax").mean()
        return (
            loss
            + alpha * np.abs(residuals(W) @ rest.T).sum(axis=1).mean()
            + l2 / 2 / len(X) * (W**2).sum()
        )

    for d in zero:
        moves = [np.outer(np.eye(15)[d], row) for row in np.eye(4)]
        slope = [
            oracles.directional_derivative(lambda W, d=d: without_their_kink(W, d), W, move)
            for move in moves
        ]
        assert (
            oracles.shortest_in_zonotope(np.array(slope), alpha * residuals(W) / len(X))
            < 10 * model.tol
        )


def test_with_several_classes_a_refit_from_the_optimum_stays_there():
    X, y = make_classification(400, 15, n_informative=8, n_classes=4, random_state=3)
    model = GradRegLogisticRegression(L1, 0.3, max_iter=2000, warm_start=True).fit(scale(X), y)
    first, zero = model.loss_, model.coef_ == 0
    model.fit(scale(X), y)
    np.testing.assert_allclose(model.loss_, first, atol=1e-5)  # what a gradient of tol leaves
    np.testing.assert_array_equal(model.coef_ == 0, zero)


def test_columns_of_noise_drop_out_for_all_classes_at_once():
    X = np.column_stack([MULTI_X, np.random.RandomState(0).standard_normal((150, 3))])
    model = GradRegLogisticRegression(L1, 0.5, max_iter=5000).fit(X, MULTI_Y)
    zero = model.coef_ == 0
    np.testing.assert_array_equal(zero, zero[[0, 0, 0]])
    assert zero[0, 4:].sum() >= 2
    assert not zero[0, 1:4].any()


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
    expected = (np.logaddexp(0, z) - BINARY_Y * z).mean() + residual.mean() * np.abs(
        model.coef_
    ).sum()
    np.testing.assert_allclose(model.loss_, expected, rtol=1e-9)
