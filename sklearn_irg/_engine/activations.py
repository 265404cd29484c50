"""Activation functions, and their derivatives as functions of the activated value."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

__all__ = ["ACTIVATIONS", "Activation"]


class Activation(NamedTuple):
    """An activation function and its derivatives, the latter as functions of the activated value A.

    Parameters
    ----------
    apply : callable or None
        ``apply(Z)`` overwrites Z by φ(Z). None is the identity.
    slope : callable or None
        ``slope(A, out)`` writes φ'(Z) to out and returns it. None where it is one everywhere.
    slope_derivative : callable or None
        ``slope_derivative(A)`` is the derivative of φ'(Z) with respect to A. None where it vanishes.
    init_factor : float
        Numerator under the root of the Glorot bound.
    """

    apply: Callable | None
    slope: Callable | None
    slope_derivative: Callable | None
    init_factor: float = 6.0


def _apply_relu(Z):
    np.maximum(Z, 0, out=Z)


def _relu_slope(A, out):
    return np.greater(A, 0, out=out)


def _apply_tanh(Z):
    np.tanh(Z, out=Z)


def _tanh_slope(A, out):
    np.multiply(A, A, out=out)
    return np.subtract(1, out, out=out)


def _tanh_slope_derivative(A):
    return -2 * A


def _apply_logistic(Z):
    # 1/2 + tanh(z/2)/2: cannot overflow, and needs no branch.
    Z *= 0.5
    np.tanh(Z, out=Z)
    Z += 1
    Z *= 0.5


def _logistic_slope(A, out):
    np.subtract(1, A, out=out)
    return np.multiply(A, out, out=out)


def _logistic_slope_derivative(A):
    return 1 - 2 * A


def _apply_softplus(Z):
    tail = np.log1p(np.exp(-np.abs(Z)))
    np.maximum(Z, 0, out=Z)
    Z += tail


def _softplus_slope(A, out):
    np.negative(A, out=out)
    np.expm1(out, out=out)
    return np.negative(out, out=out)


def _softplus_slope_derivative(A):
    return np.exp(-A)


ACTIVATIONS = {
    "identity": Activation(None, None, None),
    "logistic": Activation(_apply_logistic, _logistic_slope, _logistic_slope_derivative, init_factor=2.0),
    "tanh": Activation(_apply_tanh, _tanh_slope, _tanh_slope_derivative),
    "relu": Activation(_apply_relu, _relu_slope, None),
    "softplus": Activation(_apply_softplus, _softplus_slope, _softplus_slope_derivative),
}
