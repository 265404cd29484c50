"""The dispatcher of attacks: which one serves a model, row block by row block and radius by radius."""

import warnings
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
from sklearn.utils import check_random_state, column_or_1d

from sklearn_irg._threats.ascent import ascend_all, ascend_once
from sklearn_irg._threats.certificates import can_certify, certified_radii, margin_lower_bounds
from sklearn_irg._threats.linear_worst_case import linear_worst_case
from sklearn_irg._threats.reach import length, project
from sklearn_irg._threats.rows_under_attack import Best, RowsUnderAttack
from sklearn_irg._threats.search import search
from sklearn_irg._threats.tree_worst_case import acts_by_column, tree_worst_case

__all__ = ["Outcome", "certified_rows", "has_exact_minimum", "nearest_falls", "random_state_of", "worst_case"]

_BLOCK_ENTRIES = 4_000_000  # of gradients: rows times margins times columns


@dataclass
class Outcome:
    """What an attack made of rows.

    Attributes
    ----------
    fallen : ndarray of bool of shape (n_radii, n_samples)
        Rows that are misclassified at a point that was found, which is an upper bound on accuracy.
    certified : ndarray of bool of shape (n_radii, n_samples)
        Rows that no point gets misclassified, as far as that is known in closed form.
    moved : DataFrame or ndarray of shape (n_samples, n_columns)
        Rows like those given: where they fall at the smallest radius, the others where they are harmed most.
    """

    fallen: np.ndarray
    certified: np.ndarray
    moved: object


def worst_case(estimator, X, y, threat, radii):
    """Attack rows at several radii; a row that falls at one has fallen at all larger ones."""
    y = column_or_1d(y)
    attacked = RowsUnderAttack(estimator, X, y, threat)
    _say_where_not_affine(attacked.model)
    fallen, certified, units, codes = _attack_in_blocks(attacked, radii)
    moved = attacked.reach.result(units, codes)
    # a row's prediction is the estimator's own
    misclassified = np.asarray(estimator.predict(X)) != y
    confirmed = np.asarray(estimator.predict(moved)) != y
    for power in range(5):  # in single precision, points may lie on the wrong side by rounding: go on a little
        rows = np.flatnonzero(fallen[np.argmax(radii)] & ~confirmed & (units != 0).any(axis=1))
        if not len(rows):
            break
        units[rows] = _further(
            attacked.reach.take(rows), units[rows], max(radii), 4.0**power * np.finfo(np.float32).eps
        )
        moved = attacked.reach.result(units, codes)
        confirmed[rows] = np.asarray(estimator.predict(moved))[rows] != y[rows]
    fallen = (fallen & confirmed) | misclassified
    return Outcome(fallen, certified & ~misclassified, moved)


def _further(reach, units, epsilon, share):
    """Points that have gone further by a share of their numbers, as far as they may."""
    low, high = reach.box(epsilon)
    step = np.sign(units) * share * (np.abs(reach.numbers) / reach.scales + 1) * (reach.steps == 0)
    return project(units + step, low, high, epsilon, reach.norm) * (units != 0)


def random_state_of(threat):
    """A random state of its own, so that a call does not change the next."""
    return check_random_state(deepcopy(threat.random_state))


def _say_where_not_affine(model):
    """Warn of a pipeline whose last step could be treated better behind other steps."""
    if getattr(model, "failing", None) is not None:
        columns = " in " + ", ".join(map(repr, model.failing[:5])) if model.failing else ""
        warnings.warn(
            f"the steps before the last are not affine{columns}, so results are searched for with the whole pipeline: "
            "an upper bound on accuracy, without a certificate.",
            stacklevel=4,
        )


