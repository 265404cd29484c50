"""Rows of a table, taken apart into numbers and categories, and put together again."""

from abc import ABC, abstractmethod

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import check_array

from sklearn_irg._checks import is_polars
from sklearn_irg._fitted.cells import (
    Kind,
    as_float,
    fits,
    holds,
    kind_of,
    like_cell,
    limits_of,
    missing_as_none,
    rounded,
    spacing_of,
)

__all__ = ["Table", "as_table", "flags_as_floats"]


def as_table(X, categorical=(), numerical=()):
    """X, a DataFrame of pandas or polars or an array of numbers or of objects, as a `Table`.

    ``categorical`` columns are never numbers, and flags are numbers only where they are
    ``numerical``.
    """
    table = _read(X)
    table.is_number[list(numerical)] |= table.is_flag[list(numerical)]
    table.is_number[list(categorical)] = False
    return table


def flags_as_floats(X):
    """X with zeros and ones in its columns of flags; X itself where there are none."""
    table = _read(X)
    flags = np.flatnonzero(table.is_flag)
    return table.with_flags_as_floats(flags) if len(flags) else X


def _read(X):
    if issparse(X):
        raise TypeError("X must be dense; got a sparse one. Pass X.toarray().")
    if getattr(X, "ndim", 2) != 2 and hasattr(X, "iloc"):
        raise ValueError("X must be a table, but is a Series. Pass X.to_frame().")
    if hasattr(X, "iloc") and isinstance(getattr(X, "shape", (None,))[0], int):
        from sklearn_irg._fitted.pandas_tables import FrameTable

        return FrameTable(X)
    if is_polars(X):
        from sklearn_irg._fitted.polars_tables import PolarsTable

        return PolarsTable(X)
    if type(X).__module__.partition(".")[0] == "polars" or hasattr(X, "columns"):
        raise TypeError(
            "X must be a DataFrame of pandas or polars, in memory, or an array; got "
            f"{type(X).__module__.split('.')[0]}'s {type(X).__name__}. Convert it first, for "
            "instance with X.to_pandas() or X.collect()."
        )
    X = np.asarray(X)
    if X.dtype.names is not None:
        raise TypeError(
            "X must be an array of one type; got a structured one. Pass pandas.DataFrame(X)."
        )
    if X.dtype.kind == "O" and X.ndim == 2:
        return ArrayTable(X)
    return ArrayTable(
        check_array(X, dtype="numeric", ensure_all_finite="allow-nan", input_name="X")
    )


