"""A mixed-integer program that grows by variables and constraints, for scipy's solver."""

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

__all__ = ["MixedIntegerProgram", "proved_minimum", "solved"]

_GAP = 1e-6  # relative; the solver stops at 1e-4 by default, which would be seen in distances
# coefficient for which HiGHS's verdict "infeasible" is believed: its binary variables may be off
# by 1e-6, which larger ones make more than one unit
_LARGEST = 1e6


def solved(objective, integrality, bounds, constraints, seconds, gap=_GAP):
    """Scipy's solution of a program, without the presolver, which may return a wrong optimum.

    That of HiGHS 1.14 does (HiGHS issue 2961, fixed in 1.15). scipy 1.17 has HiGHS 1.12, whose
    presolver may end in an error where there is an optimum.
    """
    options = {"time_limit": seconds, "mip_rel_gap": gap, "presolve": False}
    return milp(
        objective, integrality=integrality, bounds=bounds, constraints=constraints, options=options
    )


def proved_minimum(solution):
    """Lower bound on the objective that the solver proved."""
    if solution.mip_dual_bound is not None:
        return float(solution.mip_dual_bound)
    return (
        float(solution.fun) if solution.status == 0 else -np.inf
    )  # a linear program has no bound of its own


class MixedIntegerProgram:
    """Mixed-integer program that minimizes its first variable."""

    def __init__(self):
        self.n = 0
        self.low, self.high, self.integer = [], [], []
        self.rows, self.columns, self.entries, self.row_low, self.row_high = [], [], [], [], []

    @property
    def is_well_scaled(self):
        """Whether coefficients are small enough that "infeasible" is a proof.

        The tolerances of the solver are absolute.
        """
        sizes = [np.abs(np.atleast_1d(entries)).max(initial=0) for entries in self.entries]
        return max(sizes, default=0) <= _LARGEST

    def variables(self, n, low, high, integer=False):
        """Add variables, and return their positions."""
        self.low.extend(np.broadcast_to(low, n))
        self.high.extend(np.broadcast_to(high, n))
        self.integer.extend([int(integer)] * n)
        self.n += n
        return np.arange(self.n - n, self.n)

    def constrain(self, terms, low, high):
        """Add a linear constraint, given as pairs of positions and coefficients."""
        row = len(self.row_low)
        for positions, coefficients in terms:
            self.rows.extend([row] * len(positions))
            self.columns.extend(positions)
            self.entries.extend(np.broadcast_to(coefficients, len(positions)))
        self.row_low.append(low)
        self.row_high.append(high)

    def solve(self, seconds):
        """Scipy's solution of the program."""
        matrix = coo_array(
            (self.entries, (self.rows, self.columns)), shape=(len(self.row_low), self.n)
        ).tocsr()
        objective = np.zeros(self.n)
        objective[0] = 1
        bounds = Bounds(self.low, self.high)
        return solved(
            objective,
            self.integer,
            bounds,
            LinearConstraint(matrix, self.row_low, self.row_high),
            seconds,
        )
