"""Tables from CSV files: typed columns, a target, and the preprocessing that makes them inputs of an estimator."""

import csv
from typing import NamedTuple

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

__all__ = ["Table", "TableError", "breast_cancer", "numeric_table", "preprocessor", "read_csv"]

_MISSING = {"", "?", "na", "n/a", "nan", "null", "none"}


class TableError(ValueError):
    """What is wrong with a file, in one line for its owner."""


class Table(NamedTuple):
    """Rows and a target.

    Parameters
    ----------
    X : ndarray of object of shape (n_samples, n_features)
        Floats, NaN where missing, and strings, None where missing.
    y : ndarray of str of shape (n_samples,)
        Classes.
    names : list of str
        Names of the columns of X.
    is_numeric : ndarray of bool of shape (n_features,)
        Which columns hold numbers.
    """

    X: np.ndarray
    y: np.ndarray
    names: list
    is_numeric: np.ndarray


def numeric_table(bunch):
    """One of scikit-learn's bundled tables, as its loaders return them."""
    is_numeric = np.ones(bunch.data.shape[1], dtype=bool)
    return Table(bunch.data, bunch.target_names[bunch.target].astype(str), list(bunch.feature_names), is_numeric)


def breast_cancer():
    """scikit-learn's bundled breast-cancer table."""
    return numeric_table(load_breast_cancer())


def read_csv(path, target=None, drop=()):
    """Read a CSV file with a header, less the columns to drop; the target is its last column unless named.

    Raises
    ------
    TableError
        For a missing file or column, a file that is not a CSV, a target with one class, or a constant or empty column.
    """
    names, lines, rows = _read_rows(path)
    target = names[-1] if target is None else target
    for name in (target, *drop):
        if name not in names:
            raise TableError(f"{path} has no column {name!r}; its columns are {', '.join(names)}")
    columns = {name: [row[i].strip() for row in rows] for i, name in enumerate(names) if name not in drop}
    if target not in columns:
        raise TableError(f"the target {target!r} is among the columns to drop")
    y = columns.pop(target)
    for line, label in zip(lines, y, strict=True):
        if label in ("", "?"):  # any other word may be a class
            raise TableError(f"the target {target!r} is missing in line {line} of {path}; fill or drop such rows")
    if len(set(y)) < 2:
        raise TableError(f"the target {target!r} has one class, {y[0]!r}; a classifier needs two or more")
    if not columns:
        raise TableError(f"{path} has no column beside the target {target!r}")
    typed, is_numeric = zip(*(_typed(name, values, path) for name, values in columns.items()), strict=True)
    X = np.empty((len(rows), len(typed)), dtype=object)
    for j, values in enumerate(typed):
        X[:, j] = values
    return Table(X, np.array(y), list(columns), np.array(is_numeric))


def _read_rows(path):
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True, skipinitialspace=True)
            lines, rows = zip(*((reader.line_num, row) for row in reader if row), strict=True)
    except FileNotFoundError:
        raise TableError(f"there is no file {path}") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TableError(f"{path} could not be read as CSV: {error}") from None
    except ValueError:  # no row at all
        lines, rows = (), ()
    if len(rows) < 2 or len(rows[0]) < 2:
        raise TableError(
            f"{path} is not a CSV table: it needs a header, two or more columns separated by commas, and rows"
        )
    for line, row in zip(lines, rows, strict=True):
        if len(row) != len(rows[0]):
            raise TableError(f"line {line} of {path} has {len(row)} fields where the header has {len(rows[0])}")
    names = [name.strip() for name in rows[0]]
    if len(set(names)) < len(names):
        raise TableError(f"{path} names a column twice in its header")
    return names, lines[1:], rows[1:]


def _typed(name, values, path):
    """Numbers with NaN, or words with None, where a value is missing; and whether they are numbers."""
    values = [None if value.lower() in _MISSING else value for value in values]
    present = {value for value in values if value is not None}
    if not present:
        raise TableError(f"column {name!r} of {path} has no values; leave it out with --drop {name}")
    try:
        numbers = np.array([np.nan if value is None else float(value) for value in values])
        distinct = np.unique(numbers[~np.isnan(numbers)])
    except ValueError:
        numbers, distinct = None, sorted(present)
    if len(distinct) == 1:
        only = min(present)
        raise TableError(f"column {name!r} of {path} is constant, {only!r} everywhere; leave it out with --drop {name}")
    if numbers is None:
        return values, False
    if np.isinf(distinct).any() or np.abs(distinct).max() > 1e100:
        raise TableError(f"column {name!r} of {path} has infinite or huge values; replace or rescale them")
    return numbers.tolist(), True


def preprocessor(is_numeric):
    """Imputer and scaler for numeric columns, one-hot encoder for the others."""
    numeric, text = np.flatnonzero(is_numeric), np.flatnonzero(~np.asarray(is_numeric))
    return ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numeric),
            ("categories", OneHotEncoder(handle_unknown="ignore", sparse_output=False), text),
        ]
    )
