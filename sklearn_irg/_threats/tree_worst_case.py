"""How far rows are from the leaves of other classes in a decision tree, exactly."""

import numpy as np

from sklearn_irg._fitted.trees import leaves_of
from sklearn_irg._threats.reach import length

__all__ = ["acts_by_column", "columns_come_from_one", "sources_of", "tree_worst_case"]


def acts_by_column(attacked):
    """Whether the leaves of a tree are boxes of the table's columns, too."""
    return attacked.is_tree and columns_come_from_one(attacked)


def columns_come_from_one(attacked):
    """Whether each column that a model of trees sees comes from one column of the table."""
    model = attacked.model
    if attacked.reach.columns and attacked.effects is None:
        return False
    sources = (model.slopes != 0).sum(axis=0)
    for effect in attacked.effects or []:
        sources += (np.ptp(effect, axis=0) > 0).astype(int)
    return bool((sources <= 1).all())


def sources_of(attacked):
    """Slopes of the columns that move, and from which of them each column comes that the trees see; -1 for none."""
    slopes = attacked.model.slopes * (attacked.reach.low < attacked.reach.high).any(axis=0)[:, None]
    return slopes, np.where((slopes != 0).any(axis=0), (slopes != 0).argmax(axis=0), -1)


def tree_worst_case(attacked):
    """The nearest point of a leaf of another class.

    Returns
    -------
    distances : ndarray of shape (n_samples,)
        Infimum over all leaves of other classes, in units of scale; infinite where none is in reach.
    is_reached : ndarray of bool of shape (n_samples,)
        Whether the infimum is one of the distances.
    units : ndarray of shape (n_samples, n_columns)
        Points next to it, inside the leaf.
    codes : ndarray of int of shape (n_samples, n_swappable)
        Their levels.
    """
    reach, model = attacked.reach, attacked.model
    leaves = leaves_of(model.tree)
    seen = model.inside(attacked.rows)
    missing = np.isnan(seen)
    own = attacked.own
    slopes, source = sources_of(attacked)
    levels = [_levels_of(effect) for effect in attacked.effects or []]
    allowed = [reach.may_swap(c) for c in range(len(levels))]
    distances = np.full(len(own), np.inf)
    is_reached = np.zeros(len(own), dtype=bool)
    units, codes = np.zeros(reach.numbers.shape), reach.codes.copy()
    for leaf in range(len(leaves.label)):
        others = np.flatnonzero(own != leaves.label[leaf])
        if not len(others):
            continue
        box = _Box(leaves, leaf)
        needed, closed, fits = _moves_needed(reach, slopes, source, seen[others], missing[others], box, others, levels)
        may_swap = [may[others] for may in allowed]
        swaps, new_codes, can_swap = _swaps_needed(reach.codes[others], seen[others], box, levels, may_swap)
        distance = np.where(fits & can_swap & (swaps <= reach.threat.n_swaps), length(needed, reach.norm), np.inf)
        nearer = (distance < distances[others]) | (
            (distance == distances[others]) & np.isfinite(distance) & closed & ~is_reached[others]
        )
        rows = others[nearer]
        distances[rows], is_reached[rows] = distance[nearer], closed[nearer]
        codes[rows] = new_codes[nearer]
        units[rows] = _inside(reach, slopes, source, seen[rows], box, needed[nearer], rows)
    return distances, is_reached, units, codes


class _Box:
    """One leaf, where it has ends."""

    def __init__(self, leaves, leaf):
        bounded = (leaves.low[leaf] > -np.inf) | (leaves.high[leaf] < np.inf) | ~leaves.takes_missing[leaf]
        self.columns = np.flatnonzero(bounded)
        for name in ("low", "high", "low_closed", "high_closed", "low_inside", "high_inside", "takes_missing"):
            setattr(self, name, getattr(leaves, name)[leaf, self.columns])


def _holds(box, k, values):
    """Whether values are between the ends of the k-th bounded column."""
    above = values >= box.low[k] if box.low_closed[k] else values > box.low[k]
    below = values <= box.high[k] if box.high_closed[k] else values < box.high[k]
    return np.where(np.isnan(values), box.takes_missing[k], above & below)


