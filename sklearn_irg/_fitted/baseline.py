"""The row that deleted columns are replaced by."""

from collections import Counter

import numpy as np

from sklearn_irg._checks import is_polars
from sklearn_irg._fitted.cells import as_float, missing_as_none
from sklearn_irg._fitted.tables import as_table

__all__ = ["baseline_cells"]


def baseline_cells(baseline, table, names):
    """The cells of one baseline row with the columns of a table, None where missing.

    One row is taken as given; of several, each column's median or most frequent level.

    Parameters
    ----------
    baseline : dict, Series, DataFrame or array-like of shape (n_columns,) or (n_rows, n_columns)
        With names where the table has names: matched by name; otherwise by position.
    table : Table
        Says which columns are numbers: these have medians, others a most frequent level.
    names : sequence of str or None
        Names of its columns, where they have any.

    Raises
    ------
    ValueError
        For another width, other names, no rows, and for what is no number in a column of numbers.
    """
    given, columns = _columns(baseline)
    if len(columns) != table.n_columns:
        raise ValueError(f"baseline has {len(columns)} columns, but X has {table.n_columns}.")
    if given is not None and names is not None:
        columns = _in_order(given, columns, list(names))
    if not len(columns[0]):
        raise ValueError(
            "baseline has no rows. Pass one, or the table whose medians and most frequent levels "
            "to take."
        )
    return [_cell(table, j, cells) for j, cells in enumerate(columns)]


def _cell(table, j, cells):
    cell = _median(cells, table.name_of(j)) if table.is_number[j] else _mode(cells)
    if table.dtype_of(j).kind == "b" and cell not in (True, False):
        raise ValueError(
            f"baseline is {cell!r} in the column {table.name_of(j)!r} of flags. Pass True or False."
        )
    return cell


def _columns(baseline):
    """Names, or None, and the cells of each column."""
    if hasattr(baseline, "to_dict") and hasattr(
        baseline, "index"
    ):  # a Series of pandas is a row, with names
        baseline = baseline if hasattr(baseline, "columns") else baseline.to_dict()
    if isinstance(baseline, dict):
        return list(baseline), [missing_as_none([cell]) for cell in baseline.values()]
    if not (hasattr(baseline, "iloc") or is_polars(baseline)):
        if np.ndim(baseline) == 1:
            return None, [missing_as_none([cell]) for cell in baseline]
        if np.ndim(baseline) != 2:
            raise ValueError(f"baseline must be one row, or a table of several; got {baseline!r}.")
        return None, [missing_as_none(list(cells)) for cells in np.array(baseline, dtype=object).T]
    rows = as_table(baseline)
    return rows.names, [rows.cells(j) for j in range(rows.n_columns)]


def _in_order(names, columns, wanted):
    position = {name: j for j, name in enumerate(names)}
    lacking = [name for name in wanted if name not in position]
    if lacking:
        unknown = [name for name in names if name not in wanted]
        raise ValueError(
            f"baseline has other columns than X: it has {unknown[0]!r}, which X has not, and lacks "
            f"{lacking[0]!r}. Pass a list to go by position."
        )
    return [columns[position[name]] for name in wanted]


def _median(cells, name):
    present = [cell for cell in cells if cell is not None]
    try:
        return float(np.median(as_float(present))) if present else None
    except (TypeError, ValueError):
        raise ValueError(
            f"baseline has {present[0]!r} in the column {name!r}, which X has numbers in. Name it "
            "in categorical if these are codes of levels."
        ) from None


def _mode(cells):
    """The most frequent cell; the first of those that are equally frequent.

    Cells are counted by their ``repr``, since lists have no hash.
    """
    present = {repr(cell): cell for cell in cells if cell is not None}
    if not present:
        return None
    return present[Counter(repr(cell) for cell in cells if cell is not None).most_common(1)[0][0]]
