"""How far each column moves where a linear function increases most: in the L2 ball, with a limit for each column."""

import numpy as np

__all__ = ["sizes_in_l2_ball"]


def sizes_in_l2_ball(slopes, room, radii, limit=np.inf):
    """Sizes ``min(t · slope, room)`` with the largest t that stays in the ball, by stopping, again and again, what is too far.

    They maximise ``slopes @ sizes``; with a ``limit`` of t, ``slopes @ sizes - sizes² / (2 · limit)``.

    Parameters
    ----------
    slopes : ndarray of shape (n_columns,) or (n_samples, n_columns)
        Not negative.
    room : ndarray of shape (n_samples, n_columns)
        Largest sizes.
    radii : ndarray of shape (n_samples,)
        Of the balls.
    limit : float or ndarray of shape (n_samples,), default=inf
        Largest t.

    Returns
    -------
    sizes : ndarray of shape (n_samples, n_columns)
        At least zero.
    """
    sizes, rows = np.empty_like(room), np.arange(len(room))
    squared_radii, limit = radii**2, np.broadcast_to(limit, len(room))
    slopes = np.broadcast_to(slopes, room.shape)
    ends, some, is_free = room, slopes, (room > 0) & (slopes > 0)
    while len(rows):
        free, used = _sums(is_free * some**2), _sums(np.where(is_free, 0, ends) ** 2)
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.sqrt(np.maximum(squared_radii[rows] - used, 0) / free)
        t = np.where(free > 0, np.minimum(t, limit[rows]), 0)
        ahead = t[:, None] * some
        sizes[rows] = np.where(is_free, np.minimum(ahead, ends), ends)
        beyond = is_free & (ahead > ends)
        again = np.flatnonzero(beyond.any(axis=1))
        rows, ends, some, is_free = rows[again], ends[again], some[again], is_free[again] & ~beyond[again]
    return sizes


def _sums(columns):
    return columns @ np.ones(columns.shape[1])
