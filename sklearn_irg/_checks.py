"""Checks of arguments, each defined once.

Each function returns the value in the form that the code behind it expects.
"""

import warnings
from numbers import Integral, Real

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import check_array

__all__ = [
    "InvalidParameterError",
    "check_boolean",
    "check_bounds",
    "check_choice",
    "check_column",
    "check_feature_weights",
    "check_features",
    "check_integer",
    "check_mask",
    "check_per_layer",
    "check_radii",
    "check_real",
    "check_sample_weight",
    "is_polars",
    "over_layers",
]


class InvalidParameterError(ValueError, TypeError):
    """Parameter of the wrong type or out of range.

    Like scikit-learn's, it is both a ValueError and a TypeError.
    """


def _outside(value, low, high, open_low, open_high):
    too_low = low is not None and (value <= low if open_low else value < low)
    return too_low or (high is not None and (value >= high if open_high else value > high))


def _range(low, high, open_low, open_high):
    low = "" if low is None else f" {'>' if open_low else '>='} {low:g}"
    high = "" if high is None else f" {'<' if open_high else '<='} {high:g}"
    return low + (" and" if low and high else "") + high


def check_real(value, name, low=None, high=None, *, open_low=False, open_high=False):
    """A finite number within bounds, as a float."""
    try:
        number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else np.nan
    except OverflowError:
        number = np.inf
    if not np.isfinite(number) or _outside(number, low, high, open_low, open_high):
        wanted = f"a finite number{_range(low, high, open_low, open_high)}"
        raise InvalidParameterError(f"{name} must be {wanted}; got {value!r}.")
    return number


def check_radii(epsilon, name="epsilon"):
    """One or several radii as a list of floats."""
    if isinstance(epsilon, Real):
        return [check_real(epsilon, name, 0)]
    try:
        radii = np.asarray(epsilon, dtype=np.float64).tolist()
    except (TypeError, ValueError):
        radii = None
    if (
        epsilon is None
        or not isinstance(radii, list)
        or any(isinstance(radius, list) for radius in radii)
    ):
        raise InvalidParameterError(
            f"{name} must be a number >= 0, several, or a ThreatModel; got {epsilon!r}."
        )
    radii = [check_real(radius, name, 0) for radius in radii]
    if not radii:
        raise InvalidParameterError(f"{name} must be one radius or more; got none.")
    return radii


def check_per_layer(value, name, *, open_low=False):
    """One number for all layers, or a number for each of the first ones, as a list of floats."""
    numbers = value.tolist() if isinstance(value, np.ndarray) and value.ndim else value
    numbers = numbers if isinstance(numbers, (list, tuple)) else [numbers]
    if not numbers or any(not isinstance(number, Real) for number in numbers):
        raise InvalidParameterError(
            f"{name} must be a number, or a sequence of numbers from the input up; got {value!r}."
        )
    return [check_real(number, name, 0, open_low=open_low) for number in numbers]


def over_layers(numbers, name, n_layers):
    """Number for each of ``n_layers`` layers, with the input among them.

    The last number counts for all further layers.
    """
    if len(numbers) > n_layers:
        hidden = (
            f"and {n_layers - 1} hidden one{'' if n_layers == 2 else 's'}"
            if n_layers > 1
            else "alone"
        )
        raise InvalidParameterError(
            f"{name} has {len(numbers)} entries, but the layers to perturb are the input {hidden}. "
            "Leave entries out."
        )
    return numbers + numbers[-1:] * (n_layers - len(numbers))


def is_polars(X):
    """Whether X is a DataFrame of polars, which need not be installed."""
    return type(X).__module__.partition(".")[0] == "polars" and hasattr(X, "get_column")


def check_integer(value, name, low=None, high=None):
    """An integer within bounds, as Python's own, which does not overflow."""
    if (
        not isinstance(value, Integral)
        or isinstance(value, bool)
        or _outside(int(value), low, high, False, False)
    ):
        raise InvalidParameterError(
            f"{name} must be an integer{_range(low, high, False, False)}; got {value!r}."
        )
    return int(value)


