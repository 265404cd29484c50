"""Exact distances of forests and gradient boosting, by mixed-integer programming."""

import time
from itertools import pairwise

import numpy as np

from sklearn_irg._fitted.trees import missing_go_left, splits_of
from sklearn_irg._threats.mixed_integer_program import MixedIntegerProgram, proved_minimum
from sklearn_irg._threats.reach import length
from sklearn_irg._threats.rounding import distance_slack
from sklearn_irg._threats.tree_worst_case import columns_come_from_one, sources_of

__all__ = ["can_be_exact", "distance_intervals"]

_TIE = 1e-9  # scores nearer than this may go either way: misclassified, as far as the lower end is concerned
_CLEAR = 1e-5  # of the scores: beyond the solver's tolerance


def can_be_exact(attacked):
    """Whether distances are those of a mixed-integer program: trees that add up, behind steps that act column by column."""
    ensemble = attacked.model.ensemble
    if ensemble is None or attacked.reach.threat.valid is not None or not columns_come_from_one(attacked):
        return False
    return ensemble.constant(attacked.model.inside(attacked.rows)) is not None


def distance_intervals(attacked, upper, time_limit):
    """Lower and upper ends of the distance of each row to where it is misclassified, equal if time allows.

    Infima, which need not be reached: a row lies on one side of a threshold or the other.

    Parameters
    ----------
    attacked : RowsUnderAttack
        Rows.
    upper : ndarray of shape (n_samples,)
        Distances at which an attack succeeded, infinite where none did.
    time_limit : float
        Seconds for each row.

    References
    ----------
    Kantchelian, Tygar and Joseph (2016), "Evasion and hardening of tree ensemble classifiers".
    """
    lower, upper = np.zeros(len(upper)), upper.copy()
    constant = attacked.model.ensemble.constant(attacked.model.inside(attacked.rows))
    for i in np.flatnonzero(upper > 0):
        lower[i], upper[i] = _distance(attacked.take(np.array([i])), constant, upper[i], time_limit)
    return np.maximum(lower - distance_slack(attacked), 0), upper


def _distance(attacked, constant, upper, time_limit):
    """Both ends for one row: the least over the other classes."""
    deadline = time.monotonic() + time_limit
    lower = np.inf
    for rival in _rivals(attacked):
        program = _Program(attacked, upper)
        margin = program.margin(*_against(attacked, constant, rival))
        program.constrain(margin[0], -margin[1] - _TIE, np.inf)
        solution = program.solve(max(deadline - time.monotonic(), 1e-3))
        if solution.status == 2:  # infeasible: this class is further away, or out of reach
            continue
        lower = min(lower, program.length_of(max(proved_minimum(solution), 0.0)))
        found = program.point(solution.x)
        if found is None and solution.x is not None:  # a tie, by the solver's tolerance: ask for more than that
            program.constrain(margin[0], -margin[1] + _CLEAR * len(attacked.model.ensemble.trees), np.inf)
            found = program.point(program.solve(max(deadline - time.monotonic(), 1e-3)).x)
        upper = min(upper, np.inf if found is None else found)
    return min(lower, upper), upper


def _rivals(attacked):
    own, n_outputs = attacked.own[0], attacked.model.n_outputs
    return [1 - own] if n_outputs == 1 else [k for k in range(n_outputs) if k != own]


def _against(attacked, constant, rival):
    """By tree, what each node adds to the score of a rival over that of the row's class; and the constant."""
    own = attacked.own[0]
    if attacked.model.n_outputs == 1:
        direction = np.array([1.0 if rival == 1 else -1.0])
    else:
        direction = np.eye(attacked.model.n_outputs)[rival] - np.eye(attacked.model.n_outputs)[own]
    return [values @ direction for values in attacked.model.ensemble.values], float(constant @ direction)


