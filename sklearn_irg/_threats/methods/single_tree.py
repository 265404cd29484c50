"""Exact distance to the nearest leaf of another class, for one decision tree."""

from functools import cached_property

import numpy as np

from sklearn_irg._fitted.trees import leaves_of
from sklearn_irg._perturbations.projection import GRID, SLACK, delta_norms
from sklearn_irg._threats.methods._base import Method
from sklearn_irg._threats.rounding import distance_slack
from sklearn_irg._threats.sources import is_axis_aligned, sources_of

__all__ = ["SingleTree"]


class SingleTree(Method):
    """Distances to all leaves of other classes answer every question."""

    name = "tree"
    answers = frozenset({"attack", "certify", "lower", "upper"})
    is_exact = True

    @classmethod
    def obstacle(cls, problem):
        if not problem.is_tree:
            return f"{problem.model.name} is not a decision tree that decides alone"
        if not is_axis_aligned(problem):
            return "the steps before the tree mix columns"
        if (
            problem.reading is not None
            and not problem.reading.is_affine
            and problem.reading.is_ordered.all()
        ):
            return "the steps before the tree are not affine"
        return None

    @cached_property
    def leaves(self):
        """Nearest leaf of another class for each row, as from `nearest_leaves`."""
        return nearest_leaves(self.problem)

    def attack(self, best, radius, rows, quick=False):
        some = best.problem
        distance, is_reached, delta, codes = (of_rows[rows] for of_rows in self.leaves)
        is_near = (distance < radius) | ((distance == radius) & is_reached)
        delta = np.where(is_near[:, None], delta, 0)
        codes = np.where(is_near[:, None], codes, some.perturbations.codes)
        best.update(some.at(codes), delta)
        certified = distance - distance_slack(some)
        return (certified > radius) | ((certified == radius) & ~is_reached)

    def distances(self):
        nearest = self.leaves[0]
        return np.maximum(nearest - distance_slack(self.problem), 0), nearest.copy()


def nearest_leaves(problem):
    """Nearest point of each row in a leaf of another class.

    Returns
    -------
    distances : ndarray of shape (n_samples,)
        Infimum over all leaves of other classes, in units of scale; infinite where none is in
        reach.
    is_reached : ndarray of bool of shape (n_samples,)
        Whether the infimum is attained.
    delta : ndarray of shape (n_samples, n_columns)
        Points close to the infimum, inside the leaf.
    codes : ndarray of int of shape (n_samples, n_swappable)
        Levels of these points.
    """
    arrays, model = problem.perturbations, problem.model
    leaves = leaves_of(model.tree)
    inner_X = model.to_inner(problem.rows)
    missing = np.isnan(inner_X)
    label = problem.label
    slopes, source = sources_of(problem)
    levels = [_levels_of(effect) for effect in problem.effects or []]
    allowed = [arrays.can_swap(c) for c in range(len(levels))]
    distances = np.full(len(label), np.inf)
    is_reached = np.zeros(len(label), dtype=bool)
    delta, codes = np.zeros(arrays.numbers.shape), arrays.codes.copy()
    for leaf in range(len(leaves.label)):
        others = np.flatnonzero(label != leaves.label[leaf])
        if not len(others):
            continue
        box = _Box(leaves, leaf)
        needed, closed, fits = _moves_needed(
            arrays, slopes, source, inner_X[others], missing[others], box, others, levels
        )
        can_swap = [may[others] for may in allowed]
        swaps, new_codes, can_swap = _swaps_needed(
            arrays.codes[others], inner_X[others], box, levels, can_swap
        )
        distance = np.where(
            fits & can_swap & (swaps <= arrays.n_swaps), delta_norms(needed, arrays.norm), np.inf
        )
        nearer = (distance < distances[others]) | (
            (distance == distances[others]) & np.isfinite(distance) & closed & ~is_reached[others]
        )
        rows = others[nearer]
        distances[rows], is_reached[rows] = distance[nearer], closed[nearer]
        codes[rows] = new_codes[nearer]
        delta[rows] = _inside(arrays, slopes, source, inner_X[rows], box, needed[nearer], rows)
    return distances, is_reached, delta, codes


class _Box:
    """One leaf, in the columns that it bounds."""

    def __init__(self, leaves, leaf):
        bounded = (
            (leaves.low[leaf] > -np.inf)
            | (leaves.high[leaf] < np.inf)
            | ~leaves.takes_missing[leaf]
        )
        self.columns = np.flatnonzero(bounded)
        for name in (
            "low",
            "high",
            "low_closed",
            "high_closed",
            "low_inside",
            "high_inside",
            "takes_missing",
        ):
            setattr(self, name, getattr(leaves, name)[leaf, self.columns])


def _holds(box, k, values):
    """Whether values are between the ends of the k-th bounded column."""
    above = values >= box.low[k] if box.low_closed[k] else values > box.low[k]
    below = values <= box.high[k] if box.high_closed[k] else values < box.high[k]
    return np.where(np.isnan(values), box.takes_missing[k], above & below)


