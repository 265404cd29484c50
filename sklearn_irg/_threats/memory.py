"""Rows and numbers that a threat model remembers of the table that it was fitted on."""

from dataclasses import dataclass, field

import numpy as np

__all__ = ["TableMemory"]

_N_EXAMPLES = 200  # rows; with four, a test finds a false certificate behind steps that clip noise
_N_USUAL = 24  # numbers of each column; one was enough for the steps of the tests


@dataclass(frozen=True)
class TableMemory:
    """Some rows and numbers of a table, so that searches for a row need no other rows than these.

    Attributes
    ----------
    examples : DataFrame, ndarray or None
        Rows, evenly spaced: directions for searches, and points at which unknown steps are tried.
        None where there are none.
    spreads : ndarray of shape (n_columns,) or None
        Standard deviation of each column.
    usual : dict of int to ndarray
        The most frequent numbers of each column, which may stand for something else.
    """

    examples: object = None
    spreads: object = None
    usual: dict = field(default_factory=dict)

    @classmethod
    def of(cls, table):
        """Memory of a table."""
        rows = np.unique(np.linspace(0, len(table) - 1, _N_EXAMPLES).astype(int))
        spreads, usual = np.zeros(table.n_columns), {}
        for j, column in enumerate(table.numbers().T):
            finite = column[np.isfinite(column)]
            if len(finite):
                numbers, counts = np.unique(finite, return_counts=True)
                usual[j] = numbers[np.argsort(-counts, kind="stable")[:_N_USUAL]]
                spreads[j] = finite.std()
        return cls(table.take(rows).X, spreads, usual)
