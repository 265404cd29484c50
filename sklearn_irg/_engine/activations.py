"""Activation functions, and their derivatives as functions of the activated value."""

from abc import ABC, abstractmethod

import numpy as np

from sklearn_irg._component import Component

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "Identity",
    "Logistic",
    "ReLU",
    "Softplus",
    "Tanh",
    "as_activation",
]


class Activation(Component, ABC):
    """An activation function φ of hidden layers, monotone, so that its slope is a function of the activated value.

    Attributes
    ----------
    largest_slope : float
        The largest |φ'(z)|, on which Lipschitz bounds and certificates rest. Every subclass declares it.
    is_identity : bool, default=False
        Whether φ(z) = z.
    init_factor : float, default=6.0
        Numerator under the root of the Glorot bound on initial weights.
    sklearn_name : str, default=None
        What scikit-learn's perceptrons call it; ``None`` if they do not have it.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_irg.activations import Activation
    >>> class LeakyReLU(Activation):
    ...     largest_slope = 1.0
    ...
    ...     def apply(self, Z):
    ...         np.maximum(Z, 0.1 * Z, out=Z)
    ...
    ...     def slope(self, A, out):
    ...         out[...] = np.where(A > 0, 1.0, 0.1)
    ...         return out
    ...
    ...     def slope_derivative(self, A):
    ...         return None
    >>> from sklearn_irg import GradRegMLPClassifier
    >>> GradRegMLPClassifier(activation=LeakyReLU())
    GradRegMLPClassifier(activation=LeakyReLU())
    """

    is_identity = False
    init_factor = 6.0
    sklearn_name = None

    @property
    @abstractmethod
    def largest_slope(self):
        """The largest |φ'(z)|."""

    @abstractmethod
    def apply(self, Z):
        """Overwrite Z by φ(Z)."""

    @abstractmethod
    def slope(self, A, out):
        """Write φ'(Z) to ``out``, given A = φ(Z), and return it."""

    @abstractmethod
    def slope_derivative(self, A):
        """Derivative of φ'(Z) with respect to A = φ(Z); None where φ is piecewise linear."""


class Identity(Activation):
    """The identity, φ(z) = z."""

    is_identity = True
    largest_slope = 1.0
    sklearn_name = "identity"

    def apply(self, Z):
        del Z

    def slope(self, A, out):
        del A
        out[...] = 1
        return out

    def slope_derivative(self, A):
        del A


class ReLU(Activation):
    """Rectified linear unit, φ(z) = max(z, 0)."""

    largest_slope = 1.0
    sklearn_name = "relu"

    def apply(self, Z):
        np.maximum(Z, 0, out=Z)

    def slope(self, A, out):
        return np.greater(A, 0, out=out)

    def slope_derivative(self, A):
        del A


class Tanh(Activation):
    """Hyperbolic tangent, φ(z) = tanh z."""

    largest_slope = 1.0
    sklearn_name = "tanh"

    def apply(self, Z):
        np.tanh(Z, out=Z)

    def slope(self, A, out):
        np.multiply(A, A, out=out)
        return np.subtract(1, out, out=out)

    def slope_derivative(self, A):
        return -2 * A


class Logistic(Activation):
    """Logistic function, φ(z) = 1 / (1 + exp(-z))."""

    largest_slope = 0.25
    init_factor = 2.0
    sklearn_name = "logistic"

    def apply(self, Z):
        # 1/2 + tanh(z/2)/2: cannot overflow, and needs no branch.
        Z *= 0.5
        np.tanh(Z, out=Z)
        Z += 1
        Z *= 0.5

    def slope(self, A, out):
        np.subtract(1, A, out=out)
        return np.multiply(A, out, out=out)

    def slope_derivative(self, A):
        return 1 - 2 * A


class Softplus(Activation):
    """Smooth rectified linear unit, φ(z) = log(1 + exp z)."""

    largest_slope = 1.0

    def apply(self, Z):
        tail = np.log1p(np.exp(-np.abs(Z)))
        np.maximum(Z, 0, out=Z)
        Z += tail

    def slope(self, A, out):
        np.negative(A, out=out)
        np.expm1(out, out=out)
        return np.negative(out, out=out)

    def slope_derivative(self, A):
        return np.exp(-A)


ACTIVATIONS = {
    "identity": Identity(),
    "logistic": Logistic(),
    "tanh": Tanh(),
    "relu": ReLU(),
    "softplus": Softplus(),
}


def as_activation(activation):
    """The activation object meant by a name or an object, without a check."""
    return ACTIVATIONS.get(activation, activation) if isinstance(activation, str) else activation
