"""How far linear functions of the inputs of a model, such as what enters its units, can go within what rows may become."""

import numpy as np

from sklearn_irg._perturbations.projection import DUAL

__all__ = ["unit_reach"]

_BLOCK_ENTRIES = 2_000_000


def unit_reach(inputs, weights):
    """Bounds on how much each of several linear functions can increase, and what cotangents of them mean for the weights.

    Numbers count by their box or by their ball, whichever says less, and are exact in "linf"; levels are exact: the largest
    changes of ``n_swaps`` columns.

    Parameters
    ----------
    inputs : InputPerturbations
        The set.
    weights : ndarray of shape (n_inputs, n_units)
        A function by column.

    Returns
    -------
    reach : ndarray of shape (n_samples, n_units)
        At least zero.
    pull_back : callable
        From a cotangent of the same shape to one of the weights.
    """
    by_numbers, pull_back_numbers = _numbers_of_units(inputs, inputs.weights @ weights)
    if not inputs.n_swaps:
        return by_numbers, lambda g: inputs.weights.T @ pull_back_numbers(g)
    by_levels, pull_back_levels = _levels_of_units(inputs, inputs.levels @ weights)

    def pull_back(g):
        return inputs.weights.T @ pull_back_numbers(g) + inputs.levels.T @ pull_back_levels(g)

    return by_numbers + by_levels, pull_back


def _numbers_of_units(inputs, slopes):
    """The smaller of what the box and the ball allow, for slopes of shape (n_columns, n_units)."""
    up, down = np.maximum(slopes, 0), np.minimum(slopes, 0)
    in_box = inputs.high @ up + inputs.low @ down

    def pull_back_box(g):
        return np.where(slopes > 0, inputs.high.T @ g, 0) + np.where(slopes < 0, inputs.low.T @ g, 0)

    if inputs.norm == "linf" or not len(slopes):
        return in_box, pull_back_box
    norms = np.linalg.norm(slopes, ord=DUAL[inputs.norm], axis=0)
    in_ball = np.multiply.outer(inputs.radii, norms)
    by_box = in_box <= in_ball

    def pull_back(g):
        of_norms = inputs.radii @ np.where(by_box, 0, g)
        return pull_back_box(np.where(by_box, g, 0)) + of_norms * _norm_gradients(slopes, norms, inputs.norm)

    return np.minimum(in_box, in_ball), pull_back


def _norm_gradients(slopes, norms, norm):
    """Derivatives of the dual norm of each column."""
    if norm == "l2":
        return slopes / np.where(norms > 0, norms, 1)
    gradients, largest = np.zeros(slopes.shape), np.abs(slopes).argmax(axis=0)[None]
    np.put_along_axis(gradients, largest, np.sign(np.take_along_axis(slopes, largest, axis=0)), axis=0)
    return gradients


def _levels_of_units(inputs, values):
    """The sum of the largest changes of ``n_swaps`` columns, for values of each level, shape (n_levels, n_units)."""
    best, taken = _best_changes_of_units(inputs, values)
    gains = np.stack([best[places] for places in inputs.places.T])  # by column, row and unit
    total, shares = _largest_of_units(gains, inputs.n_swaps)

    def pull_back(g):
        left = inputs.sums_by_place((shares * g).reshape(-1, g.shape[1]))
        n_levels, n_units = values.shape
        arrived = np.bincount((taken * n_units + np.arange(n_units)).ravel(), left.ravel(), values.size)
        return arrived.reshape(n_levels, n_units) - left

    return total, pull_back


def _best_changes_of_units(inputs, values):
    """The largest gain of a change of each level, not below zero, with a row for missing cells, and the level it leads to."""
    best, taken = np.zeros((len(values) + 1, values.shape[1])), np.zeros(values.shape, dtype=int)
    for levels, swaps in inputs.swappable_columns():
        own = values[levels]
        to = (
            _best_of_some(own, swaps) if swaps.ndim > 1 else np.where(swaps[:, None], own, -np.inf).argmax(axis=0)[None]
        )
        taken[levels] = levels.start + to
        best[levels] = np.maximum(np.take_along_axis(own, to, axis=0) - own, 0)
    return best, taken


def _best_of_some(values, swaps):
    """For each level and unit the largest of the levels that it may become, itself where there is none."""
    size = max(1, _BLOCK_ENTRIES // max(1, values.size))
    blocks = [swaps[start : start + size, :, None] for start in range(0, len(swaps), size)]
    to = np.concatenate([np.where(ways, values, -np.inf).argmax(axis=1) for ways in blocks])
    return np.where(swaps.any(axis=1)[:, None], to, np.arange(len(swaps))[:, None])


def _largest_of_units(gains, k):
    """Sums of the k largest gains of each row and unit, and the share of each in them; ties of the largest share."""
    if k == 1:
        best = gains.max(axis=0)
        shares = (gains == best) & (best > 0)
        return best, shares / np.maximum(shares.sum(axis=0), 1)
    shares = gains > 0
    if k < len(gains):
        np.put_along_axis(shares, np.argpartition(-gains, k - 1, axis=0)[k:], False, axis=0)
    return np.where(shares, gains, 0).sum(axis=0), shares
