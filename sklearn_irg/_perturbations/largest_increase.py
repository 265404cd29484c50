"""Largest increase of a linear function of a model's inputs in a perturbation set."""

import numpy as np

from sklearn_irg._perturbations.sizes_in_ball import (
    NEGLIGIBLE,
    multipliers_in_l2_ball,
    scaled_sizes,
)

__all__ = ["largest_increase"]

_N_BISECTIONS = 50  # to 1e-15 of the largest slope: the rounding of doubles


def largest_increase(inputs, direction, signs, sharpness=None):
    """The support function of a perturbation set: maxima of a linear function, one for each row.

    What a row can gain depends on its sign, its levels and its bounds only, so that nothing is as
    large as rows times levels. The maximum is exact where integers may be fractions; that is so in
    "linf". It is convex in the function's coefficients, with a kink wherever points tie. With a
    ``sharpness`` k it has none, and is right up to a few multiples of 1/k: numbers by a quadratic
    term (Nesterov 2005, "Smooth minimization of non-smooth functions"), levels by the log-sum-exp
    over all ways to swap them.

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
    by_numbers, pull_back_numbers = _by_numbers(inputs, direction, signs, sharpness)
    if not inputs.n_swaps:
        return by_numbers, pull_back_numbers
    by_levels, pull_back_levels = _by_levels(inputs, direction, signs, sharpness)
    return by_numbers + by_levels, lambda g: pull_back_numbers(g) + pull_back_levels(g)


def _by_numbers(inputs, direction, signs, sharpness):
    """Largest increase by moves of numbers, and its pull-back to the direction."""
    gradient = inputs.weights @ direction
    slopes, towards = np.abs(gradient), np.sign(gradient)
    room = np.abs(np.where(np.multiply.outer(towards, signs).T > 0, inputs.high, inputs.low))
    if not slopes.all():
        room *= slopes > 0
    if sharpness is None:
        curvature = np.zeros(len(inputs))
    else:
        curvature = 1 / (sharpness * np.where(inputs.radii > 0, inputs.radii, 1) ** 2)
    sizes = _SIZES[inputs.norm](slopes, room, inputs.radii, curvature)
    values = sizes @ slopes
    if sharpness is not None:
        values -= curvature / 2 * (np.square(sizes) @ np.ones(len(slopes)))
    return values, lambda g: inputs.weights.T @ ((g @ sizes) * towards)


def _by_levels(inputs, direction, signs, sharpness):
    """Largest increase by changes of levels, and its pull-back to the direction."""
    gains, choose = _best_changes(inputs, inputs.levels @ direction, sharpness)
    where, k = inputs.places + np.where(signs > 0, 0, gains.shape[1])[:, None], inputs.n_swaps
    of_rows = gains.ravel()[where.T].T
    total, shares = (
        _largest_few(of_rows, k) if sharpness is None else _smooth_sum(of_rows, k, sharpness)
    )

    def pull_back(g):
        counts = np.bincount(where.T.ravel(), ((g * signs) * shares.T).ravel(), gains.size)
        return choose(counts.reshape(gains.shape)) @ inputs.levels

    return total, pull_back


def _best_changes(inputs, values, sharpness):
    """Largest gain of a change of each level, for both signs, and the pull-back to all levels."""
    ways, n_levels = inputs.ways, len(values)
    both = np.stack([values, -values])
    led_to = np.append(both, np.full((2, 1), -np.inf), axis=1)[:, ways.to]
    best, shares = (_hard_max if sharpness is None else _soft_max)(led_to, ways, sharpness)
    gains = np.full((2, n_levels + 1), -np.inf)
    gains[:, :-1] = best[:, ways.of_level] - both

    def choose(counts):
        """Number of times that each level is taken, minus the number that it is left."""
        left = np.stack(
            [np.bincount(ways.of_level, side, len(ways.starts)) for side in counts[:, :-1]]
        )
        taken = (left[:, ways.of_way] * shares).sum(axis=0)
        return np.bincount(ways.to, taken, n_levels + 1)[:-1] - counts.sum(axis=0)[:-1]

    return gains, choose


def _hard_max(values, ways, sharpness):
    """The largest of each group of ways, and the share of each way in it; ties share it."""
    del sharpness
    largest = np.maximum.reduceat(values, ways.starts, axis=1)
    is_largest = values == largest[:, ways.of_way]
    return largest, is_largest / np.add.reduceat(is_largest, ways.starts, axis=1, dtype=float)[
        :, ways.of_way
    ]


def _soft_max(values, ways, sharpness):
    """Log-sum-exp of each group of ways over the sharpness, and its derivative."""
    largest = np.maximum.reduceat(values, ways.starts, axis=1)
    finite = np.where(np.isfinite(largest), largest, 0)
    shares = np.where(
        values > -np.inf, _exp_of_negative(sharpness * (values - finite[:, ways.of_way])), 0
    )
    sums = np.add.reduceat(shares, ways.starts, axis=1)
    sums[sums == 0] = 1  # nothing may happen, and the largest is minus infinity
    return largest + np.log(sums) / sharpness, shares / sums[:, ways.of_way]


def _exp_of_negative(x):
    """The exponential, in place; exp(-600) in place of underflow, which is slow."""
    return np.exp(np.maximum(x, -600, out=x), out=x)


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
    """Log-sum-exp, over the sharpness, of the sums over all sets of at most k columns.

    The second array is the share of sets with each column.
    """
    if k == 1:
        largest = np.maximum(gains.max(axis=1), 0)
        shares = _exp_of_negative(sharpness * (gains.T - largest)).T
        sums = np.exp(-sharpness * largest) + shares @ np.ones(gains.shape[1])
        return largest + np.log(sums) / sharpness, (shares.T / sums).T
    logs = sharpness * gains
    n_samples, n_columns = logs.shape
    # sums over sets of exactly j of the first c columns, as logarithms
    sums = np.full((n_columns + 1, k + 1, n_samples), -np.inf)
    sums[:, 0] = 0
    with np.errstate(invalid="ignore"):
        for c in range(n_columns):
            sums[c + 1, 1:] = np.logaddexp(sums[c, 1:], sums[c, :-1] + logs[:, c])
    total = np.logaddexp.reduce(sums[-1], axis=0)
    adjoint, shares = np.exp(sums[-1] - total), np.empty(logs.shape)
    for c in reversed(range(n_columns)):
        with np.errstate(invalid="ignore"):
            taken = adjoint[1:] * np.nan_to_num(np.exp(sums[c, :-1] + logs[:, c] - sums[c + 1, 1:]))
        shares[:, c] = taken.sum(axis=0)
        adjoint = adjoint.copy()
        adjoint[1:] -= taken
        adjoint[:-1] += taken
    return total / sharpness, shares


# -- sizes of moves that maximize ``slopes @ sizes - curvature / 2 * sizes²`` in their room


def _in_l2_ball(slopes, room, radii, curvature):
    steepest = slopes.max(initial=0) or 1.0
    slopes = slopes / steepest
    if not (slopes > NEGLIGIBLE).all():
        room = room * (slopes > NEGLIGIBLE)
    multipliers = multipliers_in_l2_ball(slopes, room, radii)
    if curvature.any():
        multipliers = np.minimum(multipliers, steepest / curvature)
    return scaled_sizes(multipliers, slopes, room)


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
    sizes[:, order] = np.minimum(
        ends, np.maximum(radii[:, None] - (np.cumsum(ends, axis=1) - ends), 0)
    )
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
