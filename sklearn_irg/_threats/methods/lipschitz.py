"""Margins of neural networks over products of spectral norms, which certify "l2" balls."""

import numpy as np

from sklearn_irg._fitted.boundary import margin_over_norm
from sklearn_irg._fitted.weights import margin_bounds
from sklearn_irg._threats.methods._base import Method
from sklearn_irg._threats.rounding import margin_slack

__all__ = ["LipschitzMargin"]


class LipschitzMargin(Method):
    """Margins over their Lipschitz constants, since no margin falls faster."""

    name = "lipschitz"
    answers = frozenset({"certify", "lower"})

    @classmethod
    def obstacle(cls, problem):
        model, arrays = problem.model, problem.perturbations
        if not model.has_weights:
            return f"{model.name} has no weights"
        if arrays.norm != "l2" or arrays.columns or arrays.steps.any():
            return 'the bound is for "l2", without swaps and integers'
        if problem.reading is not None and not problem.reading.is_affine:
            return (
                f"the steps before the last of {model.name} are not affine, or cannot be read, so "
                "its slope has no bound. Use "
                'method="auto" under a ThreatModel with bounds, or pass pipe[-1] with '
                "pipe[:-1].transform(X)"
            )
        return None

    def certify(self, radius, rows):
        return self.distances()[0][rows] > radius

    def distances(self):
        problem = self.problem
        model, rows = problem.in_units()
        margins, gradients = model.margins(rows, problem.label)
        bounds = (
            np.linalg.norm(gradients, axis=2)
            if model.is_linear
            else margin_bounds(model, problem.label)
        )
        slack = margin_slack(problem, np.zeros(problem.perturbations.numbers.shape))
        lower = margin_over_norm(margins - slack, bounds).min(axis=1)
        return np.maximum(lower, 0), np.full(len(lower), np.inf)
