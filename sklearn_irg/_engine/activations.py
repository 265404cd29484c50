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

# width of an interval from which on a chord is taken, not a tangent: on narrower ones rounding, of
# 1e-16, would be more than 1e-10 of its slope
_NARROW = 1e-6


class Activation(Component, ABC):
    """Activation function φ of hidden layers; it is monotone.

    Its slope is therefore a function of the activated value.

    Attributes
    ----------
    largest_slope : float
        The largest value of ``|φ'(z)|``, on which Lipschitz bounds and certificates rest. Every
        subclass declares it.
    is_identity : bool, default=False
        Whether φ(z) = z.
    init_factor : float, default=6.0
        Numerator under the root of the Glorot bound on initial weights.
    sklearn_name : str, default=None
        Name of the function in scikit-learn's MLPs; ``None`` if they do not have it.

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
    init_factor = 6.0  # as in scikit-learn's MLPs
    sklearn_name = None

    @property
    @abstractmethod
    def largest_slope(self):
        """The largest value of ``|φ'(z)|``."""

    @abstractmethod
    def apply(self, Z):
        """Overwrite Z by φ(Z)."""

    @abstractmethod
    def slope(self, A, out):
        """Write φ'(Z) to ``out``, given A = φ(Z), and return it."""

    @abstractmethod
    def slope_derivative(self, A):
        """Derivative of φ'(Z) with respect to A = φ(Z); None where φ is piecewise linear."""

    def linear_bounds(self, low, high):
        """Linear lower and upper bounds on φ over intervals.

        Returns slopes and intercepts ``(a, b), (c, d)`` with ``a·z + b <= φ(z) <= c·z + d`` for z
        from ``low`` to ``high``.

        Certificates by linear bounds rest on them, and raise an error where they are missing.
        """
        raise NotImplementedError

    def value_and_slope(self, Z):
        """Values φ(Z) and slopes φ'(Z), as new arrays."""
        A = Z.copy()
        self.apply(A)
        return A, self.slope(A, np.empty_like(A))


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

    def linear_bounds(self, low, high):
        del high
        return (np.ones_like(low), np.zeros_like(low)), (np.ones_like(low), np.zeros_like(low))


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

    def linear_bounds(self, low, high):
        # above: the chord; below: zero or the identity, whichever leaves the smaller triangle
        bent = (low < 0) & (high > 0)
        chord = np.where(bent, high / np.where(bent, high - low, 1), high > 0)
        below = np.where(bent, high > -low, high > 0)
        return (below * 1.0, np.zeros_like(low)), (chord, np.where(bent, -chord * low, 0))


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

    def linear_bounds(self, low, high):
        return _bounds_of_a_sigmoid(self, low, high)


class Logistic(Activation):
    """Logistic function, φ(z) = 1 / (1 + exp(-z))."""

    largest_slope = 0.25  # at zero
    init_factor = 2.0  # as in scikit-learn's MLPs
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

    def linear_bounds(self, low, high):
        return _bounds_of_a_sigmoid(self, low, high)


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

    def linear_bounds(self, low, high):  # convex
        return _tangent(self, (low + high) / 2), _chord(self, low, high)


def _tangent(activation, at):
    """The tangent at given points: slope and intercept."""
    value, slope = activation.value_and_slope(at)
    return slope, value - slope * at


def _chord(activation, low, high):
    """The line through both ends of intervals; the tangent where they (nearly) coincide."""
    (at_low, slope_low), (at_high, slope_high) = (
        activation.value_and_slope(end) for end in (low, high)
    )
    width = high - low
    wide = width > _NARROW
    slope = np.where(
        wide, (at_high - at_low) / np.where(wide, width, 1), np.maximum(slope_low, slope_high)
    )
    # rounding must not let it cross the function at either end
    return slope, np.maximum(at_low - slope * low, at_high - slope * high)


def _bounds_of_a_sigmoid(activation, low, high):
    """Linear bounds on a function that is convex below zero and concave above it.

    It must be point-symmetric about its value at zero.
    """
    center = 2 * activation.value_and_slope(np.zeros(1))[0][0]
    slope, intercept = _above_a_sigmoid(activation, low, high)
    mirrored_slope, mirrored_intercept = _above_a_sigmoid(activation, -high, -low)
    return (mirrored_slope, center - mirrored_intercept), (slope, intercept)


def _above_a_sigmoid(activation, low, high):
    """Upper linear bound: a tangent where one lies above the function, else the chord.

    That is so on an interval where the function is concave, and where a tangent passes above the
    value at the interval's lower end.
    """
    # the tangent that passes above the lower end touches at a point in [0, -2·low] or so: bisect,
    # keeping the safe side
    at_low = activation.value_and_slope(low)[0]
    near, far = np.zeros_like(low), np.maximum(high, 0)
    for _ in range(30):  # to 1e-9 of the interval
        middle = (near + far) / 2
        slope, intercept = _tangent(activation, middle)
        above = slope * low + intercept >= at_low
        near, far = np.where(above, near, middle), np.where(above, middle, far)
    touch = np.where(low >= 0, (low + high) / 2, far)
    slope, intercept = _tangent(activation, touch)
    touches = (low >= 0) | ((high > 0) & (slope * low + intercept >= at_low))
    chord_slope, chord_intercept = _chord(activation, low, high)
    return np.where(touches, slope, chord_slope), np.where(touches, intercept, chord_intercept)


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
