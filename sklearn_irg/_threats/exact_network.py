"""Exact distances of relu networks under "linf" and "l1", by mixed-integer programming."""

import time

import numpy as np

from sklearn_irg._engine.activations import ReLU
from sklearn_irg._fitted.linear_bounds import margin_functions, unit_ranges
from sklearn_irg._threats.certificates import can_certify, from_first_layer, reach_of
from sklearn_irg._threats.confirmation import confirmed_by_predict
from sklearn_irg._threats.mixed_integer_program import MixedIntegerProgram, proved_minimum
from sklearn_irg._threats.reach import length
from sklearn_irg._threats.rounding import margin_slack

__all__ = ["can_be_exact", "distance_intervals"]


def can_be_exact(attacked):
    """Whether distances are those of a mixed-integer program: relu layers, "linf" or "l1", no swaps, no `valid`."""
    return (
        can_certify(attacked)
        and type(attacked.model.network.activation) is ReLU
        and attacked.reach.norm in ("linf", "l1")
        and not attacked.reach.columns
        and attacked.reach.threat.valid is None
    )


def distance_intervals(attacked, lower, upper, time_limit):
    """Lower and upper ends of the distance of each row to where it is misclassified, equal up to tolerance if time allows.

    Parameters
    ----------
    attacked : RowsUnderAttack
        Rows.
    lower, upper : ndarray of shape (n_samples,)
        Ends that are known: certified and attacked. Where the upper is infinite, both stay.
    time_limit : float
        Seconds for each row.
    """
    lower, upper = lower.copy(), upper.copy()
    for i in np.flatnonzero(np.isfinite(upper) & (upper > lower)):
        lower[i], upper[i] = _distance(attacked.take(np.array([i])), lower[i], upper[i], time_limit)
    return lower, upper


def _distance(attacked, lower, upper, time_limit):
    """Both ends for one row: the least over the other classes."""
    deadline = time.monotonic() + time_limit
    entering, weights, inner_weights, layers = from_first_layer(attacked)
    *hidden, (W, b) = layers
    # nobody looks far beyond the attacked distance; with no room at all, solvers lose themselves in rounding
    furthest = 1.02 * upper
    reach = reach_of(attacked, weights, inner_weights, np.array([furthest]))
    ranges = unit_ranges(reach, entering, hidden, attacked.model.network.activation)
    functions, constants = margin_functions(W, b, attacked.own)
    constants = np.broadcast_to(constants, functions.shape[:2])
    low, high = attacked.reach.box(furthest)
    constants = constants - margin_slack(attacked, np.maximum(-low, high))
    proved = furthest
    for function, constant in zip(functions[0], constants[0], strict=True):
        program = _Program(attacked.reach, weights, entering[0], hidden, ranges, furthest)
        program.margin_at_most_zero(function, constant)
        solution = program.solve(max(deadline - time.monotonic(), 1e-3))
        if solution.status == 2:  # infeasible: this class is further away
            continue
        upper = min(upper, _distance_of(attacked, program.units_of(solution.x)))
        proved = min(proved, max(lower, program.unit * proved_minimum(solution)))
    return min(max(lower, min(proved, upper)), upper), upper


def _distance_of(attacked, units):
    """How far a point is that the estimator misclassifies; infinite where it does not, even a little further on."""
    if units is None:
        return np.inf
    units, confirmed = confirmed_by_predict(attacked, units[None], attacked.reach.codes, np.inf)
    return length(units, attacked.reach.norm)[0] if confirmed[0] else np.inf


class _Program(MixedIntegerProgram):
    """Smallest radius, over how far numbers move and what is in the units, subject to the network.

    Variables: the radius, the parts of each number's move that go up and down, steps of whole numbers, and by layer what is in
    the units and whether they are active.
    """

    def __init__(self, reach, weights, entering, hidden, ranges, furthest):
        super().__init__()
        self.unit = furthest  # of lengths in the program, since the solver has absolute tolerances
        low, high = (side[0] / furthest for side in reach.box(furthest))
        weights, steps = weights * furthest, reach.steps / furthest
        radius = self.variables(1, 0, 1)
        up, down = self.variables(len(low), 0, high), self.variables(len(low), 0, -low)
        if reach.norm == "l1":
            self.constrain([(radius, -1.0), (up, 1.0), (down, 1.0)], -np.inf, 0)
        else:
            for j in range(len(low)):
                self.constrain([(radius, -1.0), (up[[j]], 1.0), (down[[j]], 1.0)], -np.inf, 0)
        for j in np.flatnonzero(steps):
            step = steps[j]
            count = self.variables(1, np.rint(low[j] / step), np.rint(high[j] / step), integer=True)
            self.constrain([(up[[j]], 1.0), (down[[j]], -1.0), (count, -step)], 0, 0)
        inputs, matrix, offset = np.concatenate([up, down]), np.concatenate([weights, -weights]), entering
        for (low, high), layer in zip(ranges, [*hidden, None], strict=True):
            inputs = self.relu(inputs, matrix, offset, low[0], high[0])
            matrix, offset = (None, None) if layer is None else layer
        self.last = inputs
        self.moves = up, down

    def units_of(self, solution):
        """How far numbers move at a solution."""
        up, down = self.moves
        return None if solution is None else self.unit * (solution[up] - solution[down])

    def relu(self, inputs, matrix, offset, low, high):
        """What leaves the units of a layer."""
        outputs = self.variables(len(offset), np.maximum(low, 0), np.maximum(high, 0))
        for unit in np.flatnonzero(high > 0):
            this, enters = outputs[[unit]], (inputs, -matrix[:, unit])
            if low[unit] >= 0:
                self.constrain([(this, 1.0), enters], offset[unit], offset[unit])
                continue
            active = self.variables(1, 0, 1, integer=True)
            self.constrain([(this, 1.0), enters], offset[unit], np.inf)
            self.constrain([(this, 1.0), enters, (active, -low[unit])], -np.inf, offset[unit] - low[unit])
            self.constrain([(this, 1.0), (active, -high[unit])], -np.inf, 0)
        return outputs

    def margin_at_most_zero(self, function, constant):
        """Misclassified by one class."""
        self.constrain([(self.last, function)], -np.inf, -constant)
