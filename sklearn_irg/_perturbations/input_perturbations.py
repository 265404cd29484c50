"""Perturbation sets of a model's inputs: numbers in boxes and balls, and additive levels."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array, issparse

from sklearn_irg._perturbations.linear_minimization import linear_minimization
from sklearn_irg._perturbations.projection import BoxAndBall, rounded_towards_zero

__all__ = ["InputPerturbations"]

# nonzero weights, of all, up to which a sparse matrix is faster; at a quarter both take the same
# time
_FEW = 0.25
_SMALL = (
    20_000  # unless there are no more than this: a sparse product takes 30 µs before it multiplies
)
_BLOCK = 16  # columns; any number is as fast that is a small share of all


class Ways(NamedTuple):
    """The ways to change levels, in groups.

    Levels of one column that may become the same ones share a group.

    Attributes
    ----------
    to : ndarray of int of shape (n_ways,)
        The level that each leads to; each group begins with n_levels, which is none.
    starts : ndarray of int of shape (n_groups,)
        First position of each group.
    of_way, of_level : ndarray of int
        The group of each way and of each level.
    column : ndarray of int of shape (n_levels,)
        The column of each level.
    are_all : bool
        Whether each level may become all others of its column.
    """

    to: np.ndarray
    starts: np.ndarray
    of_way: np.ndarray
    of_level: np.ndarray
    column: np.ndarray
    are_all: bool

    @classmethod
    def of(cls, starts, swaps):
        """Ways from the starts of the columns' levels, and from which levels may become which."""
        groups, of_level, none = [], [], [starts[-1]]
        for start, possible in zip(starts[:-1], swaps, strict=True):
            masks = np.atleast_2d(possible)
            of_level.append(
                len(groups)
                + (np.arange(len(masks)) if possible.ndim > 1 else np.zeros(len(possible), int))
            )
            groups += [np.append(none, start + np.flatnonzero(mask)) for mask in masks]
        sizes = np.array([len(group) for group in groups], dtype=int)
        return cls(
            np.concatenate([np.zeros(0, int), *groups]),
            np.cumsum(sizes) - sizes,
            np.repeat(np.arange(len(sizes)), sizes),
            np.concatenate([np.zeros(0, int), *of_level]),
            np.repeat(np.arange(len(swaps)), np.diff(starts)),
            all(possible.ndim == 1 and possible.all() for possible in swaps),
        )