def _moves_needed(arrays, slopes, source, inner_X, missing, box, rows, levels):
    """Smallest delta of each number into a leaf, whether it suffices, and whether it is allowed."""
    n_columns = arrays.numbers.shape[1]
    low, high = np.full((len(rows), n_columns), -np.inf), np.full((len(rows), n_columns), np.inf)
    low_closed, high_closed = np.ones(low.shape, dtype=bool), np.ones(low.shape, dtype=bool)
    fits = np.ones(len(rows), dtype=bool)
    of_levels = {c for columns, _ in levels for c in columns}
    for k, column in enumerate(box.columns):
        j = source[column]
        if j < 0:
            if column not in of_levels:
                fits &= _holds(box, k, inner_X[:, column])
            continue
        fits &= ~missing[:, column] | box.takes_missing[k]
        if box.low[k] == np.inf:  # behind a split on "missing or not", where no number goes
            fits &= missing[:, column]
            continue
        slope = slopes[j, column] * arrays.scales[j]
        with np.errstate(invalid="ignore"):
            ends = [
                ((box.low[k] - inner_X[:, column]) / slope, box.low_closed[k]),
                ((box.high[k] - inner_X[:, column]) / slope, box.high_closed[k]),
            ]
        (lower, lower_closed), (upper, upper_closed) = ends if slope > 0 else ends[::-1]
        tighter = lower > low[:, j]
        low[tighter, j], low_closed[tighter, j] = lower[tighter], lower_closed
        tighter = upper < high[:, j]
        high[tighter, j], high_closed[tighter, j] = upper[tighter], upper_closed
    up = (low > 0) | ((low == 0) & ~low_closed)
    down = (high < 0) | ((high == 0) & ~high_closed)
    needed = np.where(up, low, np.where(down, high, 0.0))
    closed = np.where(up, low_closed, np.where(down, high_closed, True))
    whole = np.flatnonzero(arrays.steps > 0)
    step = arrays.steps[whole]
    counts = needed[:, whole] / step
    near = np.rint(counts)
    on_grid = np.abs(counts - near) < GRID
    away = np.where(up[:, whole], np.ceil(counts), np.floor(counts))
    away = np.where(
        on_grid, near + np.where(closed[:, whole], 0, np.where(up[:, whole], 1, -1)), away
    )
    moving = up[:, whole] | down[:, whole]
    needed[:, whole] = np.where(moving, away * step, needed[:, whole])
    closed[:, whole] = True
    fits &= ((needed <= high + SLACK) & (needed >= low - SLACK)).all(axis=1)
    limit_low, limit_high = arrays.low[rows], arrays.high[rows]
    inside = (needed >= limit_low - SLACK) & (needed <= limit_high + SLACK)
    # at an open end, a little more has to be in reach, too
    inside &= closed | (needed == 0) | ((needed > limit_low) & (needed < limit_high))
    fits &= inside.all(axis=1)
    return needed, closed.all(axis=1), fits


def _inside(arrays, slopes, source, inner_X, box, needed, rows):
    """Delta at the single-precision numbers next to the ends of the leaf."""
    delta = needed.copy()
    for k, column in enumerate(box.columns):
        j = source[column]
        if j < 0 or arrays.steps[j] > 0:
            continue
        slope = slopes[j, column] * arrays.scales[j]
        low, high = (np.array(end[k]) for end in (box.low_inside, box.high_inside))
        if np.isfinite(low):
            at = (low - inner_X[:, column]) / slope
            delta[:, j] = np.where(
                (at > delta[:, j]) if slope > 0 else (at < delta[:, j]), at, delta[:, j]
            )
        if np.isfinite(high):
            at = (high - inner_X[:, column]) / slope
            delta[:, j] = np.where(
                (at < delta[:, j]) if slope > 0 else (at > delta[:, j]), at, delta[:, j]
            )
    delta = np.where(np.isnan(delta) | (needed == 0), needed, delta)
    return np.clip(delta, arrays.low[rows], arrays.high[rows])


def _levels_of(effect):
    """Inputs that a categorical column changes, and effects of its levels, up to a constant."""
    columns = np.flatnonzero(np.ptp(effect, axis=0) > 0)
    return columns, effect[:, columns]


def _swaps_needed(codes, inner_X, box, levels, allowed):
    """Number of levels that have to change, the new levels, and whether this is possible."""
    codes = codes.copy()
    swaps, possible = np.zeros(len(codes), dtype=int), np.ones(len(codes), dtype=bool)
    position = {column: k for k, column in enumerate(box.columns)}
    for c, (columns, effect) in enumerate(levels):
        bounded = [(i, position[column]) for i, column in enumerate(columns) if column in position]
        if not bounded:
            continue
        fits = allowed[c].copy()
        stays = np.ones(len(codes), dtype=bool)
        for i, k in bounded:
            now = inner_X[:, columns[i]]
            stays &= _holds(box, k, now)
            change = (
                effect[None, :, i]
                - np.where(codes[:, c] >= 0, effect[codes[:, c], i], np.nan)[:, None]
            )
            fits &= _holds(box, k, now[:, None] + change)
        swaps += ~stays
        possible &= stays | fits.any(axis=1)
        codes[:, c] = np.where(stays, codes[:, c], fits.argmax(axis=1))
    return swaps, codes, possible
