"""Rows of numbers whose other cells stay in a table."""

import numpy as np

__all__ = ["TableRows", "numbers_of", "stacked", "where", "with_numbers"]


class TableRows:
    """Numbers of rows, and the row of a table that the other cells of each come from.

    They are indexed by rows and moved by adding arrays, like an array of the numbers. The functions
    of this module take arrays too.

    Parameters
    ----------
    numbers : ndarray of shape (n_samples, n_columns)
        Zero where a cell is missing or no number.
    origin : ndarray of int of shape (n_samples,)
        Positions in the table.
    """

    def __init__(self, numbers, origin):
        self.numbers = numbers
        self.origin = origin

    shape = property(lambda self: self.numbers.shape)
    dtype = property(lambda self: self.numbers.dtype)

    def __len__(self):
        return len(self.origin)

    def __getitem__(self, rows):
        return TableRows(self.numbers[rows], self.origin[rows])

    def __add__(self, delta):
        return TableRows(self.numbers + delta, self.origin)

    def __sub__(self, other):
        return self.numbers - numbers_of(other)

    def astype(self, dtype, copy=True):
        """Numbers in another type."""
        return TableRows(self.numbers.astype(dtype, copy=copy), self.origin)


def numbers_of(rows):
    """The numbers of rows."""
    return rows.numbers if isinstance(rows, TableRows) else rows


def with_numbers(rows, numbers):
    """Rows with other numbers."""
    return TableRows(numbers, rows.origin) if isinstance(rows, TableRows) else numbers


def stacked(parts):
    """Rows one after the other."""
    numbers = np.concatenate([numbers_of(part) for part in parts])
    if not isinstance(parts[0], TableRows):
        return numbers
    return TableRows(numbers, np.concatenate([part.origin for part in parts]))


def where(chosen, rows, others):
    """Rows where they are chosen, else others of the same origin."""
    return with_numbers(rows, np.where(chosen[:, None], numbers_of(rows), numbers_of(others)))
