"""Columns of a table in pieces, on each of which all splits of the trees behind steps are constant.

Behind a monotone step, or one that jumps at known numbers, trees ask for a function of one column,
``g(x) <= cut``, and numbers of the column itself answer the same: the cells of the search are
pieces of the column, in its own units. A column in pieces is appended to the columns that the trees
see, and replaces those that come from it.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from sklearn_irg._threats.rounding import distance_slack
from sklearn_irg._threats.sources import sources_of

__all__ = ["ColumnPieces", "NotInPiecesError"]

_MOST_BOXES = 2_000_000  # of leaves, since one leaf may need several; bounds memory


class NotInPiecesError(ValueError):
    """Steps differ from what they declare, or reject numbers; its text ends a sentence."""


@dataclass
class ColumnPieces:
    """Columns in pieces that a search takes in place of the features of the trees.

    Attributes
    ----------
    n_features : int
        Number of columns that the trees see.
    columns : ndarray of int of shape (n_columns,)
        Columns of the table that are in pieces.
    is_replaced : ndarray of bool of shape (n_features,)
        Columns that the trees see and that come from one of these.
    is_complete : bool
        Whether the features of the trees are affine in all other columns that move.
    features : list of ndarray of int
        For each column in pieces, the features that come from it.
    cells : list of ndarray of int of shape (n_pieces, n_features_of_column)
        Cell of each of these features, among its thresholds, on each piece.
    missing : list of ndarray of int of shape (n_features_of_column,)
        The same where the column is missing; None where it never is.
    first, last : list of ndarray of shape (n_pieces - 1,)
        First numbers of all pieces but the first one, and last numbers of all but the last.
    soonest, latest : list of ndarray of shape (n_pieces - 1,)
        The same, as far as rounding inside the steps may move them.
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
        """No column in pieces."""
        return cls(n_features, np.zeros(0, dtype=int), np.zeros(n_features, dtype=bool))

    def add(self, **parts):
        """Append one more column."""
        for name, part in parts.items():
            getattr(self, name).append(part)

    def inner_X(self, problem, delta, codes):
        """Features of the trees for rows that have moved, and numbers of the columns in pieces."""
        inner_X = problem.step_outputs(delta, codes)
        if not len(self.columns):
            return inner_X
        return np.concatenate([inner_X, problem.tables.numbers_at(delta)[:, self.columns]], axis=1)

    def sources(self, problem):
        """`sources_of`, with the columns in pieces in place of the features that come from them."""
        slopes, source = sources_of(problem)
        direct = np.eye(len(slopes))[:, self.columns]
        is_still = ~problem.perturbations.movable_columns[self.columns]
        slopes = np.concatenate([slopes * ~self.is_replaced, direct * ~is_still], axis=1)
        return slopes, np.append(
            np.where(self.is_replaced, -1, source), np.where(is_still, -1, self.columns)
        )

    def slack(self, problem):
        """Rounding errors of distances to thresholds, except those of columns in pieces."""
        return (
            distance_slack(problem, ~self.is_replaced)
            if self.is_replaced.any()
            else distance_slack(problem)
        )

    def ends_of(self, column, cuts):
        """First and last numbers of a column's cells, also as far as rounding may move them."""
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
        """Points found, with the whole pipeline as model where features are replaced."""
        return (
            best.as_whole() if self.is_replaced.any() and best.problem.whole is not None else best
        )

    def boxes(self, boxes):
        """Boxes of leaves with the columns in pieces after the others.

        A leaf that several separate intervals reach has several boxes.
        """
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
        low=_with_column(boxes.low[leaf], low),
        high=_with_column(boxes.high[leaf], high),
        takes_missing=np.column_stack([boxes.takes_missing[leaf], takes_missing[leaf]]),
        takes_code={column: takes[leaf] for column, takes in boxes.takes_code.items()},
        thresholds=[*boxes.thresholds, last],
    )


def _with_column(cells, column):
    """Cells with those of one more column, in the smallest integer type that holds them."""
    column = column.astype(
        np.promote_types(cells.dtype, np.min_scalar_type(-1 - column.max(initial=0)))
    )
    return np.asfortranarray(np.column_stack([cells, column]))


def _reached(boxes, features, cells):
    """Whether each leaf is reached from cells of some features, shape (n_leaves, n_pieces)."""
    reached = np.ones((len(boxes.node), len(cells)), dtype=bool)
    for cell, f in zip(cells.T, features, strict=True):
        inside = (boxes.low[:, [f]] <= cell) & (cell <= boxes.high[:, [f]])
        is_missing = cell == len(boxes.thresholds[f]) + 1
        reached &= np.where(is_missing, boxes.takes_missing[:, [f]], inside)
    return reached
