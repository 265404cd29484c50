"""Swaps of levels that come closest to another class at fixed numbers."""

import numpy as np

__all__ = ["best_swaps", "ranked_swaps"]


def best_swaps(best, delta):
    """Levels after greedy swaps at given numbers, in one column after the other."""
    problem = best.problem
    arrays = problem.perturbations
    codes = arrays.codes.copy()
    for _ in range(min(arrays.n_swaps, len(arrays.columns))):
        chosen = _with_best_swap(problem, delta, codes)
        if (chosen == codes).all():
            break
        codes = chosen
        best.update(problem.at(codes), delta)
    return codes


def _with_best_swap(problem, delta, codes):
    """Levels after the one more swap with the largest loss, if any increases it."""
    arrays = problem.perturbations
    chosen, found = codes.copy(), _loss_at(problem, delta, codes)
    for c in range(len(arrays.columns)):
        is_open = codes[:, c] == arrays.codes[:, c]
        allowed = arrays.can_swap(c) & is_open[:, None]
        for level in np.flatnonzero(allowed.any(axis=0)):
            rows = np.flatnonzero(allowed[:, level])
            trial = codes[rows].copy()
            trial[:, c] = level
            loss = _loss_at(problem.take(rows), delta[rows], trial)
            better = loss > found[rows]
            found[rows[better]] = loss[better]
            chosen[rows[better]] = trial[better]
    return chosen


def ranked_swaps(problem, n):
    """Levels after each of at most n single swaps, those with the largest loss first."""
    arrays = problem.perturbations
    zero = np.zeros(arrays.numbers.shape)
    found = []
    for c in range(len(arrays.columns)):
        allowed = arrays.can_swap(c)
        for level in np.flatnonzero(allowed.any(axis=0)):
            codes = arrays.codes.copy()
            codes[:, c] = np.where(allowed[:, level], level, codes[:, c])
            found.append(
                (codes, np.where(allowed[:, level], _loss_at(problem, zero, codes), -np.inf))
            )
    if not found:
        return []
    all_codes, losses = (np.array(part) for part in zip(*found))
    order = np.argsort(-losses, axis=0, kind="stable")[:n]
    return [all_codes[rank, np.arange(len(arrays))] for rank in order]


def _loss_at(problem, delta, codes):
    return problem.margins_at(problem.at(codes), delta)[1]
