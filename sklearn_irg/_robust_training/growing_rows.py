"""Training rows, and all that they have become so far."""

import numpy as np

__all__ = ["GrowingRows"]


class GrowingRows:
    """Rows of a table and moved copies of them, as points of the set of what they may become.

    Parameters
    ----------
    tables : TablePerturbations
        The rows as they are, and what they may become.
    weights : ndarray of shape (n_samples,)
        Their weights, which their copies carry, too.
    merges : bool
        Whether equal copies of a row become one of a larger weight.
    max_rows : int or None
        The copies that came first go where there would be more rows, also where they have come
        again.

    Attributes
    ----------
    source : ndarray of int of shape (n_rows,)
        Of which row each is a copy; the rows themselves come first.
    weights : ndarray of shape (n_rows,)
        Weights.
    """

    def __init__(self, tables, weights, *, merges, max_rows=None):
        self.tables, self.merges, self.max_rows = tables, merges, max_rows
        self.source = np.arange(len(tables))
        self.delta = np.zeros(tables.arrays.numbers.shape)
        self.codes = tables.arrays.codes.copy()
        self.weights = weights
        self._own_weights = weights

    def __len__(self):
        return len(self.source)

    @property
    def X(self):
        """All rows, like those of the table."""
        return self.tables.take(self.source).result(self.delta, self.codes)

    def add(self, rows, delta, codes):
        """Add a copy of each of some rows."""
        n_rows = len(self.tables)
        self.source = np.concatenate([self.source, rows])
        self.delta = np.concatenate([self.delta, delta + 0.0])  # no negative zeros
        self.codes = np.concatenate([self.codes, codes])
        self.weights = np.concatenate([self.weights, self._own_weights[rows]])
        if self.merges:
            self._merge()
        if self.max_rows is not None and len(self) > self.max_rows:
            self._keep(np.r_[:n_rows, len(self) - (self.max_rows - n_rows) : len(self)])

    def _merge(self):
        keys = np.column_stack([self.source, self.codes, self.delta])
        _, first, group = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        weights = np.bincount(group.ravel(), self.weights)
        order = np.argsort(first)
        self._keep(first[order])
        self.weights = weights[order]

    def _keep(self, rows):
        self.source, self.delta, self.codes, self.weights = (
            a[rows] for a in (self.source, self.delta, self.codes, self.weights)
        )
