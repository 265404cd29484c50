"""Moves in the L2 ball that increase a linear function most, with a limit for each column."""

import numpy as np

__all__ = ["NEGLIGIBLE", "multipliers_in_l2_ball", "scaled_sizes", "sizes_in_l2_ball"]

NEGLIGIBLE = 1e-150  # slope, compared with the steepest, whose square underflows
_ALL = 1e300  # a multiplier of rows whose columns all go as far as they can
# of the rows, that are still looked at together; from a twentieth to a half took the same time
_MANY = 0.25


def sizes_in_l2_ball(slopes, room, radii):
    """Sizes ``min(t · slope, room)`` with the largest t that stays in the ball.

    They maximize ``slopes @ sizes``.

    Parameters
    ----------
    slopes : ndarray of shape (n_columns,) or (n_samples, n_columns)
        Not negative, and none larger than one.
    room : ndarray of shape (n_samples, n_columns)
        Largest sizes; zero where a slope is zero or `NEGLIGIBLE`.
    radii : ndarray of shape (n_samples,)
        Of the balls.

    Returns
    -------
    sizes : ndarray of shape (n_samples, n_columns)
        At least zero.
    """
    return scaled_sizes(multipliers_in_l2_ball(slopes, room, radii), slopes, room)


def scaled_sizes(multipliers, slopes, room):
    """``min(t · slope, room)`` with a t for each row, shape (n_samples, n_columns).

    The result is in the order of columns.
    """
    return np.minimum(multipliers * _by_column(slopes), room.T).T


def multipliers_in_l2_ball(slopes, room, radii):
    """The t of `sizes_in_l2_ball`, shape (n_samples,), by stopping columns at their room.

    It is fastest for arrays in the order of columns, since rows are many and columns few.
    """
    t, rows, left = np.empty(len(room)), slice(None), np.square(radii)
    some, ends = _by_column(slopes), room.T
    squares, is_free, within = np.square(some), ends > 0, 0.0
    while True:
        free = _sums(is_free * squares)
        with np.errstate(divide="ignore", invalid="ignore"):
            now = np.where(free > 0, np.sqrt(np.maximum(left - within, 0) / free), _ALL)
        t[rows] = now
        is_ahead = is_free & (now * some < ends)
        again = np.flatnonzero((is_ahead != is_free).any(axis=0))
        if not len(again):
            return t
        is_free = is_ahead
        if len(again) < _MANY * ends.shape[1]:
            rows = again if isinstance(rows, slice) else rows[again]
            ends, is_free, left = ends[:, again], is_free[:, again], left[again]
            if slopes.ndim > 1:
                some, squares = some[:, again], squares[:, again]
        within = _sums(np.where(is_free, 0, ends) ** 2)


def _by_column(slopes):
    return slopes[:, None] if slopes.ndim == 1 else slopes.T


def _sums(columns):
    return np.ones(len(columns)) @ columns
