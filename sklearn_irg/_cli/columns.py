"""Kinds of the columns of a table: numbers, categories, dates, and columns that are dropped."""

from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np
import pandas as pd
from pandas.api.types import (
    is_bool_dtype,
    is_complex_dtype,
    is_datetime64_any_dtype,
    is_integer_dtype,
    is_numeric_dtype,
    is_object_dtype,
    is_string_dtype,
    is_timedelta64_dtype,
)

from sklearn_irg._cli.dates import as_dates, as_hours, is_date
from sklearn_irg._cli.numerals import STRAY, as_numbers, decimal_sign, is_amount, is_numeral
from sklearn_irg._cli.parsing import as_strings, cleaned, days_of, order_of
from sklearn_irg._cli.reading import TableError
from sklearn_irg._cli.writing import quoted, short

__all__ = ["MAX_LEVELS", "Column", "PreparedTable", "prepare"]

# of a category, the rarest of which share a level: above the 42 countries of the census table
MAX_LEVELS = 50
# share of distinct strings from which a column only identifies rows; a choice, below one since names
# repeat
_OWN = 0.9
_NESTED = (list, tuple, dict, set, np.ndarray)
_CODE = r"0\d+"  # a number would lose the zero
_TOO_LARGE = "integers too large to compute with"
_HUGE = 1e100  # products of the squares of larger numbers are infinite
_WHOLE = 2.0**53  # beyond which two integers may be the same float
# distinct values from which numbers may be a measurement, and strings may be names of rows; a
# choice: classes are seldom more
_MANY = 20


@dataclass
class Column:
    """Column of the file and how it was used.

    Attributes
    ----------
    name : str
        Name in the file.
    kind : {"number", "date", "category", "dropped", "target"}
        Kind as which it was used.
    note : str
        Changes that were made to it, in words.
    remark : bool
        Whether the note is printed before the sweep begins.
    is_flag : bool
        Whether its numbers are zeros and ones that stand for false and true.
    """

    name: str
    kind: str
    note: str
    remark: bool = False
    is_flag: bool = False


@dataclass
class PreparedTable:
    """Rows that estimators can take, and the columns of the file.

    Attributes
    ----------
    X : DataFrame
        Columns of numbers, and of strings as objects; NaN where missing.
    y : ndarray of object
        Classes, as strings.
    columns : list of Column
        All columns of the file.

    Notes
    -----
    Strings are objects: arrays that hold the text itself take the memory of a long one for each copy
    of it.
    """

    X: pd.DataFrame
    y: np.ndarray
    columns: list

    @property
    def target(self):
        """Column of classes."""
        return next(column for column in self.columns if column.kind == "target")

    def names(self, *kinds):
        """Names of the columns of some kinds."""
        return [column.name for column in self.columns if column.kind in kinds]


def prepare(frame, target=None, drop=(), keep=(), *, fixed=(), n_folds=2):
    """Take a frame as numbers and categories.

    Raises
    ------
    TableError
        For columns that do not exist, a target that is no class, or no column that is left.
    """
    names = list(frame.columns)
    target = names[-1] if target is None else target
    for option, columns in (
        ("--target", [target]),
        ("--drop", drop),
        ("--keep", keep),
        ("--fixed", fixed),
    ):
        for name in columns:
            if name not in names:
                raise TableError(
                    f"{option}: there is no column {name!r}; the columns are {', '.join(names)}"
                )
    for option, columns in (("--drop", drop), ("--keep", keep), ("--fixed", fixed)):
        if target in columns:
            raise TableError(
                f"{option}: {target!r} is the target; name another column with --target, or leave "
                "it out here"
            )
    y, about_target = _classes(frame[target], target, n_folds)
    cells, columns = {}, []
    rest = frame.drop(columns=[target, *drop])
    nested = [name for name in rest if rest[name].map(lambda cell: isinstance(cell, _NESTED)).any()]
    clean = cleaned(rest.drop(columns=nested))
    decimal = _decimal_sign(
        clean.join(frame[list({target, *drop})])
    )  # columns that are dropped also show how the file was written
    for name in names:
        if name == target:
            columns.append(about_target)
        elif name in drop:
            columns.append(Column(name, "dropped", "as asked"))
        elif name in nested:
            columns.append(Column(name, "dropped", "values are lists or the like", remark=True))
        else:
            values, column = _column(clean[name], rest[name], name, name in keep, decimal)
            columns.append(column)
            if column.kind != "dropped":
                cells[name] = values
    if not cells:
        raise TableError(
            f"no column is left besides the target {target!r}: {_why_none_is_left(columns)}"
        )
    return PreparedTable(pd.DataFrame(cells), y, columns)


