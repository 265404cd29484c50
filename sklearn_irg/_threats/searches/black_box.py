"""Search for models without gradients.

It goes towards rows of other classes, in random directions, and coordinate by coordinate. Random
numbers are drawn once for all rows, and other rows come from the table that the threat model was
fitted on, so that the points found for a row do not depend on which rows are attacked together.
"""

from copy import deepcopy

import numpy as np
from sklearn.utils import check_random_state

from sklearn_irg._fitted.table_models import TableModel
from sklearn_irg._perturbations.projection import GRID
from sklearn_irg._threats.best_found import BestFound
from sklearn_irg._threats.searches.mixed_thresholds import cross_mixed_thresholds
from sklearn_irg._threats.searches.swaps import best_swaps, ranked_swaps
from sklearn_irg._threats.searches.thresholds import cross_thresholds

__all__ = ["random_state_of", "search"]

# rows of other classes to go towards. Of 240 attacks on nearest neighbors of integers, one more
# fails with 4, and with 64
N_TARGETS = 16
# directions; with a quarter as many no more of these fail, and with four times as many one
N_RANDOM = 60
N_SWEEPS = 2
N_VALUES = 10  # of a column that a sweep tries; 3 and 30 find the same
N_KINKS = 64  # of a column that a sweep tries, to bound its time
# single swaps, each followed by a sweep; with one three more of these fail, and with 16 none fewer
N_SWAPS = 4
N_BISECTIONS = 6  # of the way back of a column, to 1/32 of it; 3 find the same
# rounds of random moves; without them three more of these fail, with 15 none, and 240 find none
# more in nearly four times the time
N_HOPS = 60
N_AT_ONCE = 16  # hops from the same points, since calls of a model have a fixed cost; a choice
_HOP_SHARES = (0.15, 0.4, 1.0)  # of the columns that hop: a few, some, and all; a choice
_TINY = 1e-300  # length by which a direction without any is divided
_STACK_ENTRIES = 2_000_000  # of points that are evaluated together, to bound memory


def random_state_of(threat):
    """Copy of the random state of a threat model, so that a call does not change the next."""
    return check_random_state(deepcopy(threat.random_state))


def search(best, epsilon):
    """Offer points at a radius, starting from those found before; ``best`` keeps the worst.

    Parameters
    ----------
    best : BestFound
        Rows, and the points found for them.
    epsilon : float
        Radius.
    """
    problem = best.problem
    rng = random_state_of(problem.threat)  # in the same state for any rows
    arrays = problem.perturbations
    ball = arrays.box_and_ball(epsilon)
    starts = [arrays.codes]
    if arrays.columns:
        starts.append(best_swaps(best, ball.zero))
    if ball.is_empty:
        return
    targets = list(_towards(problem, ball, rng))
    at_random = list(_at_random(ball, rng))
    for view in map(problem.at, starts):
        for points in (targets, at_random):
            for delta in _stacks(points, ball.low.size):
                best.update_many(view, delta)
    _hop(best, ball, rng)
    cross_mixed_thresholds(best, ball)
    if arrays.norm != "linf":
        cross_thresholds(best, epsilon, rng)
    for _ in range(N_SWEEPS):
        _sweep(best, ball, rng)
        if arrays.columns:
            best_swaps(best, best.delta.copy())
    if arrays.columns:
        _sweep_after_swaps(best, ball, rng)


