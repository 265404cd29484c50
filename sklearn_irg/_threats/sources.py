"""Columns of a table from which the inputs of a model behind steps come."""

import numpy as np

__all__ = ["is_axis_aligned", "sources_of"]


def is_axis_aligned(problem):
    """Whether each input of the model comes from at most one column of the table."""
    if problem.perturbations.columns and problem.effects is None:
        return problem.model.is_axis_aligned
    sources = (problem.model.slopes != 0).sum(axis=0)
    for effect in problem.effects or []:
        sources += (np.ptp(effect, axis=0) > 0).astype(int)
    return bool((sources <= 1).all())


def sources_of(problem):
    """Slopes of the columns that move, and the one from which each input of the model comes.

    The position is -1 for inputs that come from none.
    """
    slopes = problem.model.slopes * problem.perturbations.movable_columns[:, None]
    return slopes, np.where((slopes != 0).any(axis=0), (slopes != 0).argmax(axis=0), -1)
