"""Rows of a DataFrame of polars, which come back as one."""

import numpy as np

from sklearn_irg._fitted.cells import as_float, fits, holds, like_cell, missing_as_none
from sklearn_irg._fitted.tables import Table

__all__ = ["PolarsTable"]


class PolarsTable(Table):
    """Rows of a DataFrame."""

    @property
    def names(self):
        return list(self.X.columns)

    def dtype_of(self, j):
        dtype = self._column(j).dtype
        if str(dtype) in ("Int128", "UInt128"):
            raise TypeError(
                f"X has a column of {dtype}, for which NumPy has no type. Cast it to Int64 or "
                "Float64."
            )
        if dtype.is_integer() or dtype.is_float() or str(dtype) == "Boolean":
            return self._column(j).clear().to_numpy().dtype
        return np.dtype("M8") if dtype.is_temporal() else np.dtype(object)

    def digits_of(self, j):
        dtype = self._column(j).dtype
        # None stands for the most digits that polars has
        return (dtype.precision or 38, dtype.scale) if dtype.is_decimal() else None

    def _column(self, j):
        return self.X.to_series(int(j))

    def _read_floats(self, j):
        from polars import Float64

        if self.dtype_of(j).kind in "biuf":
            return self._column(j).cast(Float64).to_numpy(writable=True)
        return as_float(self.cells(j))

    def cells(self, j):
        return missing_as_none(self._column(j).to_list())

    def _rows(self, rows):
        return self.X[np.asarray(rows)]

    def with_numbers(self, numbers, columns=None):
        columns = np.flatnonzero(self.is_number) if columns is None else columns
        return self.X.with_columns([self._like_column(j, numbers[:, j]) for j in columns])

    def _like_column(self, j, numbers):
        """Floats as a column of its type where it can hold them; unchanged cells stay the same."""
        from polars import Series

        column, before, dtype = self._column(j), self.floats(j), self.dtype_of(j)
        changed = ~((numbers == before) | np.isnan(numbers))
        if not fits(numbers[changed], dtype, self.digits_of(j)):
            return Series(
                column.name, np.where(np.isnan(numbers), before, numbers), nan_to_null=True
            )
        if dtype.kind in "biuf":
            new = Series(
                column.name, np.where(changed, numbers, 0.0).astype(dtype), dtype=column.dtype
            )
        else:
            cells = column.to_list()
            for i in np.flatnonzero(changed):
                cells[i] = like_cell(numbers[i], cells[i])
            new = Series(column.name, cells, dtype=column.dtype)
        return new.zip_with(Series(changed), column)

    def with_flags_as_floats(self, columns):
        from polars import Float64

        return self.X.with_columns([self._column(j).cast(Float64) for j in columns])

    def with_cells(self, j, rows, values):
        from polars import Float64, Series

        column = self._column(j)
        cells = column.to_list()
        for row, value in zip(np.arange(len(self))[rows], values, strict=True):
            cells[row] = value
        dtype = _with_levels(column.dtype, values) if holds(values, self.dtype_of(j)) else Float64
        new = Series(column.name, cells, dtype=dtype, strict=False)
        return self.with_frame(self.X.with_columns(new))


def _with_levels(dtype, levels):
    """A type of strings with more levels, where it lists them."""
    if str(dtype).startswith("Enum"):
        listed = dtype.categories.to_list()
        unlisted = [
            level for level in dict.fromkeys(levels) if level is not None and level not in listed
        ]
        return type(dtype)([*listed, *unlisted]) if unlisted else dtype
    return dtype
