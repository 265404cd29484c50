import warnings
from copy import deepcopy

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_irg._checks import (
    InvalidParameterError,
    check_boolean,
    check_choice,
    check_column,
    check_integer,
    check_radii,
    check_real,
)
from sklearn_irg._fitted.tables import as_table
from sklearn_irg._threats.memory import TableMemory
from sklearn_irg._threats.table_perturbations import TablePerturbations
from sklearn_irg._threats.training_inputs import perturbations_of_inputs

__all__ = ["NORMS", "ThreatModel", "check_fitted", "fitted_threat"]

NORMS = ("l2", "linf", "l1")
_LEARNED_WITH = (
    "scale",
    "fixed",
    "directions",
    "bounds",
    "integers",
    "categorical",
    "allowed_swaps",
)


class ThreatModel(BaseEstimator):
    """Changes that a row of a table may undergo, to its numbers and its categories.

    Numbers move by at most epsilon, in a norm and in units of each column's scale, inside bounds;
    integers stay integers, missing values stay missing. At most ``n_swaps`` categories of a row
    change to another level. The result is a row that could occur in the table.

    The kind of a column depends on its values, whatever their container: arrays, or DataFrames of
    pandas or polars with any of their types. Cells of numbers are numbers, Decimals and objects
    among them; booleans are categories of two levels, like words and the categorical types;
    anything else, such as dates, never changes.

    Parameters
    ----------
    epsilon : float or array-like of shape (n_radii,), default=0.5
        Radius in units of ``scale``, or several for a curve.
    norm : {"l2", "linf", "l1"}, default="l2"
        Norm of the perturbation of the numbers.
    scale : {"std", "iqr"}, dict or None, default="std"
        The unit of each column: its standard deviation, its interquartile range, or numbers by
        column; columns that a dict does not name use their standard deviation. ``None`` means one,
        the column's own unit. A column of scale zero cannot move.
    fixed : sequence of str or int, default=()
        Columns that never change, by name or position. Positions may be negative, here and in all
        other parameters.
    directions : dict, default=None
        ``{"age": "up"}``: columns that move only "up" or only "down".
    bounds : "data", dict or None, default="data"
        ``(low, high)`` by column, ``None`` for an open end; "data" is the smallest and the largest
        number seen in ``fit``, and also applies to columns that a dict does not name. Bounds from
        data are widened to hold the row itself. A column of integers is also bounded by what its
        type can hold.
    integers : "auto", sequence of str or int or None, default="auto"
        Columns of integers, which move by integers; "auto" takes those with integers only. With
        ``None`` they may become fractions.
    categorical : "auto", dict or sequence of str or int, default="auto"
        Columns of categories; "auto" takes booleans, words and categorical types. A dict such as
        ``{"flag": True, "rank": False}`` says so of some columns, and the others are "auto"; a
        sequence names all columns of categories. A column that is none moves if its cells are
        numbers, or booleans that a dict names, as 0 and 1; else it never changes.
    n_swaps : int, default=0
        Maximum number of categories of a row that may change.
    allowed_swaps : dict, default=None
        ``{"grade": {"A": ["B"]}}``: to which levels each level may change. In columns that are not
        named, each level may become any other that was seen in ``fit``.
    valid : callable, default=None
        Takes rows like those of X and returns a boolean for each: whether it could exist.
    random_state : int, RandomState or None, default=0
        Random numbers for attacks that draw them.

    Attributes
    ----------
    scales_ : ndarray of shape (n_features,)
        Units; zero for columns that cannot move.
    lows_, highs_ : ndarray of shape (n_features,)
        Bounds, infinite where there are none.
    is_integer_ : ndarray of bool of shape (n_features,)
        Columns of integers.
    directions_ : ndarray of int of shape (n_features,)
        1 for columns that move up only, -1 for down only, else 0.
    levels_ : dict of int to ndarray
        Levels seen, ``False`` and ``True`` for flags, by the position of a categorical column.
    allowed_swaps_ : dict of int to ndarray of bool of shape (n_levels, n_levels) or None
        Which level may become which; ``None`` is any other.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, where all are strings.
    n_features_in_ : int
        Number of columns.

    See Also
    --------
    adversarial_examples : The worst rows that it allows.
    adversarial_accuracy : The accuracy that remains.

    Notes
    -----
    Fit it once, on the whole table, before it is used: scales and levels of a few rows differ from
    those of others. All functions that take a threat model raise an error for one that has not been
    fitted. A clone of a fitted one is fitted. ``epsilon``, ``norm``, ``n_swaps``, ``valid`` and
    ``random_state`` may be set after ``fit``; nothing is learned from them. It keeps 200 of the
    rows, as directions for searches.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_irg.attacks import ThreatModel
    >>> table = pd.DataFrame({"age": [23, 45, 31, 60], "income": [1500.0, 3200.0, 2100.0, 2800.0], "job": list("abac")})
    >>> threat = ThreatModel(0.5, directions={"age": "up"}, n_swaps=1).fit(table)
    >>> threat.scales_.round(1)
    array([ 14.1, 651.9,   0. ])
    >>> moved = table.assign(age=[25, 45, 31, 60], job=list("bbac"))
    >>> threat.allows(table, moved)
    array([ True,  True,  True,  True])
    """

    def __init__(
        self,
        epsilon=0.5,
        *,
        norm="l2",
        scale="std",
        fixed=(),
        directions=None,
        bounds="data",
        integers="auto",
        categorical="auto",
        n_swaps=0,
        allowed_swaps=None,
        valid=None,
        random_state=0,
    ):
        self.epsilon = epsilon
        self.norm = norm
        self.scale = scale
        self.fixed = fixed
        self.directions = directions
        self.bounds = bounds
        self.integers = integers
        self.categorical = categorical
        self.n_swaps = n_swaps
        self.allowed_swaps = allowed_swaps
        self.valid = valid
        self.random_state = random_state

    def fit(self, X, y=None):
        """Learn scales, bounds, integers and levels of a table.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows; missing values are ignored.
        y : ignored
            Not used.

        Returns
        -------
        self : ThreatModel
            Fitted.
        """
        self._check_free_parameters()
        table = as_table(X)
        validate_data(self, X if hasattr(X, "iloc") else table.X, skip_check_array=True)
        categorical, is_number = self._kinds(table)
        table.is_number = self._is_number = is_number
        numbers = table.numbers()[:, is_number]
        numbers = np.where(np.isinf(numbers), np.nan, numbers)
        self.scales_ = np.zeros(table.n_columns)
        self.scales_[is_number] = self._scales(table, numbers, np.flatnonzero(is_number))
        self.is_integer_ = self._integers(table, is_number, numbers)
        self._learn_bounds(table, is_number, numbers)
        self._learn_directions(table, is_number)
        self.scales_[self._positions(self.fixed, "fixed", table)] = 0
        self.levels_ = {}
        for j in np.flatnonzero(categorical):
            cells = table.cells(j)
            self.levels_[int(j)] = _in_order({cell for cell in cells if cell is not None})
        self._learn_allowed_swaps(table)
        self._memory = TableMemory.of(table)
        self._fitted_params = {name: deepcopy(getattr(self, name)) for name in _LEARNED_WITH}
        return self

    def __sklearn_clone__(self):
        """A clone that is fitted alike, so that all folds of a search face the same threat."""
        other = super().__sklearn_clone__()
        parameters = self.get_params(deep=False)
        learned = {name: value for name, value in vars(self).items() if name not in parameters}
        vars(other).update(deepcopy(learned))
        return other

    def allows(self, X, X_moved):
        """Whether rows may become other rows.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Rows.
        X_moved : DataFrame or array-like of shape (n_samples, n_features)
            Changed rows, one for each row of X.

        Returns
        -------
        allowed : ndarray of bool of shape (n_samples,)
            Whether the change is allowed at the largest radius, up to the rounding of each number
            in its own type; cells that cannot move must be the same. Rows that ``valid`` rejects
            are not allowed. Certificates are for the radius itself, and not for rows that are
            beyond it by such a rounding.
        """
        return TablePerturbations.of(fitted_threat(self, X), X).allow(X_moved)

    def input_perturbations(self, X, feature_names=None):
        """Perturbation set of rows of numbers, for models that are trained on the rows themselves.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Rows, with the columns that it was fitted on.
        feature_names : sequence of str, default=None
            Their names.

        Returns
        -------
        perturbations : InputPerturbations
            For penalties such as `sklearn_irg.penalties.AdversarialLoss`.
        """
        check_fitted(self)
        return perturbations_of_inputs(self, X, feature_names)

    def read(self, X):
        """Rows as a table, with the categories and numbers of the threat model.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        table : Table
            The rows.
        """
        return as_table(X, self.levels_, np.flatnonzero(self._is_number))

    def examples(self, table):
        """Rows that it was fitted on; None unless they are in the container of a table.

        Parameters
        ----------
        table : Table
            Rows in that container.

        Returns
        -------
        examples : Table or None
            Rows of the fit.
        """
        examples = self._memory.examples
        return (
            self.read(examples)
            if examples is not None and type(examples) is type(table.X)
            else None
        )

    def usual_numbers(self, j):
        """The most frequent numbers of a column.

        Parameters
        ----------
        j : int
            Position of the column.

        Returns
        -------
        numbers : array-like
            Empty where none is remembered.
        """
        return self._memory.usual.get(j, ())

    def spreads(self):
        """Standard deviation of each column, None where nothing is remembered."""
        return self._memory.spreads

    def without_memory(self):
        """Itself, having forgotten the rows that it was fitted on."""
        self._memory = TableMemory()
        return self

    def _check_free_parameters(self):
        """Check the parameters that may be set after ``fit``, as nothing is learned from them."""
        check_radii(self.epsilon)
        check_choice(self.norm, "norm", NORMS)
        check_integer(self.n_swaps, "n_swaps", 0)
        if self.valid is not None and not callable(self.valid):
            raise InvalidParameterError(
                f"valid must be a function of rows, or None; got {self.valid!r}."
            )

    def check_unchanged_since_fit(self):
        """Check the parameters that may be set after ``fit``.

        Raise an error for any other that has been changed.
        """
        self._check_free_parameters()
        for name, value in self._fitted_params.items():
            if not _are_equal(getattr(self, name), value):
                raise InvalidParameterError(
                    f"{name} of the ThreatModel has been set to {getattr(self, name)!r} after fit, "
                    f"which used {value!r}. Fit it again."
                )

    def _positions(self, columns, parameter, table):
        if isinstance(columns, (str, dict)) or not hasattr(columns, "__len__"):
            raise InvalidParameterError(
                f"{parameter} must be a sequence of column names or positions; got {columns!r}."
            )
        return [self._position(column, parameter, table) for column in columns]

    def _by_position(self, parameter, table):
        """Positions, names and values of a parameter that is a dict by column."""
        named = {}
        for column, value in getattr(self, parameter).items():
            j = self._position(column, parameter, table)
            if j in named:
                raise InvalidParameterError(
                    f"{parameter} names a column twice: {named[j]!r} and {column!r} are the same."
                )
            named[j] = column
            yield j, column, value

    @staticmethod
    def _position(column, parameter, table):
        return check_column(column, table.n_columns, table.names, parameter)

    def _kinds(self, table):
        """Columns of categories, and of numbers."""
        if isinstance(self.categorical, dict):
            named = {
                j: check_boolean(value, f"categorical of {column!r}")
                for j, column, value in self._by_position("categorical", table)
            }
            chosen, numbers = table.is_category, table.is_number.copy()
            chosen[list(named)] = list(named.values())
            no_categories = [j for j, value in named.items() if not value]
            numbers[no_categories] |= table.is_flag[no_categories]
            return chosen, numbers & ~chosen
        if isinstance(self.categorical, str):
            check_choice(self.categorical, "categorical", ("auto",))
            return table.is_category, table.is_number
        chosen = np.zeros(table.n_columns, dtype=bool)
        chosen[self._positions(self.categorical, "categorical", table)] = True
        return chosen, table.is_number & ~chosen

    def _scales(self, table, numbers, columns):
        if self.scale is None:
            return np.ones(len(columns))
        kind = (
            "std"
            if isinstance(self.scale, dict)
            else check_choice(self.scale, "scale", ("std", "iqr"))
        )
        with warnings.catch_warnings(), np.errstate(over="ignore", invalid="ignore"):
            warnings.simplefilter("ignore", RuntimeWarning)  # columns without a number
            if kind == "std":
                scales = np.nanstd(numbers, axis=0)
            else:
                scales = (
                    np.subtract(*np.nanpercentile(numbers, [75, 25], axis=0))
                    if len(columns)
                    else np.zeros(0)
                )
        scales = np.where(np.isfinite(scales), scales, 0)
        if isinstance(self.scale, dict):
            for j, column, value in self._by_position("scale", table):
                if j not in columns:
                    raise InvalidParameterError(
                        f"scale has {column!r}, which is not a numeric column."
                    )
                scales[columns == j] = check_real(value, f"scale of {column!r}", 0)
        fixed = set(self._positions(self.fixed, "fixed", table))
        still = [
            str(table.name_of(j))
            for j, s in zip(columns, scales, strict=True)
            if s == 0 and j not in fixed
        ]
        if still:
            warnings.warn(
                f"the scale of {', '.join(still)} is zero, so that these columns cannot move. Give "
                "scale a number for them, or name them in fixed.",
                stacklevel=3,
            )
        return scales

    def _integers(self, table, is_number, numbers):
        whole = np.zeros(table.n_columns, dtype=bool)
        if self.integers is None:
            return whole
        if isinstance(self.integers, str):
            check_choice(self.integers, "integers", ("auto",))
            with np.errstate(invalid="ignore"):
                whole[is_number] = (np.isnan(numbers) | (numbers == np.rint(numbers))).all(axis=0)
            return whole
        for column in self._positions(self.integers, "integers", table):
            if not is_number[column]:
                raise InvalidParameterError(
                    f"integers has {table.name_of(column)!r}, which is not a numeric column."
                )
            whole[column] = True
        return whole

    def _learn_bounds(self, table, is_number, numbers):
        self.lows_, self.highs_ = (
            np.full(table.n_columns, -np.inf),
            np.full(table.n_columns, np.inf),
        )
        self._has_own_bounds = np.zeros(table.n_columns, dtype=bool)
        if self.bounds is None:
            return
        if not isinstance(self.bounds, dict):
            check_choice(self.bounds, "bounds", ("data",))
        filled = (~np.isnan(numbers)).any(axis=0)
        columns = np.flatnonzero(is_number)[filled]
        self.lows_[columns] = np.nanmin(numbers[:, filled], axis=0, initial=np.inf)
        self.highs_[columns] = np.nanmax(numbers[:, filled], axis=0, initial=-np.inf)
        for j, column, pair in (
            self._by_position("bounds", table) if isinstance(self.bounds, dict) else ()
        ):
            try:
                low, high = pair
                low = -np.inf if low is None else float(low)
                high = np.inf if high is None else float(high)
                valid = bool(is_number[j]) and low <= high
            except (TypeError, ValueError):
                valid = False
            if not valid:
                raise InvalidParameterError(
                    f"bounds of {column!r} must be (low, high) with low <= high, None for an open "
                    f"end, of a numeric column; got {pair!r}."
                )
            self.lows_[j], self.highs_[j] = low, high
            self._has_own_bounds[j] = True

    def _learn_directions(self, table, is_number):
        self.directions_ = np.zeros(table.n_columns, dtype=int)
        if self.directions is not None and not isinstance(self.directions, dict):
            raise InvalidParameterError(
                'directions must be a dict such as {"age": "up"}, or None; got '
                f"{self.directions!r}."
            )
        for j, column, way in self._by_position("directions", table) if self.directions else ():
            if not is_number[j]:
                raise InvalidParameterError(
                    f"directions has {column!r}, which is not a numeric column."
                )
            self.directions_[j] = (
                1 if check_choice(way, f"direction of {column!r}", ("up", "down")) == "up" else -1
            )

    def _learn_allowed_swaps(self, table):
        """Learn the allowed swaps of each column.

        A boolean matrix over ``levels_``, or None where any level may become any other.
        """
        self.allowed_swaps_ = dict.fromkeys(self.levels_)
        if self.allowed_swaps is not None and not isinstance(self.allowed_swaps, dict):
            raise InvalidParameterError(
                'allowed_swaps must be a dict such as {"grade": {"A": ["B"]}}, or None; got '
                f"{self.allowed_swaps!r}."
            )
        for j, column, ways in (
            self._by_position("allowed_swaps", table) if self.allowed_swaps else ()
        ):
            if j not in self.levels_:
                raise InvalidParameterError(
                    f"allowed_swaps has {column!r}, which is not a categorical column."
                )
            if not isinstance(ways, dict) or any(
                isinstance(to, str) or not hasattr(to, "__iter__") for to in ways.values()
            ):
                raise InvalidParameterError(
                    f"allowed_swaps of {column!r} must be a dict of level to levels, such as "
                    f'{{"A": ["B"]}}; got {ways!r}.'
                )
            levels = self.levels_[j].tolist()
            for level in [*ways, *(level for to in ways.values() for level in to)]:
                if level not in levels:
                    raise InvalidParameterError(
                        f"allowed_swaps of {column!r} has the level {level!r}, which was not seen; "
                        "seen were "
                        f"{', '.join(map(repr, levels[:10]))}{', …' if len(levels) > 10 else ''}."
                    )
            allowed = np.zeros((len(levels), len(levels)), dtype=bool)
            for level, to in ways.items():
                allowed[levels.index(level), [levels.index(other) for other in to]] = True
            np.fill_diagonal(allowed, False)
            if not allowed.any():
                raise InvalidParameterError(
                    f"allowed_swaps of {column!r} leaves no level to change to. To keep the column "
                    "as it is, name it in fixed."
                )
            self.allowed_swaps_[j] = allowed
        for j in self._positions(self.fixed, "fixed", table):
            if j in self.allowed_swaps_:
                del self.allowed_swaps_[j]


