"""Rows of a problem as its trees see them."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Views"]


@dataclass(frozen=True)
class Views:
    """Some rows of a problem.

    Attributes
    ----------
    problem : AttackProblem
        These rows.
    row : ndarray of int of shape (n_views,)
        Positions of them among all.
    seen : ndarray of shape (n_views, n_features)
        What the trees see, and the numbers of columns in pieces.
    pieces : ColumnPieces
        These columns.
    """

    problem: object
    row: np.ndarray
    seen: np.ndarray
    pieces: object

    @classmethod
    def of(cls, some, row, pieces):
        """Those at positions among the rows of a problem."""
        problem = some.take(row)
        return cls(
            problem,
            row,
            _seen(problem, pieces, np.zeros(problem.perturbations.numbers.shape)),
            pieces,
        )

    def take(self, views):
        """Some of them."""
        return Views(self.problem.take(views), self.row[views], self.seen[views], self.pieces)

    def seen_at(self, views, delta, codes=None):
        """What the trees see of some rows where their numbers have moved, at other levels or their own."""
        return _seen(self.problem.take(views), self.pieces, delta, codes)


def _seen(problem, pieces, delta, codes=None):
    codes = problem.perturbations.codes if codes is None else codes
    return problem.model.trees.coded(pieces.seen(problem, delta, codes))
