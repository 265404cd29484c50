"""Search by values of scores, for any model, which also climbs where they have slopes."""

import numpy as np

from sklearn_irg._threats.methods._base import Method
from sklearn_irg._threats.searches.ascent import ascend_all, ascend_once
from sklearn_irg._threats.searches.black_box import random_state_of, search
from sklearn_irg._threats.searches.nearest_found import distances_found

__all__ = ["BlackBoxSearch"]


class BlackBoxSearch(Method):
    """Gradient ascent where there are gradients, and a search everywhere.

    A function may have jumps in addition to slopes.
    """

    name = "search"
    answers = frozenset({"attack", "upper"})

    @classmethod
    def obstacle(cls, problem):
        return None

    @property
    def tries_more_radii(self):
        """Whether any row has slopes."""
        return not self.problem.is_flat.all()

    def attack(self, best, radius, rows, quick=False):
        sloping = np.flatnonzero(~best.problem.is_flat)
        if len(sloping):
            part = best.take(sloping)
            if quick:
                ascend_once(part, radius)
            else:
                ascend_all(part, radius, random_state_of(part.problem.threat))
            best.scatter(sloping, part)
        left = np.flatnonzero(~best.wrong)
        if len(left) and not quick:
            part = best.take(left)
            search(part, radius)
            best.scatter(left, part)

    def distances(self):
        return np.zeros(len(self.problem)), distances_found(self)