def _stacks(points, size):
    """Points of all rows in stacks, as many together as memory has room for."""
    several = max(1, _STACK_ENTRIES // max(1, size))
    for start in range(0, len(points), several):
        yield np.stack(points[start : start + several])


def _towards(problem, ball, rng):
    """Points on the way to rows of other classes.

    They go to the nearest rows and to random ones, in all columns and in half of them.
    """
    arrays = problem.perturbations
    halves = rng.random_sample((N_TARGETS, ball.low.shape[1])) < 0.5
    numbers, classes = _examples(problem)
    if not len(numbers):
        return
    scaled = numbers / arrays.scales
    order = rng.permutation(len(numbers))
    for k, targets in enumerate(_of_other_classes(problem, scaled, classes, order)):
        difference = np.where(
            targets[:, None] >= 0, scaled[targets] - arrays.numbers / arrays.scales, 0
        )
        for part in (difference, difference * halves[k]):
            size = np.abs(part).max(axis=1, keepdims=True)
            yield ball.project(
                part * np.where(size > 0, 4 * ball.epsilon / np.where(size > 0, size, 1), 0)
            )
            yield ball.project(part)


def _examples(problem):
    """Numbers of rows that the threat was fitted on, and the classes predicted for them."""
    arrays, model = problem.perturbations, problem.model
    table = problem.threat.examples(problem.table)
    if table is None:
        return np.zeros((0, len(arrays.scales))), np.zeros(0, dtype=int)
    numbers = np.nan_to_num(table.numbers(), posinf=0, neginf=0)
    try:
        scores = (
            model.scores_of(table)
            if isinstance(model, TableModel)
            else model.scores(numbers.astype(model.dtype))
        )
    except ValueError:  # the model does not take such rows
        return numbers[:0], np.zeros(0, dtype=int)
    return numbers, model.predicted(scores)


def _of_other_classes(problem, scaled, classes, order):
    """Positions of examples of other classes for each row, shape (N_TARGETS, n_samples).

    The nearest come first, then some in the given order; -1 where there are fewer.
    """
    label, seen = problem.label, problem.perturbations.numbers / problem.perturbations.scales
    movable = problem.perturbations.low < problem.perturbations.high
    half = N_TARGETS // 2
    found = np.full((N_TARGETS, len(label)), -1)
    for i in range(len(label)):
        others = np.flatnonzero(classes != label[i])
        distance = ((scaled[others] - seen[i]) ** 2 * movable[i]).sum(axis=1)
        nearest = others[np.argsort(distance, kind="stable")][:half]
        found[: len(nearest), i] = nearest
        drawn = order[classes[order] != label[i]][:half]
        found[half : half + len(drawn), i] = drawn
    return found


def _at_random(ball, rng):
    """Points at the full radius in random directions, every other one in a few columns only."""
    n_columns = ball.low.shape[1]
    for k in range(N_RANDOM):
        direction = rng.standard_normal(n_columns)
        if k % 2:
            direction *= rng.random_sample(n_columns) < min(1.0, 3 / n_columns)
        if ball.norm == "linf":
            direction = np.sign(direction)
        size = np.linalg.norm(direction)
        delta = direction * (2 * ball.epsilon * np.sqrt(n_columns) / (size if size > 0 else 1))
        yield ball.project(np.broadcast_to(delta, ball.low.shape))


def _hop(best, ball, rng):
    """Offer random moves of many columns at once, from the best points and from the rows.

    They help where no column alone changes anything.
    """
    n_columns = ball.low.shape[1]
    rng = np.random.RandomState(
        rng.randint(2**31)
    )  # numbers drawn later must not depend on when all rows are misclassified
    for _ in range(N_HOPS):
        shares = rng.choice(_HOP_SHARES, size=(N_AT_ONCE, 1))
        moving = rng.random_sample((N_AT_ONCE, n_columns)) < shares
        directions = rng.standard_normal((N_AT_ONCE, n_columns)) * moving
        left = np.flatnonzero(~best.wrong)
        if not len(left):
            return
        part, inside = best.take(left), ball.take(left)
        starts = [part.delta, inside.zero] * (N_AT_ONCE // 2)
        if ball.norm == "linf":  # corners are where most is gained
            ends = ball.epsilon * np.sign(directions)
            points = [
                np.where(moves, end, start)
                for moves, end, start in zip(moving, ends, starts, strict=True)
            ]
        else:
            ends = (
                ball.epsilon
                * directions
                / np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), _TINY)
            )
            points = [start + end for end, start in zip(ends, starts, strict=True)]
        view = part.problem.at(part.codes.copy())
        part.update_many(view, np.stack([inside.project(point) for point in points]))
        best.scatter(left, part)


