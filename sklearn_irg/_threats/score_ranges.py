"""Lowest and highest score of rows within a perturbation set, for two classes."""

from dataclasses import dataclass

import numpy as np

from sklearn_irg._threats.best_found import BestFound
from sklearn_irg._threats.errors import NotCertifiableError
from sklearn_irg._threats.evaluation import require_known_steps
from sklearn_irg._threats.methods import choose

__all__ = ["ScoreRange", "score_range"]


@dataclass(frozen=True)
class ScoreRange:
    """Bounds on the scores of each row, and scores that were attained.

    Scores are the estimator's own margins for the second class: its decision function, or for
    averages of trees the difference of the probabilities.

    Attributes
    ----------
    lowest_bound, highest_bound : ndarray of shape (n_samples,)
        No score in the set is outside; infinite where nothing is certain.
    lowest, highest : ndarray of shape (n_samples,)
        Scores at points of the set; NaN where the steps before the model are not known to be affine
        in it.
    method : str
        Name of the method that gave the bounds; empty where there is none.
    """

    lowest_bound: np.ndarray
    lowest: np.ndarray
    highest: np.ndarray
    highest_bound: np.ndarray
    method: str


def score_range(problem, radius, name="auto", budget=None):
    """Range of the scores of rows within a radius.

    Raises
    ------
    TypeError
        For three classes or more.
    """
    if problem.model.n_outputs != 1:
        raise TypeError(
            f"{problem.model.name} has a score for each of its classes, and two classes are needed "
            "here."
        )
    sides = [
        _lowest(problem.with_labels(np.full(len(problem), label)), radius, name, budget)
        for label in (1, 0)
    ]
    (lowest_bound, lowest, method), (highest_bound, highest, _) = sides
    return ScoreRange(lowest_bound, lowest, -highest, -highest_bound, method)


def _lowest(problem, radius, name, budget):
    """Lower bound on the margin of each label, lowest margin attained, and name of the method."""
    method, _ = choose(problem, "score", name, budget)
    bound, attained = np.full(len(problem), -np.inf), np.full(len(problem), np.inf)
    if method is not None:
        bound, attained = method.lowest_margins(radius)
    if method is None or not method.is_exact:
        best = BestFound(problem)
        attack, _ = choose(problem, "attack", budget=budget)
        attack.attack(best, radius, np.arange(len(problem)))
        attained = np.minimum(attained, -best.loss)
    is_read = method is not None and not method.needs_affine_steps
    is_known = np.ones(len(problem), dtype=bool) if is_read else _are_steps_affine(problem, radius)
    return (
        np.where(is_known, bound, -np.inf),
        np.where(is_known, attained, np.nan),
        "" if method is None else method.name,
    )


def _are_steps_affine(problem, radius):
    """Rows whose steps are known to be affine within the radius."""
    problem.find_limits([radius])
    try:
        require_known_steps(problem, [radius])
    except NotCertifiableError:
        return np.zeros(len(problem), dtype=bool)
    return problem.limits > radius
