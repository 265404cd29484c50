"""How much a linear function of the inputs of a model can increase within what rows may become, and its derivative."""

from functools import partial

import numpy as np

from sklearn_irg._perturbations.sizes_in_ball import sizes_in_l2_ball

__all__ = ["largest_increase"]

_N_BISECTIONS = 50


def largest_increase(inputs, direction, signs, sharpness=None):
    """The support function of a set: the maximum of a linear function over what each row may become.

    What a row can gain depends on its sign, its levels and its bounds only, so that nothing is as large as rows times levels.
    The maximum is exact where integers may be fractions; that is so in "linf". It is convex in the function's coefficients,
    with a kink wherever points tie. With a ``sharpness`` k it has none, and is right up to a few multiples of 1/k: numbers by
    a quadratic term (Nesterov 2005, "Smooth minimization of non-smooth functions"), levels by the log-sum-exp over all ways to
    swap them.

    Parameters
    ----------
    inputs : InputPerturbations
        The set.
    direction : ndarray of shape (n_inputs,)
        Coefficients.
    signs : ndarray of shape (n_samples,)
        1 for rows whose function it is, -1 for rows whose function is its negative.
    sharpness : float, default=None
        ``None`` is the maximum itself.

    Returns
    -------
    values : ndarray of shape (n_samples,)
        Increases, at least zero.
    pull_back : callable
        From a cotangent of them, shape (n_samples,), to one of the direction, shape (n_inputs,).
    """
    by_numbers, delta = _by_numbers(inputs, direction, signs, sharpness)
    if not inputs.n_swaps:
        return by_numbers, lambda g: inputs.weights.T @ (g @ delta)
    by_levels, pull_back_levels = _by_levels(inputs, direction, signs, sharpness)
    return by_numbers + by_levels, lambda g: inputs.weights.T @ (g @ delta) + pull_back_levels(g)


def _by_numbers(inputs, direction, signs, sharpness):
    """Largest increase by numbers that move, and the delta, but for signs, of the point where it is."""
    gradient = inputs.weights @ direction
    slopes, towards = np.abs(gradient), np.sign(gradient)
    room = np.where(np.multiply.outer(signs, towards) > 0, inputs.high, -inputs.low) * (slopes > 0)
    curvature = np.zeros(len(inputs))
    if sharpness is not None:
        curvature = 1 / (sharpness * np.where(inputs.radii > 0, inputs.radii, 1) ** 2)
    sizes = _SIZES[inputs.norm](slopes, room, inputs.radii, curvature)
    return sizes @ slopes - curvature / 2 * np.einsum("ij,ij->i", sizes, sizes), sizes * towards


def _by_levels(inputs, direction, signs, sharpness):
    """Largest increase by levels that change, and what a cotangent of it means for the direction."""
    gains, choose = _best_changes(inputs, inputs.levels @ direction, sharpness)
    side = np.where(signs > 0, 0, 1)[:, None]
    of_rows, k = gains[side, inputs.places], inputs.n_swaps
    total, shares = _largest_few(of_rows, k) if sharpness is None else _smooth_sum(of_rows, k, sharpness)

    def pull_back(g):
        where = (side * gains.shape[1] + inputs.places).ravel()
        counts = np.bincount(where, ((g * signs)[:, None] * shares).ravel(), gains.size)
        return choose(counts.reshape(gains.shape)) @ inputs.levels

    return total, pull_back


def _best_changes(inputs, values, sharpness):
    """What a change of each level gains at best, for both signs, and what counts of changes mean for all levels."""
    gains, choices = np.full((2, len(values) + 1), -np.inf), []
    largest = _hard_max if sharpness is None else partial(_soft_max, sharpness=sharpness)
    for levels, swaps in inputs.swappable_columns():
        own = values[levels]
        for side, sign in enumerate((1, -1)):
            best, share = largest(np.where(swaps, sign * own, -np.inf).reshape(-1, len(own)))
            gains[side, levels] = best - sign * own
            choices.append((side, levels, share))

    def choose(counts):
        """How often levels are taken, less how often they are left."""
        total = -counts.sum(axis=0)[:-1]
        for side, levels, share in choices:
            left = counts[side, levels]
            total[levels] += left @ share if len(share) > 1 else left.sum() * share[0]
        return total

    return gains, choose


