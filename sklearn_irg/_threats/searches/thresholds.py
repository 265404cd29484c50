"""Search across the thresholds of additive trees, in balls where columns share a budget."""

import numpy as np

from sklearn_irg._perturbations.projection import SLACK
from sklearn_irg._threats.sources import is_axis_aligned, sources_of

__all__ = ["cross_thresholds"]

# the first one is greedy, the others choose at random among good crossings. 1 and 16 find the same
# in 160 attacks on boosting and a forest
N_STARTS = 4
N_CROSSINGS = 12  # of a row; with 3 four more of these fail, and with 48 none fewer
# of a column and a side, of which one is crossed at a time; with 2 three more of these fail, and
# with 24 one
N_THRESHOLDS = 6
_ENTRIES = 2_000_000  # of points that are evaluated together, to bound memory
# part of the ball that a crossing costs at least, in the quotient of gain and cost
_CHEAPEST = 1e-9
# units of relative precision by which a point is placed behind a threshold; 1 and 1000 find the
# same
_BEHIND = 4


def cross_thresholds(best, epsilon, rng):
    """Offer points behind thresholds of trees that can be read; ``best`` keeps the worst.

    Parameters
    ----------
    best : BestFound
        Rows, under "l2" or "l1", and the points found for them.
    epsilon : float
        Radius.
    rng : RandomState
        Draws the seeds of the random starts.
    """
    problem = best.problem
    trees = _trees_of(problem)
    thresholds = {} if trees is None else _behind_thresholds(problem, trees)
    if not thresholds:
        return
    seeds = rng.randint(2**31, size=N_STARTS)
    size = max(
        1,
        _ENTRIES // (2 * (N_THRESHOLDS + 1) * len(thresholds) * problem.perturbations.low.shape[1]),
    )
    for start in range(0, len(problem), size):
        part = np.arange(start, min(start + size, len(problem)))
        found = best.take(part)
        some = found.problem
        walk = _Walk(some, epsilon, {j: delta[:, part] for j, delta in thresholds.items()})
        for k, seed in enumerate(seeds):
            walk.forward(~found.wrong, np.random.RandomState(seed) if k else None)
            walk.back(~found.wrong)
            found.update(some.at(some.perturbations.codes), walk.within_ball())
        best.scatter(part, found)


def _trees_of(problem):
    """Trees that are believed to give the scores and act column by column; else None."""
    if problem.model.trees is None or not is_axis_aligned(problem):
        return None
    trees = problem.model.trees.believed(problem.model.to_inner(problem.rows))
    return None if trees is None or trees.is_categorical.any() else trees


def _behind_thresholds(problem, trees):
    """Delta at which each row crosses thresholds, by column, shape (n_thresholds, n_samples)."""
    slopes, source = sources_of(problem)
    seen = problem.model.to_inner(problem.rows).astype(np.float64)
    found = {}
    for column in np.flatnonzero(source >= 0):
        j = source[column]
        cuts = trees.thresholds(column)[:, None]
        if len(cuts):
            here, slope = seen[:, column], slopes[j, column]
            terms = np.abs(here) + np.abs(
                slope * problem.perturbations.numbers[:, j]
            )  # rounding is relative to these
            behind = _BEHIND * problem.precision * (np.abs(cuts) + terms)
            delta = (cuts + np.where(here <= cuts, behind, -behind) - here) / (
                slope * problem.perturbations.scales[j]
            )
            found.setdefault(j, []).append(
                _on_grid(np.nan_to_num(delta), problem.perturbations.steps[j])
            )
    return {j: np.concatenate(delta) for j, delta in found.items()}


def _on_grid(delta, step):
    """Delta with integers rounded away from the row, beyond the threshold."""
    return (
        np.sign(delta) * np.ceil(np.abs(delta) / step * (1 - SLACK)) * step if step > 0 else delta
    )


