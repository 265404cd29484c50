"""Directions, balls, ascents, and singular values with ties."""

import numpy as np
import pytest
from autograd.test_util import check_grads

from sklearn_irg._engine import sensitivity
from sklearn_irg._engine.activations import ACTIVATIONS
from sklearn_irg._engine.likelihoods import Categorical
from sklearn_irg._engine.networks import Network
from sklearn_irg._engine.sensitivity import (
    ascend,
    leading_singular_triple,
    normalized_rows,
    project_to_ball,
    random_directions,
    row_norms,
    squared_jacobian_norms,
    squared_spectral_norm,
    steepest,
)

rng = np.random.RandomState(0)
A = rng.standard_normal((6, 4))


def test_norms_neither_overflow_nor_underflow():
    for scale in (1e-200, 1.0, 1e200):
        np.testing.assert_allclose(row_norms(scale * A)[:, 0], scale * np.linalg.norm(A, axis=1))
        np.testing.assert_allclose(np.linalg.norm(normalized_rows(scale * A), axis=1), 1)
    np.testing.assert_array_equal(normalized_rows(0 * A), 0 * A)


@pytest.mark.parametrize(("norm", "dual"), [("l2", 2), ("linf", 1), ("l1", np.inf)])
def test_the_steepest_direction_reaches_the_dual_norm(norm, dual):
    order = {"l2": 2, "linf": np.inf, "l1": 1}[norm]
    np.testing.assert_allclose(np.linalg.norm(steepest(A, norm), order, axis=1), 1)
    np.testing.assert_allclose((steepest(A, norm) * A).sum(axis=1), np.linalg.norm(A, dual, axis=1))


@pytest.mark.parametrize("norm", ["l2", "linf", "l1"])
@pytest.mark.parametrize("epsilon", [0.5, 1e200])
def test_projections_lie_in_the_ball_and_leave_what_is_inside(norm, epsilon):
    far = project_to_ball(1e250 * A, epsilon, norm)
    sizes = {"l2": row_norms(far), "linf": np.abs(far).max(axis=1), "l1": np.abs(far).sum(axis=1)}[
        norm
    ]
    np.testing.assert_allclose(sizes, epsilon)
    np.testing.assert_array_equal(project_to_ball(1e-3 * A, epsilon, norm), 1e-3 * A)


def test_the_projection_to_the_l1_ball_is_its_nearest_point():
    nearest = project_to_ball(A, 1.5, "l1")
    corners = 1.5 * np.vstack([np.eye(4), -np.eye(4)])
    towards_corners = np.einsum("ij,ikj->ik", A - nearest, corners - nearest[:, None])
    assert (np.abs(A).sum(axis=1) > 1.5).all()
    assert (
        towards_corners.max() <= 1e-12
    )  # no point of the ball, a mixture of its corners, lies on A's side


def test_random_directions_have_unit_norm_within_their_columns():
    D = random_directions(A, rng, np.float32, np.array([0, 1, 1, 0]))
    np.testing.assert_allclose(np.linalg.norm(D, axis=1), 1, rtol=1e-6)
    assert not D[:, [0, 3]].any()


def test_an_ascent_stays_in_ball_and_bounds_and_gives_every_step():
    steps = list(ascend(lambda X: X - 3, A, 0.4, "l2", n_steps=5, clip=(-1, 1)))
    assert len(steps) == 5
    for moved in steps:
        assert np.abs(moved).max() <= 1
    inside = np.abs(A).max(axis=1) < 1
    assert (np.linalg.norm((steps[-1] - A)[inside], axis=1) <= 0.4 + 1e-12).all()


@pytest.mark.parametrize("sharpness", [None, 256.0])
@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e200])
@pytest.mark.parametrize("n", [5, 150])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_weights_that_went_too_far_have_a_spectral_norm_that_says_so(n, bad, sharpness):
    W = np.eye(n)
    W[1, 2] = bad
    assert not np.isfinite(squared_spectral_norm(W, sharpness))


