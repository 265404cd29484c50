"""The dispatcher of attacks: which one serves a model, row block by row block and radius by radius."""

import warnings
from dataclasses import dataclass
from functools import partial

import numpy as np
from sklearn.utils import column_or_1d

from sklearn_irg._fitted.affine import predictions
from sklearn_irg._threats.additive_trees import method_of
from sklearn_irg._threats.ascent import ascend_all, ascend_once
from sklearn_irg._threats.certificates import can_certify, margin_lower_bounds
from sklearn_irg._threats.confirmation import confirmed_by_predict
from sklearn_irg._threats.linear_worst_case import linear_worst_case
from sklearn_irg._threats.radii import rungs
from sklearn_irg._threats.rounding import distance_slack
from sklearn_irg._threats.rows_under_attack import Best, RowsUnderAttack
from sklearn_irg._threats.search import random_state_of, search
from sklearn_irg._threats.tree_worst_case import acts_by_column, tree_worst_case

__all__ = [
    "Outcome",
    "certified_rows",
    "has_exact_minimum",
    "require_known_steps",
    "step_within_limits",
    "strategy_of",
    "worst_case",
]

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
    attacked.find_limits(sorted(radii))
    _say_where_not_affine(attacked, max(radii, default=0))
    fallen, certified, units, codes = _attack_in_blocks(attacked, radii)
    # a row's prediction is the estimator's own
    misclassified = predictions(estimator, X) != y
    units, confirmed = confirmed_by_predict(attacked, units, codes, max(radii, default=0), among=fallen.any(axis=0))
    fallen = (fallen & confirmed) | misclassified
    return Outcome(fallen, certified & ~misclassified, attacked.reach.result(units, codes))