def _sweep_after_swaps(best, ball, rng):
    """Sweep numbers after each of the single swaps with the largest loss.

    The best swap together with numbers is often not the best one alone.
    """
    seed = rng.randint(2**31)
    left = np.flatnonzero(~best.wrong)
    if not len(left):
        return
    rest, ball = best.take(left), ball.take(left)
    for codes in ranked_swaps(rest.problem, N_SWAPS):
        found = BestFound(rest.problem)
        found.restart(codes)
        _sweep(found, ball, np.random.RandomState(seed))
        rest.update(rest.problem.at(found.codes), found.delta)
    best.scatter(left, rest)


def _sweep(best, ball, rng):
    """Move one column after the other, in random order, to its worst value.

    It is searched in the part of the ball that the other columns leave.
    """
    problem = best.problem
    shares = rng.random_sample((ball.low.shape[1], N_VALUES))
    for j in rng.permutation(ball.low.shape[1]):
        if not (ball.low[:, j] < ball.high[:, j]).any():
            continue
        view, delta = problem.at(best.codes.copy()), best.delta.copy()
        room = _room_left(np.delete(delta, j, axis=1), ball)
        lowest, highest = np.maximum(ball.low[:, j], -room), np.minimum(ball.high[:, j], room)
        values = [lowest, highest, *_beyond_kinks(problem, j, lowest, highest)]
        values += [lowest + (highest - lowest) * share for share in shares[j]]
        trials = np.repeat(delta[None], len(values), axis=0)
        trials[:, :, j] = values
        best.update_many(view, trials)
        if ball.norm != "linf" and problem.threat.valid is None:
            _give_back(best, j)


def _room_left(others, ball):
    """Distance that a column may move, given the moves of the others."""
    if ball.norm == "linf":
        return np.full(len(others), ball.epsilon)
    if ball.norm == "l2":
        return ball.epsilon * np.sqrt(np.maximum(1 - ((others / ball.epsilon) ** 2).sum(axis=1), 0))
    return np.maximum(ball.epsilon - np.abs(others).sum(axis=1), 0)


def _beyond_kinks(problem, j, lowest, highest):
    """Moves of a column to kinks that the steps declare, and to both sides of each."""
    arrays = problem.perturbations
    kinks = {} if problem.reading is None else problem.reading.landmarks
    for kink in kinks.get(j, [])[:N_KINKS]:
        for number in (kink, np.nextafter(kink, -np.inf), np.nextafter(kink, np.inf)):
            move = (number - arrays.numbers[:, j]) / arrays.scales[j]
            if arrays.steps[j] > 0:
                count = move / arrays.steps[j]
                move = (
                    np.where(move > 0, np.ceil(count - GRID), np.floor(count + GRID))
                    * arrays.steps[j]
                )
            yield np.where((move >= lowest) & (move <= highest), move, 0.0)


def _give_back(best, j):
    """Move a column back as far as the loss does not decrease.

    The other columns then have more of the ball left.
    """
    left = np.flatnonzero((best.delta[:, j] != 0) & ~best.wrong)
    if not len(left):
        return
    some = best.problem.take(left)
    view, delta = some.at(best.codes[left]), best.delta[left]
    kept, failed = np.ones(len(left)), np.zeros(len(left))
    for k in range(N_BISECTIONS):
        share = (kept + failed) / 2 if k else failed  # zero is tried first
        trial = delta.copy()
        trial[:, j] *= share
        does = some.margins_at(view, some.perturbations.on_grid(trial))[1] >= best.loss[left]
        kept, failed = np.where(does, share, kept), np.where(does, failed, share)
    delta[:, j] *= kept
    best.delta[left] = some.perturbations.on_grid(delta)