class _Walk:
    """Walk of rows across one threshold after the other, and back across those not needed.

    On the way forward, rows may leave the ball.

    Attributes
    ----------
    delta : ndarray of shape (n_samples, n_columns)
        Present points of the rows.
    leads : ndarray of shape (n_samples,)
        Difference of scores by which another class is ahead.
    """

    def __init__(self, problem, epsilon, thresholds):
        self.problem, self.epsilon = problem, epsilon
        self.power = 2 if problem.perturbations.norm == "l2" else 1
        low, high = (
            np.maximum(problem.perturbations.low, -epsilon),
            np.minimum(problem.perturbations.high, epsilon),
        )
        moves = [_some_within(delta, low[:, j], high[:, j]) for j, delta in thresholds.items()]
        homes = np.zeros((len(moves), len(problem)))
        self.values = np.concatenate([*moves, homes])  # that columns may take, by row
        self.columns = np.concatenate(
            [np.repeat(list(thresholds), [len(m) for m in moves]), list(thresholds)]
        )

    def forward(self, unsettled, rng):
        """Cross thresholds that add most to another class for their cost.

        Costs are parts of the ball. With an rng, the choice is random among good crossings.
        """
        self.delta = np.zeros(self.problem.perturbations.low.shape)
        self.leads = self._leads(np.arange(len(self.delta)), self.delta)
        rows = np.flatnonzero((self.leads <= 0) & unsettled)
        for _ in range(N_CROSSINGS):
            if not len(rows):
                break
            after, takes = self._crossings(rows)
            gain = np.where(takes > 0, (after - self.leads[rows]) / np.maximum(takes, _CHEAPEST), 0)
            if rng is not None:
                gain = gain * np.exp(rng.standard_normal((len(gain), 1)))
            rows = self._go(rows, gain, after)
            rows = rows[
                (self._sizes(self.delta[rows]).sum(axis=1) <= 3**self.power)
                & (self.leads[rows] <= 0)
            ]

    def back(self, unsettled):
        """Go back across thresholds that save most, as long as another class is ahead."""
        rows = np.flatnonzero((self.leads > 0) & unsettled)
        for _ in range(2 * N_CROSSINGS):
            if not len(rows):
                break
            after, takes = self._crossings(rows)
            rows = self._go(rows, np.where(after > 0, -takes, 0), after)

    def within_ball(self):
        """Present points of the rows, or zero where they are outside the ball."""
        return np.where((self._sizes(self.delta).sum(axis=1) <= 1)[:, None], self.delta, 0)

    def _sizes(self, delta):
        """Part of the ball that each column takes; the parts of a point inside sum to at most 1."""
        return np.abs(delta / self.epsilon) ** self.power

    def _crossings(self, rows):
        """Lead and change of cost with one column at another value, shape (n_values, n_rows)."""
        trials = np.repeat(self.delta[rows][None], len(self.values), axis=0)
        trials[np.arange(len(self.values)), :, self.columns] = self.values[:, rows]
        after = self._leads(np.tile(rows, len(self.values)), trials.reshape(-1, trials.shape[2]))
        takes = self._sizes(self.values[:, rows]) - self._sizes(self.delta[rows][:, self.columns].T)
        return after.reshape(takes.shape), takes

    def _go(self, rows, gain, after):
        """Move rows where they gain most, and return those that moved."""
        chosen = gain.argmax(axis=0)
        moving = np.flatnonzero(gain.max(axis=0) > 0)
        rows, chosen = rows[moving], chosen[moving]
        self.delta[rows, self.columns[chosen]] = self.values[chosen, rows]
        self.leads[rows] = after[chosen, moving]
        return rows

    def _leads(self, rows, delta):
        some = self.problem.take(rows)
        inside = some.model.to_inner(some.moved(some.rows, some.perturbations.on_grid(delta)))
        scores = some.model.trees.margins(inside)  # compiled, where the sums of trees are not
        if scores.shape[1] == 1:
            return (1 - 2 * some.label) * scores[:, 0]
        mine = scores[np.arange(len(rows)), some.label]
        return (
            np.where(np.arange(scores.shape[1]) == some.label[:, None], -np.inf, scores).max(axis=1)
            - mine
        )


def _some_within(delta, low, high):
    """Some delta within bounds on each side of each row.

    They are the nearest, and others evenly spaced by rank; zero where there are fewer.
    """
    found = []
    for sign in (1, -1):
        inside = (delta >= low) & (delta <= high) & (sign * delta > 0)
        ordered = np.sort(np.where(inside, sign * delta, np.inf), axis=0)
        ranks = np.linspace(
            0, np.maximum(inside.sum(axis=0) - 1, 0), min(N_THRESHOLDS, len(delta))
        ).astype(int)
        found.append(sign * np.take_along_axis(ordered, ranks, axis=0))
    found = np.concatenate(found)
    return np.where(np.isfinite(found), found, 0)