def _hard_max(values):
    """The largest of each row, and a one where it is."""
    first = values.argmax(axis=1)
    share = np.zeros(values.shape)
    share[np.arange(len(values)), first] = 1
    return values.max(axis=1), share


def _soft_max(changes, sharpness):
    """Log-sum-exp of each row over the sharpness, and its derivative."""
    largest = changes.max(axis=1, initial=-np.inf, keepdims=True)
    weights = np.exp(sharpness * (changes - np.where(np.isfinite(largest), largest, 0)))
    sums = weights.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore"):
        best = largest + np.log(sums) / sharpness
    return best[:, 0], weights / np.where(sums > 0, sums, 1)


def _largest_few(gains, k):
    """Sum of the k largest positive gains of each row, and ones for those that count."""
    if k == 1:
        best = gains.argmax(axis=1)[:, None]
        shares = np.zeros(gains.shape)
        np.put_along_axis(shares, best, np.take_along_axis(gains, best, axis=1) > 0, axis=1)
    else:
        shares = (gains > 0).astype(float)
        if k < gains.shape[1]:
            few = np.argpartition(-gains, k - 1, axis=1)[:, k:]
            np.put_along_axis(shares, few, 0, axis=1)
    return np.where(shares > 0, gains, 0).sum(axis=1), shares


def _smooth_sum(gains, k, sharpness):
    """Log-sum-exp, over the sharpness, of the sums over all sets of at most k columns, and the share of sets with each."""
    if k == 1:
        with_none = np.concatenate([np.zeros((len(gains), 1)), gains], axis=1)
        total, shares = _soft_max(with_none, sharpness)
        return total, shares[:, 1:]
    logs = sharpness * gains
    n_samples, n_columns = logs.shape
    # sums over sets of exactly j of the first c columns, as logarithms
    sums = np.full((n_columns + 1, k + 1, n_samples), -np.inf)
    sums[:, 0] = 0
    with np.errstate(invalid="ignore"):
        for c in range(n_columns):
            sums[c + 1, 1:] = np.logaddexp(sums[c, 1:], sums[c, :-1] + logs[:, c])
    total, adjoint = _soft_max(sums[-1].T, 1.0)
    adjoint, shares = adjoint.T, np.empty(logs.shape)
    for c in reversed(range(n_columns)):
        with np.errstate(invalid="ignore"):
            taken = adjoint[1:] * np.nan_to_num(np.exp(sums[c, :-1] + logs[:, c] - sums[c + 1, 1:]))
        shares[:, c] = taken.sum(axis=0)
        adjoint = adjoint.copy()
        adjoint[1:] -= taken
        adjoint[:-1] += taken
    return total / sharpness, shares


# -- sizes of moves: the largest ``slopes @ sizes - curvature / 2 * sizes²`` with sizes in their room and in a ball ----------


def _in_l2_ball(slopes, room, radii, curvature):
    with np.errstate(divide="ignore"):
        return sizes_in_l2_ball(slopes, room, radii, 1 / curvature)


def _in_box(slopes, room, radii, curvature):
    """As far as the room goes, or as the curvature makes sense."""
    del radii
    with np.errstate(divide="ignore"):
        return np.minimum(room, slopes / curvature[:, None]) if curvature.any() else room


def _in_l1_ball(slopes, room, radii, curvature):
    """The steepest first, or, with a curvature, all slopes lowered alike until they fit."""
    if curvature.any():
        return _lowered(slopes, room, radii, curvature[:, None])
    order = np.argsort(-slopes, kind="stable")
    ends = room[:, order]
    sizes = np.empty_like(room)
    sizes[:, order] = np.minimum(ends, np.maximum(radii[:, None] - (np.cumsum(ends, axis=1) - ends), 0))
    return sizes


def _lowered(slopes, room, radii, curvature):
    inner, outer = np.full((len(room), 1), slopes.max(initial=0)), np.zeros((len(room), 1))

    def sizes(threshold):
        return np.clip((slopes - threshold) / curvature, 0, room)

    inner = np.where(sizes(outer).sum(axis=1, keepdims=True) <= radii[:, None], 0, inner)
    for _ in range(_N_BISECTIONS):
        middle = (inner + outer) / 2
        fits = sizes(middle).sum(axis=1, keepdims=True) <= radii[:, None]
        inner, outer = np.where(fits, middle, inner), np.where(fits, outer, middle)
    return sizes(inner)


_SIZES = {"l2": _in_l2_ball, "linf": _in_box, "l1": _in_l1_ball}
