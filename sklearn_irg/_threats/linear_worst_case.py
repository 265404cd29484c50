"""The worst that can happen to rows of a linear model, in closed form."""

import numpy as np

from sklearn_irg._threats.linear_minimum import exact_l1_minimum, linear_minimum
from sklearn_irg._threats.rounding import margin_slack

__all__ = ["linear_worst_case"]


def linear_worst_case(attacked, best, epsilon):
    """Offer the points that minimise each margin, and say which rows no point gets misclassified.

    The minimum over numbers is that of `linear_minimum`; levels of categories add to it, and the best ``n_swaps`` count.
    """
    reach, model = attacked.reach, attacked.model
    low, high = reach.box(epsilon)
    margins, gradients = model.margins(attacked.rows, attacked.own)
    gradients = gradients[:, :, : low.shape[1]] * reach.scales
    certified = ~best.attacked.against(model, model.scores(attacked.rows))[0]
    if epsilon == 0 and not reach.columns:
        return certified
    slack = margin_slack(attacked, np.maximum(-low, high))
    for pair in range(margins.shape[1]):
        gradient = gradients[:, pair].astype(np.float64)
        units, bound = linear_minimum(gradient, low, high, reach.steps, epsilon, reach.norm)
        codes, gains = _best_swaps(attacked, pair)
        lowest = margins[:, pair] + gains
        if reach.norm == "l1":
            reached = (gradient * units).sum(axis=1)
            for i in np.flatnonzero((lowest + bound <= 0) & (lowest + reached > 0)):
                found, bound[i] = exact_l1_minimum(gradient[i], low[i], high[i], reach.steps, epsilon)
                units[i] = units[i] if found is None else found
        certified &= lowest + bound > slack[:, pair]
        best.offer(*attacked.at(codes), units, codes)
    return certified


def _best_swaps(attacked, pair):
    """Levels that lower a margin most, and by how much, shapes (n_samples, n_swappable) and (n_samples,)."""
    reach, model = attacked.reach, attacked.model
    codes = reach.codes.copy()
    if not reach.columns:
        return codes, np.zeros(len(codes))
    rows = np.arange(len(codes))
    gains, levels = np.zeros(codes.shape), codes.copy()
    ((W, _),) = model.inner.layers
    for c, effect in enumerate(attacked.effects):
        scores = effect @ W
        if model.n_outputs == 1:
            margin = (2 * attacked.own - 1)[:, None] * scores[:, 0]
        else:
            other = pair + (pair >= attacked.own)  # margins leave out the own class
            margin = scores[:, attacked.own].T - scores[:, other].T
        change = margin - margin[rows, codes[:, c]][:, None]
        change = np.where(reach.may_swap(c), change, 0)
        levels[:, c] = change.argmin(axis=1)
        gains[:, c] = change[rows, levels[:, c]]
    chosen = np.argsort(gains, axis=1)[:, : reach.threat.n_swaps]
    taken = np.take_along_axis(gains, chosen, axis=1)
    swapped = np.where(taken < 0, np.take_along_axis(levels, chosen, axis=1), np.take_along_axis(codes, chosen, axis=1))
    np.put_along_axis(codes, chosen, swapped, axis=1)
    return codes, np.minimum(taken, 0).sum(axis=1)
