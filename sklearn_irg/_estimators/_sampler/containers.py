"""Arrays as a DataFrame with the names, order and types of the columns of a fit."""

from sklearn_irg._checks import is_polars

__all__ = ["as_container", "without_rows"]


def without_rows(X):
    """Names and types of the columns of a DataFrame of pandas or polars, without its rows.

    None for other containers.
    """
    if not hasattr(X, "iloc"):
        return X.clear() if is_polars(X) else None
    # a view would keep all rows, an index its levels, and a column its categories
    columns = X.iloc[:0].copy().reset_index(drop=True)
    columns.attrs = {}
    for j, dtype in enumerate(columns.dtypes):
        if dtype.kind not in "fiub":
            columns.isetitem(j, columns.iloc[:, j].astype(object))
    return columns


def as_container(numbers, columns, are_integers):
    """Array as a DataFrame with given columns, or as it is where these are None.

    ``are_integers`` says which columns hold integers.

    Columns have the types they had, except those of integers and flags that no longer hold integers
    only.
    """
    if columns is None:
        return numbers
    return (_as_polars if is_polars(columns) else _as_pandas)(numbers, columns, are_integers)


def _as_pandas(numbers, columns, are_integers):
    frame = type(columns)(numbers, columns=columns.columns)
    for j, dtype in enumerate(columns.dtypes):
        if dtype.kind == "f" or (dtype.kind in "iub" and are_integers[j]):
            frame.isetitem(j, frame.iloc[:, j].astype(dtype))
    return frame


def _as_polars(numbers, columns, are_integers):
    frame = type(columns)(numbers, schema=columns.columns)
    kept = {
        name: dtype
        for (name, dtype), whole in zip(columns.schema.items(), are_integers, strict=True)
        if dtype.is_float() or (whole and (dtype.is_integer() or str(dtype) == "Boolean"))
    }
    return frame.cast(kept)
