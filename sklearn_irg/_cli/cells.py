"""What cells say: missing ones, dates, and numbers in the ways that people write them."""

import numpy as np
import pandas as pd
from skrub import Cleaner

__all__ = ["STRAY", "as_numbers", "as_words", "cleaned", "days_of", "order_of"]

STRAY = 0.1  # share of cells of a column of numbers or dates that may be words


def cleaned(frame):
    """Missing cells and dates found; days come first in dates with dots."""
    dotted = r"\d{1,2}\.\d{1,2}\.\d{4}"
    for name in frame.select_dtypes(["object", "string"]):
        cells = frame[name].dropna().astype(str).str.strip()
        if len(cells) and cells.str.fullmatch(dotted).all():
            dates = pd.to_datetime(frame[name].str.strip(), format="%d.%m.%Y", errors="coerce")
            frame = frame.assign(**{name: dates}) if dates.notna().sum() == len(cells) else frame
    return Cleaner(drop_null_fraction=None).fit_transform(frame)


def as_words(values):
    """Cells as words without blanks around them, None where missing."""
    return (
        values.astype(object).where(values.notna(), None).map(lambda cell: None if cell is None else str(cell).strip())
    )


def as_numbers(words):
    """Words as numbers, NaN where they are none, and how they were written."""
    plain = pd.to_numeric(words, errors="coerce")
    if not plain.isna().any():
        return plain, ""
    text = words.astype(str)
    ways = [
        ("percent signs", r"[+-]?\d+(\.\d+)?\s?%", {"%": ""}),
        ("percent signs and decimal commas", r"[+-]?\d+(,\d+)?\s?%", {"%": "", ",": "."}),
        ("thousands separated by commas", r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?", {",": ""}),
        ("decimal commas", r"[+-]?[1-9]\d{0,2}(\.\d{3})+,\d+|[+-]?\d+,\d+", {".": "", ",": "."}),
    ]
    written = {how: text.str.fullmatch(pattern) for how, pattern, _ in ways}
    how, _, changes = max(ways, key=lambda way: written[way[0]].sum())
    if not written[how].any() or (written[how] | plain.notna()).mean() < 1 - STRAY:
        return plain, ""
    for old, new in changes.items():
        text = text.where(~written[how], text.str.replace(old, new, regex=False))
    return pd.to_numeric(text, errors="coerce"), how


def order_of(cells, dates):
    """Whether day or month was taken to come first, where dates do not say so themselves."""
    present = dates.notna()
    first = cells[present].astype(str).str.extract(r"^\s*(\d{1,2})[/.-]\d{1,2}[/.-]\d{4}", expand=False)
    if not len(first) or first.isna().any():
        return ""
    is_day = (first.astype(int) == dates[present].dt.day).all()
    return f"read as {'day before month' if is_day else 'month before day'}"


def days_of(values):
    """Dates as days since 1970-01-01, NaN where missing."""
    dates = values.dt.tz_convert(None) if getattr(values.dt, "tz", None) is not None else values
    seconds = dates.to_numpy(dtype="datetime64[s]")
    return np.where(np.isnat(seconds), np.nan, seconds.astype(np.int64) / 86400)
