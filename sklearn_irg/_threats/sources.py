"""From which columns of a table each column comes that a model sees behind steps."""

import numpy as np

__all__ = ["columns_come_from_one", "sources_of"]


def columns_come_from_one(problem):
    """Whether each column that the model sees comes from one column of the table."""
    if problem.perturbations.columns and problem.effects is None:
        return problem.model.acts_by_column
    sources = (problem.model.slopes != 0).sum(axis=0)
    for effect in problem.effects or []:
        sources += (np.ptp(effect, axis=0) > 0).astype(int)
    return bool((sources <= 1).all())


def sources_of(problem):
    """Slopes of the columns that move, and from which of them each column comes that the model sees; -1 for none."""
    slopes = problem.model.slopes * problem.perturbations.movable_columns[:, None]
    return slopes, np.where((slopes != 0).any(axis=0), (slopes != 0).argmax(axis=0), -1)
