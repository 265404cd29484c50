"""DeepFool for differentiable models in "l2", where only the ball limits rows.

It finds the nearest linearized boundary, then bisects.
"""

import numpy as np

from sklearn_irg._fitted.boundary import cross_boundary
from sklearn_irg._fitted.table_rows import numbers_of, with_numbers
from sklearn_irg._threats.methods._base import Method
from sklearn_irg._threats.methods.black_box_search import BlackBoxSearch

__all__ = ["DeepFool"]

_N_BISECTIONS = 40  # to a relative width of 1e-12


class DeepFool(Method):
    """Distance to the change of the prediction on the line to a point of another class."""

    name = "deepfool"
    answers = frozenset({"upper"})

    @classmethod
    def obstacle(cls, problem):
        if (
            problem.perturbations.norm != "l2"
            or problem.perturbations.is_constrained
            or problem.threat.valid is not None
        ):
            return 'it is for "l2" without bounds, swaps and integers'
        if problem.model.contains_trees or problem.is_flat.all():
            return f"the scores of {problem.model.name} jump"
        if problem.model.has_kinks or (
            problem.reading is not None and not problem.reading.is_affine
        ):
            return "the steps before the model are not known to be affine"
        return None

    def distances(self):
        problem = self.problem
        model, rows = problem.in_units()
        distances = self._across(model, rows)
        lost = np.flatnonzero(np.isinf(distances)) if model.is_function else []
        if len(lost):  # where there is no slope, or one that leads nowhere
            distances[lost] = BlackBoxSearch(problem.take(lost), self.budget).distances()[1]
        return np.zeros(len(distances)), distances

    def _across(self, model, rows):
        label = model.predicted(model.scores(rows))
        start = numbers_of(rows)
        way = cross_boundary(model, rows, label, self.budget.max_linearizations) - start
        crossed = model.predicted(model.scores(with_numbers(rows, start + way))) != label
        low, high = np.zeros(len(rows)), np.ones(len(rows))
        for _ in range(_N_BISECTIONS):
            middle = (low + high) / 2
            point = with_numbers(rows, start + middle[:, None].astype(start.dtype) * way)
            changed = model.predicted(model.scores(point)) != label
            low, high = np.where(changed, low, middle), np.where(changed, middle, high)
        return np.where(crossed, high * np.linalg.norm(way, axis=1), np.inf)
