"""Models of tables that trees take without steps: numbers as doubles, categories as codes."""

import numpy as np

from sklearn_irg._fitted.table_models import FunctionTableModel
from sklearn_irg._fitted.trees import TreesInside

__all__ = ["CodedTableModel"]


class CodedTableModel(FunctionTableModel):
    """Scores of an estimator that takes a table as it is, and the trees that it consists of."""

    is_axis_aligned = True

    def __init__(self, function, n_features, n_outputs, classes, name, estimator):
        super().__init__(function, n_features, n_outputs, classes, name)
        self.levels = {}
        self.trees = TreesInside(estimator, self._cells)

    def bind(self, table):
        self._coded = None
        return super().bind(table)

    def _cells(self, column):
        """Cells that rows may have in a column."""
        cells = {*self.table.cells(column), *self.levels.get(column, ())}
        return cells - {None}

    def to_inner(self, X):
        """Numbers, which may have moved, flags as zeros and ones, and codes."""
        numbers = super().to_inner(X)
        if self._coded is None:
            self._coded = self.trees.coded_table(self.table)
        is_still = ~self.table.is_number
        is_still[list(self.trees.reading.categories)] = True
        return (
            numbers if self._coded is None else np.where(is_still, self._coded[X.origin], numbers)
        )
