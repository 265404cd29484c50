"""Exact distances for ReLU networks under "linf" and "l1", by mixed-integer programming."""

import time

import numpy as np

from sklearn_irg._engine.activations import ReLU
from sklearn_irg._fitted.linear_bounds import margin_functions, unit_ranges
from sklearn_irg._perturbations.projection import delta_norms
from sklearn_irg._threats.confirmation import confirmed_by_predict
from sklearn_irg._threats.methods._base import Method
from sklearn_irg._threats.methods.gradient_ascent import GradientAscent
from sklearn_irg._threats.methods.linear_bounds import LinearBounds, from_first_layer, inputs_of
from sklearn_irg._threats.mixed_integer_program import MixedIntegerProgram, proved_minimum
from sklearn_irg._threats.rounding import margin_slack

__all__ = ["MixedIntegerDistances"]

# nothing beyond the attacked distance is needed, but without any room rounding misleads solvers
_ROOM = 1.02
_SOON = 1e-3  # seconds: the limit has to be positive, also after the deadline


class MixedIntegerDistances(Method):
    """The nearest misclassified point as the solution of a mixed-integer program."""

    name = "mixed_integer"
    answers = frozenset({"lower", "upper"})
    is_exact = True
    is_on_request = True

    @classmethod
    def obstacle(cls, problem):
        obstacle = LinearBounds.obstacle(problem)
        if obstacle is not None:
            return obstacle
        if type(problem.model.network.activation) is not ReLU:
            return f"{problem.model.name} is not a ReLU network"
        if problem.perturbations.norm not in ("linf", "l1"):
            return 'the norm is neither "linf" nor "l1"'
        return "categories swap" if problem.perturbations.columns else None

    def distances(self):
        problem = self.problem
        lower, _ = LinearBounds(problem, self.budget).distances()
        _, upper = GradientAscent(problem, self.budget).distances()
        for i in np.flatnonzero(np.isfinite(upper) & (upper > lower)):
            row = problem.take(np.array([i]))
            lower[i], upper[i] = _distance(row, lower[i], upper[i], self.budget.time_limit)
        return lower, upper


def _distance(problem, lower, upper, time_limit):
    """Lower and upper bound for one row, the least over the other classes."""
    deadline = time.monotonic() + time_limit
    preactivations, weights, inner_weights, layers = from_first_layer(problem)
    *hidden, (W, b) = layers
    furthest = _ROOM * upper
    inputs = inputs_of(problem, weights, inner_weights, np.array([furthest]))
    ranges = unit_ranges(inputs, preactivations, hidden, problem.model.network.activation)
    functions, constants = margin_functions(W, b, problem.label)
    constants = np.broadcast_to(constants, functions.shape[:2])
    low, high = problem.perturbations.box(furthest)
    constants = constants - margin_slack(problem, np.maximum(-low, high))
    proved = furthest
    for function, constant in zip(functions[0], constants[0], strict=True):
        program = _Program(
            problem.perturbations, weights, preactivations[0], hidden, ranges, furthest
        )
        program.margin_at_most_zero(function, constant)
        solution = program.solve(max(deadline - time.monotonic(), _SOON))
        if (
            solution.status == 2 and program.is_well_scaled
        ):  # infeasible: this class is further away
            continue
        if solution.status == 2:
            proved = min(proved, lower)
            continue
        upper = min(upper, _distance_of(problem, program.delta_of(solution.x)))
        proved = min(proved, max(lower, program.unit * proved_minimum(solution)))
    return min(max(lower, min(proved, upper)), upper), upper


def _distance_of(problem, delta):
    """Distance of a point if the estimator misclassifies it, or another one a little further on.

    It is infinite otherwise.
    """
    if delta is None:
        return np.inf
    delta, confirmed = confirmed_by_predict(
        problem, delta[None], problem.perturbations.codes, np.inf
    )
    return delta_norms(delta, problem.perturbations.norm)[0] if confirmed[0] else np.inf


class _Program(MixedIntegerProgram):
    """Smallest radius over perturbations and values of units, subject to the neural network.

    Variables are the radius, the parts of each number's move that go up and down, steps of
    integers, and by layer the values of the units and whether they are active.
    """

    def __init__(self, arrays, weights, preactivations, hidden, ranges, furthest):
        super().__init__()
        self.steps = arrays.steps
        self.unit = furthest  # of lengths in the program, since the solver has absolute tolerances
        low, high = (side[0] / furthest for side in arrays.box(furthest))
        weights, steps = weights * furthest, arrays.steps / furthest
        radius = self.variables(1, 0, 1)
        up, down = self.variables(len(low), 0, high), self.variables(len(low), 0, -low)
        if arrays.norm == "l1":
            self.constrain([(radius, -1.0), (up, 1.0), (down, 1.0)], -np.inf, 0)
        else:
            for j in range(len(low)):
                self.constrain([(radius, -1.0), (up[[j]], 1.0), (down[[j]], 1.0)], -np.inf, 0)
        for j in np.flatnonzero(steps):
            step = steps[j]
            count = self.variables(1, np.rint(low[j] / step), np.rint(high[j] / step), integer=True)
            self.constrain([(up[[j]], 1.0), (down[[j]], -1.0), (count, -step)], 0, 0)
        inputs, matrix, offset = (
            np.concatenate([up, down]),
            np.concatenate([weights, -weights]),
            preactivations,
        )
        for (low, high), layer in zip(ranges, [*hidden, None], strict=True):
            inputs = self.relu(inputs, matrix, offset, low[0], high[0])
            matrix, offset = (None, None) if layer is None else layer
        self.last = inputs
        self.moves = up, down

    def delta_of(self, solution):
        """Perturbation of the numbers at a solution."""
        if solution is None:
            return None
        up, down = self.moves
        delta = self.unit * (solution[up] - solution[down])
        is_integer = self.steps > 0
        delta[is_integer] = (
            np.rint(delta[is_integer] / self.steps[is_integer]) * self.steps[is_integer]
        )
        return delta

    def relu(self, inputs, matrix, offset, low, high):
        """Add the units of a layer, and return the variables of their outputs."""
        outputs = self.variables(len(offset), np.maximum(low, 0), np.maximum(high, 0))
        for unit in np.flatnonzero(high > 0):
            this, enters = outputs[[unit]], (inputs, -matrix[:, unit])
            if low[unit] >= 0:
                self.constrain([(this, 1.0), enters], offset[unit], offset[unit])
                continue
            active = self.variables(1, 0, 1, integer=True)
            self.constrain([(this, 1.0), enters], offset[unit], np.inf)
            self.constrain(
                [(this, 1.0), enters, (active, -low[unit])], -np.inf, offset[unit] - low[unit]
            )
            self.constrain([(this, 1.0), (active, -high[unit])], -np.inf, 0)
        return outputs

    def margin_at_most_zero(self, function, constant):
        """Constrain the margin to one other class to be at most zero."""
        self.constrain([(self.last, function)], -np.inf, -constant)
