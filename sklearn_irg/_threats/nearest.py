"""Minimal adversarial distances: exact where there is a closed form, else attacks at rising radii, drawn back."""

import numpy as np

from sklearn_irg._threats.additive_trees import method_of
from sklearn_irg._threats.ascent import linearise_from_anywhere
from sklearn_irg._threats.certificates import certified_radii
from sklearn_irg._threats.confirmation import confirmed_by_predict
from sklearn_irg._threats.radii import rungs
from sklearn_irg._threats.reach import length, project
from sklearn_irg._threats.rows_under_attack import Best
from sklearn_irg._threats.search import random_state_of, search
from sklearn_irg._threats.tree_worst_case import acts_by_column, tree_worst_case
from sklearn_irg._threats.worst_case import has_exact_minimum, step_within_limits, strategy_of

__all__ = ["nearest_falls"]

_N_RUNGS = 6  # of an octave, where attacks at smaller radii are tried


def nearest_falls(attacked):
    """Points near the rows where they are misclassified: how far they are, in the norm and units of the threat model.

    Exact for decision trees and several that add up behind steps that act column by column, whose infimum need not be reached.
    Otherwise found at growing radii, then drawn back towards the row as a whole and column by column: an upper bound.

    Returns
    -------
    distances : ndarray of shape (n_samples,)
        Infinite where nothing was found.
    """
    attacked.find_limits([*(radius for radius, _ in rungs(attacked, [])), np.inf])
    if acts_by_column(attacked) and attacked.reach.threat.valid is None:
        distances = tree_worst_case(attacked)[0]
    elif has_exact_minimum(attacked):
        distances = certified_radii(attacked, n_bisections=45)[1]
    elif attacked.reach.threat.valid is None and method_of(attacked) is not None:
        distances = method_of(attacked).distances(attacked)[1]
    else:
        return _nearest_found(attacked)
    beyond = np.flatnonzero(distances >= attacked.limits)
    beyond = beyond[np.isfinite(attacked.limits[beyond])]
    if len(beyond):
        distances[beyond] = _nearest_found(attacked.take(beyond))
    return distances


def _nearest_found(attacked):
    """Distances at which attacks succeed, at rising radii, drawn back."""
    found = Best(attacked)
    has_swaps = bool(attacked.reach.columns)
    ladder = rungs(attacked, [])
    if has_swaps:  # which go no distance
        ladder = [(0.0, np.ones(len(attacked), dtype=bool)), *ladder]
    by_strategy, _ = strategy_of(attacked, [radius for radius, _ in ladder] if has_swaps else [])

    def by_search(some, best, radius, positions):  # also finds ways out of where gradients vanish
        search(some, best, radius, random_state_of(some.reach.threat))

    for step in (by_strategy, by_search):
        for radius, tries in ladder:
            left = np.flatnonzero(~found.wrong & tries)
            if len(left):
                best = found.take(left, attacked.take(left))
                step_within_limits(attacked, best, radius, left, step)
                found.put(left, best)
    rows = np.flatnonzero(found.wrong)
    distances = np.full(len(attacked), np.inf)
    if len(rows):
        some = attacked.take(rows)
        some = some if some.whole is None else some.as_whole()
        units, codes = _drawn_back(some, found.units[rows], found.codes[rows]), found.codes[rows]
        if not some.model.is_function:
            units, codes = _attacked_nearer(some, units, codes)
        units, confirmed = confirmed_by_predict(some, units, codes, np.inf)
        distances[rows] = np.where(confirmed, length(units, attacked.reach.norm), np.inf)
    return distances


def _attacked_nearer(attacked, units, codes):
    """Misclassified points, and nearer ones where an attack at a smaller radius succeeds, which starts from them."""
    norm = attacked.reach.norm
    distances, failures = length(units, norm), np.zeros(len(attacked), dtype=int)
    finite = distances[(distances > 0) & np.isfinite(distances)]
    if not len(finite):
        return units, codes
    highest = int(np.ceil(_N_RUNGS * np.log2(finite.max())))
    lowest = int(np.floor(_N_RUNGS * np.log2(finite.min()))) - 3 * _N_RUNGS
    units, codes = units.copy(), codes.copy()
    for power in range(highest, lowest, -1):
        radius = 2.0 ** (power / _N_RUNGS)
        rows = np.flatnonzero((radius < distances) & (radius > distances / 2) & (failures < 3))
        if not len(rows):
            continue
        some = attacked.take(rows)
        nearer = Best(some)
        start = project(units[rows], *some.reach.box(radius), radius, norm)
        nearer.offer(*some.at(codes[rows]), start, codes[rows])
        linearise_from_anywhere(some, nearer, radius, random_state_of(some.reach.threat))
        failures[rows] += ~nearer.wrong
        found = np.flatnonzero(nearer.wrong)
        if len(found):
            units[rows[found]] = _drawn_back(some.take(found), nearer.units[found], nearer.codes[found])
            codes[rows[found]] = nearer.codes[found]
            distances[rows[found]] = length(units[rows[found]], norm)
    return units, codes


def _drawn_back(attacked, units, codes, n_rounds=3, n_bisections=20):
    """Misclassified points, moved towards their rows, as a whole and column by column, while they stay misclassified."""
    model, rows = attacked.at(codes)
    units = attacked.reach.on_grid(units)
    rng = random_state_of(attacked.reach.threat)
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