def _why_none_is_left(columns):
    why = [
        f"{short(column.name)} ({column.note})" for column in columns if column.kind == "dropped"
    ]
    if not why:
        return "the file has no other"
    return "; ".join(why[:_MANY] + [f"and {len(why) - _MANY} more"] * (len(why) > _MANY))


def _classes(values, target, n_folds):
    present = values[~values.isna()]
    strings = present.astype(str).str.strip()
    missing = len(values) - len(present) + int((strings == "?").sum())
    if missing:
        where = np.flatnonzero(values.isna() | (values.astype(str).str.strip() == "?"))
        raise TableError(
            f"the target {target!r} is missing in {missing} of {len(values)} rows, first in row "
            f"{where[0] + 1} below the header; fill or remove such rows"
        )
    counts = strings.value_counts()
    if len(counts) < 2:
        raise TableError(
            f"the target {target!r} has one class, {short(counts.index[0])!r}; a classifier needs "
            "two or more"
        )
    rare = counts[counts < n_folds]
    numbers = as_numbers(strings)[0]
    n_numbers = numbers.nunique()
    is_numeric = numbers.notna().mean() >= 1 - STRAY
    if n_numbers > _MANY and is_numeric and (len(rare) or (numbers.dropna() % 1 != 0).any()):
        raise TableError(
            f"the target {target!r} looks continuous: {n_numbers} different numbers from "
            f"{numbers.min():g} to {numbers.max():g}. A classifier needs classes; cut it into "
            "some, or name another column with --target"
        )
    if len(rare):
        others = f", and {len(rare) - 1} more classes are as rare" if len(rare) > 1 else ""
        n = int(rare.iloc[-1])
        raise TableError(
            f"the class {short(rare.index[-1])!r} of the target {target!r} has {n} "
            f"row{'s' * (n != 1)}{others}; {n_folds}-fold cross-validation needs {n_folds} of "
            "each: remove it, join it with another, or choose a smaller --cv"
        )
    listed = ", ".join(f"{short(name)} ({n})" for name, n in counts.iloc[:10].items())
    return strings.to_numpy(dtype=object), Column(
        target, "target", listed + (", …" if len(counts) > 10 else "")
    )


def _decimal_sign(frame):
    """Decimal sign of the table, from its columns of strings and floats."""
    strings = [frame[name] for name in frame.select_dtypes(["object", "string"])]
    floats = [frame[name] for name in frame.select_dtypes("floating")]
    return decimal_sign(
        [*(as_strings(column).dropna().astype(object) for column in strings), *floats]
    )


def _column(values, cells, name, is_kept, decimal):
    """Values to use for a column, or None if it is dropped, and its `Column`."""
    present = values.dropna()
    if not len(present):
        return None, Column(name, "dropped", "empty", remark=True)
    if isinstance(values.dtype, pd.CategoricalDtype):
        return _category(as_strings(values), name, is_kept)
    written = _written(values, cells, name, is_kept)
    if written is not None:
        return written
    if is_datetime64_any_dtype(values.dtype):
        return _date(values, name, order_of(cells, values))
    if is_timedelta64_dtype(values.dtype):
        values = values / pd.Timedelta(days=1)
        return _number(values, name, is_kept, "a duration, in days")
    if is_bool_dtype(values.dtype):
        numbers, column = _number(values.astype(float), name, is_kept, "0 and 1")
        return numbers, replace(column, is_flag=True)
    if is_complex_dtype(values.dtype):
        return None, Column(name, "dropped", "complex numbers", remark=True)
    if is_numeric_dtype(values.dtype):
        return _number(values, name, is_kept)
    if all(isinstance(cell, Decimal) for cell in present):
        return _number(values.astype(float), name, is_kept)
    if not all(isinstance(cell, (str, bool, int, float)) for cell in present):
        kinds = ", ".join(sorted({type(cell).__name__ for cell in present}))
        return None, Column(
            name, "dropped", f"values are neither numbers nor strings, but {kinds}", remark=True
        )
    return _strings(as_strings(values), name, is_kept, decimal)


