"""Codes that trees take for categories, from cells of a table or from numbers in an array."""

import numpy as np

from sklearn_irg._fitted.cells import Kind

__all__ = ["NotCodedError", "as_text", "as_word", "coded_numbers", "coded_table", "codes_of"]


class NotCodedError(ValueError):
    """Trees ask a column for numbers that has none."""


def as_text(cell):
    """A cell as InterpretML looks it up: as text, flags and integral numbers without a point."""
    return cell if isinstance(cell, str) else str(int(cell) if float(cell).is_integer() else cell)


def as_word(cell):
    """A cell as CatBoost looks it up."""
    return str(int(cell)) if isinstance(cell, (bool, np.bool_)) else str(cell)


def codes_of(cells, reading, column):
    """Codes of the cells of a column, NaN where one is missing.

    An unknown cell has a code of no category.

    Parameters
    ----------
    cells : iterable of object
        None where one is missing.
    reading : Reading
        What the codes of the library stand for.
    column : int
        Position.
    """
    known = reading.categories[column]
    position = {None: np.nan, **{value: code for code, value in enumerate(known.tolist())}}
    unknown = max(reading.trees.category_sets.shape[1], len(known))
    found = {
        cell: position.get(cell if cell is None else reading.key(cell), unknown)
        for cell in set(cells)
    }
    return np.array([found[cell] for cell in cells], dtype=np.float64)


def coded_numbers(rows, reading):
    """Rows of numbers, as an estimator takes them, as its trees take them."""
    rows = np.array(rows, dtype=np.float64)
    for column in reading.categories:
        cells = [None if np.isnan(number) else number for number in rows[:, column].tolist()]
        rows[:, column] = codes_of(cells, reading, column)
    return rows


def coded_table(table, reading):
    """Rows of a table, as an estimator takes them, as its trees take them.

    Raises
    ------
    NotCodedError
        If the trees split the strings of a column as numbers.
    """
    rows = np.full((len(table), table.n_columns), np.nan)
    for column in range(table.n_columns):
        if column in reading.categories:
            rows[:, column] = codes_of(table.cells(column), reading, column)
        elif table.kinds[column] in (Kind.NUMBERS, Kind.FLAGS):
            rows[:, column] = table.floats(column)
        elif (reading.trees.feature == column).any():
            raise NotCodedError(f"its trees ask {table.name_of(column)!r} for numbers")
    return rows
