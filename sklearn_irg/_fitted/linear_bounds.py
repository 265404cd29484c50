"""Linear bound propagation: bounds on the outputs of a network whose input moves within a set.

Each activation lies between two lines on the interval that enters it (`Activation.linear_bounds`).
Substituted from the last layer back to the first, these lines turn a function of the outputs into
a linear function of the preactivations of the first layer, whose minimum over the set is known
(Zhang et al. 2018, "Efficient neural network robustness certification with general activation
functions").
Plain intervals, layer by layer, are wider mostly, but not for networks that were trained with
them: the better of both counts.
"""

import numpy as np

__all__ = ["BallAroundRows", "margin_bounds_over", "margin_functions", "unit_ranges"]


class BallAroundRows:
    """Balls around rows in a norm, seen from the first layer.

    Parameters
    ----------
    weights : ndarray of shape (n_features, n_units)
        Of the first layer.
    radii : ndarray of shape (n_samples,)
        Of the balls.
    dual : {1, 2, inf}
        Order of the dual norm.
    movable : ndarray of shape (n_samples, n_features), default=None
        Ones for cells that move, else zeros; ``None`` where all do.
    """

    def __init__(self, weights, radii, dual, movable=None):
        self.weights = weights
        self.radii = radii
        self.dual = dual
        self.movable = None if movable is None or movable.all() else movable

    def ranges(self):
        """Lowest and highest change of preactivations, each of shape (n_samples, n_units)."""
        if self.movable is None:
            size = self.radii[:, None] * np.linalg.norm(self.weights, ord=self.dual, axis=0)
        else:
            moving = np.abs(self.weights)[None] * self.movable[:, :, None]
            size = self.radii[:, None] * np.linalg.norm(moving, ord=self.dual, axis=1)
        return -size, size

    def lowest(self, coefficients):
        """Minimum over the ball of linear functions of the change of the preactivations.

        Coefficients have shape (n_samples, n_functions, n_units), minima (n_samples, n_functions).
        """
        gradients = coefficients @ self.weights.T
        if self.movable is not None:
            gradients = gradients * self.movable[:, None]
        return -self.radii[:, None] * np.linalg.norm(gradients, ord=self.dual, axis=2)


def margin_bounds_over(inputs, preactivations, layers, activation, label):
    """Lower bounds on the margins of each row's class over all others, shape (n_samples, n_others).

    Parameters
    ----------
    inputs : object
        With ``ranges()`` and ``lowest(coefficients)``, as `BallAroundRows`.
    preactivations : ndarray of shape (n_samples, n_units)
        What enters the first layer's activation at the rows themselves.
    layers : list of (weights, biases)
        All but the first.
    activation : Activation
        Of the hidden layers.
    label : ndarray of int of shape (n_samples,)
        Position of each row's class.
    """
    *hidden, (W, b) = layers
    ranges = unit_ranges(inputs, preactivations, hidden, activation)
    lines = [activation.linear_bounds(*ends) for ends in ranges]
    functions, constants = margin_functions(W, b, label)
    by_lines = _lowest(inputs, preactivations, hidden, lines, functions, constants)
    return np.maximum(by_lines, _lowest_in_intervals(activation, ranges[-1], functions) + constants)


def unit_ranges(inputs, preactivations, hidden, activation):
    """Bounds on the preactivation of each unit of each hidden layer.

    There is a lower and an upper end for each layer, both of shape (n_samples, n_units).
    """
    ranges = [tuple(preactivations + end for end in inputs.ranges())]
    lines = []
    for depth, (V, c) in enumerate(hidden):
        lines.append(activation.linear_bounds(*ranges[-1]))
        units = np.broadcast_to(
            np.concatenate([V.T, -V.T]), (len(preactivations), 2 * V.shape[1], V.shape[0])
        )
        bounds = _lowest(inputs, preactivations, hidden[:depth], lines, units, 0.0)
        bounds = np.maximum(bounds, _lowest_in_intervals(activation, ranges[-1], units))
        low, high = bounds[:, : V.shape[1]] + c, -bounds[:, V.shape[1] :] + c
        ranges.append((low, np.maximum(low, high)))
    return ranges


def margin_functions(W, b, label):
    """Coefficients and constants of the margins as functions of the last hidden layer.

    Coefficients have shape (n_samples, n_others, n_units).
    """
    if W.shape[1] == 1:
        sign = (2 * label - 1)[:, None]
        return (sign * W[:, 0])[:, None, :], sign * b
    others = np.array([[k for k in range(W.shape[1]) if k != c] for c in range(W.shape[1])])[label]
    return W.T[label][:, None] - W.T[others], b[label][:, None] - b[others]


def _lowest_in_intervals(activation, ends, coefficients):
    """Lower bounds on linear functions of a layer's outputs, from intervals before activation.

    Activations are monotone, so they map ends to ends.
    """
    low, high = (activation.value_and_slope(end)[0] for end in ends)
    middle, half = (high + low) / 2, (high - low) / 2
    return np.einsum("ijk,ik->ij", coefficients, middle) - np.einsum(
        "ijk,ik->ij", np.abs(coefficients), half
    )


def _lowest(inputs, preactivations, hidden, lines, coefficients, constants):
    """Lower bounds on linear functions of the activations of the last of some layers."""
    for (low_line, high_line), layer in zip(lines[::-1], [*hidden[::-1], None], strict=True):
        positive, negative = np.maximum(coefficients, 0), np.minimum(coefficients, 0)
        constants = constants + np.einsum("ijk,ik->ij", positive, low_line[1])
        constants = constants + np.einsum("ijk,ik->ij", negative, high_line[1])
        coefficients = positive * low_line[0][:, None] + negative * high_line[0][:, None]
        if layer is not None:
            V, c = layer
            constants = constants + coefficients @ c
            coefficients = coefficients @ V.T
    return (
        constants
        + np.einsum("ijk,ik->ij", coefficients, preactivations)
        + inputs.lowest(coefficients)
    )
