"""Dates and times of day as people write them, read from all cells of a column together."""

import re

import numpy as np
import pandas as pd

from sklearn_irg._cli.numerals import STRAY

__all__ = ["as_dates", "as_hours", "is_date"]

_TIME = r"(?P<hour>\d{1,2})(?::(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d+)?)?)?"
_HALF = r"\s?(?P<half>[ap])\.?m\.?"  # of the day
_DATE = re.compile(
    r"^(?P<first>\d{1,2}|\d{4})(?P<mark>[./-])(?P<middle>\d{1,2})(?P=mark)(?P<last>\d{4}|\d{1,2})"
    rf"(?:(?:T|,?\s+){_TIME}(?:{_HALF})?)?$",
    re.IGNORECASE | re.ASCII,
)
_HOUR = re.compile(rf"^{_TIME}{_HALF}$", re.IGNORECASE | re.ASCII)
_CLOCK = re.compile(
    r"^(?P<hour>\d{1,3}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d+)?)?$", re.ASCII
)
_SPACES = re.compile("[\u00a0\u2009\u202f]")  # narrow ones stand before am and pm in some locales
_DAY_FIRST, _MONTH_FIRST, _YEAR_FIRST = (
    "day before month",
    "month before day",
    "year before month before day",
)
_USUAL = {
    ".": (_DAY_FIRST, _MONTH_FIRST),
    "/": (_MONTH_FIRST, _DAY_FIRST),
    "-": (_MONTH_FIRST, _DAY_FIRST),
}
_POSITIONS = {
    _DAY_FIRST: (2, 1, 0),
    _MONTH_FIRST: (2, 0, 1),
    _YEAR_FIRST: (0, 1, 2),
}  # of year, month and day
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAY_AND_NAME = rf"(\d{{1,2}})[- /.]({'|'.join(_MONTHS)})[a-z]{{0,6}}\.?[- /.]"
_NAME_AND_DAY = rf"({'|'.join(_MONTHS)})[a-z]{{0,6}}\.?[- /.](\d{{1,2}})(?:,\s?|[- /.])"
_NAMED = re.compile(rf"^(?:{_DAY_AND_NAME}|{_NAME_AND_DAY})(?=\d)", re.IGNORECASE | re.ASCII)
_LOOSE = re.compile(
    rf"(\d{{4}}[./-]\d{{1,2}}[./-]\d{{1,2}}|(\d{{1,2}}[./-]\d{{1,2}}[./-]|{_DAY_AND_NAME}|{_NAME_AND_DAY})(\d{{4}}|\d{{2}}))"
    r"([T ,].*)?",
    re.IGNORECASE | re.ASCII,
)
# latest year that two digits may stand for; a choice, late enough for dates of plans
_LAST_YEAR = 2049


def is_date(string):
    """Whether a string looks like a date, perhaps with a time behind it."""
    return _LOOSE.fullmatch(_SPACES.sub(" ", string)) is not None


def as_dates(strings):
    """Strings as dates, NaT where they are none, and how they were read.

    Parameters
    ----------
    strings : Series of str
        Without missing cells.

    Returns
    -------
    dates : Series of datetime64, or None
        ``None`` where they are not written with numbers or names of months for the month.
    how : str
        Order of the numbers, where the strings themselves do not determine it.
    """
    strings = strings.astype(object).str.replace(_SPACES, " ", regex=True)
    has_names = strings.map(_NAMED.match).notna().all()
    parts = strings.str.replace(_NAMED, _with_number, regex=True).str.extract(_DATE)
    if parts["first"].isna().any() or len(set(parts["mark"])) != 1:
        return None, ""
    first, last = (set(parts[name].str.len()) for name in ("first", "last"))
    if first == {4} and last <= {1, 2}:
        return _dates(parts, _YEAR_FIRST), ""
    if 4 in first or last not in ({2}, {4}):
        return None, ""
    orders = [_DAY_FIRST] if has_names else _possible_orders(parts, last == {2})
    if not orders:
        return None, ""
    dates = _dates(parts, orders[0])
    how = "" if has_names else f"read as {orders[0]}"
    if last == {2}:
        how += f" (could also be {' or '.join(orders[1:])})" if orders[1:] else ""
        how = ", ".join(filter(None, [how, _about_centuries(dates)]))
    return dates, how


