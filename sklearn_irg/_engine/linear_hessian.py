"""Second derivatives of an objective of a linear model with one output, for a few columns."""

import numpy as np
from scipy.sparse import issparse

__all__ = ["LinearHessian"]


class LinearHessian:
    """Value, gradient and Hessian of an objective, as a function of the weights and the bias.

    Parameters
    ----------
    network : Network
        With one output and no hidden layers.
    blocks : list of (Batch, list)
        Blocks of all rows, and what is summed over each: a strength, coefficients, and a quantity
        that has second derivatives.
    """

    def __init__(self, network, blocks):
        self.network = network
        self._blocks = blocks

    def __call__(self, theta):
        hessian = np.zeros((len(theta), len(theta)), dtype=theta.dtype)
        value, gradient = 0.0, np.zeros_like(theta)
        for block, summands in self._blocks:
            outputs = _Outputs(self.network, block, theta, gradient, hessian)
            value += sum(
                quantity.curved(outputs, strength * coefficients)
                for strength, coefficients, quantity in summands
            )
            outputs.finish()
        return float(value), gradient, hessian


class _Outputs:
    """The outputs of a block of rows, and what quantities add to the derivatives.

    Attributes
    ----------
    weights, to_weights : ndarray of shape (n_features,)
        Weights, and their part of the gradient.
    weights_hessian : ndarray of shape (n_features, n_features)
        The part of the Hessian of the weights.
    losses, residuals, seconds, thirds : ndarray of shape (n_samples,)
        Losses of the rows, and their derivatives with respect to the outputs.
    first, second : ndarray of shape (n_samples,)
        Derivatives of what is summed with respect to the outputs.
    """

    def __init__(self, network, block, theta, gradient, hessian):
        d, likelihood = network.layer_sizes[0], network.likelihood
        (W, b), (to_W, _) = network.unpack(theta)[0], network.unpack(gradient)[0]
        self.weights, self.to_weights, self.weights_hessian = W[:, 0], to_W[:, 0], hessian[:d, :d]
        Z = block.X @ W if b is None else block.X @ W + b
        self.losses, residuals = likelihood.loss_and_residual(Z, block.targets)
        seconds, thirds = likelihood.second_and_third_derivatives(residuals, block.targets)
        self.residuals, self.seconds, self.thirds = residuals[:, 0], seconds[:, 0], thirds[:, 0]
        self.first = np.zeros_like(self.residuals)
        self.second = np.zeros_like(self.residuals)
        self._X, self._gradient, self._hessian, self._products = block.X, gradient, hessian, []

    def add_product(self, to_weights, to_outputs):
        """Add the second derivatives of a product of a function of weights and one of outputs.

        Those are the outer product of their first derivatives, and its transpose.
        """
        self._products.append((to_weights, to_outputs))

    def finish(self):
        """Add everything to the gradient and the Hessian."""
        X, d = self._X, len(self.weights)
        self._gradient += self._of_all(self.first)
        weighted = X.multiply(self.second[:, None]) if issparse(X) else self.second[:, None] * X
        gram = X.T @ weighted
        self.weights_hessian += gram.toarray() if issparse(gram) else gram
        if len(self._gradient) > d:
            border = self._of_all(self.second)
            self._hessian[d] += border
            self._hessian[:d, d] += border[:d]
        for to_weights, to_outputs in self._products:
            outer = np.multiply.outer(to_weights, self._of_all(to_outputs))
            self._hessian[:d] += outer
            self._hessian[:, :d] += outer.T

    def _of_all(self, to_outputs):
        """Derivatives with respect to weights and bias, for those with respect to the outputs."""
        of_weights = self._X.T @ to_outputs
        has_bias = len(self._gradient) > len(of_weights)
        return np.append(of_weights, to_outputs.sum()) if has_bias else of_weights
