"""A search for models without gradients: towards rows of other classes, at random, and coordinate by coordinate."""

import numpy as np

from sklearn_irg._fitted.trees import beside
from sklearn_irg._threats.ascent import best_swaps
from sklearn_irg._threats.reach import project
from sklearn_irg._threats.tree_worst_case import columns_come_from_one, sources_of

__all__ = ["search"]

N_TARGETS = 24
N_RANDOM = 60
N_SWEEPS = 2
N_VALUES = 10
N_CROSSINGS = 12
N_STARTS = 2
N_CROSSED = 6  # thresholds of a column and a side, of which one is crossed at a time
N_BISECTIONS = 6
_STACK_ENTRIES = 2_000_000


def search(attacked, best, epsilon, others, rng):
    """Offer points at a radius, from what has been found at smaller ones; ``best`` keeps the worst.

    Parameters
    ----------
    attacked : RowsUnderAttack
        Rows.
    best : Best
        What has been found for them.
    epsilon : float
        Radius.
    others : RowsUnderAttack
        Rows that give directions: those whose class is another than a row's are gone towards.
    rng : RandomState
        For what is drawn.
    """
    reach = attacked.reach
    low, high = reach.box(epsilon)
    box = (low, high, epsilon, reach.norm)
    starts = [reach.codes]
    if reach.columns:
        starts.append(best_swaps(attacked, best, np.zeros_like(low)))
    if epsilon == 0 or not (low < high).any():
        return
    for codes in starts:
        model, rows = attacked.at(codes)
        for points in (_towards(attacked, others, box, rng), _at_random(box, rng)):
            for units in _stacks(points, low.size):
                best.offer_all(model, rows, units, codes)
    thresholds = _behind_thresholds(attacked)
    if thresholds and reach.norm != "linf":
        _in_parts(attacked, best, epsilon, thresholds, rng)
    for _ in range(N_SWEEPS):
        _sweep(attacked, best, box, rng)
    if reach.columns:
        best_swaps(attacked, best, best.units.copy())


