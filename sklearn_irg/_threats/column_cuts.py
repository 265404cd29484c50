"""Cuts between the pieces of a column's function, found from outputs of the steps."""

import numpy as np

from sklearn_irg._threats.held_numbers import between
from sklearn_irg._threats.rounding import N_OPERATIONS

__all__ = ["Cuts", "NotPiecewiseError"]

# of an interval, in one call of the steps, whose fixed cost is that of many numbers
_N_HALVINGS = 5
_LARGEST = 2.0**62  # number that is tried, so that ranks of integers fit into int64
# of a scale, by which rounding may move kinks; 1 is the same for the tables of the tests, and 1e-9
# too little for columns in single precision
_BLURRED = 1e-3


class NotPiecewiseError(ValueError):
    """Steps differ from what they declare; its text ends a sentence."""


class Cuts:
    """Numbers of a column between which its pieces end and begin."""

    def __init__(self, tables, j, kinks, held):
        self.tables, self.j, self.held = tables, j, held
        points = np.intersect1d(kinks, tables.reading.points.get(j, []))
        self.points = held.ranks(points[held.holds(points)])
        lowest, highest = np.clip(tables.limits[j], -_LARGEST, _LARGEST)
        self.lowest, self.highest = held.ranks(np.array([lowest, highest]))
        self.kinks = np.setdiff1d(kinks, points)

    def found(self):
        """Ranks of the last number of each piece and of the first of the next, shape (n_cuts, 2).

        A number with an effect of its own is a piece, and one where the slope changes belongs to
        both.
        """
        low, high = self._windows()
        jumps = self._jumps(*self._without_points(low, high))
        is_bend = np.ones(len(self.kinks), dtype=bool)
        at = self.held.ranks(self.kinks)
        for a, b in zip(low, high):
            if ((jumps >= a) & (jumps < b)).any():
                is_bend &= (at < a) | (at > b)
        up = (self.held.numbers(at) < self.kinks).astype(int) if self.held.dtype is None else 0
        points = np.concatenate([self.points - 1, self.points, jumps])
        cuts = np.concatenate(
            [np.stack([points, points + 1], axis=1), np.stack([at, at + up], axis=1)[is_bend]]
        )
        return np.unique(cuts[(cuts[:, 0] >= self.lowest) & (cuts[:, 1] <= self.highest)], axis=0)

    def _windows(self):
        """Ranks around kinks as far as rounding may move them, with overlapping windows merged."""
        reading = self.tables.reading
        of_numbers, apart = reading.looseness[:, self.j]
        loose = (
            N_OPERATIONS * self.tables.precision * ((1 + of_numbers) * np.abs(self.kinks) + apart)
        )
        if (loose > _BLURRED * self.tables.problem.perturbations.scales[self.j]).any():
            raise NotPiecewiseError("rounding moves the kinks of the steps too far")
        more = 0 if self.held.dtype is None else 2
        order = np.argsort(self.kinks - loose, kind="stable")
        low = self.held.ranks(self.kinks - loose)[order] - more
        high = self.held.ranks(self.kinks + loose)[order] + 1 + more
        is_first = np.append(True, low[1:] >= np.maximum.accumulate(high)[:-1])[: len(low)]
        first = np.flatnonzero(is_first)
        high = np.maximum.reduceat(high, first) if len(first) else high
        return np.maximum(low[first], self.lowest), np.minimum(high, self.highest)

    def _without_points(self, low, high):
        parts = []
        for a, b in zip(low, high):
            inside = self.points[(self.points >= a) & (self.points <= b)]
            parts += zip([a, *(inside + 1)], [*(inside - 1), b])
        parts = np.array(parts, dtype=np.int64).reshape(-1, 2)
        return parts[parts[:, 0] < parts[:, 1]].T

    def _jumps(self, low, high):
        """Ranks after which the output jumps.

        Intervals are split until their ends are neighbors.
        """
        found = [np.zeros(0, dtype=np.int64)]
        while len(low):
            edges = _split(low, high)
            differs = self._differ(edges) & (edges[:, 1:] > edges[:, :-1])
            low, high = edges[:, :-1][differs], edges[:, 1:][differs]
            is_jump = high - low == 1
            found.append(low[is_jump])
            low, high = low[~is_jump], high[~is_jump]
        return np.sort(np.concatenate(found))

    def _differ(self, edges):
        """Whether outputs at neighbors differ by more than rounding and slopes explain."""
        numbers = self.held.numbers(edges)
        outputs = self.tables.outputs(self.j, numbers.ravel())
        sizes = self.tables.tolerance(self.j, np.abs(numbers).ravel(), outputs).reshape(
            *edges.shape, -1
        )
        outputs = outputs.reshape(sizes.shape)
        ways = (
            2 * np.diff(numbers, axis=1) * (self.held.dtype is not None)
        )  # integers are cut anywhere
        gradual = ways[:, :, None] * self.tables.reading.sizes[self.j]
        return (
            np.abs(np.diff(outputs, axis=1)) > np.maximum(sizes[:, 1:], sizes[:, :-1]) + gradual
        ).any(axis=2)


def _split(low, high):
    """Edges of equal parts of intervals of ranks, shape (n_intervals, n_edges)."""
    edges = np.stack([low, high], axis=1)
    for _ in range(_N_HALVINGS):
        parts = np.empty((len(edges), 2 * edges.shape[1] - 1), dtype=np.int64)
        parts[:, ::2], parts[:, 1::2] = edges, between(edges[:, :-1], edges[:, 1:])
        edges = parts
    return edges
