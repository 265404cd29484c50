"""Linear models on the same rows at several strengths of their terms, evaluated together: X is read once for all of them."""

import numpy as np

from sklearn_irg._engine.direct import LOSSES, SQUARED_INPUT_GRADIENTS

__all__ = ["LinearStack"]


class LinearStack:
    """Values and gradients of an objective at several strengths, each at parameters of its own.

    Parameters
    ----------
    network : Network
        Without hidden layers.
    pieces : list of (Batch, list)
        Blocks of all rows, and what is summed over each: strengths of shape (n_models,) and a summand as `Term.summand` gives
        it, with a mask of columns or none.
    """

    def __init__(self, network, pieces):
        self.network = network
        self._pieces = pieces

    def values_and_gradients(self, thetas, models):
        """Of some of the models, by position: values (n,) and gradients (n, n_parameters) for thetas (n, n_parameters)."""
        (d, k), m = self.network.layer_sizes, len(models)
        weights, biases = thetas[:, : d * k].reshape(m, d, k), thetas[:, d * k :]
        values, gradients = np.zeros(m), np.zeros_like(thetas)
        to_weights, to_biases = gradients[:, : d * k].reshape(m, d, k), gradients[:, d * k :]
        beside = weights.transpose(0, 2, 1).reshape(m * k, d)
        from_rows = np.zeros_like(beside)
        for block, summands in self._pieces:
            Z = (beside @ block.X.T).reshape(m, k, -1).transpose(0, 2, 1)  # (model, row, output)
            if biases.size:
                Z += biases[:, None]
            to_Z = self._add_terms(summands, models, block, weights, np.ascontiguousarray(Z), values, to_weights)
            from_rows += to_Z.transpose(0, 2, 1).reshape(m * k, -1) @ block.X
            if biases.size:
                to_biases += to_Z.sum(axis=1)
        to_weights += from_rows.reshape(m, k, d).transpose(0, 2, 1)
        return values, gradients

    def _add_terms(self, summands, models, block, weights, Z, values, to_weights):
        """Add the terms of a block of rows to values and to what arrives at weights; what arrives at Z."""
        (m, n, k), likelihood = Z.shape, self.network.likelihood
        targets = np.broadcast_to(block.targets, Z.shape).reshape(m * n, k)
        losses, residuals = likelihood.loss_and_residual(Z.reshape(m * n, k), targets)
        R, to_Z, to_R = residuals.reshape(Z.shape), np.zeros_like(Z), None
        for strengths, (quantity, coefficients, mask) in summands:
            strengths = strengths[models].astype(Z.dtype)
            if quantity == LOSSES:
                values += strengths * (losses.reshape(m, n) @ coefficients)
                to_Z += (strengths[:, None] * coefficients)[:, :, None] * R
            elif quantity == SQUARED_INPUT_GRADIENTS:
                W = weights if mask is None else mask[:, None] * weights
                norms, from_norms, to_W = _squared_norms(R, W, strengths[:, None] * coefficients)
                values += norms
                to_weights += to_W if mask is None else mask[:, None] * to_W
                to_R = from_norms if to_R is None else to_R + from_norms
            else:
                values += strengths * coefficients * np.einsum("mdk,mdk->m", weights, weights)
                to_weights += (2 * coefficients * strengths)[:, None, None] * weights
        if to_R is not None:
            back = likelihood.hessian_product(Z.reshape(m * n, k), targets, residuals, to_R.reshape(m * n, k))
            to_Z += back.reshape(Z.shape)
        return to_Z


def _squared_norms(R, W, factors):
    """For each model the sum of ``factors · ‖R Wᵀ‖²`` over rows, and its derivatives; R is (m, n, k), W (m, d, k)."""
    grams = W.transpose(0, 2, 1) @ W  # so that arrays as wide as X are not built
    products = R * grams if R.shape[2] == 1 else R @ grams
    scaled = factors[:, :, None] * R
    values = np.einsum("mnk,mnk->m", scaled, products)
    products *= 2 * factors[:, :, None]
    return values, products, W @ (2 * (R.transpose(0, 2, 1) @ scaled))
