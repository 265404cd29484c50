"""A search for models without gradients: towards rows of other classes, at random, and coordinate by coordinate.

What is drawn is drawn once for all rows, and other rows come from the table that the threat model was fitted on, so
that what is found for a row does not depend on which rows are attacked together.
"""

from copy import deepcopy

import numpy as np
from sklearn.utils import check_random_state

from sklearn_irg._fitted.table_models import TableModel
from sklearn_irg._threats.ascent import best_swaps, ranked_swaps
from sklearn_irg._threats.reach import project
from sklearn_irg._threats.rows_under_attack import Best
from sklearn_irg._threats.threshold_search import cross_thresholds

__all__ = ["random_state_of", "search"]

N_TARGETS = 16
N_RANDOM = 60
N_SWEEPS = 2
N_VALUES = 10
N_KINKS = 64
N_SWAPS = 4  # with a sweep each
N_BISECTIONS = 6
_STACK_ENTRIES = 2_000_000


def random_state_of(threat):
    """A random state of its own, so that a call does not change the next."""
    return check_random_state(deepcopy(threat.random_state))


def search(attacked, best, epsilon, rng):
    """Offer points at a radius, from what has been found at smaller ones; ``best`` keeps the worst.

    Parameters
    ----------
    attacked : RowsUnderAttack
        Rows.
    best : Best
        What has been found for them.
    epsilon : float
        Radius.
    rng : RandomState
        For what is drawn; in the same state for any rows.
    """
    reach = attacked.reach
    low, high = reach.box(epsilon)
    box = (low, high, epsilon, reach.norm)
    starts = [reach.codes]
    if reach.columns:
        starts.append(best_swaps(attacked, best, np.zeros_like(low)))
    if epsilon == 0 or not (low < high).any():
        return
    targets = list(_towards(attacked, box, rng))
    at_random = list(_at_random(box, rng))
    for codes in starts:
        model, rows = attacked.at(codes)
        for points in (targets, at_random):
            for units in _stacks(points, low.size):
                best.offer_all(model, rows, units, codes)
    if reach.norm != "linf":
        cross_thresholds(attacked, best, epsilon, rng)
    for _ in range(N_SWEEPS):
        _sweep(attacked, best, box, rng)
        if reach.columns:
            best_swaps(attacked, best, best.units.copy())
    if reach.columns:
        _sweep_after_swaps(attacked, best, box, rng)


