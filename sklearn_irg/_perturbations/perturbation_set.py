"""Perturbation sets of rows of numbers and levels, as arrays."""

from dataclasses import dataclass, field, replace

import numpy as np

from sklearn_irg._perturbations.projection import BoxAndBall, rounded_towards_zero

__all__ = ["MARKED", "PerturbationSet"]

# of numbers: five units in the last place, within which a number that should meet a marker may
# miss it
MARKED = 1e-15
_SMALL = 1e-6  # of a scale: small beside any change that means something, and far above rounding
_ULP = np.finfo(np.float64).eps


@dataclass(frozen=True)
class PerturbationSet:
    """Boxes, grids of integers and levels around each row, in a ball.

    A point of it is ``delta``, shape (n_samples, n_columns), how far each number has moved in units
    of its scale, together with ``codes``, shape (n_samples, n_swappable), the levels of the columns
    that may change.

    Attributes
    ----------
    numbers : ndarray of shape (n_samples, n_columns)
        The rows; zero where a cell is missing or no number.
    scales : ndarray of shape (n_columns,)
        Units; one where a column cannot move.
    low, high : ndarray of shape (n_samples, n_columns)
        Bounds of delta; zero where a cell cannot move.
    steps : ndarray of shape (n_columns,)
        Delta of a column of integers is a multiple of this; zero for others.
    ends : tuple of two ndarray of shape (n_columns,)
        Smallest and largest number of each column.
    norm : {"l2", "linf", "l1"}
        Norm of the ball.
    n_swaps : int
        Maximum number of levels of a row that change.
    columns : tuple of int
        Those whose level may change.
    codes : ndarray of int of shape (n_samples, n_swappable)
        Levels that rows have; -1 where a cell is missing.
    swaps : tuple of ndarray of bool of shape (n_levels, n_levels)
        For each of these columns: which level may become which.
    markers : dict of int to sequence of float
        By column, numbers that the steps of a pipeline take for something else, such as a missing
        value.
    """

    numbers: np.ndarray
    scales: np.ndarray
    low: np.ndarray
    high: np.ndarray
    steps: np.ndarray
    ends: tuple
    norm: str
    n_swaps: int
    columns: tuple
    codes: np.ndarray
    swaps: tuple
    markers: dict = field(default_factory=dict)

    def __len__(self):
        return len(self.numbers)

    @property
    def movable_columns(self):
        """Whether numbers of each column move in some row."""
        return (self.low < self.high).any(axis=0)

    @property
    def is_constrained(self):
        """Whether anything but the ball limits how far rows can go, or levels can change."""
        is_unbounded = np.isinf(self.low) & np.isinf(self.high)
        is_bounded = (~is_unbounded & ((self.low != 0) | (self.high != 0))).any()
        return bool(self.columns or self.steps.any() or is_bounded)

    def take(self, rows):
        """The set of some rows."""
        parts = {name: getattr(self, name)[rows] for name in ("numbers", "low", "high", "codes")}
        return replace(self, **parts)

    def with_markers(self, markers):
        """The same, with numbers that stand for something else."""
        return replace(self, markers=markers)

    def smallest_move(self, j):
        """Smallest move of a column's numbers that is tried: one for integers, else 1e-6 scales."""
        return 1.0 if self.steps[j] > 0 else _SMALL * self.scales[j]

    def can_swap(self, c):
        """Whether each row may change to each level of the c-th swappable column.

        The shape is (n_samples, n_levels).
        """
        codes, swaps = self.codes[:, c], self.swaps[c]
        return (
            swaps[codes] & (codes >= 0)[:, None]
            if len(swaps)
            else np.zeros((len(codes), 0), dtype=bool)
        )

    def box(self, epsilon, columns=slice(None)):
        """Bounds of delta at a radius, on the grid of integers, for all or some columns.

        Each has shape (n_samples, n_columns). The radius may be one for each row, of shape
        (n_samples, 1).
        """
        low, high = (
            np.maximum(self.low[:, columns], -epsilon),
            np.minimum(self.high[:, columns], epsilon),
        )
        is_integer = self.steps[columns] > 0
        step = self.steps[columns][is_integer]
        low[:, is_integer] = np.ceil(low[:, is_integer] / step * (1 + 4 * _ULP)) * step
        high[:, is_integer] = np.floor(high[:, is_integer] / step * (1 + 4 * _ULP)) * step
        return np.minimum(low, 0), np.maximum(high, 0)

    def box_and_ball(self, epsilon):
        """Box and ball that delta is in at a radius."""
        return BoxAndBall(*self.box(epsilon), epsilon, self.norm)

    def on_grid(self, delta):
        """Delta with integers rounded towards the row, which leaves neither box nor ball."""
        return rounded_towards_zero(delta, self.steps)

    def moved(self, delta):
        """Numbers that delta leads to, inside bounds; integers are exact."""
        numbers = self.numbers + delta * self.scales
        is_integer = self.steps > 0
        numbers[:, is_integer] = self.numbers[:, is_integer] + np.rint(
            delta[:, is_integer] / self.steps[is_integer]
        )
        for j, markers in self.markers.items():  # which count only where they are met exactly
            for marker in markers:
                met = np.abs(numbers[:, j] - marker) <= MARKED * (
                    np.abs(self.numbers[:, j]) + np.abs(marker)
                )
                numbers[met & (delta[:, j] != 0), j] = marker
        return np.clip(
            numbers, np.minimum(self.ends[0], self.numbers), np.maximum(self.ends[1], self.numbers)
        )
