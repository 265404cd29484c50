"""What functions take in place of a radius: one, several, or a threat model."""

from copy import copy

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_irg._checks import InvalidParameterError, check_bounds, check_choice, check_features, check_radii
from sklearn_irg._fitted.tables import as_table
from sklearn_irg._threats.threat_model import NORMS, ThreatModel

__all__ = [
    "as_threat",
    "ball",
    "check_alone",
    "check_fitted",
    "constant_columns",
    "fitted_threat",
    "one_radius",
    "with_radius",
]


def check_fitted(threat):
    """Raise an error for a threat model that has not been fitted, or has been changed since."""
    try:
        check_is_fitted(threat, "scales_")
    except NotFittedError:
        raise NotFittedError(
            "the ThreatModel has not been fitted. Fit it once, on the whole table: ThreatModel(…).fit(X). Scales, bounds and "
            "levels that were learned from the rows of each call would differ from call to call."
        ) from None
    threat.check_unchanged_since_fit()


def fitted_threat(threat, X):
    """The threat model, which must have been fitted on a table with the columns of X."""
    check_fitted(threat)
    validate_data(threat, X, reset=False, skip_check_array=True)
    return threat


def as_threat(epsilon, X, *, norm=None, clip=None, features=None):
    """A fitted threat model: the one given, or the ball of a radius, or several, in units of X."""
    if not isinstance(epsilon, ThreatModel):
        check_radii(epsilon)
        check_choice("l2" if norm is None else norm, "norm", NORMS)
        table = as_table(X)
        moves = check_features(features, table.n_columns, table.names)
        bounds = None
        if clip is not None:
            low, high = check_bounds(clip, table.n_columns)
            bounds = {j: (low[j], high[j]) for j in np.flatnonzero(moves & table.is_number)}
        fixed = np.flatnonzero(~moves).tolist()
        norm = "l2" if norm is None else norm
        return ball(epsilon, X, norm=norm, scale=None, fixed=fixed, bounds=bounds)
    check_alone(norm=norm, clip=clip, features=features)
    return fitted_threat(epsilon, X)


def ball(epsilon, X, **parameters):
    """The threat model of a radius, which knows nothing of other rows than those it is asked about."""
    return ThreatModel(epsilon, integers=None, **parameters).fit(X).without_memory()


def check_alone(**arguments):
    """Raise an error for what may not be given beside a threat model."""
    own_names = {"norm": "norm", "clip": "bounds", "features": "fixed", "units": "scale"}
    for name, value in arguments.items():
        if value is not None:
            raise InvalidParameterError(
                f"{name} is not taken beside a ThreatModel, which has it as {own_names[name]}; got {value!r}."
            )


def constant_columns(X):
    """Positions of the columns of numbers that do not vary."""
    table = as_table(X)
    numbers = table.numbers()
    spread = [np.nanstd(column) if not np.isnan(column).all() else 0.0 for column in numbers.T]
    return [j for j in np.flatnonzero(table.is_number).tolist() if spread[j] == 0]


def one_radius(epsilon):
    """A single radius."""
    if np.ndim(epsilon):
        raise InvalidParameterError(f"epsilon must be a single radius here; got {epsilon!r}.")
    return check_radii(epsilon)[0]


def with_radius(threat, radius):
    """A fitted threat model with another radius."""
    other = copy(threat)
    other.epsilon = radius
    return other
