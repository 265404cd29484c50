"""The only door to autograd: one reverse-mode trace and the primitives that run inside it.

A trace is never nested: autograd keeps its trace counter in a process-wide global, so nested traces
give wrong numbers in threads. Second derivatives come from writing the first derivative out in
these primitives. The small ones have vector-Jacobian products made of one another, so they may be
differentiated again; where one is written in plain NumPy for speed it sits behind ``opaque``, which
refuses a second differentiation loudly.
"""

import math
from functools import wraps

import autograd.numpy as numpy
import numpy as np
from autograd.core import make_vjp
from autograd.extend import Box, SparseObject, VSpace, defvjp, defvjp_argnums, primitive, vspace
from autograd.tracer import getval as stop_gradient
from autograd.tracer import new_box
from scipy.special import entr

__all__ = [
    "ArrayTuple",
    "Workspace",
    "accumulate",
    "column_deviations",
    "combine",
    "defvjp",
    "defvjp_all",
    "make_vjp",
    "matmul",
    "matmul_transposed",
    "numpy",
    "opaque",
    "primitive",
    "root",
    "row_absolute_sum",
    "row_dot",
    "scale_columns",
    "scale_rows",
    "squared_norm",
    "stop_gradient",
    "surprisal",
    "transposed_matmul",
    "value_and_grad",
]


def value_and_grad(function, theta):
    """Value of a scalar function of a flat vector, and its gradient, in one trace."""
    vjp, value = make_vjp(function, theta)
    return value, vjp(1.0)


def opaque(vjp):
    """Mark a vector-Jacobian product as differentiable once only.

    It is written in plain NumPy: differentiating it again raises NotImplementedError.
    """

    @wraps(vjp)
    def once(*args):
        if any(isinstance(arg, Box) for arg in args):
            raise NotImplementedError(
                f"{vjp.__name__} is differentiable once only; traces must not be nested."
            )
        return vjp(*args)

    return once


def defvjp_all(function, vjp):
    """Define one vector-Jacobian product for all leading arguments of a primitive.

    ``vjp(g, ans, *args)`` returns their cotangents at once.
    """

    def vjp_maker(argnums, ans, args, kwargs):
        def pull(g):
            cotangents = vjp(g, ans, *args, **kwargs)
            return [cotangents[i] for i in argnums]

        return pull

    defvjp_argnums(function, vjp_maker)


def accumulate(theta, add_to):
    """Cotangent of θ that is never built.

    ``add_to(gradient)`` adds it to the one buffer that all cotangents share.
    """

    def add(gradient):
        add_to(gradient)
        return gradient

    return SparseObject(vspace(theta), add)


class Workspace:
    """Memory of one step, reused in the next.

    New memory pages would cost a step as much time as its arithmetic.

    Arrays from ``allocate`` are valid until ``reset``.
    """

    def __init__(self):
        self._buffers = []
        self._views = []  # of the buffers, as they were last handed out
        self._next = 0

    def __reduce__(self):
        return Workspace, ()  # memory is not worth a transfer

    def reset(self):
        """Take all arrays back."""
        self._next = 0

    def allocate(self, shape, dtype):
        """An uninitialized array."""
        i = self._next
        self._next += 1
        if i < len(self._views) and self._views[i].shape == shape and self._views[i].dtype == dtype:
            return self._views[i]
        size = math.prod(shape)
        if i == len(self._buffers):
            self._buffers.append(np.empty(size, dtype=dtype))
            self._views.append(None)
        elif self._buffers[i].size < size or self._buffers[i].dtype != dtype:
            self._buffers[i] = np.empty(size, dtype=dtype)
        self._views[i] = self._buffers[i][:size].reshape(shape)
        return self._views[i]


# -- several arrays as one node --------------------------------------------------------------------


class ArrayTuple(tuple):
    """Several arrays as one node of the trace.

    In a cotangent, ``None`` stands for an array without one.

    ``saved`` keeps what the function that made the tuple needs again for its own derivative.
    """

    def __new__(cls, arrays, saved=None):
        made = super().__new__(cls, arrays)
        made.saved = saved
        return made


@primitive
def _take(arrays, index):
    return arrays[index]


def _put(arrays, index, value):
    cotangents = [None] * len(arrays)
    cotangents[index] = value
    return ArrayTuple(cotangents)


defvjp(_take, lambda ans, arrays, index: lambda g: _put(arrays, index, g))


class _ArrayTupleBox(Box):
    __slots__ = []

    def __len__(self):
        return len(self._value)

    def __getitem__(self, index):
        # as the primitive does, without its search for boxes: this is the most frequent node
        value = self._value[index]
        node = type(self._node)(value, _take, (self._value, index), {}, (0,), [self._node])
        return new_box(value, self._trace, node)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    @property
    def saved(self):
        raise NotImplementedError(
            "an ArrayTuple is differentiable once only; traces must not be nested."
        )