class _Program(MixedIntegerProgram):
    """Smallest distance, over which thresholds a row crosses and which levels change, subject to the trees.

    Each threshold that can be crossed is a binary variable; those of a column are crossed in order. The cost of a column is the
    distance of the last one crossed. A tree chooses one leaf, whose path agrees with the thresholds.
    """

    def __init__(self, attacked, upper):
        super().__init__()
        self.attacked, self.reach = attacked, attacked.reach
        self.power = 2 if self.reach.norm == "l2" else 1
        self.unit = upper if np.isfinite(upper) else 1.0  # of lengths, since the solver has absolute tolerances
        self.objective = self.variables(1, 0, 1 + 1e-5 if np.isfinite(upper) else np.inf)
        limit = upper * (1 + 1e-6)
        self.nearest, self.furthest = np.maximum(self.reach.low[0], -limit), np.minimum(self.reach.high[0], limit)
        self.seen = attacked.model.inside(attacked.rows)[0].astype(np.float64)
        self.slopes, self.source = sources_of(attacked)
        self._read_levels()
        self.crossings = {}  # of a column: by distance and side, what is crossed there
        self.splits = [self._read_splits(tree) for tree in attacked.model.ensemble.trees]
        self._add_crossings()

    def _read_levels(self):
        """Variables of levels, and by column that the trees see, what it is at each level."""
        self.levels, self.at_level = [], {}
        own_levels = []
        for c, effect in enumerate(self.attacked.effects or []):
            own = self.reach.codes[0, c]
            allowed = np.flatnonzero(self.reach.may_swap(c)[0])
            if own < 0 or not len(allowed):
                continue
            codes = np.array([own, *allowed])
            variables = self.variables(len(codes), 0, 1, integer=True)
            self.constrain([(variables, 1.0)], 1, 1)
            own_levels.append(variables[0])
            self.levels.append((c, codes, variables))
            for column in np.flatnonzero(np.ptp(effect, axis=0) > 0):
                self.at_level[column] = (variables, self.seen[column] + effect[codes, column] - effect[own, column])
        if own_levels:
            n = len(own_levels)
            self.constrain([(np.array(own_levels), 1.0)], n - self.reach.threat.n_swaps, n)

    def _read_splits(self, tree):
        """By inner node: True or False where it is settled which way the row goes, else what decides it."""
        below, above, end, left_has_end = splits_of(tree)
        to_left = missing_go_left(tree)
        ways = {}
        for node in np.flatnonzero(tree.children_left >= 0):
            column = tree.feature[node]
            value = self.seen[column]
            if np.isnan(value):
                ways[node] = bool(to_left[node])
            elif np.isinf(tree.threshold[node]):  # it asks whether a cell is missing
                ways[node] = bool(tree.threshold[node] > 0)
            elif column in self.at_level:
                variables, values = self.at_level[column]
                goes_left = values.astype(np.float32) <= tree.threshold[node]
                ways[node] = (
                    (variables[goes_left], 1.0, 0.0) if goes_left.any() and not goes_left.all() else bool(goes_left[0])
                )
            elif self.source[column] < 0:
                ways[node] = bool(np.float32(value) <= tree.threshold[node])
            else:
                sides = below[node], above[node], end[node], bool(left_has_end[node])
                ways[node] = self._crossing(self.source[column], column, *sides)
        return ways

    def _crossing(self, j, column, below, above, end, left_has_end):
        """What decides whether a number stays left of an end: settled, or a crossing that may be made."""
        value, slope = self.seen[column], self.slopes[j, column] * self.reach.scales[j]
        starts_left = bool(value <= end if left_has_end else value < end)
        distance = (end - value) / slope  # in units, signed
        beyond = (float(above if starts_left else below) - value) / slope  # a point behind it
        step = self.reach.steps[j]
        if step > 0:
            steps = distance / step
            nearest = np.rint(steps)
            if abs(steps - nearest) < 1e-9 and bool(left_has_end) != starts_left:  # the end is behind the crossing
                steps = nearest
            else:
                steps = np.sign(beyond) * (np.floor(abs(steps) + 1e-9) + 1)
            distance = beyond = steps * step
        if not self.nearest[j] <= distance <= self.furthest[j] or (
            step == 0 and distance in (self.reach.low[0, j], self.reach.high[0, j]) and left_has_end == starts_left
        ):  # out of reach, or at the bound itself with the end on this side
            return starts_left
        crossings = self.crossings.setdefault((j, 1 if beyond > 0 else -1), {})
        key = abs(distance), abs(beyond)  # ends at the same distance may differ in whether they are behind the crossing
        if key not in crossings:
            crossings[key] = self.variables(1, 0, 1, integer=True)
        return crossings[key], (-1.0 if starts_left else 1.0), float(starts_left)

    def _add_crossings(self):
        """The order of crossings, and what they cost."""
        costs = []
        for (j, side), crossings in self.crossings.items():
            order = sorted(crossings)
            variables = np.concatenate([crossings[key] for key in order])
            for nearer, further in pairwise(variables):
                self.constrain([([nearer], 1.0), ([further], -1.0)], 0, np.inf)
            distances = (np.array([distance for distance, _ in order]) / self.unit) ** self.power
            costs.append((variables, np.diff(distances, prepend=0)))
            other = self.crossings.get((j, -side))
            if side > 0 and other:  # a number goes one way
                self.constrain([(variables[:1], 1.0), (other[min(other)], 1.0)], -np.inf, 1)
        together = [costs] if costs and self.reach.norm != "linf" else [[cost] for cost in costs]
        for some in together:
            self.constrain([(self.objective, -1.0), *some], -np.inf, 0)

    def margin(self, values, constant):
        """Terms and constant of the score of a rival over that of the row's class."""
        terms = []
        for tree, splits, value in zip(self.attacked.model.ensemble.trees, self.splits, values, strict=True):
            leaves = self._leaves(tree, splits)
            if len(leaves) == 1:
                constant += value[leaves[0]]
                continue
            variables = self.variables(len(leaves), 0, 1)
            self.constrain([(variables, 1.0)], 1, 1)
            self._agree(tree, splits, dict(zip(leaves, variables, strict=True)))
            terms.append((variables, value[leaves]))
        return terms, constant

    def _leaves(self, tree, splits):
        """Leaves that are in reach."""
        found, open_nodes = [], [0]
        while open_nodes:
            node = open_nodes.pop()
            if node not in splits:
                found.append(node)
            elif isinstance(splits[node], bool):
                open_nodes.append(tree.children_left[node] if splits[node] else tree.children_right[node])
            else:
                open_nodes += [tree.children_left[node], tree.children_right[node]]
        return found

    def _agree(self, tree, splits, leaves):
        """Leaves on one side of a node are chosen only if the row goes there."""

        def below(node):
            if node not in splits:
                return [leaves[node]]
            way, left, right = splits[node], tree.children_left[node], tree.children_right[node]
            if isinstance(way, bool):
                return below(left if way else right)
            on_left, on_right = below(left), below(right)
            variables, sign, offset = way  # whose sum is one where the row goes left
            self.constrain([(on_left, 1.0), (variables, -sign)], -np.inf, offset)
            self.constrain([(on_right, 1.0), (variables, sign)], -np.inf, 1 - offset)
            return on_left + on_right

        below(0)

    def length_of(self, objective):
        """A value of the objective as a length."""
        return self.unit * max(float(objective), 0.0) ** (1 / self.power)

    def point(self, solution):
        """Distance of the infimum at a solution, if the estimator itself misclassifies the point next to it; else None."""
        if solution is None:
            return None
        units, needed = np.zeros((2, 1, self.reach.numbers.shape[1]))
        for (j, side), crossings in self.crossings.items():
            made = [key for key, variable in crossings.items() if solution[variable[0]] > 0.5]
            if made:
                needed[0, j], beyond = max(made)
                units[0, j] = side * max(needed[0, j], beyond)
        codes = self.reach.codes.copy()
        for c, levels, variables in self.levels:
            codes[0, c] = levels[np.argmax(solution[variables])]
        model, rows = self.attacked.at(codes)
        falls = self.attacked.against(model, model.scores(self.attacked.moved(rows, units)))[0]
        return float(length(needed, self.reach.norm)[0]) if falls[0] else None
