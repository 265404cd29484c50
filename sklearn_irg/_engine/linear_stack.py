"""Linear models on the same rows at several strengths of their terms, evaluated together.

X is read once for all of them.
"""

import numpy as np

__all__ = ["LinearStack"]


class LinearStack:
    """Values and gradients of an objective at several strengths, each at separate parameters.

    Parameters
    ----------
    network : Network
        Without hidden layers.
    blocks : list of (Batch, list)
        Blocks of all rows, and what is summed over each: strengths of shape (n_models,),
        coefficients, and a quantity that can be stacked.
    """

    def __init__(self, network, blocks):
        self.network = network
        self._blocks = blocks

    def value_and_grad(self, theta):
        """Value and gradient of the only model."""
        values, gradients = self.values_and_gradients(theta[None], slice(None))
        return float(values[0]), gradients[0]

    def values_and_gradients(self, thetas, models):
        """Values (n,) and gradients (n, n_parameters) of some of the models.

        ``models`` are their positions, and ``thetas``, of shape (n, n_parameters), their
        parameters.
        """
        (d, k), m = self.network.layer_sizes, len(thetas)
        weights, biases = thetas[:, : d * k].reshape(m, d, k), thetas[:, d * k :]
        values, gradients = np.zeros(m), np.zeros_like(thetas)
        to_weights, to_biases = gradients[:, : d * k].reshape(m, d, k), gradients[:, d * k :]
        stacked = weights.transpose(0, 2, 1).reshape(m * k, d)
        from_rows = np.zeros_like(stacked)
        for block, summands in self._blocks:
            Z = (stacked @ block.X.T).reshape(m, k, -1).transpose(0, 2, 1)  # (model, row, output)
            if biases.size:
                Z += biases[:, None]
            outputs = _StackedOutputs(
                self.network.likelihood,
                block.targets,
                np.ascontiguousarray(Z),
                weights,
                to_weights,
            )
            for strengths, coefficients, quantity in summands:
                values += quantity.stacked(
                    outputs, np.multiply.outer(strengths[models].astype(Z.dtype), coefficients)
                )
            to_Z = outputs.finish()
            if to_Z is None:  # there are terms of the weights alone
                continue
            from_rows += to_Z.transpose(0, 2, 1).reshape(m * k, -1) @ block.X
            if biases.size:
                to_biases += to_Z.sum(axis=1)
        to_weights += from_rows.reshape(m, k, d).transpose(0, 2, 1)
        return values, gradients


class _StackedOutputs:
    """Outputs of several linear models at the same rows, and their cotangents.

    Attributes
    ----------
    weights, to_weights : ndarray of shape (n_models, n_features, n_outputs)
        Weights, and their cotangents.
    losses : ndarray of shape (n_models, n_samples)
        Losses of the rows.
    residuals : ndarray of shape (n_models, n_samples, n_outputs)
        Derivatives of the losses with respect to the outputs.
    """

    def __init__(self, likelihood, targets, outputs, weights, to_weights):
        m, n, k = self._shape = outputs.shape
        self.weights, self.to_weights = weights, to_weights
        self._likelihood, self._outputs = likelihood, outputs.reshape(m * n, k)
        self._targets = targets if m == 1 else np.tile(targets, (m, 1))
        losses, self._residuals = likelihood.loss_and_residual(self._outputs, self._targets)
        self.losses, self.residuals = losses.reshape(m, n), self._residuals.reshape(m, n, k)
        self._to_outputs = self._to_residuals = None

    def add_to_outputs(self, cotangent):
        """Add to the cotangent of the outputs."""
        self._to_outputs = _sum(self._to_outputs, cotangent)

    def add_to_residuals(self, cotangent):
        """Add to the cotangent of the residuals."""
        self._to_residuals = _sum(self._to_residuals, cotangent)

    def finish(self):
        """Total cotangent of the outputs; None without one."""
        if self._to_residuals is not None:
            back = self._likelihood.hessian_product(
                self._outputs,
                self._targets,
                self._residuals,
                self._to_residuals.reshape(self._residuals.shape),
            )
            self.add_to_outputs(back.reshape(self._shape))
        return self._to_outputs


def _sum(total, more):
    return more if total is None else total + more