def test_jacobians_of_many_outputs_are_stacked_in_parts(monkeypatch):
    network = Network((4, 5, 7), ACTIVATIONS["tanh"], Categorical())
    theta, X = network.initialize(rng, np.dtype(float)), rng.standard_normal((6, 4))
    forward = network.forward(theta, X)
    at_once = squared_jacobian_norms(network, theta, forward)
    steps = [
        (network.forward(theta, X + h)[-1] - network.forward(theta, X - h)[-1]) / 2e-6
        for h in 1e-6 * np.eye(4)
    ]
    np.testing.assert_allclose(at_once, (np.array(steps) ** 2).sum(axis=(0, 2)), rtol=1e-6)
    monkeypatch.setattr(sensitivity, "_STACK_BYTES", 3 * 6 * 12 * 8)  # three outputs at a time
    np.testing.assert_allclose(squared_jacobian_norms(network, theta, forward), at_once, rtol=1e-12)


class TestLeadingSingularTriple:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
    @pytest.mark.parametrize(
        "shape", [(1, 1), (7, 3), (3, 7), (5, 1), (1, 5), (300, 150), (150, 300)]
    )
    def test_it_is_that_of_the_singular_value_decomposition(self, shape, scale, dtype):
        W = (scale * np.random.RandomState(0).standard_normal(shape)).astype(dtype)
        U, singular_values, V = np.linalg.svd(W.astype(np.float64), full_matrices=False)
        u, sigma, v = leading_singular_triple(W)
        assert (u.dtype, v.dtype) == (dtype, dtype)
        tolerance = 2e-5 if dtype == np.float32 else 1e-12
        assert sigma == pytest.approx(singular_values[0], rel=tolerance)
        sign = np.sign(v @ V[0])
        np.testing.assert_allclose(sign * v, V[0], atol=tolerance)
        np.testing.assert_allclose(sign * u, U[:, 0], atol=tolerance)

    @pytest.mark.parametrize("n", [20, 150])
    @pytest.mark.parametrize(
        "eigenvalues",
        [
            lambda n: np.ones(n),
            lambda n: 1 - 1e-9 * np.arange(n),
            lambda n: np.append(np.linspace(0, 0.5, n - 2), [1, 1]),
            lambda n: np.append(np.linspace(0, 0.9, n - 2), [1 - 1e-6, 1]),
            lambda n: np.append(np.zeros(n - 1), 1),
        ],
    )
    def test_where_singular_values_tie_or_cluster_it_is_one_of_them(self, eigenvalues, n):
        Q = np.linalg.qr(np.random.RandomState(0).standard_normal((n, n)))[0]
        W = Q * eigenvalues(n)
        u, sigma, v = leading_singular_triple(W)
        assert sigma == pytest.approx(1, abs=1e-12)
        np.testing.assert_allclose(W @ v, sigma * u, atol=1e-12)
        assert np.linalg.norm(v) == pytest.approx(1)

    def test_of_zeros_it_has_directions_still(self):
        u, sigma, v = leading_singular_triple(np.zeros((3, 2)))
        assert (np.linalg.norm(u), sigma, np.linalg.norm(v)) == (1, 0, 1)


class TestSquaredSpectralNorm:
    @pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 1), (1, 5)])
    def test_is_the_largest_singular_value_and_its_gradient(self, shape):
        W = rng.standard_normal(shape)
        np.testing.assert_allclose(squared_spectral_norm(W), np.linalg.norm(W, 2) ** 2)
        check_grads(squared_spectral_norm, modes=["rev"], order=1)(W)

    @pytest.mark.parametrize("sharpness", [2.0, 64.0])
    def test_smoothed_it_is_a_power_mean_of_the_singular_values_and_its_gradient(self, sharpness):
        W = rng.standard_normal((6, 4))
        s = np.linalg.svd(W, compute_uv=False)
        value = squared_spectral_norm(W, sharpness)
        np.testing.assert_allclose(
            value, (s ** (2 * sharpness)).sum() ** (1 / sharpness), rtol=1e-12
        )
        check_grads(lambda W: squared_spectral_norm(W, sharpness), modes=["rev"], order=1)(W)

    def test_smoothed_it_has_a_gradient_where_singular_values_tie_and_tends_to_the_largest(self):
        tied = np.linalg.qr(rng.standard_normal((6, 3)))[0]
        check_grads(lambda W: squared_spectral_norm(W, 8.0), modes=["rev"], order=1)(tied)
        for sharpness in (1e2, 1e4, 1e6):
            value = squared_spectral_norm(tied, sharpness)
            assert 1 <= value <= 3 ** (1 / sharpness) * (1 + 1e-9)
        assert squared_spectral_norm(np.zeros((3, 2)), 8.0) == 0
