"""Arguments that functions take as a threat: a radius, several radii, or a threat model."""

from copy import copy

import numpy as np

from sklearn_irg._checks import (
    InvalidParameterError,
    check_bounds,
    check_choice,
    check_features,
    check_integer,
    check_radii,
    check_real,
)
from sklearn_irg._fitted.tables import as_table
from sklearn_irg._threats.budget import Budget
from sklearn_irg._threats.threat_model import NORMS, ThreatModel, check_fitted, fitted_threat

__all__ = [
    "as_threat",
    "ball",
    "check_alone",
    "check_fitted",
    "checked_budget",
    "constant_columns",
    "fitted_threat",
    "one_radius",
    "with_radius",
]


def as_threat(threat, X, *, norm=None, clip=None, features=None):
    """A fitted threat model: the one given, or the ball of a radius, or several, in units of X."""
    if isinstance(threat, ThreatModel):
        check_alone(norm=norm, clip=clip, features=features)
        return fitted_threat(threat, X)
    check_radii(threat, "threat")
    check_choice("l2" if norm is None else norm, "norm", NORMS)
    table = as_table(X)
    movable = check_features(features, table.n_columns, table.names)
    bounds = None
    if clip is not None:
        low, high = check_bounds(clip, table.n_columns)
        bounds = {j: (low[j], high[j]) for j in np.flatnonzero(movable & table.is_number)}
    fixed = np.flatnonzero(~movable).tolist()
    return ball(
        threat, X, norm="l2" if norm is None else norm, scale=None, fixed=fixed, bounds=bounds
    )


def ball(epsilon, X, **parameters):
    """Threat model of a radius, which remembers no rows of a table."""
    return ThreatModel(epsilon, integers=None, **parameters).fit(X).without_memory()


def check_alone(**arguments):
    """Raise an error for arguments that may not be given together with a threat model."""
    own_names = {"norm": "norm", "clip": "bounds", "features": "fixed", "units": "scale"}
    for name, value in arguments.items():
        if value is not None:
            raise InvalidParameterError(
                f"{name} cannot be combined with a ThreatModel, which has it as {own_names[name]}; got "
                f"{value!r}."
            )


def constant_columns(X):
    """Positions of the columns of numbers that do not vary."""
    table = as_table(X)
    numbers = table.numbers()
    spread = [np.nanstd(column) if not np.isnan(column).all() else 0.0 for column in numbers.T]
    return [j for j in np.flatnonzero(table.is_number).tolist() if spread[j] == 0]


def one_radius(threat):
    """The single radius of a threat model, or the radius given in place of one."""
    name, radius = (
        ("epsilon", threat.epsilon) if isinstance(threat, ThreatModel) else ("threat", threat)
    )
    if np.ndim(radius):
        raise InvalidParameterError(f"{name} must be a single radius here; got {radius!r}.")
    return check_radii(radius, name)[0]


def with_radius(threat, radius):
    """A fitted threat model with another radius."""
    other = copy(threat)
    other.epsilon = radius
    return other


def checked_budget(max_nodes, time_limit=10.0, **more):
    """Budget of a search for one row, with its arguments checked."""
    return Budget(
        max_nodes=check_integer(max_nodes, "max_nodes", 1),
        time_limit=check_real(time_limit, "time_limit", 0, open_low=True),
        **more,
    )
