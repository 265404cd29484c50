"""Whether the first line of a file names its columns."""

from itertools import pairwise

from sklearn_irg._cli.dates import is_date
from sklearn_irg._cli.numerals import STRAY, is_numeral

__all__ = ["first_line"]

_MISSING = ("", "?", "-", "na", "n/a", "nan", "null", "none")
_MANY = 5  # so many numbers with decimals are in order by chance once in 60 times


def first_line(cells, rows):
    """Kind of the first line, decided from the lines below it.

    Parameters
    ----------
    cells : list of str
        Cells of the first line.
    rows : list of list of str
        Cells of some lines below.

    Returns
    -------
    kind : {"header", "row", "either"}
        "row" where numbers or dates are above numbers or dates in all columns of these or, without
        such columns, where each string of the first line also occurs below it.
    """
    if [cell.strip() for cell in cells] in (
        [str(j + start) for j in range(len(cells))] for start in (0, 1)
    ):
        return "header"  # as pandas writes columns without names
    columns = [
        _Column(cell.strip(), [string.strip() for string in below])
        for cell, below in zip(cells, zip(*rows))
    ]
    columns = [column for column in columns if not _is_missing(column.first) and column.below]
    of_values = [column for column in columns if column.has_values]
    familiar = [column.first in column.below for column in columns if not column.has_values]
    if of_values and not all(column.is_alike for column in of_values):
        return "header"
    if of_values:
        return "either" if _could_be_names(of_values) and not any(familiar) else "row"
    if len(familiar) > 1 and all(familiar):
        return "row"
    return "either" if sum(familiar) > len(familiar) / 2 else "header"


class _Column:
    """First cell of a column and those below."""

    def __init__(self, first, below):
        self.first = first
        self.below = [string for string in below if not _is_missing(string)]
        kinds = (kind for kind in (is_numeral, is_date) if self._share(kind) >= 1 - STRAY)
        self.is_of_kind = next(kinds, None)

    def _share(self, kind):
        return sum(map(kind, self.below)) / len(self.below) if self.below else 0

    @property
    def has_values(self):
        """Whether the cells below are numbers or dates."""
        return self.is_of_kind is not None

    @property
    def is_alike(self):
        """Whether the first cell is a number or a date as well."""
        return self.is_of_kind(self.first)


def _is_missing(string):
    return string.lower() in _MISSING


def _could_be_names(columns):
    """Whether they begin with numbers in order, as years, doses and wavelengths do."""
    firsts = [column.first for column in columns]
    try:
        numbers = [float(first.replace(",", ".")) for first in firsts]
    except ValueError:
        return False
    steps = [other - one for one, other in pairwise(numbers)]
    are_in_order = all(step > 0 for step in steps) or all(step < 0 for step in steps)
    return are_in_order and (len(numbers) >= _MANY or all(first.isdigit() for first in firsts))
