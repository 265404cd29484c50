"""Rows of a DataFrame of pandas, with columns of any of its types.

They are NumPy's types, nullable ones, those of Arrow, sparse, categories and objects.
"""

from functools import cached_property

import numpy as np

from sklearn_irg._fitted.cells import Kind, as_float, fits, holds, like_cell, missing_as_none
from sklearn_irg._fitted.tables import Table

__all__ = ["FrameTable"]


class FrameTable(Table):
    """Rows of a DataFrame."""

    def __init__(self, X, kinds=None, is_number=None):
        if X.columns.has_duplicates:
            twice = X.columns[X.columns.duplicated()][0]
            raise ValueError(
                f"X has the column {twice!r} twice. Give each column a name of its own."
            )
        super().__init__(X, kinds, is_number)
        self.names = list(X.columns)
        if kinds is None:
            declared = [j for j, dtype in enumerate(X.dtypes) if _is_categorical(dtype)]
            for j in declared:  # as their owner says, whatever the categories are
                self.kinds[j] = Kind.LEVELS
            self.is_number[declared] = False

    @cached_property
    def _dtypes(self):
        return list(self.X.dtypes)  # which pandas collects anew each time

    def dtype_of(self, j):
        return _numpy_dtype(self._dtypes[j])

    def digits_of(self, j):
        stored = getattr(self._dtypes[j], "pyarrow_dtype", None)
        return (stored.precision, stored.scale) if hasattr(stored, "scale") else None

    def _read_floats(self, j):
        if self.dtype_of(j).kind in "biuf":
            return self.X.iloc[:, j].to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
        return as_float(self.cells(j))

    def cells(self, j):
        return missing_as_none(self.X.iloc[:, j].tolist())

    def _rows(self, rows):
        return self.X.iloc[rows]

    def with_numbers(self, numbers, columns=None):
        frame = self.X.copy()
        for j in np.flatnonzero(self.is_number) if columns is None else columns:
            changed = ~((numbers[:, j] == self.floats(j)) | np.isnan(numbers[:, j]))
            if changed.any():
                frame.isetitem(j, self._like_column(j, numbers[:, j], changed))
        return frame

    def _like_column(self, j, numbers, changed):
        """Floats as a column of its type where it can hold them; unchanged cells stay the same."""
        before, numpy_dtype = self.floats(j), self.dtype_of(j)
        if self._dtypes[j] == np.float64:  # the most frequent by far, and holds all of them
            return np.where(changed, numbers, before)
        from pandas import Series

        column = self.X.iloc[:, j]
        if not fits(numbers[changed], numpy_dtype, self.digits_of(j)):
            return Series(np.where(np.isnan(numbers), before, numbers), index=column.index)
        if numpy_dtype.kind in "biuf":
            new = numbers[changed].astype(numpy_dtype)
        else:
            new = np.empty(changed.sum(), dtype=object)
            pairs = zip(numbers[changed], column[changed], strict=True)
            new[:] = [like_cell(number, cell) for number, cell in pairs]
        return Series(_with_values(column, changed, new), index=column.index, dtype=column.dtype)

    def with_flags_as_floats(self, columns):
        from pandas import Series

        frame = self.X.copy()
        for j in columns:
            frame.isetitem(j, Series(self.floats(j), index=frame.index))
        return frame

    def with_cells(self, j, rows, values):
        from pandas import Series
        from pandas.api.types import is_object_dtype

        frame = self.X.copy()
        column = frame.iloc[:, j]
        new = Series(list(values), dtype=object)
        if not holds(values, self.dtype_of(j)):
            column = column.astype(np.float64)
        if _is_categorical(column.dtype):
            unlisted = [
                v
                for v in dict.fromkeys(values)
                if v is not None and v not in column.dtype.categories
            ]
            column = column.cat.add_categories(unlisted) if unlisted else column
        dtype = column.dtype
        plain = getattr(dtype, "subtype", dtype) if _is_sparse(dtype) else dtype
        cells = new.to_numpy() if is_object_dtype(plain) else new.astype(plain).array
        frame.isetitem(j, Series(_with_values(column, rows, cells), index=frame.index, dtype=dtype))
        return self.with_frame(frame)


def _with_values(column, rows, values):
    """The array behind a column with other values in some rows."""
    if _is_sparse(column.dtype):  # which cannot be written to
        dense = column.sparse.to_dense().to_numpy(copy=True)
        dense[rows] = values
        return type(column.array)(dense, dtype=column.dtype)
    cells = column.array.copy()
    cells[rows] = values
    return cells


def _numpy_dtype(dtype):
    """NumPy's own type of what a column holds, or that of objects."""
    plain = dtype.subtype if _is_sparse(dtype) else getattr(dtype, "numpy_dtype", dtype)
    if isinstance(plain, np.dtype):
        return plain
    return (
        np.dtype(f"{dtype.kind}8")
        if getattr(dtype, "kind", "O") in ("M", "m")
        else np.dtype(object)
    )


def _is_categorical(dtype):
    return getattr(dtype, "name", None) == "category"


def _is_sparse(dtype):
    return hasattr(dtype, "fill_value") and hasattr(dtype, "subtype")