def certified_rows(estimator, X, y, threat, radii):
    """Rows that no point gets misclassified, for certain, for each radius.

    Raises
    ------
    TypeError
        For a model of which nothing is known for certain.
    """
    y = column_or_1d(y)
    attacked = RowsUnderAttack(estimator, X, y, threat)
    right = np.asarray(estimator.predict(X)) == y
    if acts_by_column(attacked):
        distances, is_reached, *_ = tree_worst_case(attacked)
        stands = [(distances > radius) | ((distances == radius) & ~is_reached) for radius in radii]
        return np.array(stands) & right
    if has_closed_form(attacked):
        return _attack_in_blocks(attacked, radii)[1] & right
    if not can_certify(attacked):
        raise TypeError(
            f"nothing is certain about {attacked.model.name} here: certificates need a linear model, a decision tree, or a "
            "network of activations with linear bounds, alone or behind steps that act column by column. adversarial_accuracy "
            "gives an upper bound."
        )
    bounds = [margin_lower_bounds(attacked, np.full(len(attacked), radius)) for radius in radii]
    return np.array([right & (margins > 0).all(axis=1) for margins in bounds])


def has_closed_form(attacked):
    """Whether numbers and levels add to the margins of a linear model."""
    return attacked.model.is_linear and (not attacked.reach.columns or attacked.effects is not None)


def has_exact_minimum(attacked):
    """Whether the closed form leaves no gap: no whole numbers that a ball binds together, and all rows could exist."""
    reach = attacked.reach
    no_gap = reach.norm == "linf" or not reach.steps.any()
    return has_closed_form(attacked) and no_gap and reach.threat.valid is None