def _stacks(points, size):
    """Points of all rows, several together as long as memory is small."""
    several = max(1, _STACK_ENTRIES // max(1, size))
    points = list(points)
    for start in range(0, len(points), several):
        yield np.stack(points[start : start + several])


def _towards(attacked, others, box, rng):
    """Points on the way to rows of other classes, in all columns or in half of them."""
    reach, epsilon = attacked.reach, box[2]
    n_rows = len(reach)
    for k in range(N_TARGETS):
        targets = rng.randint(len(others), size=n_rows)
        for _ in range(5):  # another one where the class is the same
            same = np.flatnonzero(others.own[targets] == attacked.own)
            targets[same] = rng.randint(len(others), size=len(same))
        difference = (others.reach.numbers[targets] - reach.numbers) / reach.scales
        if k % 2:
            difference = difference * (rng.random_sample(difference.shape) < 0.5)
        size = np.abs(difference).max(axis=1, keepdims=True)
        yield project(difference * np.where(size > 0, 4 * epsilon / np.where(size > 0, size, 1), 0), *box)
        yield project(difference, *box)


def _at_random(box, rng):
    """Points of the whole radius in random directions, every other one in a few columns only."""
    low, _, epsilon, norm = box
    for k in range(N_RANDOM):
        direction = rng.standard_normal(low.shape)
        if k % 2:
            direction *= rng.random_sample(low.shape) < min(1.0, 3 / low.shape[1])
        if norm == "linf":
            direction = np.sign(direction)
        size = np.linalg.norm(direction, axis=1, keepdims=True)
        yield project(direction * (2 * epsilon * np.sqrt(low.shape[1]) / np.where(size > 0, size, 1)), *box)


def _sweep(attacked, best, box, rng):
    """One column after the other, in random order, to the value that harms a row most, in what the others leave of the ball."""
    low, high, epsilon, norm = box
    for j in rng.permutation(np.flatnonzero((low < high).any(axis=0))):
        model, rows = attacked.at(best.codes)
        codes, units = best.codes.copy(), best.units.copy()
        rest = np.delete(units, j, axis=1)
        if norm == "linf":
            room = np.full(len(units), epsilon)
        elif norm == "l2":
            room = np.sqrt(np.maximum(epsilon**2 - (rest**2).sum(axis=1), 0))
        else:
            room = np.maximum(epsilon - np.abs(rest).sum(axis=1), 0)
        lowest, highest = np.maximum(low[:, j], -room), np.minimum(high[:, j], room)
        values = [lowest, highest]  # and numbers in between
        values += [lowest + (highest - lowest) * rng.random_sample(len(units)) for _ in range(N_VALUES)]
        trials = np.repeat(units[None], len(values), axis=0)
        trials[:, :, j] = values
        best.offer_all(model, rows, trials, codes)
        if norm != "linf" and attacked.reach.threat.valid is None:
            _give_back(attacked, best, j)


def _give_back(attacked, best, j):
    """A column leaves to the others what it does not need of the ball: as much as the row is harmed no less without."""
    left = np.flatnonzero((best.units[:, j] != 0) & ~best.wrong)
    if not len(left):
        return
    some = attacked.take(left)
    model, rows = some.at(best.codes[left])
    units = best.units[left]
    kept, failed = np.ones(len(left)), np.zeros(len(left))
    for k in range(N_BISECTIONS):
        share = (kept + failed) / 2 if k else failed  # nothing at all is tried first
        trial = units.copy()
        trial[:, j] *= share
        does = some.against(model, model.scores(some.moved(rows, some.reach.on_grid(trial))))[1] >= best.loss[left]
        kept, failed = np.where(does, share, kept), np.where(does, failed, share)
    units[:, j] *= kept
    best.units[left] = some.reach.on_grid(units)


def _behind_thresholds(attacked):
    """Where each row crosses the thresholds of trees that can be read, in units: by column, shape (n_thresholds, n_samples)."""
    ensemble = attacked.model.ensemble
    if ensemble is None or not columns_come_from_one(attacked):
        return {}
    slopes, source = sources_of(attacked)
    seen = attacked.model.inside(attacked.rows).astype(np.float64)
    found = {}
    for column in np.flatnonzero(source >= 0):
        j = source[column]
        nodes = [(tree, (tree.feature == column) & (tree.children_left >= 0)) for tree in ensemble.trees]
        ends = np.unique(np.concatenate([tree.threshold[here] for tree, here in nodes]))
        if not len(ends):
            continue
        below, above = beside(ends)
        to = np.where(seen[:, column] <= below[:, None], above[:, None], below[:, None])
        units = (to - seen[:, column]) / (slopes[j, column] * attacked.reach.scales[j])
        found.setdefault(j, []).append(np.nan_to_num(units))
    return {j: np.concatenate(units) for j, units in found.items()}


def _in_parts(attacked, best, epsilon, thresholds, rng):
    """`_greedily`, with as many rows at once as memory has room for."""
    n_rows, n_columns = attacked.reach.low.shape
    size = max(1, _STACK_ENTRIES // (2 * (N_CROSSED + 1) * len(thresholds) * n_columns))
    for start in range(0, n_rows, size):
        part = np.arange(start, min(start + size, n_rows))
        some = attacked.take(part)
        found = best.take(part, some)
        _greedily(some, found, epsilon, {j: values[:, part] for j, values in thresholds.items()}, rng)
        best.put(part, found)


def _greedily(attacked, best, epsilon, thresholds, rng):
    """Across one threshold after the other, beyond the ball if need be, then back across those that are not needed.

    Forward across that which adds most to the score of another class for what it takes; back across that which saves most.
    """
    reach, model = attacked.reach, attacked.model
    constant = model.ensemble.constant(model.inside(attacked.rows))
    if constant is None:
        return
    power = 2 if reach.norm == "l2" else 1
    low, high = np.maximum(reach.low, -epsilon), np.minimum(reach.high, epsilon)
    nearest = {j: _some_within(values, low[:, j], high[:, j]) for j, values in thresholds.items()}
    columns = np.repeat(list(nearest), [len(values) for values in nearest.values()])
    values = np.concatenate(list(nearest.values()))

    def margins(rows, units):
        some = attacked.take(rows)
        inside = model.inside(some.moved(some.rows, some.reach.on_grid(units)))
        return _lead(model.ensemble.sums(inside) + constant, attacked.own[rows])

    def crossings(rows):
        """Points with one more column at one of its values, their margins, and what each takes."""
        trials = np.repeat(units[rows][None], len(values), axis=0)
        trials[np.arange(len(values)), :, columns] = values[:, rows]
        after = margins(np.tile(rows, len(values)), trials.reshape(-1, trials.shape[2])).reshape(trials.shape[:2])
        takes = np.abs(values[:, rows]) ** power - np.abs(units[np.ix_(rows, columns)].T) ** power
        return trials, after, takes

    everywhere = np.arange(len(attacked))
    at_zero = margins(everywhere, np.zeros(reach.low.shape))
    values = np.concatenate([values, np.zeros((len(nearest), len(everywhere)))])
    columns = np.concatenate([columns, list(nearest)])
    for start in range(N_STARTS):
        units, margin = np.zeros(reach.low.shape), at_zero.copy()
        rows = np.flatnonzero((margin <= 0) & ~best.wrong)
        for _ in range(N_CROSSINGS):  # forward
            if not len(rows):
                break
            trials, after, takes = crossings(rows)
            gain = (after - margin[rows]) / np.maximum(takes, 1e-9 * epsilon**power)
            gain = gain * (takes > 0) * np.exp((start > 0) * rng.standard_normal(gain.shape))
            chosen, moves = gain.argmax(axis=0), gain.max(axis=0) > 0
            units[rows[moves]] = trials[chosen, np.arange(len(rows))][moves]
            margin[rows[moves]] = after[chosen, np.arange(len(rows))][moves]
            near = (np.abs(units[rows]) ** power).sum(axis=1) <= (3 * epsilon) ** power
            rows = rows[moves & near & (margin[rows] <= 0)]
        rows = np.flatnonzero((margin > 0) & ~best.wrong)
        for _ in range(2 * N_CROSSINGS):  # back
            if not len(rows):
                break
            trials, after, takes = crossings(rows)
            saving = np.where(after > 0, -takes, 0)
            chosen, moves = saving.argmax(axis=0), saving.max(axis=0) > 0
            units[rows[moves]] = trials[chosen, np.arange(len(rows))][moves]
            rows = rows[moves]
        fits = (np.abs(units) ** power).sum(axis=1) <= epsilon**power
        best.offer(model, attacked.rows, np.where(fits[:, None], units, 0), reach.codes)


def _lead(scores, own):
    """By how much the best other class is ahead."""
    if scores.shape[1] == 1:
        return (1 - 2 * own) * scores[:, 0]
    mine = scores[np.arange(len(own)), own]
    return np.where(np.arange(scores.shape[1]) == own[:, None], -np.inf, scores).max(axis=1) - mine


def _some_within(values, low, high):
    """Values within bounds on each side of each row, the nearest and others evenly by rank; zero where there are fewer."""
    found = []
    for sign in (1, -1):
        inside = (values >= low) & (values <= high) & (sign * values > 0)
        ordered = np.sort(np.where(inside, sign * values, np.inf), axis=0)
        ranks = np.linspace(0, np.maximum(inside.sum(axis=0) - 1, 0), min(N_CROSSED, len(values))).astype(int)
        found.append(sign * np.take_along_axis(ordered, ranks, axis=0))
    found = np.concatenate(found)
    return np.where(np.isfinite(found), found, 0)
