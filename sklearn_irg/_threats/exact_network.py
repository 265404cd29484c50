"""Exact distances of relu networks under "linf" and "l1", by mixed-integer programming."""

import time

import numpy as np

from sklearn_irg._engine.activations import ReLU
from sklearn_irg._fitted.linear_bounds import margin_functions, unit_ranges
from sklearn_irg._threats.certificates import can_certify, from_first_layer, reach_of
from sklearn_irg._threats.mixed_integer_program import MixedIntegerProgram

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
    # bounds hold within the attacked distance, beyond which nobody looks
    reach = reach_of(attacked, weights, inner_weights, np.array([upper * (1 + 1e-6)]))
    ranges = unit_ranges(reach, entering, hidden, attacked.model.network.activation)
    functions, constants = margin_functions(W, b, attacked.own)
    constants = np.broadcast_to(constants, functions.shape[:2])
    proved = upper
    for function, constant in zip(functions[0], constants[0], strict=True):
        program = _Program(attacked.reach, weights, entering[0], hidden, ranges, upper)
        program.margin_at_most_zero(function, constant)
        solution = program.solve(max(deadline - time.monotonic(), 1e-3))
        if solution.status == 2:  # infeasible: this class is further away
            continue
        if solution.x is not None:
            upper = min(upper, program.unit * float(solution.x[0]))
        bound = solution.mip_dual_bound
        proved = min(proved, lower if bound is None or not np.isfinite(bound) else program.unit * float(bound))
    return min(max(lower, min(proved, upper)), upper), upper


class _Program(MixedIntegerProgram):
    """Smallest radius, over how far numbers move and what is in the units, subject to the network.

    Variables: the radius, the parts of each number's move that go up and down, steps of whole numbers, and by layer what is in
    the units and whether they are active.
    """

    def __init__(self, reach, weights, entering, hidden, ranges, upper):
        super().__init__()
        self.unit = upper  # of lengths in the program, since the solver has absolute tolerances
        low, high = (side[0] / upper for side in reach.box(upper))
        weights, steps = weights * upper, reach.steps / upper
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