def _strings(strings, name, is_kept, decimal):
    """Column of strings, as unambiguous dates, codes, numbers or categories."""
    present = strings.dropna()
    dated = present.map(is_date).astype(bool)
    if 1 - STRAY <= dated.mean() < 1:
        dates = cleaned(present[dated].to_frame())[name].reindex(strings.index)
        if is_datetime64_any_dtype(dates.dtype):
            return _date(
                dates, name, _strays(present[~dated], strings, "date"), order_of(strings, dates)
            )
    if present.str.fullmatch(_CODE).any():
        return _category(strings, name, is_kept, "leading zeros, so codes rather than numbers")
    return _numbers_or_category(strings, present, name, is_kept, decimal, n_dates=int(dated.sum()))


def _numbers_or_category(strings, present, name, is_kept, decimal, n_dates):
    numbers, how = as_numbers(present, *decimal)
    stray = numbers.isna()
    is_number = stray.mean() <= STRAY and len(numbers.dropna().unique()) > 1
    if stray.mean() <= STRAY and _loses_digits(present, numbers):
        return _category(strings, name, is_kept, _TOO_LARGE)
    unread, n_alike = _unread(present, stray, is_number)
    if len(unread) and not is_kept:
        return None, Column(name, "dropped", _about_unread(unread, strings, is_number), remark=True)
    if is_number:
        how = _joined(how, _strays(present[stray], strings, "number"))
        return _number(numbers.reindex(strings.index), name, is_kept, how, remark=bool(how))
    some, kind = max((n_alike, "numbers"), (n_dates, "dates"))
    seeming = f"{some} of {len(strings)} values look like {kind}" if some > len(present) / 2 else ""
    return _category(strings, name, is_kept, how or seeming)


def _unread(strings, stray, is_number):
    """Strings that are numbers in another notation than the rest, and how many look like numbers.

    The former may be all the negative numbers.
    """
    if not stray.any():
        return strings[:0], len(strings)
    numerals, amounts = (
        strings.map({string: kind(string) for string in strings.unique()}).astype(bool)
        for kind in (is_numeral, is_amount)
    )
    is_alike = numerals | amounts
    if is_number:
        return strings[stray & amounts], is_alike.sum()
    is_mixed = numerals.any() and is_alike.mean() >= 1 - STRAY
    return strings[amounts & ~numerals & is_mixed], is_alike.sum()


def _written(values, cells, name, is_kept):
    """Column of strings that are dates in numbers or times of day; None if it is neither."""
    if not (is_object_dtype(cells.dtype) or is_string_dtype(cells.dtype)):
        return None
    strings = as_strings(cells).where(values.notna(), None)
    present = strings.dropna().astype(object)
    return _written_dates(strings, present, name) or _written_times(strings, present, name, is_kept)


def _written_dates(strings, present, name):
    dated = present[present.map(is_date).astype(bool)]
    if len(dated) < (1 - STRAY) * len(present):
        return None
    dates, how = as_dates(dated)
    if dates is None or dates.notna().sum() < (1 - STRAY) * len(present):
        return None
    dates = dates.reindex(strings.index)
    return _date(dates, name, _strays(present[dates[present.index].isna()], strings, "date"), how)


def _written_times(strings, present, name, is_kept):
    hours = as_hours(present)
    if hours.isna().mean() > STRAY:
        return None
    how = _joined(
        "times of day, in hours since midnight", _strays(present[hours.isna()], strings, "time")
    )
    return _number(hours.reindex(strings.index), name, is_kept, how, remark=True)


