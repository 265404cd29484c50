"""A search through the thresholds of trees that add up, for balls in which every move takes from the others."""

import numpy as np

from sklearn_irg._threats.reach import SLACK
from sklearn_irg._threats.tree_worst_case import columns_come_from_one, sources_of

__all__ = ["cross_thresholds"]

N_STARTS = 4  # the first one greedy, others at random among what is good
N_CROSSINGS = 12  # of a row
N_THRESHOLDS = 6  # of a column and a side, of which one is crossed at a time
_ENTRIES = 2_000_000
_BEHIND = 4  # roundings, by which a point is placed behind a threshold


def cross_thresholds(attacked, best, epsilon, rng):
    """Offer points behind thresholds, where an ensemble of trees can be read; ``best`` keeps the worst.

    Parameters
    ----------
    attacked : RowsUnderAttack
        Rows, under "l2" or "l1".
    best : Best
        What has been found for them.
    epsilon : float
        Radius.
    rng : RandomState
        For what is drawn.
    """
    trees = _trees_of(attacked)
    thresholds = {} if trees is None else _behind_thresholds(attacked, trees)
    if not thresholds:
        return
    seeds = rng.randint(2**31, size=N_STARTS)
    size = max(1, _ENTRIES // (2 * (N_THRESHOLDS + 1) * len(thresholds) * attacked.reach.low.shape[1]))
    for start in range(0, len(attacked), size):
        part = np.arange(start, min(start + size, len(attacked)))
        some = attacked.take(part)
        walk = _Walk(some, epsilon, {j: units[:, part] for j, units in thresholds.items()})
        found = best.take(part, some)
        for k, seed in enumerate(seeds):
            walk.forward(~found.wrong, np.random.RandomState(seed) if k else None)
            walk.back(~found.wrong)
            found.offer(some.model, some.rows, walk.within_ball(), some.reach.codes)
        best.put(part, found)


def _trees_of(attacked):
    """Trees that are believed to make the scores, and that move column by column; else None."""
    if attacked.model.trees is None or not columns_come_from_one(attacked):
        return None
    trees = attacked.model.trees.believed(attacked.model.inside(attacked.rows))
    return None if trees is None or trees.is_categorical.any() else trees


def _behind_thresholds(attacked, trees):
    """Where each row crosses thresholds, in units: by column, shape (n_thresholds, n_samples)."""
    slopes, source = sources_of(attacked)
    seen = attacked.model.inside(attacked.rows).astype(np.float64)
    found = {}
    for column in np.flatnonzero(source >= 0):
        j = source[column]
        cuts = trees.thresholds(column)[:, None]
        if len(cuts):
            here, slope = seen[:, column], slopes[j, column]
            terms = np.abs(here) + np.abs(slope * attacked.reach.numbers[:, j])  # that rounding goes by
            behind = _BEHIND * attacked.precision * (np.abs(cuts) + terms)
            units = (cuts + np.where(here <= cuts, behind, -behind) - here) / (slope * attacked.reach.scales[j])
            found.setdefault(j, []).append(_on_grid(np.nan_to_num(units), attacked.reach.steps[j]))
    return {j: np.concatenate(units) for j, units in found.items()}


def _on_grid(units, step):
    """Units with whole numbers rounded away from the row, beyond the threshold."""
    return np.sign(units) * np.ceil(np.abs(units) / step * (1 - SLACK)) * step if step > 0 else units


class _Walk:
    """Across one threshold after the other, beyond the ball if need be, then back across those that are not needed.

    Attributes
    ----------
    units : ndarray of shape (n_samples, n_columns)
        Where rows are.
    leads : ndarray of shape (n_samples,)
        By how much another class is ahead.
    """

    def __init__(self, attacked, epsilon, thresholds):
        self.attacked, self.epsilon = attacked, epsilon
        self.power = 2 if attacked.reach.norm == "l2" else 1
        low, high = np.maximum(attacked.reach.low, -epsilon), np.minimum(attacked.reach.high, epsilon)
        moves = [_some_within(units, low[:, j], high[:, j]) for j, units in thresholds.items()]
        homes = np.zeros((len(moves), len(attacked)))
        self.values = np.concatenate([*moves, homes])  # that columns may take, by row
        self.columns = np.concatenate([np.repeat(list(thresholds), [len(m) for m in moves]), list(thresholds)])

    def forward(self, unsettled, rng):
        """Across that which adds most to another class for what it takes of the ball; at random among such with an rng."""
        self.units = np.zeros(self.attacked.reach.low.shape)
        self.leads = self._leads(np.arange(len(self.units)), self.units)
        rows = np.flatnonzero((self.leads <= 0) & unsettled)
        for _ in range(N_CROSSINGS):
            if not len(rows):
                break
            after, takes = self._crossings(rows)
            gain = np.where(takes > 0, (after - self.leads[rows]) / np.maximum(takes, 1e-9), 0)
            if rng is not None:
                gain = gain * np.exp(rng.standard_normal((len(gain), 1)))
            rows = self._go(rows, gain, after)
            rows = rows[(self._sizes(self.units[rows]).sum(axis=1) <= 3**self.power) & (self.leads[rows] <= 0)]

    def back(self, unsettled):
        """Across that which saves most, as long as another class is ahead."""
        rows = np.flatnonzero((self.leads > 0) & unsettled)
        for _ in range(2 * N_CROSSINGS):
            if not len(rows):
                break
            after, takes = self._crossings(rows)
            rows = self._go(rows, np.where(after > 0, -takes, 0), after)

    def within_ball(self):
        """Where rows are, or nothing where that is outside."""
        return np.where((self._sizes(self.units).sum(axis=1) <= 1)[:, None], self.units, 0)

    def _sizes(self, units):
        """What each column takes of the ball, whose whole is one."""
        return np.abs(units / self.epsilon) ** self.power

    def _crossings(self, rows):
        """Lead and size with one column at another of its values, shape (n_values, n_rows)."""
        trials = np.repeat(self.units[rows][None], len(self.values), axis=0)
        trials[np.arange(len(self.values)), :, self.columns] = self.values[:, rows]
        after = self._leads(np.tile(rows, len(self.values)), trials.reshape(-1, trials.shape[2]))
        takes = self._sizes(self.values[:, rows]) - self._sizes(self.units[rows][:, self.columns].T)
        return after.reshape(takes.shape), takes

    def _go(self, rows, gain, after):
        """Rows go where they gain most; those that do."""
        chosen = gain.argmax(axis=0)
        moving = np.flatnonzero(gain.max(axis=0) > 0)
        rows, chosen = rows[moving], chosen[moving]
        self.units[rows, self.columns[chosen]] = self.values[chosen, rows]
        self.leads[rows] = after[chosen, moving]
        return rows

    def _leads(self, rows, units):
        some = self.attacked.take(rows)
        inside = some.model.inside(some.moved(some.rows, some.reach.on_grid(units)))
        scores = some.model.trees.margins(inside)  # compiled, where the sums of trees are not
        if scores.shape[1] == 1:
            return (1 - 2 * some.own) * scores[:, 0]
        mine = scores[np.arange(len(rows)), some.own]
        return np.where(np.arange(scores.shape[1]) == some.own[:, None], -np.inf, scores).max(axis=1) - mine


def _some_within(units, low, high):
    """Within bounds on each side of each row: the nearest, and others evenly by rank; zero where there are fewer."""
    found = []
    for sign in (1, -1):
        inside = (units >= low) & (units <= high) & (sign * units > 0)
        ordered = np.sort(np.where(inside, sign * units, np.inf), axis=0)
        ranks = np.linspace(0, np.maximum(inside.sum(axis=0) - 1, 0), min(N_THRESHOLDS, len(units))).astype(int)
        found.append(sign * np.take_along_axis(ordered, ranks, axis=0))
    found = np.concatenate(found)
    return np.where(np.isfinite(found), found, 0)
