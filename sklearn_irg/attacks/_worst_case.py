"""The dispatcher of attacks: which one serves a model, row block by row block and radius by radius."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils import check_random_state, column_or_1d

from sklearn_irg.attacks._ascent import ascend_all, ascend_once
from sklearn_irg.attacks._linear_worst_case import linear_worst_case
from sklearn_irg.attacks._rows_under_attack import Best, RowsUnderAttack
from sklearn_irg.attacks._search import search
from sklearn_irg.attacks._tree_worst_case import acts_by_column, tree_worst_case

__all__ = ["WorstCase", "certified_rows", "worst_case"]

_BLOCK_ENTRIES = 4_000_000  # of gradients: rows times margins times columns


@dataclass
class WorstCase:
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
    size = max(1, _BLOCK_ENTRIES // max(1, attacked.model.n_outputs * attacked.rows.shape[1]))
    rng = check_random_state(threat.random_state)
    blocks = []
    for start in range(0, len(attacked), size):
        block = attacked.take(np.arange(start, min(start + size, len(attacked))))
        blocks.append(_attack(block, attacked, radii, rng))
    fallen, certified, units, codes = (
        np.concatenate(parts, axis=axis) for parts, axis in zip(zip(*blocks), (1, 1, 0, 0))
    )
    moved = attacked.reach.result(units, codes)
    fallen &= np.asarray(estimator.predict(moved)) != y  # a row's prediction is the estimator's own
    return WorstCase(fallen, certified, moved)


def certified_rows(estimator, X, y, threat, radii):
    """Rows that no point gets misclassified, for certain, for each radius.

    Raises
    ------
    TypeError
        For a model of which nothing is known for certain.
    """
    attacked = RowsUnderAttack(estimator, X, column_or_1d(y), threat)
    if not has_closed_form(attacked) and not acts_by_column(attacked):
        name = attacked.model.name
        raise TypeError(
            f"nothing is certain about {name} here: certificates need a linear model or a decision tree, alone or behind "
            "steps that act column by column. adversarial_accuracy gives an upper bound."
        )
    return worst_case(estimator, X, y, threat, radii).certified


def has_closed_form(attacked):
    """Whether numbers and levels add to the margins of a linear model."""
    return attacked.model.is_linear and (not attacked.reach.columns or attacked.effects is not None)


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
    if attacked.model.is_piecewise_constant(attacked.rows):

        def by_search(some, best, radius, positions):
            search(some, best, radius, others, rng)
            return False

        return by_search, []

    def by_ascent(some, best, radius, positions):
        if radius in radii:
            ascend_all(some, best, radius, rng)
        else:
            ascend_once(some, best, radius)
        return False

    return by_ascent, [radius for radius in _fixed_radii(attacked) if radius < max(radii)]


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
    spread = (reach.numbers / reach.scales).std(axis=0) * (reach.low < reach.high).any(axis=0)
    size = np.linalg.norm(spread, ord={"l2": 2, "linf": np.inf, "l1": 1}[reach.norm])
    return [size * 2.0**power for power in range(-6, 4)] if size > 0 else []