def _loses_digits(strings, numbers):
    """Whether strings are integers of which some are too large for floats."""
    large = numbers.abs() >= _WHOLE
    return bool(
        large.any()
        and (numbers.dropna() % 1 == 0).all()
        and not strings[large].str.contains("[eE]").any()
    )


def _joined(*notes):
    return ", ".join(filter(None, notes))


def _strays(strays, strings, kind):
    if not len(strays):
        return ""
    are = f"is not a {kind}" if len(strays) == 1 else f"are not {kind}s"
    return f"{len(strays)} of {len(strings)} values {are} ({_listed(strays)}) and taken as missing"


def _about_unread(amounts, strings, is_number):
    looks = "looks like a number" if len(amounts) == 1 else "look like numbers"
    kept = "takes them as missing" if is_number else "takes all values as strings"
    return (
        f"{len(amounts)} of {len(strings)} values {looks} in another notation than the rest "
        f"({_listed(amounts)}): write them as the rest, or --keep {kept}"
    )


def _listed(strings):
    odd = [repr(string[:30]) for string in strings.unique()]
    return ", ".join(odd[:3] + ["…"] * (len(odd) > 3))


def _date(dates, name, *how):
    present = dates.dropna()
    if len(present.unique()) == 1:
        return None, Column(name, "dropped", f"constant, {present.iloc[0]} everywhere", remark=True)
    notes = [
        *how,
        "days since 1970-01-01",
        _missing(dates, "the median instead"),
        "standardized, never moved",
    ]
    return days_of(dates), Column(name, "date", _joined(*notes), remark=True)


def _number(values, name, is_kept, note="", remark=False):
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    if is_integer_dtype(values.dtype) and np.nanmax(np.abs(numbers)) > _WHOLE:
        return _category(as_strings(values), name, is_kept, _TOO_LARGE)
    present = numbers[~np.isnan(numbers)]
    if np.isinf(present).any() or np.abs(present).max(initial=0) > _HUGE:
        raise TableError(
            f"column {name!r} has infinite or huge numbers; replace or rescale them, or --drop "
            f"{quoted([name])}"
        )
    if len(np.unique(present)) < 2:
        return None, Column(name, "dropped", f"constant, {present[0]:g} everywhere", remark=True)
    if not is_kept and len(present) == len(numbers) > _MANY and (np.diff(numbers) == 1).all():
        return None, Column(name, "dropped", "row numbers; --keep to use it", remark=True)
    if not is_kept and len(np.unique(present)) == len(numbers) > _MANY and (present % 1 == 0).all():
        note = _joined(note, "different integers in all rows (if it is an id, --drop it)")
        remark = True
    how = _joined(note, _missing(values, "the median instead"), "standardized")
    return numbers, Column(name, "number", how, remark)


def _category(strings, name, is_kept, note=""):
    present = strings.dropna()
    counts = present.value_counts()
    if len(counts) < 2 and len(present) == len(strings):
        return None, Column(
            name, "dropped", f"constant, {short(counts.index[0])!r} everywhere", remark=True
        )
    if not is_kept and len(counts) > max(_MANY, _OWN * len(present)):
        levels = (
            f"{len(counts)} levels in {len(present)} rows, an id or free text; --keep to use it"
        )
        return None, Column(name, "dropped", _joined(note, levels), remark=True)
    is_long = len(counts) > MAX_LEVELS
    notes = [
        note,
        f"{len(counts)} level{'s' * (len(counts) != 1)}",
        f"the rarest together beyond {MAX_LEVELS}" if is_long else "",
        _missing(strings, "a level of their own"),
        "one-hot",
    ]
    levels = strings.astype(object).where(strings.notna(), np.nan)
    return levels, Column(name, "category", _joined(*notes), is_long or bool(note))


def _missing(values, then):
    share = values.isna().mean()
    return f"{100 * share:.2g} % missing, {then}" if share else ""
