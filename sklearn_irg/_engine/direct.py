"""The main job without a trace: losses, squared input gradients and squared weights, their derivatives chained by hand.

A trace costs about as much as the arithmetic of a small step. The passes and their derivatives are the ones that it would call,
in its order, so that both ways give the same numbers; objectives with any other term are traced.
"""

import numpy as np

from sklearn_irg._engine import passes
from sklearn_irg._engine.autodiff import Bundle
from sklearn_irg._engine.passes import backward_vjp, forward_vjp
from sklearn_irg._engine.row_norms import product_row_norms_and_vjp

__all__ = ["LOSSES", "SQUARED_INPUT_GRADIENTS", "SQUARED_WEIGHTS", "value_and_grad"]

LOSSES, SQUARED_INPUT_GRADIENTS, SQUARED_WEIGHTS = "losses", "squared_input_gradients", "squared_weights"


def value_and_grad(network, theta, batch, summands, empty, dropout=None):
    """Value of a sum and its gradient with respect to θ.

    Parameters
    ----------
    network : Network
        What θ means.
    theta : ndarray of shape (n_parameters,)
        Parameters.
    batch : Batch
        Rows.
    summands : list of (str, ndarray or float, ndarray or None)
        What is summed: one of the quantities above, its coefficients, one for each row, or one number for the weights; and
        for input gradients zeros and ones over columns or entries.
    empty : callable
        Where arrays come from.
    dropout : list of ndarray, default=None
        As in `Network.forward`.

    Returns
    -------
    value : float
        The sum.
    gradient : ndarray of shape (n_parameters,)
        New memory.
    """
    value, gradient = 0.0, np.zeros_like(theta)
    forward = passes.forward(theta, batch.X, network, empty, dropout, None)
    losses, residuals = network.likelihood.loss_and_residual(forward[-1], batch.targets)
    to_losses = to_first = backward = None
    for quantity, coefficients, mask in summands:
        if quantity == LOSSES:
            value += coefficients @ losses
            to_losses = coefficients if to_losses is None else to_losses + coefficients
        elif quantity == SQUARED_WEIGHTS:
            for (G, _), (W, _) in zip(network.unpack(gradient), network.unpack(theta), strict=True):
                value += coefficients * np.vdot(W, W)
                G += (2 * coefficients) * W
        else:
            backward = passes.backward(theta, forward, residuals, network) if backward is None else backward
            W, G = network.unpack(theta)[0][0], network.unpack(gradient)[0][0]
            columns, entries = (mask[:, None], None) if mask is not None and mask.ndim == 1 else (None, mask)
            W = W if columns is None else columns * W
            norms, to_D, to_W = product_row_norms_and_vjp(backward[0], W, coefficients, empty, entries)
            value += coefficients @ norms
            G += to_W if columns is None else columns * to_W
            to_first = to_D if to_first is None else to_first + to_D
    to_forward = [None] * len(forward)
    if to_first is not None:
        to_backward = Bundle([to_first] + [None] * (len(backward) - 1))
        add_to, to_activations, to_residuals = backward_vjp(to_backward, backward, forward, network)
        add_to(gradient)
        to_forward[:-1] = to_activations[:-1]
        to_forward[-1] = network.likelihood.hessian_product(forward[-1], batch.targets, residuals, to_residuals)
    if to_losses is not None:
        from_losses = to_losses[:, None] * residuals
        to_forward[-1] = from_losses if to_forward[-1] is None else to_forward[-1] + from_losses
    if to_forward[-1] is not None:
        forward_vjp(to_forward, forward, batch.X, network)(gradient)
    return float(value), gradient
