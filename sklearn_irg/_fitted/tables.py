"""Rows of a table, taken apart into numbers and categories, and put together again."""

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import check_array

__all__ = ["Table", "as_table"]


def as_table(X, categorical=()):
    """X, a DataFrame of pandas or an array of numbers or of objects, as a `Table`; some columns are no numbers in any case."""
    table = _read(X)
    table.is_number[list(categorical)] = False
    return table


def _read(X):
    if issparse(X):
        raise TypeError("X must be dense; got a sparse one. Pass X.toarray().")
    if hasattr(X, "iloc"):
        return FrameTable(X)
    if hasattr(X, "columns"):
        raise TypeError(f"X must be a DataFrame of pandas or an array; got {type(X).__name__}. Pass X.to_pandas().")
    X = np.asarray(X)
    if X.dtype.kind == "O" and X.ndim == 2:
        return ArrayTable(X)
    return ArrayTable(check_array(X, dtype="numeric", ensure_all_finite="allow-nan", input_name="X"))


class Table:
    """Rows with cells that are numbers, missing, or categories.

    Attributes
    ----------
    X : DataFrame or ndarray of shape (n_samples, n_columns)
        As it was given; never changed.
    names : list or None
        Of the columns.
    is_number : ndarray of bool of shape (n_columns,)
        Columns of numbers or booleans.
    """

    def __init__(self, X, is_number=None):
        self.X = X
        self.n_columns = X.shape[1]
        if is_number is None:
            is_number = np.array([self._holds_numbers(j) for j in range(self.n_columns)], dtype=bool)
        self.is_number = is_number

    def __len__(self):
        return len(self.X)

    def numbers(self):
        """Cells as floats, NaN where they are missing or no numbers, shape (n_samples, n_columns)."""
        cells = np.full(self.X.shape, np.nan)
        for j in np.flatnonzero(self.is_number):
            cells[:, j] = self._column_as_floats(j)
        return cells

    def without_numbers(self, columns):
        """The same rows, in which some columns are no numbers."""
        return type(self)(self.X, self.is_number & ~columns)

    def name_of(self, j):
        """The column's name, or its position."""
        return j if self.names is None else self.names[j]


class FrameTable(Table):
    """Rows of a DataFrame."""

    def __init__(self, X, is_number=None):
        if X.columns.has_duplicates:
            twice = X.columns[X.columns.duplicated()][0]
            raise ValueError(f"X has the column {twice!r} twice. Give each column a name of its own.")
        super().__init__(X, is_number)
        self.names = list(X.columns)

    def _holds_numbers(self, j):
        from pandas.api.types import is_complex_dtype, is_numeric_dtype, is_object_dtype

        column = self.X.iloc[:, j]
        if is_object_dtype(column.dtype):
            present = column[~column.isna()]
            return len(present) > 0 and all(_is_number(cell) for cell in present)
        return is_numeric_dtype(column.dtype) and not is_complex_dtype(column.dtype)

    def _column_as_floats(self, j):
        return self.X.iloc[:, j].to_numpy(dtype=np.float64, na_value=np.nan)

    @property
    def dtypes(self):
        """Types of NumPy of the columns."""
        return [getattr(dtype, "numpy_dtype", dtype) for dtype in self.X.dtypes]

    def cells(self, j):
        """A column as an array of objects, None where a cell is missing."""
        column = self.X.iloc[:, j]
        return np.where(column.isna(), None, column.astype(object)).astype(object)

    def take(self, rows):
        """The table of some rows, by position, possibly repeated."""
        return FrameTable(self.X.iloc[rows], self.is_number)

    def with_numbers(self, numbers, columns=None):
        """A frame with other numbers in some columns; whole-number types stay where all numbers are whole."""
        frame = self.X.copy()
        for j in np.flatnonzero(self.is_number) if columns is None else columns:
            column = self.X.iloc[:, j]
            frame.isetitem(j, _like_column(numbers[:, j], column, self._column_as_floats(j)))
        return frame

    def with_cells(self, j, rows, values):
        """A table in which categories have been written to some rows of a column."""
        from pandas import CategoricalDtype, Series
        from pandas.api.types import is_object_dtype

        frame = self.X.copy()
        column = frame.iloc[:, j]
        new, dtype = Series(list(values), dtype=object), column.dtype
        if isinstance(dtype, CategoricalDtype):
            missing = [value for value in dict.fromkeys(values) if value not in dtype.categories]
            column = column.cat.add_categories(missing) if missing else column
        cells = column.array.copy()
        cells[rows] = new.to_numpy() if is_object_dtype(dtype) else new.astype(column.dtype).array
        frame.isetitem(j, Series(cells, index=frame.index, dtype=column.dtype))
        return FrameTable(frame, self.is_number)


class ArrayTable(Table):
    """Rows of an array."""

    names = None

    def _holds_numbers(self, j):
        if self.X.dtype.kind != "O":
            return True
        return all(_is_missing(cell) or _is_number(cell) for cell in self.X[:, j])

    def _column_as_floats(self, j):
        if self.X.dtype.kind != "O":
            return self.X[:, j].astype(np.float64)
        return np.array([np.nan if _is_missing(cell) else float(cell) for cell in self.X[:, j]])

    @property
    def dtypes(self):
        """Types of NumPy of the columns."""
        return [self.X.dtype]

    def cells(self, j):
        """A column as an array of objects, None where a cell is missing."""
        cells = self.X[:, j].astype(object)
        return np.array([None if _is_missing(cell) else cell for cell in cells], dtype=object)

    def take(self, rows):
        """The table of some rows, by position, possibly repeated."""
        return ArrayTable(self.X[rows], self.is_number)

    def with_numbers(self, numbers, columns=None):
        """An array with other numbers in some columns; whole-number types stay where all numbers are whole."""
        columns = np.flatnonzero(self.is_number) if columns is None else columns
        new = numbers[:, columns]
        if self.X.dtype.kind in "biu" and not _fits(new, self.X.dtype):
            moved = self.X.astype(np.float64)
        else:
            moved = self.X.copy()
        missing = np.isnan(new)
        moved[:, columns] = np.where(missing, moved[:, columns], new) if missing.any() else new
        return moved

    def with_cells(self, j, rows, values):
        """A table in which categories have been written to some rows of a column."""
        X = self.X.copy()
        X[rows, j] = values
        return ArrayTable(X, self.is_number)


def _like_column(numbers, column, before):
    """Floats as a column of the type of another, where it can hold them; cells that have not changed are as they were."""
    from pandas import Series

    dtype, changed = column.dtype, ~((numbers == before) | np.isnan(numbers))
    numpy_dtype = getattr(dtype, "numpy_dtype", dtype)
    if numpy_dtype.kind in "biu" and not _fits(numbers[changed], numpy_dtype):
        return Series(numbers, index=column.index)
    cells = column.array.copy()
    cells[changed] = numbers[changed].astype(numpy_dtype)
    return Series(cells, index=column.index, dtype=dtype)


def _fits(numbers, dtype):
    """Whether a type of whole numbers, or of booleans, can hold numbers."""
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    return bool(((numbers == np.rint(numbers)) & (numbers >= low) & (numbers <= high)).all())


def _is_number(cell):
    return isinstance(cell, (int, float, np.number, np.bool_))


def _is_missing(cell):
    return cell is None or cell != cell  # NaN alone differs from itself
