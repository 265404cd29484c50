"""Check whether rows can be of the table on which a threat model was fitted."""

import numpy as np
from scipy.sparse import issparse

from sklearn_irg._checks import check_column
from sklearn_irg._fitted.tables import as_table

__all__ = ["difference_from_rows", "difference_from_table"]

# by which a scaler in single precision, or rounding to four decimals, may leave a mean
_DECIMALS = 1e-4
_ROUNDING = 1e-6  # of a number, as between single and double precision
# factor by which some rows of a table may spread less or more than all rows, for one column. Of
# seven tables, no draw of 100 rows or more is refused, and at most 5 in 60 of 10 to 50 rows of the
# census, whose capital gains are mostly zero
_OUTLIERS = 10.0
_USUAL = 2.0  # the same, for the median column
_STANDARDIZED = (
    1.5  # the same, for a column with mean zero and standard deviation one, as a scaler leaves it
)


def difference_from_table(threat, X):
    """Reason why rows cannot be of the table on which a threat model was fitted, or None."""
    if issparse(X):
        return "X is sparse"
    return _other_columns(threat, as_table(X)) or difference_from_rows(threat, X)


def difference_from_rows(threat, X):
    """The same for rows whose columns are those of the table, whatever their names."""
    table = as_table(X, threat.levels_)
    numbers = table.numbers()
    numbers[~np.isfinite(numbers)] = np.nan
    ways = (_other_levels, _not_numbers, _beyond_bounds, _fractions, _other_spread)
    return next(filter(None, (find(threat, table, numbers) for find in ways)), None)


def _other_columns(threat, table):
    if table.n_columns != threat.n_features_in_:
        return f"X has {table.n_columns} columns, and the table {threat.n_features_in_}"
    names = getattr(threat, "feature_names_in_", None)
    if table.names is None and names is not None:
        return f"X has no column names, and the table has {_some(names)}"
    if names is None or list(names) == list(table.names):
        return None
    return f"the columns of X are {_some(table.names)}, and those of the table {_some(names)}"


def _other_levels(threat, table, numbers):
    for j, levels in threat.levels_.items():
        unknown = set(table.cells(j)) - {None, *levels.tolist()}
        if unknown:
            return f"the column {_name(table, j)} has {min(unknown, key=repr)!r}, which is not a level of the table"
    return None


def _not_numbers(threat, table, numbers):
    for j in np.flatnonzero((threat.scales_ > 0) & ~table.is_number):
        if any(cell is not None for cell in table.cells(j)):
            return f"the column {_name(table, j)} is not numeric, and is in the table"
    return None


def _beyond_bounds(threat, table, numbers):
    slack = _ROUNDING * np.abs(numbers)
    beyond = (numbers < threat.lows_ - slack) | (numbers > threat.highs_ + slack)
    if not beyond.any():
        return None
    row, j = np.argwhere(beyond)[0]
    return (
        f"the column {_name(table, j)} has {numbers[row, j]:g}, which is outside its bounds in the "
        f"table, [{threat.lows_[j]:g}, {threat.highs_[j]:g}]"
    )


def _fractions(threat, table, numbers):
    fractions = threat.is_integer_ & ~np.isnan(numbers) & (numbers != np.rint(numbers))
    if not fractions.any():
        return None
    row, j = np.argwhere(fractions)[0]
    return f"the column {_name(table, j)} has {numbers[row, j]:g}, and integers in the table"


def _other_spread(threat, table, numbers):
    """Reason why a column seems to be rescaled within its bounds, or None.

    Columns whose scale was given are not checked.
    """
    columns = [
        j
        for j in np.flatnonzero(_has_learned_scale(threat, table))
        if np.sum(~np.isnan(numbers[:, j])) > 1
    ]
    spreads = np.array([_spread(threat, numbers[:, j]) for j in columns])
    columns, spreads = np.array(columns, dtype=int)[spreads > 0], spreads[spreads > 0]
    if not len(columns):
        return None
    logs = np.log(spreads / threat.scales_[columns])
    factors = np.where([_is_standardized(numbers[:, j]) for j in columns], _STANDARDIZED, _OUTLIERS)
    off = (np.abs(logs) > np.log(factors)) | (np.abs(np.median(logs)) > np.log(_USUAL))
    if not off.any():
        return None
    worst = np.where(off, np.abs(logs), -1).argmax()
    kind = "an interquartile range" if threat.scale == "iqr" else "a standard deviation"
    return (
        f"the column {_name(table, columns[worst])} has {kind} of {spreads[worst]:g}, and of "
        f"{threat.scales_[columns[worst]]:g} in the table"
    )


def _has_learned_scale(threat, table):
    if threat.scale is None:
        return np.zeros(table.n_columns, dtype=bool)
    learned = threat.scales_ > 0
    for column in threat.scale if isinstance(threat.scale, dict) else ():
        learned[check_column(column, table.n_columns, table.names, "scale")] = False
    return learned


def _spread(threat, column):
    if threat.scale == "iqr":
        return np.subtract(*np.nanpercentile(column, [75, 25]))
    return np.nanstd(column)


def _is_standardized(column):
    return abs(np.nanmean(column)) < _DECIMALS and abs(np.nanstd(column) - 1) < _DECIMALS


def _name(table, j):
    return repr(table.name_of(int(j)))


def _some(names):
    return ", ".join(map(str, list(names)[:5])) + (", …" if len(names) > 5 else "")
