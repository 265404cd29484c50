"""Leaves that one row can reach, and the thresholds between them.

They give small tables of large ensembles.
"""

from dataclasses import replace

import numpy as np

from sklearn_irg._threats.trees.cells import DISTANCE, GAP

__all__ = ["leaves_in_reach"]


def leaves_in_reach(boxes, columns, some, views, radius):
    """Boxes of the leaves that views of one row reach as its numbers move up to a radius.

    Parameters
    ----------
    boxes : LeafBoxes
        All leaves.
    columns : ndarray of int
        Columns of numbers, whether they move or not.
    some : AttackProblem
        The rows.
    views : Views
        Views of one row.
    radius : ndarray of shape (n_samples,)
        Radius of each row of the problem.

    Returns
    -------
    boxes : LeafBoxes
        Leaves in reach, with cells between the thresholds in reach.
    kept : ndarray of int of shape (n_kept,)
        Their positions among all.
    """
    reached = np.ones(len(boxes.tree), dtype=bool)
    windows, thresholds = {}, list(boxes.thresholds)
    is_missing = np.isnan(views.inner_X[:, columns])
    ends = _ranges_in_reach(columns, some, views, radius)
    for column, smallest, largest, missing in zip(columns, *ends, is_missing.T, strict=True):
        first, last = _cells_in_reach(views.pieces, column, thresholds[column], smallest, largest)
        here = (
            (boxes.low[:, column] <= last) & (boxes.high[:, column] >= first) & (not missing.all())
        )
        reached &= here | (boxes.takes_missing[:, column] & missing.any())
        windows[column] = first, last
        thresholds[column] = thresholds[column][first:last]
    kept = np.flatnonzero(reached)
    low, high = boxes.low[kept], boxes.high[kept]
    is_empty = low > high
    for column, (first, last) in windows.items():
        low[:, column], high[:, column] = (
            np.clip(ends[:, column], first, last) - first for ends in (low, high)
        )
    low[is_empty], high[is_empty] = 1, 0
    parts = replace(
        boxes,
        node=boxes.node[kept],
        tree=boxes.tree[kept],
        low=low,
        high=high,
        takes_missing=boxes.takes_missing[kept],
        takes_code={column: takes[kept] for column, takes in boxes.takes_code.items()},
        thresholds=thresholds,
    )
    return parts, kept


def _cells_in_reach(pieces, column, cuts, smallest, largest):
    """First and last cell between two numbers, and one more on either side for rounding."""
    if np.isnan(smallest):
        return 0, 0
    _, (soonest, latest) = pieces.ends_of(column, cuts)
    first, last = (
        np.searchsorted(latest[:-1], smallest),
        np.searchsorted(soonest[1:], largest, side="right"),
    )
    return max(first - 1, 0), min(last + 1, len(cuts))


def _ranges_in_reach(columns, some, views, radius):
    """Smallest and largest number of each feature in reach; NaN where all are missing."""
    row, arrays = views.row[0], some.perturbations
    slopes, source = views.pieces.sources(some)
    source = source[columns]
    unit = slopes[source, columns] * arrays.scales[source]
    # a little more than the radius, so that rounding leaves no leaf out
    reach = np.where(
        source >= 0, radius[row] * (1 + GAP) + 2 * views.pieces.slack(some)[row] + DISTANCE, 0
    )
    ends = np.stack(
        [np.maximum(arrays.low[row, source], -reach), np.minimum(arrays.high[row, source], reach)]
    )
    with np.errstate(over="ignore"):
        moves = ends * unit
    inner_X = views.inner_X[:, columns]
    return np.fmin.reduce(inner_X) + moves.min(axis=0), np.fmax.reduce(inner_X) + moves.max(axis=0)
