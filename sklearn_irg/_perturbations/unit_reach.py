"""Bounds on linear functions of a model's inputs, such as those of its units, in a set."""

import numpy as np

from sklearn_irg._perturbations.projection import DUAL

__all__ = ["unit_reach"]


def unit_reach(inputs, weights):
    """Bounds on the increase of several linear functions, and the pull-back to their weights.

    Numbers count by their box or by their ball, whichever says less, and are exact in "linf";
    levels are exact: the largest changes of ``n_swaps`` columns.

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
    """The smaller of the bounds by box and ball, for slopes of shape (n_columns, n_units)."""
    up, down = np.maximum(slopes, 0), np.minimum(slopes, 0)
    in_box = inputs.high @ up + inputs.low @ down

    def pull_back_box(g):
        return np.where(slopes > 0, inputs.high.T @ g, 0) + np.where(
            slopes < 0, inputs.low.T @ g, 0
        )

    if inputs.norm == "linf" or not len(slopes):
        return in_box, pull_back_box
    norms = np.linalg.norm(slopes, ord=DUAL[inputs.norm], axis=0)
    in_ball = np.multiply.outer(inputs.radii, norms)
    by_box = in_box <= in_ball

    def pull_back(g):
        of_norms = inputs.radii @ np.where(by_box, 0, g)
        return pull_back_box(np.where(by_box, g, 0)) + of_norms * _norm_gradients(
            slopes, norms, inputs.norm
        )

    return np.minimum(in_box, in_ball), pull_back


def _norm_gradients(slopes, norms, norm):
    """Derivatives of the dual norm of each column."""
    if norm == "l2":
        return slopes / np.where(norms > 0, norms, 1)
    gradients, largest = np.zeros(slopes.shape), np.abs(slopes).argmax(axis=0)[None]
    np.put_along_axis(
        gradients, largest, np.sign(np.take_along_axis(slopes, largest, axis=0)), axis=0
    )
    return gradients


def _levels_of_units(inputs, values):
    """Sum of the largest changes of ``n_swaps`` columns, for values (n_levels, n_units)."""
    best, taken = _best_changes_of_units(inputs.ways, values)
    gains = (best[places] for places in inputs.places.T)  # of rows and units, by column
    total, left_by_place = (_largest_of_units if inputs.n_swaps == 1 else _largest_few_of_units)(
        inputs, gains
    )

    def pull_back(g):
        left = left_by_place(g)
        n_levels, n_units = values.shape
        arrived = np.bincount(
            (taken * n_units + np.arange(n_units)).ravel(), left.ravel(), values.size
        )
        return arrived.reshape(n_levels, n_units) - left

    return total, pull_back


def _best_changes_of_units(ways, values):
    """Largest gain of a change of each level, not below zero, and the level it leads to.

    The gains have one more row, for missing cells.
    """
    (n_levels, n_units), n_ways = values.shape, len(ways.to)
    led_to = np.concatenate([values, np.full((1, n_units), -np.inf)])[ways.to]
    largest = np.maximum.reduceat(led_to, ways.starts, axis=0)
    is_largest = led_to == largest[ways.of_way]
    first = np.minimum.reduceat(
        np.where(is_largest, np.arange(n_ways)[:, None], n_ways), ways.starts, axis=0
    )
    taken = ways.to[first][ways.of_level]
    best = np.zeros((n_levels + 1, n_units))
    np.maximum(largest[ways.of_level] - values, 0, out=best[:-1])
    return best, np.where(taken < n_levels, taken, np.arange(n_levels)[:, None])


def _largest_of_units(inputs, gains):
    """Largest gain of each row and unit, and its pull-back to the levels that rows have."""
    total = next(gains)
    columns = np.zeros(total.shape, dtype=np.intp)
    for c, more in enumerate(gains, start=1):
        np.copyto(columns, c, where=more > total)
        np.maximum(total, more, out=total)

    def left_by_place(g):
        places = np.take_along_axis(inputs.places, columns, axis=1)
        places *= g.shape[1]
        places += np.arange(g.shape[1])
        g = np.where(total > 0, g, 0)  # where no change gains anything, none is made
        sums = np.bincount(places.ravel(), g.ravel(), (inputs.starts[-1] + 1) * g.shape[1])
        return sums.reshape(-1, g.shape[1])[:-1]

    return total, left_by_place


def _largest_few_of_units(inputs, gains):
    """The same for the sum of the ``n_swaps`` largest."""
    gains, k = np.stack(list(gains)), inputs.n_swaps
    shares = gains > 0
    if k < len(gains):
        np.put_along_axis(shares, np.argpartition(-gains, k - 1, axis=0)[k:], False, axis=0)
    total = np.where(shares, gains, 0).sum(axis=0)
    return total, lambda g: inputs.sums_by_place((shares * g).reshape(-1, g.shape[1]))