def _are_equal(value, other):
    """Whether two parameters say the same; sequences may be of different types."""
    if isinstance(value, dict) or isinstance(other, dict):
        both = isinstance(value, dict) and isinstance(other, dict) and value.keys() == other.keys()
        return both and all(_are_equal(value[key], other[key]) for key in value)
    if _is_sequence(value) or _is_sequence(other):
        if not (_is_sequence(value) and _is_sequence(other)) or len(value) != len(other):
            return False
        if isinstance(value, (set, frozenset)) or isinstance(other, (set, frozenset)):
            return set(value) == set(other)
        return all(_are_equal(a, b) for a, b in zip(value, other, strict=True))
    return value is other or bool(value == other)


def _is_sequence(value):
    return hasattr(value, "__len__") and not isinstance(value, str)


def _in_order(levels):
    """Levels as an array of objects, in their own order where they have one."""
    try:
        ordered = sorted(levels, key=lambda level: (type(level).__name__, level))
    except TypeError:
        ordered = sorted(levels, key=repr)
    array = np.empty(len(ordered), dtype=object)
    array[:] = ordered
    return array


def check_fitted(threat):
    """Raise an error for a threat model that has not been fitted, or has been changed since."""
    try:
        check_is_fitted(threat, "scales_")
    except NotFittedError:
        raise NotFittedError(
            "the ThreatModel has not been fitted. Fit it once, on the whole table: "
            "ThreatModel(…).fit(X). Scales, bounds and levels that were learned from the rows of "
            "each call would differ from call to call."
        ) from None
    threat.check_unchanged_since_fit()


def fitted_threat(threat, X):
    """The threat model, which must have been fitted on a table with the columns of X."""
    check_fitted(threat)
    validate_data(threat, X, reset=False, skip_check_array=True)
    return threat
