"""Every primitive against finite differences, to the order it promises."""

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad
from autograd.test_util import check_grads

from sklearn_irg._engine import autodiff
from sklearn_irg._engine.autodiff import Workspace, value_and_grad
from sklearn_irg._engine.row_norms import product_row_norms

rng = np.random.RandomState(0)
A, B, C, D = rng.randn(4, 3), rng.randn(3, 5), rng.randn(6, 3), rng.randn(4, 5)
v, w = rng.randn(4), rng.randn(4)

TWICE = {
    "matmul": (autodiff.matmul, (A, B)),
    "matmul_transposed": (autodiff.matmul_transposed, (A, C)),
    "transposed_matmul": (autodiff.transposed_matmul, (A, D)),
    "row_dot": (autodiff.row_dot, (A, A + 1)),
    "row_absolute_sum": (autodiff.row_absolute_sum, (A,)),
    "scale_rows": (autodiff.scale_rows, (v, A)),
    "squared_norm": (autodiff.squared_norm, (A,)),
}


@pytest.mark.parametrize("name", TWICE)
def test_first_and_second_derivatives_match_finite_differences(name):
    function, args = TWICE[name]
    for argnum in range(len(args)):
        check_grads(
            lambda x, k=argnum: function(*args[:k], x, *args[k + 1 :]), modes=["rev"], order=2
        )(args[argnum])


@pytest.mark.parametrize("n_rows_of_W", [2, 40], ids=["product", "gram"])
def test_product_row_norms_and_derivatives(n_rows_of_W):
    W = rng.randn(n_rows_of_W, 3)
    np.testing.assert_allclose(product_row_norms(A, W), ((A @ W.T) ** 2).sum(axis=1), rtol=1e-12)
    check_grads(lambda A: product_row_norms(A, W), modes=["rev"], order=1)(A)
    check_grads(lambda W: product_row_norms(A, W), modes=["rev"], order=1)(W)


def test_a_second_differentiation_of_what_is_differentiable_once_raises():
    with pytest.raises(NotImplementedError, match="once only; traces must not be nested"):
        grad(lambda A: anp.sum(grad(lambda A: anp.sum(product_row_norms(A, B.T)))(A) ** 2))(A)


def test_combine_adds_inner_products_and_multiples():
    value, gradient = value_and_grad(
        lambda x: autodiff.combine([w, 3.0], x, autodiff.squared_norm(x)), v
    )
    np.testing.assert_allclose(value, w @ v + 3 * v @ v)
    np.testing.assert_allclose(gradient, w + 6 * v)


def test_workspace_hands_out_the_same_memory_after_reset():
    workspace = Workspace()
    first, other = workspace.allocate((3, 2), np.float64), workspace.allocate((3, 2), np.float64)
    workspace.reset()
    again = workspace.allocate((2, 2), np.float64)
    assert np.shares_memory(first, again)
    assert not np.shares_memory(first, other)
    workspace.reset()
    assert workspace.allocate((9,), np.float32).shape == (9,)