def check_boolean(value, name):
    """True or False, as Python's own."""
    if not isinstance(value, (bool, np.bool_)):
        raise InvalidParameterError(f"{name} must be True or False; got {value!r}.")
    return bool(value)


def check_choice(value, name, choices):
    """One of several strings."""
    if not isinstance(value, str) or value not in choices:
        raise InvalidParameterError(
            f"{name} must be one of {', '.join(map(repr, choices))}; got {value!r}."
        )
    return value


def check_features(features, n_features, names=None):
    """Boolean array of shape (n_features,) for names, positions or booleans.

    ``None`` means all columns, and an empty sequence none.
    """
    if features is None:
        return np.ones(n_features, dtype=bool)
    if isinstance(features, str) or not hasattr(features, "__len__"):
        raise InvalidParameterError(
            f"features must be a sequence of column names or positions, or None; got {features!r}."
        )
    features = list(features)
    mask = np.zeros(n_features, dtype=bool)
    if any(isinstance(feature, (bool, np.bool_)) for feature in features):
        if len(features) != n_features or not all(
            isinstance(feature, (bool, np.bool_)) for feature in features
        ):
            raise InvalidParameterError(
                f"features as booleans must be {n_features}, one per column; got {features!r}."
            )
        mask[:] = features
        return mask
    names = None if names is None else list(names)
    for feature in features:
        mask[check_column(feature, n_features, names)] = True
    return mask


def check_feature_weights(weights, n_features, names=None):
    """Weights of columns, shape (n_features,).

    They are given as a dict of name or position to number, or as a number per column.

    Columns that are not mentioned have weight one; ``None`` mentions none.
    """
    array = np.ones(n_features)
    if weights is None:
        return array
    if hasattr(weights, "to_dict") and hasattr(weights, "index"):  # a Series, by its names
        weights = weights.to_dict()
    if isinstance(weights, dict):
        names = None if names is None else list(names)
        for feature, weight in weights.items():
            array[check_column(feature, n_features, names, "weights")] = check_real(
                weight, f"weight of {feature!r}", 0
            )
        return array
    try:
        given = np.asarray(weights, dtype=float)
        valid = given.shape == (n_features,) and np.isfinite(given).all() and (given >= 0).all()
    except (TypeError, ValueError):
        valid = False
    if not valid:
        raise InvalidParameterError(
            f"weights must be a dict of column to non-negative number, or {n_features} such "
            f"numbers; got {weights!r}."
        )
    return given


def check_column(feature, n_features, names, parameter="features"):
    """Position, from zero, of a column given by its name or position.

    A negative position counts from the end.
    """
    if isinstance(feature, str):
        if names is None:
            raise InvalidParameterError(
                f"{parameter} names the column {feature!r}, but X has no column names. Use "
                "positions, or a DataFrame; behind "
                'transformers, set_output(transform="pandas").'
            )
        if feature not in names:
            raise InvalidParameterError(
                f"{parameter} has {feature!r}, which is not a column of X; its columns are "
                f"{_some(names)}."
            )
        return names.index(feature)
    is_position = isinstance(feature, Integral) and not isinstance(feature, bool)
    if is_position and -n_features <= feature < n_features:
        return int(feature) % n_features
    raise InvalidParameterError(
        f"{parameter} has {feature!r}, which is not a position among the {n_features} columns of X."
    )


def _some(names, n=10):
    return ", ".join(map(str, names[:n])) + (f", … ({len(names)} in all)" if len(names) > n else "")


def check_bounds(clip, n_features):
    """Lower and upper bounds, each of shape (n_features,), infinite where there is none."""
    try:
        low, high = (
            np.broadcast_to(np.asarray(side, dtype=np.float64), n_features) for side in clip
        )
        valid = bool((low <= high).all())  # false for NaN
    except (TypeError, ValueError):
        valid = False
    if not valid:
        raise InvalidParameterError(
            "clip must be (low, high), numbers or one per feature, with low <= high; got "
            f"{clip!r}. Use inf for no bound."
        )
    return low, high