def _attack_in_blocks(attacked, radii):
    """As `_attack`, with as many rows at once as memory has room for."""
    size = max(1, _BLOCK_ENTRIES // max(1, attacked.model.n_outputs * attacked.rows.shape[1]))
    rng = random_state_of(attacked.reach.threat)
    blocks = []
    for start in range(0, len(attacked), size):
        block = attacked.take(np.arange(start, min(start + size, len(attacked))))
        blocks.append(_attack(block, attacked, radii, rng))
    return [np.concatenate(parts, axis=axis) for parts, axis in zip(zip(*blocks), (1, 1, 0, 0))]


def _attack(attacked, others, radii, rng):
    """Fallen and certified rows at each radius, and the points found."""
    found = Best(attacked)
    fallen, certified = (np.zeros((len(radii), len(attacked)), dtype=bool) for _ in range(2))
    step, extra = _strategy(attacked, others, radii, rng)
    for radius in sorted({*radii, *extra}):
        left = np.flatnonzero(~found.wrong)
        stands = np.zeros(len(attacked), dtype=bool)
        if len(left):
            some = attacked.take(left)
            best = found.take(left, some)
            stands[left] = step(some, best, radius, left)
            found.put(left, best)
        for k in np.flatnonzero(np.equal(radii, radius)):
            fallen[k], certified[k] = found.wrong, stands
    return fallen, certified, found.units, found.codes


def _strategy(attacked, others, radii, rng):
    """The attack that serves a model, and radii to try besides those given.

    It takes rows, what has been found for them, a radius and their positions, and says which of them stand for certain.
    """
    if has_closed_form(attacked):
        return _in_closed_form, []
    if acts_by_column(attacked):
        return _through_leaves(attacked, others, rng), []
    behind_others = getattr(attacked.model, "failing", None) is not None
    if behind_others or attacked.model.is_piecewise_constant(attacked.rows):

        def by_search(some, best, radius, positions):
            search(some, best, radius, others, rng)
            return False

        return by_search, []

    def by_ascent(some, best, radius, positions):
        if radius not in radii:
            ascend_once(some, best, radius)
            return False
        ascend_all(some, best, radius, rng)
        left = np.flatnonzero(~best.wrong)
        if some.model.is_function and len(left):  # which may have jumps beside slopes
            rest = some.take(left)
            more = best.take(left, rest)
            search(rest, more, radius, others, rng)
            best.put(left, more)
        return False

    return by_ascent, [radius for radius in _fixed_radii(attacked) if radius < max(radii, default=0)]


def _in_closed_form(some, best, radius, positions):
    stands = linear_worst_case(some, best, radius)
    if some.reach.threat.valid is not None:  # which leaves less than the closed form knows of
        ascend_all(some, best, radius)
    return stands


def _through_leaves(attacked, others, rng):
    distances, is_reached, units, codes = tree_worst_case(attacked)

    def through_leaves(some, best, radius, positions):
        distance = distances[positions]
        falls = (distance < radius) | ((distance == radius) & is_reached[positions])
        offered = np.where(falls[:, None], units[positions], 0)
        levels = np.where(falls[:, None], codes[positions], some.reach.codes)
        best.offer(*some.at(levels), offered, levels)
        if some.reach.threat.valid is not None:
            search(some, best, radius, others, rng)
        return ~falls

    return through_leaves


def _fixed_radii(attacked):
    """Radii that depend on the rows only, where an attack may succeed that fails at a large one.

    Multiples by powers of two of the size of a standard deviation of each column.
    """
    reach = attacked.reach
    movable = (reach.low < reach.high).any(axis=0)
    spread = (reach.numbers / reach.scales).std(axis=0) * movable
    spread = spread if spread.any() else np.maximum(np.abs(reach.numbers / reach.scales).max(axis=0), 1) * movable
    size = length(spread[None], reach.norm)[0]
    return [size * 2.0**power for power in range(-6, 4)] if size > 0 else []


def nearest_falls(attacked, rng):
    """Points near the rows where they are misclassified: how far they are, in the norm and units of the threat model.

    Exact for decision trees behind steps that act column by column, whose infimum need not be reached. Otherwise found at
    growing radii, then drawn back towards the row as a whole and column by column: an upper bound.

    Returns
    -------
    distances : ndarray of shape (n_samples,)
        Infinite where nothing was found.
    """
    valid = attacked.reach.threat.valid
    if acts_by_column(attacked) and valid is None:
        return tree_worst_case(attacked)[0]
    if has_exact_minimum(attacked):
        return certified_radii(attacked, n_bisections=45)[1]
    found = Best(attacked)
    radii = _fixed_radii(attacked)
    if attacked.reach.columns:  # swaps need the attack of given radii, and alone go no distance
        radii = [0.0, *radii]
    by_strategy, _ = _strategy(attacked, attacked, radii if attacked.reach.columns else [], rng)

    def by_search(some, best, radius, positions):  # also finds ways out of where gradients vanish
        search(some, best, radius, attacked, rng)

    for step, radius in [(step, radius) for step in (by_strategy, by_search) for radius in radii]:
        left = np.flatnonzero(~found.wrong)
        if not len(left):
            break
        some = attacked.take(left)
        best = found.take(left, some)
        step(some, best, radius, left)
        found.put(left, best)
    rows = np.flatnonzero(found.wrong)
    distances = np.full(len(attacked), np.inf)
    if len(rows):
        some = attacked.take(rows)
        distances[rows] = length(_drawn_back(some, found.units[rows], found.codes[rows], rng), attacked.reach.norm)
    return distances


def _drawn_back(attacked, units, codes, rng, n_rounds=3, n_bisections=20):
    """Misclassified points, moved towards their rows, as a whole and column by column, while they stay misclassified."""
    model, rows = attacked.at(codes)
    units = attacked.reach.on_grid(units)
    for _ in range(n_rounds):
        for columns in [np.arange(units.shape[1]), *rng.permutation(units.shape[1])[:, None]]:
            if not units[:, columns].any():
                continue
            kept, failed = np.ones(len(units)), np.zeros(len(units))
            for k in range(n_bisections if len(columns) > 1 else 5):
                share = (kept + failed) / 2 if k else failed  # nothing at all is tried first
                trial = units.copy()
                trial[:, columns] *= share[:, None]
                trial = attacked.reach.on_grid(trial)
                falls = attacked.against(model, model.scores(attacked.moved(rows, trial)))[0]
                if attacked.reach.threat.valid is not None:
                    falls &= attacked.reach.exists(attacked.reach.result(trial, codes))
                kept, failed = np.where(falls, share, kept), np.where(falls, failed, share)
            units[:, columns] *= kept[:, None]
            units = attacked.reach.on_grid(units)
    return units
