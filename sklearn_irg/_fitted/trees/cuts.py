"""Cuts for doubles, from comparisons in single precision."""

import numpy as np

__all__ = ["largest_below_single", "largest_up_to_single"]


def largest_up_to_single(ends):
    """The largest double x for which ``float32(x) <= end``.

    Numbers halfway between two neighbors of single precision are rounded to the even one.
    """
    ends = np.asarray(ends, dtype=np.float64)
    with np.errstate(over="ignore"):
        below = ends.astype(np.float32)
        below = np.where(below > ends, np.nextafter(below, np.float32(-np.inf)), below)
        halfway = (below.astype(np.float64) + _next_of_single(below)) / 2
        cut = np.where(halfway.astype(np.float32) <= below, halfway, np.nextafter(halfway, -np.inf))
    return np.where(np.isinf(ends), ends, cut)


def largest_below_single(ends):
    """The largest double x for which ``float32(x) < end``."""
    with np.errstate(over="ignore"):
        return largest_up_to_single(
            np.nextafter(np.asarray(ends, dtype=np.float32), np.float32(-np.inf))
        )


def _next_of_single(below):
    """The next number of single precision, or where it would be if there were a larger one."""
    above = np.nextafter(below, np.float32(np.inf)).astype(np.float64)
    return np.where(np.isinf(above) & np.isfinite(below), 2.0**128, above)
