"""Training rows and the perturbed copies added so far."""

import numpy as np

__all__ = ["GrowingRows"]


class GrowingRows:
    """Rows of a table and perturbed copies of them, as points of their perturbation set.

    Parameters
    ----------
    tables : TablePerturbations
        The rows and their perturbation set.
    weights : ndarray of shape (n_samples,)
        Weights of the rows, which their copies also get.
    merges : bool
        Whether equal copies of a row become one of a larger weight.
    max_rows : int or None
        Largest number of rows; the copies that were added first are removed, even if equal ones
        have been added since.

    Attributes
    ----------
    source : ndarray of int of shape (n_rows,)
        Position of the row that each is a copy of; the rows themselves come first.
    weights : ndarray of shape (n_rows,)
        Weights of rows and copies.
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
