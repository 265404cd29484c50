"""Distances at which attacks succeed, at increasing radii and then drawn back to the rows."""

import numpy as np

from sklearn_irg._perturbations.projection import delta_norms, project
from sklearn_irg._threats.best_found import BestFound
from sklearn_irg._threats.confirmation import confirmed_by_predict
from sklearn_irg._threats.radii import rungs
from sklearn_irg._threats.searches.ascent import linearize_from_anywhere
from sklearn_irg._threats.searches.black_box import random_state_of, search
from sklearn_irg._threats.searches.within_limits import attack_within_limits

__all__ = ["distances_found"]

# radii for each factor of two, at which nearer points are attacked. With half as many, distances
# on three tables were up to 20 % larger; with twice as many some were 10 % smaller
_N_RUNGS = 6


def distances_found(method):
    """Distances of the misclassified points that a method's attack finds, or else a search.

    The search also succeeds where gradients vanish.

    Parameters
    ----------
    method : Method
        Method that attacks its problem.

    Returns
    -------
    distances : ndarray of shape (n_samples,)
        Distance of each row, infinite where nothing was found.
    """
    problem = method.problem
    found = BestFound(problem)
    has_swaps = bool(problem.perturbations.columns)
    ladder = rungs(problem, [])
    if has_swaps:  # swaps have distance zero
        ladder = [(0.0, np.ones(len(problem), dtype=bool)), *ladder]

    def by_method(best, radius, rows):
        return method.attack(best, radius, rows, quick=not has_swaps)

    def by_search(best, radius, rows):
        return search(best, radius)

    for attack in (by_method, by_search):
        for radius, tries in ladder:
            left = np.flatnonzero(~found.wrong & tries)
            if len(left):
                best = found.take(left)
                attack_within_limits(best, radius, left, attack)
                found.scatter(left, best)
    rows = np.flatnonzero(found.wrong)
    distances = np.full(len(problem), np.inf)
    if len(rows):
        some = problem.take(rows)
        some = some if some.whole is None else some.as_whole()
        delta, codes = _drawn_back(some, found.delta[rows], found.codes[rows]), found.codes[rows]
        if not some.model.is_function:
            delta, codes = _attacked_nearer(some, delta, codes)
        delta, confirmed = confirmed_by_predict(some, delta, codes, np.inf)
        distances[rows] = np.where(
            confirmed, delta_norms(delta, problem.perturbations.norm), np.inf
        )
    return distances


def _attacked_nearer(problem, delta, codes):
    """Misclassified points, or nearer ones that attacks at smaller radii find from them."""
    norm = problem.perturbations.norm
    distances, failures = delta_norms(delta, norm), np.zeros(len(problem), dtype=int)
    finite = distances[(distances > 0) & np.isfinite(distances)]
    if not len(finite):
        return delta, codes
    highest = int(np.ceil(_N_RUNGS * np.log2(finite.max())))
    lowest = int(np.floor(_N_RUNGS * np.log2(finite.min()))) - 3 * _N_RUNGS
    delta, codes = delta.copy(), codes.copy()
    for power in range(highest, lowest, -1):
        radius = 2.0 ** (power / _N_RUNGS)
        rows = np.flatnonzero((radius < distances) & (radius > distances / 2) & (failures < 3))
        if not len(rows):
            continue
        some = problem.take(rows)
        nearer = BestFound(some)
        start = project(delta[rows], *some.perturbations.box(radius), radius, norm)
        nearer.update(some.at(codes[rows]), start)
        linearize_from_anywhere(nearer, radius, random_state_of(some.threat))
        failures[rows] += ~nearer.wrong
        found = np.flatnonzero(nearer.wrong)
        if len(found):
            delta[rows[found]] = _drawn_back(
                some.take(found), nearer.delta[found], nearer.codes[found]
            )
            codes[rows[found]] = nearer.codes[found]
            distances[rows[found]] = delta_norms(delta[rows[found]], norm)
    return delta, codes


def _drawn_back(problem, delta, codes, n_rounds=3, n_bisections=20):
    """Misclassified points moved towards their rows as far as they stay misclassified.

    They move in all columns together, then column by column.
    """
    view = problem.at(codes)
    delta = problem.perturbations.on_grid(delta)
    rng = random_state_of(problem.threat)
    for _ in range(n_rounds):
        for columns in [np.arange(delta.shape[1]), *rng.permutation(delta.shape[1])[:, None]]:
            if not delta[:, columns].any():
                continue
            kept, failed = np.ones(len(delta)), np.zeros(len(delta))
            for k in range(n_bisections if len(columns) > 1 else 5):
                share = (kept + failed) / 2 if k else failed  # zero is tried first
                trial = delta.copy()
                trial[:, columns] *= share[:, None]
                trial = problem.perturbations.on_grid(trial)
                is_wrong = problem.margins_at(view, trial)[0]
                if problem.threat.valid is not None:
                    is_wrong &= problem.exist(trial, codes)
                kept, failed = np.where(is_wrong, share, kept), np.where(is_wrong, failed, share)
            delta[:, columns] *= kept[:, None]
            delta = problem.perturbations.on_grid(delta)
    return delta