def _with_number(match):
    """Date with the name of its month replaced by its number."""
    day, name = (match[1], match[2]) if match[1] else (match[4], match[3])
    return f"{day}-{_MONTHS.index(name.lower()) + 1}-"


def _possible_orders(parts, has_short_years):
    """Orders in which nearly all strings are dates, the likeliest first.

    Years come first where that is usual, or where nothing else fits.
    """
    mark = parts["mark"].iloc[0]
    groups = [_USUAL[mark]]
    if has_short_years:
        groups = [(*_USUAL[mark], _YEAR_FIRST)] if mark == "-" else [_USUAL[mark], (_YEAR_FIRST,)]
    for group in groups:
        n_dates = {order: int(_dates(parts, order).notna().sum()) for order in group}
        found = [order for order in group if n_dates[order] >= (1 - STRAY) * len(parts)]
        if found:
            best = sorted(found, key=lambda order: (_span_of_years(parts, order), -n_dates[order]))
            return [order for order in best if order == best[0] or n_dates[order] == len(parts)]
    return []


def _span_of_years(parts, order):
    years = _numbers(parts, order)[0]
    return np.ptp(_with_centuries(years) if years.max() < 100 else years)


def _about_centuries(dates):
    years = dates.dropna().dt.year
    low, high = years.min(), years.max()
    return f"years of two digits as {low}" + (f" to {high}" if high > low else "")


def _numbers(parts, order):
    """Years, months and days as they are written, given their order."""
    written = parts[["first", "middle", "last"]]
    return [written.iloc[:, position].astype(int).to_numpy() for position in _POSITIONS[order]]


def _dates(parts, order):
    year, month, day = _numbers(parts, order)
    if year.max() < 100:
        year = _with_centuries(year)
    is_month = (month >= 1) & (month <= 12)
    first = ((year - 1970) * 12 + np.where(is_month, month, 1) - 1).astype("datetime64[M]")
    length = ((first + 1).astype("datetime64[D]") - first.astype("datetime64[D]")).astype(int)
    hours = _hours(parts)
    is_valid = is_month & (day >= 1) & (day <= length) & ~np.isnan(hours)
    seconds = np.where(is_valid, np.round(hours * 3600), 0).astype("timedelta64[s]")
    dates = (
        first.astype("datetime64[s]")
        + (np.where(is_valid, day, 1) - 1).astype("timedelta64[D]")
        + seconds
    )
    return pd.Series(np.where(is_valid, dates, np.datetime64("NaT", "s")), index=parts.index)


def _with_centuries(years):
    """Years of two digits with their centuries, as close together as possible.

    The last one is as late as possible, but not after 2049.
    """
    distinct = np.unique(years)
    gaps = np.diff(np.append(distinct, distinct[0] + 100))
    widest = int(gaps.argmax())
    last = distinct[widest]
    century = (_LAST_YEAR - last) // 100 * 100
    return years + century - 100 * (years > last)


def _hours(parts):
    """Hours since midnight, 0 without a time, and NaN for times that do not exist."""
    hour, minute, second = (
        parts[name].fillna("0").astype(int).to_numpy() for name in ("hour", "minute", "second")
    )
    half = parts["half"].fillna("").str.lower().to_numpy(dtype=object)
    has_half = half != ""
    is_midnight = (hour == 24) & (minute == 0) & (second == 0)  # at the end of a day
    is_hour = np.where(has_half, (hour >= 1) & (hour <= 12), (hour < 24) | is_midnight)
    is_valid = (minute < 60) & (second < 60) & is_hour
    hour = np.where(has_half, hour % 12 + 12 * (half == "p"), hour)
    return np.where(is_valid, hour + minute / 60 + second / 3600, np.nan)


def as_hours(strings):
    """Times of day, with am or pm or without, as hours since midnight; NaN where strings are none.

    All are NaN if one of them has an hour that no day has, since these are durations.
    """
    strings = strings.astype(object).str.replace(_SPACES, " ", regex=True)
    parts = strings.str.extract(_HOUR).combine_first(strings.str.extract(_CLOCK))
    hours = pd.Series(_hours(parts), index=strings.index).where(parts["hour"].notna())
    is_longer = parts["half"].isna() & hours.isna() & (parts["hour"].fillna("0").astype(int) >= 24)
    return pd.Series(np.nan, index=strings.index) if is_longer.any() else hours