def _stacks(points, size):
    """Points of all rows, several together as long as memory is small."""
    several = max(1, _STACK_ENTRIES // max(1, size))
    for start in range(0, len(points), several):
        yield np.stack(points[start : start + several])


def _towards(attacked, box, rng):
    """Points on the way to rows of other classes, the nearest and others, in all columns and in half of them."""
    reach, epsilon = attacked.reach, box[2]
    halves = rng.random_sample((N_TARGETS, box[0].shape[1])) < 0.5
    numbers, classes = _examples(attacked)
    if not len(numbers):
        return
    scaled = numbers / reach.scales
    order = rng.permutation(len(numbers))
    for k, targets in enumerate(_of_other_classes(attacked, scaled, classes, order)):
        difference = np.where(targets[:, None] >= 0, scaled[targets] - reach.numbers / reach.scales, 0)
        for part in (difference, difference * halves[k]):
            size = np.abs(part).max(axis=1, keepdims=True)
            yield project(part * np.where(size > 0, 4 * epsilon / np.where(size > 0, size, 1), 0), *box)
            yield project(part, *box)


def _examples(attacked):
    """Numbers of rows of the table that the threat was fitted on, and the classes that the model predicts for them."""
    reach, model = attacked.reach, attacked.model
    table = reach.threat.examples(reach.table)
    if table is None:
        return np.zeros((0, len(reach.scales))), np.zeros(0, dtype=int)
    numbers = np.nan_to_num(table.numbers(), posinf=0, neginf=0)
    try:
        scores = model.scores_of(table) if isinstance(model, TableModel) else model.scores(numbers.astype(model.dtype))
    except ValueError:  # such rows are not the model's
        return numbers[:0], np.zeros(0, dtype=int)
    return numbers, model.predicted(scores)


def _of_other_classes(attacked, scaled, classes, order):
    """Positions of examples of other classes by row: the nearest, then some in a given order; -1 where there are fewer."""
    own, seen = attacked.own, attacked.reach.numbers / attacked.reach.scales
    movable = attacked.reach.low < attacked.reach.high
    half = N_TARGETS // 2
    found = np.full((N_TARGETS, len(own)), -1)
    for i in range(len(own)):
        others = np.flatnonzero(classes != own[i])
        distance = ((scaled[others] - seen[i]) ** 2 * movable[i]).sum(axis=1)
        nearest = others[np.argsort(distance, kind="stable")][:half]
        found[: len(nearest), i] = nearest
        drawn = order[classes[order] != own[i]][:half]
        found[half : half + len(drawn), i] = drawn
    return found


def _at_random(box, rng):
    """Points of the whole radius in random directions, every other one in a few columns only."""
    low, _, epsilon, norm = box
    n_columns = low.shape[1]
    for k in range(N_RANDOM):
        direction = rng.standard_normal(n_columns)
        if k % 2:
            direction *= rng.random_sample(n_columns) < min(1.0, 3 / n_columns)
        if norm == "linf":
            direction = np.sign(direction)
        size = np.linalg.norm(direction)
        units = direction * (2 * epsilon * np.sqrt(n_columns) / (size if size > 0 else 1))
        yield project(np.broadcast_to(units, low.shape), *box)


def _sweep_after_swaps(attacked, best, box, rng):
    """Numbers swept after each of the swaps that look worst: the best of both at once is often the best of neither."""
    seed = rng.randint(2**31)
    left = np.flatnonzero(~best.wrong)
    if not len(left):
        return
    some = attacked.take(left)
    low, high, epsilon, norm = box
    box = low[left], high[left], epsilon, norm
    rest = best.take(left, some)
    for codes in ranked_swaps(some, N_SWAPS):
        found = Best(some)
        found.restart(codes)
        _sweep(some, found, box, np.random.RandomState(seed))
        rest.offer(*some.at(found.codes), found.units, found.codes)
    best.put(left, rest)


def _sweep(attacked, best, box, rng):
    """One column after the other, in random order, to the value that harms a row most, in what the others leave of the ball."""
    low, high, epsilon, norm = box
    shares = rng.random_sample((low.shape[1], N_VALUES))
    for j in rng.permutation(low.shape[1]):
        if not (low[:, j] < high[:, j]).any():
            continue
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
        values = [lowest, highest, *_beyond_kinks(attacked, j, lowest, highest)]
        values += [lowest + (highest - lowest) * share for share in shares[j]]
        trials = np.repeat(units[None], len(values), axis=0)
        trials[:, :, j] = values
        best.offer_all(model, rows, trials, codes)
        if norm != "linf" and attacked.reach.threat.valid is None:
            _give_back(attacked, best, j)


def _beyond_kinks(attacked, j, lowest, highest):
    """Moves to where the steps before the model declare that they change their course, and to both sides of it."""
    reach = attacked.reach
    kinks = {} if attacked.reading is None else attacked.reading.landmarks
    for kink in kinks.get(j, [])[:N_KINKS]:
        for number in (kink, np.nextafter(kink, -np.inf), np.nextafter(kink, np.inf)):
            move = (number - reach.numbers[:, j]) / reach.scales[j]
            if reach.steps[j] > 0:
                count = move / reach.steps[j]
                move = np.where(move > 0, np.ceil(count - 1e-9), np.floor(count + 1e-9)) * reach.steps[j]
            yield np.where((move >= lowest) & (move <= highest), move, 0.0)


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
