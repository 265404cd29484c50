"""Cleaning of cells: missing ones, strings and unambiguous dates."""

import numpy as np
from skrub import Cleaner

__all__ = ["as_strings", "cleaned", "days_of", "order_of"]


def cleaned(frame):
    """Frame with missing cells and unambiguous dates recognized."""
    return Cleaner(drop_null_fraction=None).fit_transform(frame)


def as_strings(values):
    """Cells as strings without spaces around them, None where missing."""
    return (
        values.astype(object)
        .where(values.notna(), None)
        .map(lambda cell: None if cell is None else str(cell).strip())
    )


def order_of(cells, dates):
    """Note whether day or month was read first; empty where dates are unambiguous."""
    present = dates.notna()
    first = (
        cells[present].astype(str).str.extract(r"^\s*(\d{1,2})[/.-]\d{1,2}[/.-]\d{4}", expand=False)
    )
    if not len(first) or first.isna().any():
        return ""
    is_day = (first.astype(int) == dates[present].dt.day).all()
    return f"read as {'day before month' if is_day else 'month before day'}"


def days_of(values):
    """Dates as days since 1970-01-01, NaN where missing."""
    dates = values.dt.tz_convert(None) if getattr(values.dt, "tz", None) is not None else values
    seconds = dates.to_numpy(dtype="datetime64[s]")
    return np.where(np.isnat(seconds), np.nan, seconds.astype(np.int64) / 86400)
