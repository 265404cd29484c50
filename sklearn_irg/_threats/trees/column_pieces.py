"""Columns of a table in pieces, on each of which every question of the trees behind the steps has one answer.

Behind a monotone step, or one that jumps at known numbers, trees ask where a function of one column
is, ``g(x) <= cut``, and the column's own numbers say the same: the cells of the search are pieces
of the column, in its own units. A column in pieces stands behind the columns that the trees see, as
one more, and replaces those that come from it.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from sklearn_irg._threats.rounding import distance_slack
from sklearn_irg._threats.sources import sources_of

__all__ = ["ColumnPieces", "NotInPiecesError"]

_MOST_BOXES = 2_000_000  # of leaves


class NotInPiecesError(ValueError):
    """Steps do something else than what they declare, or refuse numbers; its text ends a sentence."""


@dataclass
class ColumnPieces:
    """What the search of trees takes for the columns that these see.

    Attributes
    ----------
    n_features : int
        Number of columns that the trees see.
    columns : ndarray of int of shape (n_columns,)
        Columns of the table that are in pieces.
    is_replaced : ndarray of bool of shape (n_features,)
        Columns that the trees see and that come from one of these.
    is_complete : bool
        Whether all other columns that move are affine in what the trees see.
    features : list of ndarray of int
        Of each column in pieces, those that come from it.
    cells : list of ndarray of int of shape (n_pieces, n_features_of_column)
        In which cell of its thresholds each of these is.
    missing : list of ndarray of int of shape (n_features_of_column,)
        The same where the column's cell is missing, or None where none is.
    first, last : list of ndarray of shape (n_pieces - 1,)
        First numbers of all pieces but the first one, and last ones of all but the last.
    soonest, latest : list of ndarray of shape (n_pieces - 1,)
        The same as far as rounding inside the steps may move them.
    """

    n_features: int
    columns: np.ndarray
    is_replaced: np.ndarray
    is_complete: bool = False
    features: list = field(default_factory=list)
    cells: list = field(default_factory=list)
    missing: list = field(default_factory=list)
    first: list = field(default_factory=list)
    last: list = field(default_factory=list)
    soonest: list = field(default_factory=list)
    latest: list = field(default_factory=list)

    @classmethod
    def none(cls, n_features):
        """No column."""
        return cls(n_features, np.zeros(0, dtype=int), np.zeros(n_features, dtype=bool))

    def add(self, **parts):
        """One more column."""
        for name, part in parts.items():
            getattr(self, name).append(part)

    def seen(self, problem, delta, codes):
        """What trees see of rows that have moved, and the numbers of the columns in pieces."""
        seen = problem.entering(delta, codes)
        if not len(self.columns):
            return seen
        return np.concatenate([seen, problem.tables.numbers_at(delta)[:, self.columns]], axis=1)

    def sources(self, problem):
        """As `sources_of`, with the columns in pieces in place of what comes from them."""
        slopes, source = sources_of(problem)
        own = np.eye(len(slopes))[:, self.columns]
        is_still = ~problem.perturbations.movable_columns[self.columns]
        slopes = np.concatenate([slopes * ~self.is_replaced, own * ~is_still], axis=1)
        return slopes, np.append(
            np.where(self.is_replaced, -1, source), np.where(is_still, -1, self.columns)
        )

    def slack(self, problem):
        """How far distances to thresholds may be off, but for those of columns in pieces."""
        return (
            distance_slack(problem, ~self.is_replaced)
            if self.is_replaced.any()
            else distance_slack(problem)
        )

    def ends_of(self, column, cuts):
        """First and last numbers of the cells of a column, and the same as far as rounding may move them."""
        k = column - self.n_features
        if k < 0:
            ends = np.append(-np.inf, np.nextafter(cuts, np.inf)), np.append(cuts, np.inf)
            return ends, ends
        here = np.isin(self.last[k], cuts)  # all, or those in reach of a row
        pairs = (
            (self.first[k][here], self.last[k][here]),
            (self.soonest[k][here], self.latest[k][here]),
        )
        return tuple((np.append(-np.inf, first), np.append(last, np.inf)) for first, last in pairs)

    def confirming(self, best):
        """What was found, in a model that is right behind the steps, too."""
        return (
            best.as_whole() if self.is_replaced.any() and best.problem.whole is not None else best
        )

    def boxes(self, boxes):
        """Boxes of leaves with the columns in pieces behind the others; several of a leaf that is reached here and there."""
        for features, cells, missing, last in zip(
            self.features, self.cells, self.missing, self.last, strict=True
        ):
            boxes = _in_pieces(boxes, features, cells, missing, last)
        return boxes


def _in_pieces(boxes, features, cells, missing, last):
    """Boxes with one more column."""
    reached = _reached(boxes, features, cells)
    takes_missing = (
        np.zeros(len(reached), dtype=bool)
        if missing is None
        else _reached(boxes, features, missing[None])[:, 0]
    )
    change = np.diff(reached.astype(np.int8), axis=1, prepend=0, append=0)
    (leaf, low), (_, high) = np.nonzero(change == 1), np.nonzero(change == -1)
    empty = np.flatnonzero(~reached.any(axis=1))
    if len(leaf) + len(empty) > _MOST_BOXES:
        raise NotInPiecesError(
            f"their leaves are in more than {_MOST_BOXES} pieces behind the steps"
        )
    leaf, low, high = (
        np.append(leaf, empty),
        np.append(low, np.ones_like(empty)),
        np.append(high - 1, np.zeros_like(empty)),
    )
    order = np.argsort(leaf, kind="stable")
    leaf, low, high = leaf[order], low[order], high[order]
    return replace(
        boxes,
        node=boxes.node[leaf],
        tree=boxes.tree[leaf],
        low=_beside(boxes.low[leaf], low),
        high=_beside(boxes.high[leaf], high),
        takes_missing=np.column_stack([boxes.takes_missing[leaf], takes_missing[leaf]]),
        takes_code={column: takes[leaf] for column, takes in boxes.takes_code.items()},
        thresholds=[*boxes.thresholds, last],
    )


def _beside(cells, column):
    """Cells with those of one more column, in a type of integers that is as small as may be."""
    column = column.astype(
        np.promote_types(cells.dtype, np.min_scalar_type(-1 - column.max(initial=0)))
    )
    return np.asfortranarray(np.column_stack([cells, column]))


def _reached(boxes, features, cells):
    """Which leaves are reached from some cells of several columns, shape (n_leaves, n_pieces)."""
    reached = np.ones((len(boxes.node), len(cells)), dtype=bool)
    for cell, f in zip(cells.T, features, strict=True):
        inside = (boxes.low[:, [f]] <= cell) & (cell <= boxes.high[:, [f]])
        is_missing = cell == len(boxes.thresholds[f]) + 1
        reached &= np.where(is_missing, boxes.takes_missing[:, [f]], inside)
    return reached