class Table(ABC):
    """Rows with cells that are numbers, missing, or categories.

    Attributes
    ----------
    X : DataFrame or ndarray of shape (n_samples, n_columns)
        As it was given; never changed.
    names : list or None
        Of the columns.
    kinds : list of Kind
        Kind of each column by itself.
    is_number : ndarray of bool of shape (n_columns,)
        Columns whose cells are taken as numbers.
    """

    def __init__(self, X, kinds=None, is_number=None):
        self.X = X
        self.n_columns = X.shape[1]
        if kinds is None:
            kinds = [
                kind_of(self.dtype_of(j), lambda j=j: self.cells(j)) for j in range(self.n_columns)
            ]
        self.kinds = kinds
        self._floats = {}  # columns that were read, by position
        self.is_number = self._is(Kind.NUMBERS) if is_number is None else is_number

    def __len__(self):
        return len(self.X)

    def _is(self, *kinds):
        return np.array([kind in kinds for kind in self.kinds], dtype=bool)

    def __getstate__(self):
        return vars(self) | {"_floats": {}}  # not worth a transfer

    def with_frame(self, X):
        """Other rows, with the same columns."""
        return type(self)(X, self.kinds, self.is_number)

    @property
    def is_flag(self):
        """Columns that are true or false."""
        return self._is(Kind.FLAGS)

    @property
    def is_category(self):
        """Columns of flags, or of strings with or without numbers among them."""
        return self._is(Kind.FLAGS, Kind.LEVELS)

    @abstractmethod
    def dtype_of(self, j):
        """NumPy's own type of a column's cells that are not missing, or that of objects."""

    @abstractmethod
    def cells(self, j):
        """A column as an array of objects, None where a cell is missing."""

    def take(self, rows):
        """The table of some rows, by position, possibly repeated."""
        table = self.with_frame(self._rows(rows))
        table._floats = {j: _read_only(column[rows]) for j, column in self._floats.items()}
        return table

    @abstractmethod
    def _rows(self, rows):
        """Some rows of X."""

    @abstractmethod
    def with_numbers(self, numbers, columns=None):
        """X with other numbers in some columns.

        Columns keep their type where it can hold the numbers; others become doubles.
        """

    @abstractmethod
    def with_cells(self, j, rows, values):
        """A table in which categories have been written to some rows of a column."""

    @abstractmethod
    def with_flags_as_floats(self, columns):
        """X with zeros and ones in columns of flags."""

    def floats(self, j):
        """A column of numbers, or of flags, NaN where a cell is missing; read-only."""
        if j not in self._floats:
            self._floats[j] = _read_only(self._read_floats(j))
        return self._floats[j]

    @abstractmethod
    def _read_floats(self, j):
        """The same, as it is read from X."""

    def numbers(self):
        """Cells as floats, shape (n_samples, n_columns), NaN where missing or no numbers."""
        cells = np.full(self.X.shape, np.nan)
        for j in np.flatnonzero(self.is_number):
            cells[:, j] = self.floats(j)
        return cells

    def has_missing_cells(self):
        """Whether a cell is missing."""
        return any(
            np.isnan(self.floats(j)).any()
            if self.is_number[j] or self.is_flag[j]
            else any(cell is None for cell in self.cells(j))
            for j in range(self.n_columns)
        )

    def name_of(self, j):
        """The column's name, or its position."""
        return j if self.names is None else self.names[j]

    @property
    def are_integers(self):
        """Columns whose type holds integers only, or flags."""
        return np.array([self.dtype_of(j).kind in "biu" for j in range(self.n_columns)], dtype=bool)

    def digits_of(self, j):
        """Digits of a column of decimals, and how many of them are behind the point; else None."""
        del j

    def limits(self):
        """The smallest and the largest number that each column's type can hold, (2, n_columns).

        They are infinite for types of floats.
        """
        limits = [limits_of(self.dtype_of(j), self.digits_of(j)) for j in range(self.n_columns)]
        return np.array(limits).reshape(-1, 2).T

    def rounded(self, numbers):
        """Numbers that the columns' types can hold: the next towards X, and beyond.

        Only types of floats and of decimals round; shape (2, n_samples, n_columns).
        """
        both = np.array([numbers, numbers])
        for j in np.flatnonzero(self.is_number):
            before = self.floats(j)
            both[:, :, j] = rounded(numbers[:, j], before, self.dtype_of(j), self.digits_of(j))
        return both

    def spacings(self, numbers):
        """Distance of numbers to their neighbors in the types of their columns, or as doubles."""
        spacings = np.zeros(numbers.shape)
        for j in np.flatnonzero(self.is_number):
            spacings[:, j] = spacing_of(numbers[:, j], self.dtype_of(j))
        return spacings

    def same_cells(self, other, j):
        """Whether each row has the same cell in a column as that row of another table."""
        if self.dtype_of(j).kind == other.dtype_of(j).kind == "f":
            mine, others = self.floats(j), other.floats(j)
            return (mine == others) | (np.isnan(mine) & np.isnan(others))
        pairs = zip(self.cells(j), other.cells(j), strict=True)
        return np.array(
            [mine is others or bool(mine == others) for mine, others in pairs], dtype=bool
        )


def _read_only(column):
    column.flags.writeable = False
    return column


class ArrayTable(Table):
    """Rows of an array."""

    names = None

    def dtype_of(self, j):
        return self.X.dtype

    def _read_floats(self, j):
        if self.X.dtype.kind != "O":
            return self.X[:, j].astype(np.float64)
        return as_float(self.cells(j))

    def cells(self, j):
        return missing_as_none(self.X[:, j].tolist() if self.X.dtype.kind != "O" else self.X[:, j])

    def _rows(self, rows):
        return self.X[rows]

    def with_numbers(self, numbers, columns=None):
        columns = np.flatnonzero(self.is_number) if columns is None else columns
        new = numbers[:, columns]
        before = np.column_stack([np.zeros((len(new), 0)), *(self.floats(j) for j in columns)])
        changed = ~((new == before) | np.isnan(new))
        dtype = self.X.dtype
        if dtype.kind in "biu" and not fits(new[changed], dtype):
            dtype = np.dtype(np.float64)
        moved = self.X.astype(dtype)
        rows, k = np.nonzero(changed)
        moved[rows, np.asarray(columns)[k]] = _written(
            new[changed], dtype, self.X[:, columns][changed]
        )
        return moved

    def with_flags_as_floats(self, columns):
        X = self.X.astype(np.float64) if self.X.dtype.kind == "b" else self.X.copy()
        X[:, columns] = np.column_stack([self.floats(j) for j in columns])
        return X

    def with_cells(self, j, rows, values):
        X = self.X.copy() if holds(values, self.X.dtype) else self.X.astype(np.float64)
        X[rows, j] = values
        return self.with_frame(X)


def _written(numbers, dtype, cells):
    """Numbers as an array writes them in place of cells."""
    if dtype.kind != "O":
        return numbers.astype(dtype)
    written = np.empty(len(numbers), dtype=object)
    written[:] = [like_cell(number, cell) for number, cell in zip(numbers, cells, strict=True)]
    return written