@dataclass(frozen=True)
class InputPerturbations:
    """A perturbation set at a radius, as seen from the inputs of a model.

    The inputs are affine in numbers and additive in levels.

    A point of it is ``delta``, shape (n_samples, n_columns), how far each number has moved in units
    of its scale, and codes of levels. Columns of numbers that move in no row are left out. Arrays
    of rows are in the order of columns, which are few: what is done to them runs along rows.

    Attributes
    ----------
    low, high : ndarray of shape (n_samples, n_columns)
        Bounds of delta.
    steps : ndarray of shape (n_columns,)
        Delta of a column of integers is a multiple of this; zero for others.
    radii : ndarray of shape (n_samples,)
        Of each row's ball.
    norm : {"l2", "linf", "l1"}
        Its norm.
    weights : {ndarray, sparse array} of shape (n_columns, n_inputs)
        What a unit of scale of each column adds to the inputs.
    n_swaps : int
        Maximum number of levels of a row that change.
    places : ndarray of int of shape (n_samples, n_swappable)
        Levels that rows have in each column that may change, as places among all levels of all
        these columns; n_levels where a cell is missing.
    starts : ndarray of int of shape (n_swappable + 1,)
        First place of the levels of each of these columns, and the end of the last ones.
    swaps : tuple of ndarray of bool
        For each of these columns: which of its levels may become which, shape (n_own, n_own), or,
        where all may become the same ones, which ones these are, shape (n_own,).
    levels : ndarray of shape (n_levels, n_inputs)
        What each level adds to the inputs.
    ways : Ways
        The same as ``swaps``, in one array.
    """

    low: np.ndarray
    high: np.ndarray
    steps: np.ndarray
    radii: np.ndarray
    norm: str
    weights: object
    n_swaps: int
    places: np.ndarray
    starts: np.ndarray
    swaps: tuple
    levels: np.ndarray
    ways: Ways

    @classmethod
    def of(cls, perturbations, weights, levels, radii):
        """Those of a `PerturbationSet` at a radius for each row.

        ``weights`` are what a unit of scale of each of its columns adds to the inputs, ``levels``
        what each level of each swappable column adds.
        """
        moving = np.flatnonzero(perturbations.movable_columns)
        low, high = (np.empty((len(perturbations), len(moving)), order="F") for _ in range(2))
        for start in range(0, len(moving), _BLOCK):  # so that no third array is as wide as the rows
            some = slice(start, start + _BLOCK)
            low[:, some], high[:, some] = perturbations.box(radii[:, None], moving[some])
        weights = weights[moving]
        if weights.size <= _SMALL:
            weights = weights.toarray() if issparse(weights) else weights
        elif not issparse(weights) and np.count_nonzero(weights) <= _FEW * weights.size:
            weights = csr_array(weights)
        starts, codes = np.cumsum([0, *map(len, levels)]), perturbations.codes[:, : len(levels)]
        swaps = tuple(map(_simplest, perturbations.swaps))
        return cls(
            low,
            high,
            perturbations.steps[moving],
            radii,
            perturbations.norm,
            weights,
            min(perturbations.n_swaps, len(levels)),
            np.asfortranarray(np.where(codes >= 0, codes + starts[:-1], starts[-1])),
            starts,
            swaps,
            np.concatenate([np.zeros((0, weights.shape[1])), *levels]),
            Ways.of(starts, swaps),
        )

    def __len__(self):
        return len(self.radii)

    @property
    def n_inputs(self):
        """Number of inputs of the model."""
        return self.weights.shape[1]

    @property
    def is_more_than_ball(self):
        """Whether bounds, integers or swaps of levels matter."""
        movable = self.low < self.high
        radii = self.radii[:, None]
        return bool(
            self.n_swaps
            or self.steps.any()
            or (movable & ((self.low > -radii) | (self.high < radii))).any()
        )

    def take(self, rows):
        """Those of some rows."""
        return replace(
            self,
            **{
                name: getattr(self, name).T[..., rows].T
                for name in ("low", "high", "radii", "places")
            },
        )

    def swappable_columns(self):
        """For each swappable column: its levels' places as a slice, and its entry of ``swaps``."""
        return zip(map(slice, self.starts[:-1], self.starts[1:]), self.swaps)

    # -- linear functions --------------------------------------------------------------------------

    def ranges(self):
        """Lowest and highest change of each input, shape (n_samples, n_inputs)."""
        both = np.concatenate([np.eye(self.n_inputs), -np.eye(self.n_inputs)])
        ends = self.lowest(np.broadcast_to(both, (len(self), *both.shape)))
        return ends[:, : self.n_inputs], -ends[:, self.n_inputs :]

    def lowest(self, coefficients):
        """Lower bound on linear functions of the inputs' change.

        Coefficients have shape (n_samples, n_functions, n_inputs), bounds (n_samples, n_functions).
        Integers may be fractions, which is exact in "linf".
        """
        n_samples, n_functions, n_inputs = coefficients.shape
        gradients = np.reshape(coefficients, (-1, n_inputs)) @ self.weights.T
        low, high, radii = (
            np.repeat(a, n_functions, axis=0) for a in (self.low, self.high, self.radii)
        )
        _, bound = linear_minimization(
            gradients, low, high, np.zeros(low.shape[1]), radii, self.norm
        )
        return bound.reshape(n_samples, n_functions) + self._lowest_swaps(coefficients)

    def _lowest_swaps(self, coefficients):
        if not self.n_swaps:
            return 0.0
        gains = self.swap_gains(-coefficients)
        best = [
            gains[..., levels].max(axis=-1, initial=0) for levels, _ in self.swappable_columns()
        ]
        return -np.sort(best, axis=0)[-self.n_swaps :].sum(axis=0)

    def swap_gains(self, coefficients):
        """Increase of linear functions of the inputs by a change to each level.

        Coefficients have shape (n_samples, …, n_inputs), gains (n_samples, …, n_levels); these are
        minus infinity where the change is not allowed.
        """
        return self.gains_of_swaps(coefficients @ self.levels.T)

    def gains_of_swaps(self, values):
        """The same for linear functions' values of each level, shape (n_samples, …, n_levels)."""
        sizes, each = np.diff(self.starts), (len(values),) + (1,) * (values.ndim - 2)
        has_level = self.places < self.starts[-1]
        current = np.where(has_level, self.places, self.starts[:-1])
        current_places = current.reshape(*each, -1)
        change = values - np.repeat(
            np.take_along_axis(values, current_places, axis=-1), sizes, axis=-1
        )
        np.put_along_axis(change, current_places, -np.inf, axis=-1)  # to stay is no swap
        if self.ways.are_all and has_level.all():
            return change
        allowed = np.repeat(has_level, sizes, axis=1)
        for c, (levels, swaps) in enumerate(self.swappable_columns()):
            allowed[:, levels] &= (
                swaps if swaps.ndim == 1 else swaps[current[:, c] - self.starts[c]]
            )
        return np.where(allowed.reshape(*each, -1), change, -np.inf)

    def sums_of_changes(self, places, rows):
        """Sums of rows over cells that change to each level, less those that change from it.

        The shape is (n_levels, …).
        """
        sample, column = np.nonzero(places != self.places)
        taken = np.zeros((len(rows), self.starts[-1] + 1), dtype=rows.dtype)
        taken[sample, places[sample, column]] = 1
        taken[sample, self.places[sample, column]] = -1
        return taken[:, :-1].T @ rows

    def sums_by_place(self, rows):
        """Sums of rows over the cells of each level.

        ``rows`` are those of the first swappable column, then those of the second, ….
        """
        return (self._cells_by_place @ rows)[:-1]

    @cached_property
    def _cells_by_place(self):
        places = self.places.T.ravel()
        shape = (len(places), self.starts[-1] + 1)
        return csr_array((np.ones(len(places)), places, np.arange(len(places) + 1)), shape=shape).T

    # -- points ------------------------------------------------------------------------------------

    @property
    def box_and_ball(self):
        """Box and ball that delta is in, if all radii are the same."""
        return BoxAndBall(self.low, self.high, float(self.radii.max(initial=0)), self.norm)

    def random_delta(self, random_state):
        """Delta of random points of box and ball; integers may be fractions."""
        return self.box_and_ball.project(random_state.uniform(self.low, self.high))

    def furthest(self, gradients):
        """Delta at which linear functions with these gradients are largest; integers are exact."""
        return linear_minimization(
            -gradients, self.low, self.high, self.steps, self.radii, self.norm
        )[0]

    def on_grid(self, delta):
        """Delta with integers rounded towards the row."""
        return rounded_towards_zero(delta, self.steps)


def _simplest(swaps):
    """Allowed swaps as a vector if all levels may become the same ones, else as they are.

    A level may always stay as it is.
    """
    possible = swaps.any(axis=0)
    is_own = np.eye(len(swaps), dtype=bool)
    return possible if (swaps == (possible & ~is_own)).all() else swaps
