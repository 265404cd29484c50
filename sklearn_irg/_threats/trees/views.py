"""Rows of a problem with the features of its trees."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Views"]


@dataclass(frozen=True)
class Views:
    """Some rows of a problem, with the features of its trees.

    Attributes
    ----------
    problem : AttackProblem
        These rows.
    row : ndarray of int of shape (n_views,)
        Their positions among all rows.
    inner_X : ndarray of shape (n_views, n_features)
        Features of the trees, and the numbers of columns in pieces.
    pieces : ColumnPieces
        The columns in pieces.
    """

    problem: object
    row: np.ndarray
    inner_X: np.ndarray
    pieces: object

    @classmethod
    def of(cls, some, row, pieces):
        """Views of the rows at some positions of a problem."""
        problem = some.take(row)
        return cls(
            problem,
            row,
            _inner_X(problem, pieces, np.zeros(problem.perturbations.numbers.shape)),
            pieces,
        )

    def take(self, views):
        """Some of the views."""
        return Views(self.problem.take(views), self.row[views], self.inner_X[views], self.pieces)

    def inner_X_at(self, views, delta, codes=None):
        """Features of some rows with numbers moved, at given levels or their present ones."""
        return _inner_X(self.problem.take(views), self.pieces, delta, codes)


def _inner_X(problem, pieces, delta, codes=None):
    codes = problem.perturbations.codes if codes is None else codes
    return problem.model.trees.coded(pieces.inner_X(problem, delta, codes))
