"""The units in which columns are measured: their own, or their standard deviation."""

import numpy as np

from sklearn_irg._checks import check_choice
from sklearn_irg._fitted.table_rows import numbers_of

__all__ = ["UNITS", "column_scales", "in_units"]

UNITS = {"raw": "unit of X", "std": "standard deviation"}


def column_scales(model, rows, units):
    """Length of each column's unit, shape (n_features,); zero for constant columns in "std"."""
    check_choice(units, "units", tuple(UNITS))
    if units == "raw":
        return np.ones(model.n_features)
    cells = np.where(model.is_movable(rows), numbers_of(rows), np.nan).astype(np.float64)
    known = (~np.isnan(cells)).any(axis=0)
    scales = np.zeros(model.n_features)
    scales[known] = np.nanstd(cells[:, known], axis=0)
    return scales


def in_units(model, rows, units):
    """A model, and rows of it, whose columns are measured in other units."""
    scales = column_scales(model, rows, units)
    return (model, rows) if units == "raw" else model.rescaled(rows, scales)