def _moves_needed(reach, slopes, source, seen, missing, box, rows, levels):
    """Units that each number has to move at least, whether that is enough, and whether it is in reach."""
    n_columns = reach.numbers.shape[1]
    low, high = np.full((len(rows), n_columns), -np.inf), np.full((len(rows), n_columns), np.inf)
    low_closed, high_closed = np.ones(low.shape, dtype=bool), np.ones(low.shape, dtype=bool)
    fits = np.ones(len(rows), dtype=bool)
    of_levels = {c for columns, _ in levels for c in columns}
    for k, column in enumerate(box.columns):
        j = source[column]
        if j < 0:
            if column not in of_levels:
                fits &= _holds(box, k, seen[:, column])
            continue
        fits &= ~missing[:, column] | box.takes_missing[k]
        if box.low[k] == np.inf:  # behind a split on "missing or not", where no number goes
            fits &= missing[:, column]
            continue
        slope = slopes[j, column] * reach.scales[j]
        with np.errstate(invalid="ignore"):
            ends = [
                ((box.low[k] - seen[:, column]) / slope, box.low_closed[k]),
                ((box.high[k] - seen[:, column]) / slope, box.high_closed[k]),
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
    whole = np.flatnonzero(reach.steps > 0)
    step = reach.steps[whole]
    counts = needed[:, whole] / step
    near = np.rint(counts)
    on_grid = np.abs(counts - near) < 1e-9
    away = np.where(up[:, whole], np.ceil(counts), np.floor(counts))
    away = np.where(on_grid, near + np.where(closed[:, whole], 0, np.where(up[:, whole], 1, -1)), away)
    moving = up[:, whole] | down[:, whole]
    needed[:, whole] = np.where(moving, away * step, needed[:, whole])
    closed[:, whole] = True
    slack = 1e-12
    fits &= ((needed <= high + slack) & (needed >= low - slack)).all(axis=1)
    limit_low, limit_high = reach.low[rows], reach.high[rows]
    inside = (needed >= limit_low - slack) & (needed <= limit_high + slack)
    # at an open end, a little more has to be in reach, too
    inside &= closed | (needed == 0) | ((needed > limit_low) & (needed < limit_high))
    fits &= inside.all(axis=1)
    return needed, closed.all(axis=1), fits


def _inside(reach, slopes, source, seen, box, needed, rows):
    """Units at the numbers of single precision next to the ends."""
    units = needed.copy()
    for k, column in enumerate(box.columns):
        j = source[column]
        if j < 0 or reach.steps[j] > 0:
            continue
        slope = slopes[j, column] * reach.scales[j]
        low, high = (np.array(end[k]) for end in (box.low_inside, box.high_inside))
        if np.isfinite(low):
            at = (low - seen[:, column]) / slope
            units[:, j] = np.where((at > units[:, j]) if slope > 0 else (at < units[:, j]), at, units[:, j])
        if np.isfinite(high):
            at = (high - seen[:, column]) / slope
            units[:, j] = np.where((at < units[:, j]) if slope > 0 else (at > units[:, j]), at, units[:, j])
    units = np.where(np.isnan(units) | (needed == 0), needed, units)
    return np.clip(units, reach.low[rows], reach.high[rows])


def _levels_of(effect):
    """The columns that a categorical column acts on, and what each level makes of them, up to a constant."""
    columns = np.flatnonzero(np.ptp(effect, axis=0) > 0)
    return columns, effect[:, columns]


def _swaps_needed(codes, seen, box, levels, allowed):
    """Number of levels that have to change, the new ones, and whether there are such."""
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
            now = seen[:, columns[i]]
            stays &= _holds(box, k, now)
            change = effect[None, :, i] - np.where(codes[:, c] >= 0, effect[codes[:, c], i], np.nan)[:, None]
            fits &= _holds(box, k, now[:, None] + change)
        swaps += ~stays
        possible &= stays | fits.any(axis=1)
        codes[:, c] = np.where(stays, codes[:, c], fits.argmax(axis=1))
    return swaps, codes, possible
