"""Bounds on the distance of rows to the nearest point that is misclassified."""

import numpy as np

from sklearn_irg._checks import check_choice
from sklearn_irg._fitted.units import UNITS
from sklearn_irg._threats.arguments import (
    ball,
    check_alone,
    constant_columns,
    fitted_threat,
    with_radius,
)
from sklearn_irg._threats.attack_problem import AttackProblem
from sklearn_irg._threats.errors import NotCertifiableError
from sklearn_irg._threats.evaluation import require_known_steps
from sklearn_irg._threats.methods import choose, refusal
from sklearn_irg._threats.radii import rungs
from sklearn_irg._threats.searches.nearest_found import distances_found

__all__ = ["bounds", "distance_problem", "lower_bounds", "upper_bounds"]


def distance_problem(estimator, X, y, *, norm, threat, units):
    """Attack problem without a radius; without a threat model, in all columns and unbounded."""
    if threat is None:
        norm = "l2" if norm is None else norm
        scale = None if check_choice(units, "units", tuple(UNITS)) == "raw" else "std"
        still = [] if scale is None else constant_columns(X)
        threat = ball(1.0, X, norm=norm, scale=scale, fixed=still, bounds=None)
    else:
        check_alone(norm=norm, units=None if units == "raw" else units)
        threat = fitted_threat(threat, X)
    return AttackProblem(estimator, X, y, with_radius(threat, np.inf))


def lower_bounds(problem, name, budget):
    """Certified distances within which rows are not misclassified.

    Raises
    ------
    TypeError
        For a model that no method can certify.
    """
    method, obstacles = choose(problem, "lower", name, budget)
    if method is None or method.needs_affine_steps:
        _require_known_steps(problem)
    if method is None:
        raise NotCertifiableError(refusal(problem, name, obstacles))
    return _certain(method, method.distances()[0])


def upper_bounds(problem, name, budget):
    """Distances at which rows are misclassified."""
    method, obstacles = choose(problem, "upper", name, budget)
    if method is None or method.needs_affine_steps:
        problem.find_limits(_ladder(problem))
    if method is None:
        raise NotCertifiableError(refusal(problem, name, obstacles))
    return _reached(problem, method)


def bounds(problem, name, budget):
    """Lower and upper bounds, from one search where a method gives both.

    Lower bounds are zero where ``name`` is "auto" and no method knows any.
    """
    exact, _ = choose(problem, "upper", "exact" if name == "auto" else name, budget)
    gives_both = (
        exact is not None
        and "lower" in exact.answers
        and not (name == "auto" and exact.is_on_request)
    )
    if not gives_both:
        upper = upper_bounds(problem, "auto", budget)
        try:
            return lower_bounds(problem, name, budget), upper
        except NotCertifiableError:
            if name != "auto":
                raise
            return np.zeros(len(upper)), upper
    is_certain = _are_steps_known(problem, exact, name)
    lower, upper = exact.distances()
    return _certain(exact, lower) if is_certain else np.zeros(len(lower)), _reached(
        problem, exact, upper
    )


def _are_steps_known(problem, method, name):
    """Whether a method's lower bounds hold; raises an error if not, unless ``name`` is "auto"."""
    try:
        if method.needs_affine_steps:
            _require_known_steps(problem)
    except NotCertifiableError:
        if name != "auto":
            raise
        return False
    return True


def _ladder(problem):
    return [*(radius for radius, _ in rungs(problem, [])), np.inf]


def _require_known_steps(problem):
    ladder = _ladder(problem)
    problem.find_limits(ladder)
    require_known_steps(problem, ladder)


def _certain(method, lower):
    """Lower bounds, at most the limits up to which the steps are affine where that matters."""
    limits = method.problem.limits if method.needs_affine_steps else np.inf
    return np.where(method.problem.misclassified, 0, np.minimum(lower, limits))


def _reached(problem, method, distances=None):
    """Distances by a method, completed by attacks on the whole pipeline.

    These replace distances that are beyond the limits up to which the steps are affine.
    """
    distances = method.distances()[1] if distances is None else distances
    if method.is_exact and method.needs_affine_steps:
        beyond = np.flatnonzero((distances >= problem.limits) & np.isfinite(problem.limits))
        if len(beyond):
            attack, _ = choose(problem.take(beyond), "attack", budget=method.budget)
            distances[beyond] = distances_found(attack)
    return distances