def _say_where_not_affine(attacked, radius):
    """Warn of a pipeline whose steps cannot be read and turn out not to be affine in what rows may become."""
    if attacked.reading is None or not (attacked.limits <= radius).any():
        return
    unknown = attacked.reading.unknown.any(axis=1) & attacked.reach.moves_somewhere
    unknown[attacked.reach.columns] |= attacked.reading.unknown.any(axis=1)[attacked.reach.columns]
    if unknown.any():
        names = ", ".join(repr(attacked.reach.table.name_of(j)) for j in np.flatnonzero(unknown)[:5].tolist())
        warnings.warn(
            f"the steps before the last are not affine in {names}, so results are searched for with the whole pipeline where "
            "rows can go that far: an upper bound on accuracy, without a certificate.",
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
    attacked.find_limits(sorted(radii))
    right = predictions(estimator, X) == y
    require_known_steps(attacked, sorted(radii))
    within = attacked.limits > np.reshape(radii, (-1, 1))
    if acts_by_column(attacked):
        distances, is_reached, *_ = tree_worst_case(attacked)
        distances = distances - distance_slack(attacked)
        stands = [(distances > radius) | ((distances == radius) & ~is_reached) for radius in radii]
        return np.array(stands) & right & within
    if has_closed_form(attacked):
        return _attack_in_blocks(attacked, radii)[1] & right
    if method_of(attacked) is not None:
        return _attack_in_blocks(attacked, radii)[1] & right & within
    if not can_certify(attacked):
        raise TypeError(
            f"nothing is certain about {attacked.model.name} here: certificates need a linear model, a decision tree, or a "
            "network of activations with linear bounds, alone or behind steps that act column by column. adversarial_accuracy "
            "gives an upper bound."
        )
    bounds = [margin_lower_bounds(attacked, np.full(len(attacked), radius)) for radius in radii]
    return np.array([right & (margins > 0).all(axis=1) for margins in bounds]) & within


def require_known_steps(attacked, radii):
    """Raise an error where steps that cannot be read turn out not to be affine in what any row of the table may become.

    Rows of the table that the threat was fitted on decide, so that a row alone is answered as it is among others.
    """
    radii = [radius for radius in radii if radius > 0]
    if attacked.reading is None or not attacked.reading.unknown.any() or not radii:
        return
    examples = attacked.of_examples()
    if examples is not None:
        examples.find_limits(radii[:1])
    if examples is None or (examples.limits < radii[0]).all():
        raise TypeError(
            f"nothing is certain about {attacked.model.name} here: its preprocessing is not affine within the threat model, "
            "or is unknown and acts on columns without bounds. Use steps of scikit-learn, give a ThreatModel with bounds, "
            "or pass pipe[-1] with pipe[:-1].transform(X). adversarial_accuracy gives an upper bound."
        )


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
    blocks = []
    for start in range(0, len(attacked), size):
        block = attacked.take(np.arange(start, min(start + size, len(attacked))))
        blocks.append(_attack(block, radii))
    return [np.concatenate(parts, axis=axis) for parts, axis in zip(zip(*blocks), (1, 1, 0, 0))]


def _attack(attacked, radii):
    """Fallen and certified rows at each radius, and the points found."""
    found = Best(attacked)
    fallen, certified = (np.zeros((len(radii), len(attacked)), dtype=bool) for _ in range(2))
    step, more = strategy_of(attacked, radii)
    for radius, tries in rungs(attacked, radii, more):
        left = np.flatnonzero(~found.wrong & tries)
        stands = np.zeros(len(attacked), dtype=bool)
        if len(left):
            best = found.take(left, attacked.take(left))
            stands[left] = step_within_limits(attacked, best, radius, left, step)
            found.put(left, best)
        for k in np.flatnonzero(np.equal(radii, radius)):
            fallen[k], certified[k] = found.wrong, stands
    return fallen, certified, found.units, found.codes


def step_within_limits(attacked, best, radius, positions, step):
    """An attack by the model where it is right, and by the whole pipeline elsewhere."""
    some = best.attacked
    inside = some.limits > radius
    if inside.all():
        return step(some, best, radius, positions)
    stands = np.zeros(len(some), dtype=bool)
    near, far = np.flatnonzero(inside), np.flatnonzero(~inside)
    if len(near):
        rows = some.take(near)
        part = best.take(near, rows)
        stands[near] = step(rows, part, radius, positions[near])
        best.put(near, part)
    rows = some.take(far)
    guess = Best(rows)  # what would be found if the model were right: a start
    step(rows, guess, radius, positions[far])
    whole = rows.as_whole()
    part = best.take(far, whole)
    part.offer(*whole.at(guess.codes), guess.units, guess.codes)
    search(whole, part, radius, random_state_of(some.reach.threat))
    best.put(far, part)
    return stands


def strategy_of(attacked, radii):
    """The attack that serves a model, and whether it takes more radii than those given.

    It takes rows, what has been found for them, a radius and their positions, and says which of them stand for certain.
    """
    if has_closed_form(attacked):
        return _in_closed_form, False
    if acts_by_column(attacked):
        return _through_leaves(attacked), False
    if not attacked.model.is_function:
        return partial(_by_ascent, radii=radii), True
    trees = method_of(attacked)
    if trees is not None:
        return partial(_through_trees, trees), False
    return partial(_by_ascent_or_search, radii=radii), not attacked.is_flat.all()


def _by_ascent(some, best, radius, positions, radii):
    if radius not in radii:
        ascend_once(some, best, radius)
    else:
        ascend_all(some, best, radius, random_state_of(some.reach.threat))
    return False


def _by_ascent_or_search(some, best, radius, positions, radii):
    """Ascent where scores have slopes; a search everywhere, since a function may have jumps beside slopes."""
    sloping = np.flatnonzero(~some.is_flat)
    if len(sloping):
        rows = some.take(sloping)
        part = best.take(sloping, rows)
        _by_ascent(rows, part, radius, positions[sloping], radii)
        best.put(sloping, part)
    left = np.flatnonzero(~best.wrong)
    if radius in radii and len(left):
        rows = some.take(left)
        part = best.take(left, rows)
        search(rows, part, radius, random_state_of(some.reach.threat))
        best.put(left, part)
    return False


def _in_closed_form(some, best, radius, positions):
    stands = linear_worst_case(some, best, radius)
    if some.reach.threat.valid is not None:  # which leaves less than the closed form knows of
        ascend_all(some, best, radius)
    return stands


def _through_trees(trees, some, best, radius, positions):
    del positions
    stands, _ = trees.step(some, best, radius)
    if some.reach.threat.valid is not None:
        search(some, best, radius, random_state_of(some.reach.threat))
    return stands


def _through_leaves(attacked):
    distances, is_reached, units, codes = tree_worst_case(attacked)

    def through_leaves(some, best, radius, positions):
        distance = distances[positions]
        falls = (distance < radius) | ((distance == radius) & is_reached[positions])
        offered = np.where(falls[:, None], units[positions], 0)
        levels = np.where(falls[:, None], codes[positions], some.reach.codes)
        best.offer(*some.at(levels), offered, levels)
        if some.reach.threat.valid is not None:
            search(some, best, radius, random_state_of(some.reach.threat))
        return ~falls

    return through_leaves