class _ArrayTupleSpace(VSpace):
    def _add(self, x, y):
        return ArrayTuple(
            b if a is None else a if b is None else a + b for a, b in zip(x, y, strict=True)
        )

    _mut_add = _add  # entries may be shared with other cotangents, so they are never written to


_ArrayTupleBox.register(ArrayTuple)
_ArrayTupleSpace.register(ArrayTuple)


# -- products of matrices, each other's vector-Jacobian products -----------------------------------


@primitive
def matmul(A, B):
    """Product ``A @ B``; A may be sparse."""
    return A @ B


@primitive
def matmul_transposed(A, B):
    """Product ``A @ B.T``."""
    return A @ B.T


@primitive
def transposed_matmul(A, B):
    """Product ``A.T @ B``."""
    return A.T @ B


defvjp(
    matmul,
    lambda ans, A, B: lambda g: matmul_transposed(g, B),
    lambda ans, A, B: lambda g: transposed_matmul(A, g),
)
defvjp(
    matmul_transposed,
    lambda ans, A, B: lambda g: matmul(g, B),
    lambda ans, A, B: lambda g: transposed_matmul(g, A),
)
defvjp(
    transposed_matmul,
    lambda ans, A, B: lambda g: matmul_transposed(B, g),
    lambda ans, A, B: lambda g: matmul(A, g),
)


# -- rows and sums ---------------------------------------------------------------------------------


@primitive
def row_dot(A, B):
    """Inner product of each row of A with the same row of B, shape (n_samples,)."""
    return np.einsum("ij,ij->i", A, B)


@primitive
def scale_rows(factors, A):
    """Each row of A times its factor."""
    return factors[:, None] * A


defvjp(
    row_dot,
    lambda ans, A, B: lambda g: scale_rows(g, B),
    lambda ans, A, B: lambda g: scale_rows(g, A),
)
defvjp(
    scale_rows,
    lambda ans, factors, A: lambda g: row_dot(g, A),
    lambda ans, factors, A: lambda g: scale_rows(factors, g),
)


@primitive
def row_absolute_sum(A):
    """Sum of the absolute values of each row, shape (n_samples,).

    The derivative at an entry of zero is zero.
    """
    return np.abs(A).sum(axis=1)


defvjp(row_absolute_sum, lambda ans, A: lambda g: scale_rows(g, np.sign(stop_gradient(A))))


@primitive
def column_deviations(A, weights):
    """Standard deviation of each column over weighted rows, shape (n_units,).

    The derivative of a deviation of zero is zero.
    """
    return np.sqrt(weights @ (A - weights @ A) ** 2)


@opaque
def _column_deviations_vjp(g, ans, A, weights):
    factors = np.divide(g, ans, out=np.zeros_like(ans), where=ans > 0)
    return weights[:, None] * ((A - weights @ A) * factors)


defvjp(
    column_deviations, lambda ans, A, weights: lambda g: _column_deviations_vjp(g, ans, A, weights)
)


@primitive
def scale_columns(factors, A):
    """Each column of a constant A times its factor."""
    return A * factors


defvjp(scale_columns, lambda ans, factors, A: lambda g: np.einsum("ij,ij->j", g, A))


@primitive
def squared_norm(A):
    """Sum of the squares of all entries."""
    return np.vdot(A, A)


defvjp(squared_norm, lambda ans, A: lambda g: (2.0 * g) * A)


@primitive
def root(x):
    """Square root whose derivative at zero is taken as zero."""
    return np.sqrt(x)


def _root_vjp(ans, x):
    factor = np.divide(0.5, ans, out=np.zeros_like(ans), where=ans > 0)
    return lambda g: g * factor


defvjp(root, _root_vjp)


@primitive
def surprisal(p):
    """Values ``-p log p``, entry by entry, and zero for p = 0.

    An outcome of probability p adds this to an entropy.
    """
    return entr(p)


# the derivative is infinite at zero, and meets a factor p there
defvjp(surprisal, lambda ans, p: lambda g: -(np.log(np.maximum(p, np.finfo(p.dtype).tiny)) + 1) * g)


@primitive
def combine(coefficients, *terms):
    """Sum of the inner products of constant coefficients and terms.

    Each pair is two vectors or two scalars.
    """
    return sum(
        c @ term if np.ndim(term) else c * term for c, term in zip(coefficients, terms, strict=True)
    )


defvjp_argnums(
    combine,
    lambda argnums, ans, args, kwargs: lambda g: [g * args[0][argnum - 1] for argnum in argnums],
)
