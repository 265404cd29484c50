"""Linearized minima and projected gradients of loss and margins, for differentiable models."""

import numpy as np

from sklearn_irg._threats.methods._base import Method
from sklearn_irg._threats.searches.ascent import ascend_all, ascend_once
from sklearn_irg._threats.searches.black_box import random_state_of
from sklearn_irg._threats.searches.nearest_found import distances_found

__all__ = ["GradientAscent"]


class GradientAscent(Method):
    """Attacks at increasing radii, each from the points found at the one before."""

    name = "gradient"
    answers = frozenset({"attack", "upper"})
    tries_more_radii = True

    @classmethod
    def obstacle(cls, problem):
        return (
            f"{problem.model.name} is known as a function only"
            if problem.model.is_function
            else None
        )

    def attack(self, best, radius, rows, quick=False):
        if quick:
            ascend_once(best, radius)
        else:
            ascend_all(best, radius, random_state_of(best.problem.threat))

    def distances(self):
        return np.zeros(len(self.problem)), distances_found(self)
