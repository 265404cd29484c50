"""Kinds of columns by their cells, and numbers that the type of a column can hold."""

from decimal import Decimal
from enum import Enum
from numbers import Integral, Real

import numpy as np

__all__ = [
    "Kind",
    "as_float",
    "fits",
    "holds",
    "kind_of",
    "like_cell",
    "limits_of",
    "missing_as_none",
    "rounded",
    "spacing_of",
]


class Kind(Enum):
    """Kind of a column."""

    NUMBERS = "numbers"
    FLAGS = "flags"  # true or false: categories, which can be read as numbers
    LEVELS = "levels"  # strings, or a mix of strings, numbers and flags: categories
    OTHER = "other"  # dates, lists, complex numbers, nothing at all


def kind_of(dtype, cells):
    """Kind of a column, by its type where that is decisive, else by its cells.

    Parameters
    ----------
    dtype : dtype
        NumPy's own type of the cells that are not missing, of objects where there is none.
    cells : callable
        Without arguments, the cells as objects, None where one is missing.
    """
    if dtype.kind in "biuf":
        return Kind.FLAGS if dtype.kind == "b" else Kind.NUMBERS
    if dtype.kind in "cmM":
        return Kind.OTHER
    present = [cell for cell in cells() if cell is not None]
    if not present:
        return Kind.OTHER
    if all(isinstance(cell, (bool, np.bool_)) for cell in present):
        return Kind.FLAGS
    if all(_is_number(cell) for cell in present):
        return Kind.NUMBERS
    return (
        Kind.LEVELS
        if all(isinstance(cell, str) or _is_number(cell) for cell in present)
        else Kind.OTHER
    )


def _is_number(cell):
    return isinstance(cell, (Real, Decimal, np.bool_))


def missing_as_none(cells):
    """Cells as an array of Python's own objects, None where one is missing."""
    found = np.empty(len(cells), dtype=object)
    found[:] = [None if _is_missing(cell) else _base_class(cell) for cell in cells]
    return found


def _is_missing(cell):
    if cell is None:
        return True
    if isinstance(
        cell, (str, int, np.bool_)
    ):  # NumPy's False is one object, so it answers with itself
        return False
    other = (
        cell != cell
    )  # NaN and NaT alone differ from themselves, and pandas.NA answers with itself
    return other is cell or other is True or (isinstance(other, np.bool_) and bool(other))


def _base_class(cell):
    return cell.item() if isinstance(cell, (np.bool_, np.number)) else cell


def as_float(cells):
    """Cells of numbers as floats, NaN where they are None."""
    return np.array([np.nan if cell is None else float(cell) for cell in cells], dtype=np.float64)


def fits(numbers, dtype, digits=None):
    """Whether a type can hold numbers.

    Types of integers, of booleans, and of decimals with digits are checked; any other can.
    """
    low, high = limits_of(dtype, digits)
    unit = 10.0 ** digits[1] if digits is not None else 1.0
    is_whole = np.rint(numbers * unit) / unit == numbers
    is_held = (
        (numbers >= low)
        & (numbers <= high)
        & (is_whole | (dtype.kind not in "biu" and digits is None))
    )
    return bool(is_held.all())


def holds(levels, dtype):
    """Whether a type of integers, or of booleans, can hold levels; any other can."""
    return dtype.kind not in "biu" or fits(np.array([float(level) for level in levels]), dtype)


def limits_of(dtype, digits=None):
    """The smallest and the largest number that a type can hold.

    They are finite for integers, booleans, and decimals with digits (how many, and how many of
    them behind the point); infinite for other types.
    """
    if digits is not None:
        n_digits, n_behind = digits
        largest = float(np.nextafter((10.0**n_digits - 1) / 10.0**n_behind, 0))
        return -largest, largest
    if dtype.kind not in "biu":
        return -np.inf, np.inf
    if dtype.kind == "b":
        return 0.0, 1.0
    info = np.iinfo(dtype)
    low, high = float(info.min), float(info.max)
    return low, high if int(high) <= info.max else float(np.nextafter(high, 0))


def rounded(numbers, before, dtype, digits=None):
    """Numbers that a type can hold next to given ones: on the side of ``before``, and beyond.

    The type is one of floats, or of decimals with digits. The first never passes ``before``. Both
    are the number itself where the type can hold it; other types are not rounded at all.
    """
    if digits is None and dtype.kind != "f":
        return numbers, numbers
    low, high = _adjacent(numbers, dtype, digits)
    nearer, further = np.where(numbers > before, (low, high), (high, low))
    passed = (nearer - before) * (numbers - before) < 0
    return np.where(passed, before, nearer), np.where(numbers == before, before, further)


def _adjacent(numbers, dtype, digits):
    """The numbers next to others, below and above, that a type can hold."""
    if digits is not None:
        unit = 10.0 ** digits[1]
        is_exact = np.rint(numbers * unit) / unit == numbers
        scaled = np.where(is_exact, np.rint(numbers * unit), numbers * unit)
        return np.floor(scaled) / unit, np.ceil(scaled) / unit
    with np.errstate(over="ignore"):
        held = numbers.astype(dtype)
        low = np.where(held > numbers, np.nextafter(held, dtype.type(-np.inf)), held)
        high = np.where(held < numbers, np.nextafter(held, dtype.type(np.inf)), held)
    return low.astype(np.float64), high.astype(np.float64)


def spacing_of(numbers, dtype):
    """Distance of numbers to their neighbors in a type of floats, or in double precision."""
    size = np.abs(np.nan_to_num(numbers))
    with np.errstate(over="ignore", invalid="ignore"):
        spacing = np.spacing(size.astype(dtype if dtype.kind == "f" else np.float64))
    return np.maximum(np.nan_to_num(spacing.astype(np.float64), posinf=0.0), np.spacing(size))


def like_cell(number, cell):
    """A number in the type of a cell where that can hold it, else a float.

    So a flag, an integer, a Decimal, or a number of single precision stays one.
    """
    if isinstance(cell, Decimal):
        return Decimal(repr(float(number)))  # the shortest that reads as the number
    if isinstance(cell, (bool, np.bool_)):
        return bool(number) if number in (0, 1) else float(number)
    if isinstance(cell, np.integer):
        return type(cell)(number) if fits(np.float64(number), cell.dtype) else float(number)
    if isinstance(cell, Integral):
        return int(number) if number == np.rint(number) else float(number)
    if isinstance(cell, np.floating):
        return cell.dtype.type(number)
    return float(number)