def check_sample_weight(sample_weight, n_samples):
    """Weights as an array of shape (n_samples,), or None."""
    if sample_weight is None:
        return None
    if isinstance(sample_weight, np.ndarray) and sample_weight.ndim == 0:
        sample_weight = sample_weight.item()
    if isinstance(sample_weight, (Real, str)):
        return np.full(n_samples, check_real(sample_weight, "sample_weight", 0, open_low=True))
    sample_weight = check_array(
        sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight"
    )
    if sample_weight.shape != (n_samples,):
        raise ValueError(
            f"sample_weight must have shape ({n_samples},), one per row of X; got "
            f"{sample_weight.shape}."
        )
    if (sample_weight < 0).any():
        raise ValueError(f"sample_weight must be non-negative; got {sample_weight.min()}.")
    if not sample_weight.any():
        raise ValueError(
            "sample_weight is zero for every row, so no row is left. Give one a positive weight."
        )
    with np.errstate(over="ignore"):
        check_total_weight(sample_weight.sum())
    return sample_weight


def check_total_weight(total):
    """Raise a ValueError for a sum of weights by which they cannot be divided."""
    if not np.finfo(float).tiny <= total < np.inf:
        raise ValueError(
            f"sample_weight must have a sum that neither overflows nor underflows; got {total}. "
            "Scale it."
        )


def check_mask(mask, shape, names=None):
    """A mask as booleans of the shape of X, or None.

    Rows go by position. Columns go by name where the mask has names: those that it lacks are false
    throughout, and those that X lacks are left out.
    """
    if mask is None:
        return None
    if issparse(mask):
        raise ValueError("mask must be dense; got a sparse one. Pass mask.toarray().")
    columns = list(getattr(mask, "columns", ()))
    given = np.asarray(mask)
    try:
        numbers = given.astype(float)
    except (TypeError, ValueError):
        numbers = np.full(given.shape, np.nan)
    words = given.dtype.kind in "US" or (
        given.dtype == object and any(isinstance(entry, str) for entry in given.flat)
    )
    if words or not ((numbers == 0) | (numbers == 1)).all():
        raise ValueError(
            "mask must hold booleans, or zeros and ones, and none missing; got values of type "
            f"{given.dtype}."
        )
    mask = numbers.astype(bool)
    n_names = sum(isinstance(column, str) for column in columns)
    if 0 < n_names < len(columns):
        raise ValueError(f"mask must have names for all columns or for none; got {_some(columns)}.")
    if n_names:
        mask = _aligned(mask, columns, names)
    if mask.shape != shape:
        raise ValueError(f"mask must have the shape of X, {shape}; got {mask.shape}.")
    return mask


def _aligned(mask, columns, names):
    if names is None:
        raise ValueError(
            "mask names columns, but X has no column names to align them with. Pass X as a "
            "DataFrame, behind transformers "
            'with set_output(transform="pandas"), or mask as an array.'
        )
    if len(set(columns)) < len(columns):
        raise ValueError(f"mask names a column twice; its columns are {_some(columns)}.")
    position = {name: j for j, name in enumerate(names)}
    if not any(column in position for column in columns):
        raise ValueError(
            f"no column of mask is a column of X: mask has {_some(columns)}, and X has "
            f"{_some(list(names))}."
        )
    aligned = np.zeros((len(mask), len(position)), dtype=bool)
    ignored = []
    for column, entries in zip(columns, mask.T, strict=True):
        if column in position:
            aligned[:, position[column]] = entries
        elif entries.any():
            ignored.append(column)
    if ignored:
        warnings.warn(
            f"mask is true in columns that X does not have, which has no effect: {_some(ignored)}.",
            stacklevel=2,
        )
    return aligned
