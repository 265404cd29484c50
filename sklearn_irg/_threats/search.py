"""A search for models without gradients: towards rows of other classes, at random, and coordinate by coordinate."""

import numpy as np

from sklearn_irg._threats.ascent import best_swaps
from sklearn_irg._threats.reach import project
from sklearn_irg._threats.threshold_search import cross_thresholds

__all__ = ["search"]

N_TARGETS = 24
N_RANDOM = 60
N_SWEEPS = 2
N_VALUES = 10
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
    if reach.norm != "linf":
        cross_thresholds(attacked, best, epsilon, rng)
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
            room = epsilon * np.sqrt(np.maximum(1 - ((rest / epsilon) ** 2).sum(axis=1), 0))
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
