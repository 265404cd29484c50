"""Decisions, distances and lowest margins of rows of additive trees, each way to swap as a view of its own."""

import itertools
from dataclasses import dataclass

import numpy as np

from sklearn_irg._fitted.trees import leaf_boxes
from sklearn_irg._perturbations.projection import delta_norms
from sklearn_irg._threats.best_found import BestFound
from sklearn_irg._threats.radii import rungs
from sklearn_irg._threats.rounding import distance_slack
from sklearn_irg._threats.trees.decisions import settle
from sklearn_irg._threats.trees.geometry import Geometry
from sklearn_irg._threats.trees.leaf_tables import LeafTables, Leaves
from sklearn_irg._threats.trees.nearby_leaves import leaves_in_reach

__all__ = ["TreeSearch"]

_ANYWHERE = 1e300  # a radius beyond all others
_N_HALVINGS = 60  # of the interval in which a distance lies
_N_OPEN = 3  # radii at which a row stays open before it is given up
_MOST_BYTES = 2**30  # of tables; views that would need more stay open
_MOST_BYTES_AT_ONCE = 2**26  # of tables of all leaves; in larger ensembles each row has those of its own
_ENTRIES = 4_000_000  # of costs: rows, times ways, times cells
_ULP = np.finfo(np.float64).eps


@dataclass
class _Views:
    """Rows with some of their levels swapped, as the trees see them.

    Attributes
    ----------
    problem : AttackProblem
        The rows of the views.
    row : ndarray of int of shape (n_views,)
        Position of the row.
    codes : ndarray of int of shape (n_views, n_swappable)
        Levels.
    seen : ndarray of shape (n_views, n_features)
        What the trees see.
    """

    problem: object
    row: np.ndarray
    codes: np.ndarray
    seen: np.ndarray

    def take(self, views):
        """Some of the views."""
        return _Views(self.problem.take(views), self.row[views], self.codes[views], self.seen[views])

    def seen_at(self, views, delta):
        """What the trees see of some views where their numbers have moved."""
        return self.problem.take(views).entering(delta, self.codes[views])


class TreeSearch:
    """Decisions for rows at a radius.

    Parameters
    ----------
    trees : AdditiveTrees
        Trees.
    moving : ndarray of int
        Columns that move, among those that the trees see.
    boxes : LeafBoxes, default=None
        Leaves that may be reached; ``None`` means all.
    """

    def __init__(self, trees, moving, boxes=None):
        self.trees = trees
        self.boxes = leaf_boxes(trees) if boxes is None else boxes
        self.moving = moving
        still = np.setdiff1d(np.unique(trees.feature[trees.feature >= 0]), moving)
        self.still = still[~trees.is_categorical[still]]
        self.doubt = max(trees.rounding, trees.tie) * (1 if trees.n_outputs == 1 else 2)
        self.seen_integers = {}  # by column, what the trees see of numbers that have moved by steps
        self._tables = {}

    @property
    def n_bytes(self):
        """Size of the tables of one pair of classes."""
        largest = np.bincount(self.boxes.tree).max()
        n_cells = (self.boxes.n_cells[np.concatenate([self.moving, self.still])] + 1).sum()
        return int(2 * 8 * n_cells * self.trees.n_trees * (largest // 64 + 1))

    def step(self, best, radius, max_nodes):
        """Offer the worst point of each row at a radius, or at one for each.

        Returns
        -------
        certified : ndarray of bool of shape (n_samples,)
            Rows that are misclassified nowhere.
        nearest : ndarray of shape (n_samples,)
            Distance to the nearest cell in which one was found to be, infinite where none was.
        """
        some = best.problem
        certified = np.ones(len(some), dtype=bool)
        nearest = np.full(len(some), np.inf)
        radius = np.broadcast_to(radius, len(some))
        for views in self._views(some):
            for label, other in self._pairs(some.label[views.row]):
                here = np.flatnonzero((some.label[views.row] == label) & ~best.wrong[views.row])
                for search, part in self._nearby(some, views.take(here), radius):
                    cleared = search._settle(some, best, part, label, other, radius, nearest, max_nodes)
                    np.logical_and.at(certified, part.row, cleared)
        return certified & ~best.wrong, nearest

    def offer_first(self, best, radius):
        """Offer a point of each row that is likely its worst: the one for which the leaves of its first box vote."""
        some = best.problem
        radius = np.broadcast_to(radius, len(some))
        for views in self._views(some):
            for label, other in self._pairs(some.label[views.row]):
                here = np.flatnonzero(some.label[views.row] == label)
                for search, part in self._nearby(some, views.take(here), radius):
                    if search.n_bytes <= _MOST_BYTES:
                        search._offer_first(some, best, part, label, other, radius)

    def distances(self, problem, max_nodes):
        """Lower and upper ends of the distance of each row to where it is misclassified: the same but for rounding, mostly.

        Infima, which need not be reached: a row lies on one side of a threshold or the other. At first the radius grows until a
        point is found, then it is halved between what is certain and what was found; at last nothing is nearer than the point.
        """
        found = BestFound(problem)
        lower, upper = np.zeros(len(problem)), np.where(found.wrong, 0.0, np.inf)
        if problem.perturbations.columns:  # swaps go no distance
            self._look(problem, lower, upper, np.flatnonzero(upper > 0), np.zeros(len(problem)), max_nodes)
        for radius, tries in rungs(problem, []):
            rows = np.flatnonzero(np.isinf(upper) & tries)
            self._look(problem, lower, upper, rows, np.full(len(problem), radius), max_nodes)
        furthest = np.full(len(problem), _ANYWHERE)
        self._look(problem, lower, upper, np.flatnonzero(np.isinf(upper)), furthest, max_nodes)
        self._close(problem, lower, upper, max_nodes)
        return lower, upper

    def lowest_margins(self, problem, radius, max_nodes):
        """Lower bound on the margin of each row's label over the other of two classes, and the lowest that was attained."""
        bound, attained = np.full(len(problem), -np.inf), np.full(len(problem), -np.inf)  # of the other class
        radii = np.full(len(problem), radius)
        for views in self._views(problem):
            for label in (0, 1):
                here = np.flatnonzero(problem.label[views.row] == label)
                for search, part in self._nearby(problem, views.take(here), radii):
                    highest, found = search._highest(problem, part, label, radii, max_nodes)
                    np.maximum.at(bound, part.row, highest)
                    np.maximum.at(attained, part.row, found)
        return -self.trees.scale * (bound + self.trees.rounding), -self.trees.scale * attained

    def _highest(self, some, views, label, radius, max_nodes):
        """Upper bound on what trees add up to for the other class, in each view, and the largest sum at a point that exists."""
        if self.n_bytes > _MOST_BYTES:
            return np.full((2, len(views.row)), [[np.inf], [-np.inf]])
        tables, still = self._tables_of(label, 1 - label)
        direction, constant = self._direction(label, 1 - label)
        boundary = direction[0] * self.trees.boundary
        cells = Geometry(self, some, views, (tables, still), constant, radius)
        no_level = {"above": np.inf, "below": -np.inf, "costs_add_up": some.perturbations.norm != "linf"}
        verdict = settle(tables, cells.cells, **no_level, max_nodes=max_nodes)
        everything = np.arange(len(views.row))
        attained = direction[0] * self.trees.sums(views.seen)[:, 0]
        for delta in cells.points(everything, verdict.cells):
            sums = direction[0] * self.trees.sums(views.seen_at(everything, delta))[:, 0]
            kept = _is_within(delta, some.perturbations.norm, radius[views.row])
            attained = np.where(kept, np.maximum(attained, sums), attained)
        return verdict.bound + boundary, attained

    def _close(self, problem, lower, upper, max_nodes):
        """Halve intervals until nothing is nearer than what was found, or a row has been left open a few times."""
        slack = 2 * distance_slack(problem) + 1e-11
        n_open, ceiling = np.zeros(len(problem), dtype=int), np.full(len(problem), np.inf)
        for k in range(_N_HALVINGS):
            nearer = upper * (1 - 1e-9) - slack
            rows = np.flatnonzero((lower < nearer) & np.isfinite(upper) & (n_open < _N_OPEN))
            if not len(rows):
                break
            highest = np.minimum(nearer, ceiling)
            middle = np.sqrt(np.maximum(lower, highest * 1e-3) * highest)
            radius = np.where((k % 2 == 1) & (nearer < ceiling), nearer, middle)
            before = lower + upper
            self._look(problem, lower, upper, rows, radius, max_nodes)
            still = rows[(lower + upper)[rows] == before[rows]]
            n_open[still] += 1
            ceiling[still] = radius[still]

    def _look(self, problem, lower, upper, rows, radius, max_nodes):
        """Decide rows at a radius each; raise their lower ends, or reduce their upper ones."""
        if not len(rows):
            return
        best = BestFound(problem.take(rows))
        certified, nearest = self.step(best, radius[rows], max_nodes)
        proved = np.where(radius[rows] < _ANYWHERE, radius[rows], np.inf)
        lower[rows] = np.where(certified, np.maximum(lower[rows], proved), lower[rows])
        upper[rows] = np.minimum(upper[rows], nearest)

    def _pairs(self, label):
        n_classes = max(2, self.trees.n_outputs)
        return [(k, other) for k in np.unique(label) for other in range(n_classes) if other != k]

    def _views(self, some):
        """Rows as they are, then with swaps, in parts that memory has room for."""
        n_cells = int((self.boxes.n_cells[self.moving] + 1).sum()) + len(self.boxes.tree)
        ways = _ways(some)
        size = max(1, _ENTRIES // n_cells)
        for start in range(0, len(ways[0]), size):
            row, codes = ways[0][start : start + size], ways[1][start : start + size]
            problem = some.take(row)
            seen = problem.entering(np.zeros(problem.perturbations.numbers.shape), codes)
            seen = problem.model.trees.coded(seen)
            yield _Views(problem, row, codes, seen)

    def _nearby(self, some, views, radius):
        """Views and the search that decides them: this one if its tables are small, else one of the leaves in reach."""
        if self.n_bytes <= _MOST_BYTES_AT_ONCE:
            if len(views.row):
                yield self, views
            return
        columns = np.concatenate([self.moving, self.still])
        for row in np.unique(views.row):
            part = views.take(np.flatnonzero(views.row == row))
            boxes = leaves_in_reach(self.boxes, columns, some, part, radius)
            yield TreeSearch(self.trees, self.moving, boxes), part

    # -- one class against another -----------------------------------------------------------------------------------------

    def _direction(self, label, other):
        """Of scores in which a row falls from one class to another, and what is added."""
        if self.trees.n_outputs == 1:
            sign = 1.0 if other == 1 else -1.0
            return np.array([sign]), sign * (self.trees.constant[0] - self.trees.boundary)
        direction = np.zeros(self.trees.n_outputs)
        direction[other], direction[label] = 1, -1
        return direction, float(self.trees.constant @ direction)

    def _tables_of(self, label, other):
        """Words by cells of the columns that move, and of those that stay."""
        if (label, other) not in self._tables:
            boxes = self.boxes
            values = self.trees.values[boxes.node] @ self._direction(label, other)[0]
            self._tables[label, other] = [
                LeafTables(
                    Leaves(
                        boxes.tree,
                        values,
                        *(np.ascontiguousarray(part[:, columns]) for part in (boxes.low, boxes.high)),
                        boxes.takes_missing[:, columns],
                        boxes.n_cells[columns],
                    )
                )
                for columns in (self.moving, self.still)
            ]
        return self._tables[label, other]

    def _settle(self, some, best, views, label, other, radius, nearest, max_nodes):
        """Search views of rows, offer what is found, and say which views no point of takes to the other class."""
        if self.n_bytes > _MOST_BYTES:
            return np.zeros(len(views.row), dtype=bool)
        tables, still = self._tables_of(label, other)
        cells = Geometry(self, some, views, (tables, still), self._direction(label, other)[1], radius)
        adds_up = some.perturbations.norm != "linf"
        levels = {"above": self.doubt, "below": -self.doubt}

        def is_found(of_views, points):
            rows = some.take(views.row[of_views])
            found, is_known = np.zeros((2, len(of_views)), dtype=bool)
            for delta in cells.points(of_views, points):
                kept = _is_within(delta, some.perturbations.norm, radius[views.row[of_views]])
                found |= kept & rows.misclassifies(delta, views.codes[of_views])
                is_known |= kept & cells.are_in(of_views, delta, points)
            return found, is_known

        verdict = settle(tables, cells.cells, **levels, costs_add_up=adds_up, max_nodes=max_nodes, is_found=is_found)
        found = np.flatnonzero(verdict.best > -np.inf)
        order = np.argsort(verdict.best[found], kind="stable")  # the worst view of a row is offered last
        self._offer(some, best, views, found[order], verdict, cells, radius, nearest)
        return verdict.bound <= -self.doubt

    def _offer_first(self, some, best, views, label, other, radius):
        """Of each row the view and the point of its first box at which the sum is largest."""
        tables, still = self._tables_of(label, other)
        cells = Geometry(self, some, views, (tables, still), self._direction(label, other)[1], radius)
        no_level = {"above": np.inf, "below": -np.inf, "costs_add_up": False}
        verdict = settle(tables, cells.cells, **no_level, max_nodes=1)
        order = np.lexsort([verdict.best, views.row])
        chosen = order[np.append(views.row[order][1:] != views.row[order][:-1], True)]
        rows = views.row[chosen]
        part = best.take(rows)
        delta = next(iter(cells.points(chosen, verdict.cells[chosen])))
        delta = np.where(_is_within(delta, some.perturbations.norm, radius[rows])[:, None], delta, 0)
        part.update(part.problem.at(views.codes[chosen]), delta)
        best.scatter(rows, part)

    def _offer(self, some, best, views, found, verdict, cells, radius, nearest):
        """Points of views in their rows, once each row at a time."""
        while len(found):
            _, last = np.unique(views.row[found][::-1], return_index=True)
            now = found[len(found) - 1 - last]
            found = np.setdiff1d(found, now)
            rows = views.row[now]
            part = best.take(rows)
            part_rows = part.problem
            trials = list(cells.points(now, verdict.cells[now]))
            distances = delta_norms(trials[-1], some.perturbations.norm)
            for delta in trials:
                kept = _is_within(delta, some.perturbations.norm, radius[rows])
                delta = np.where(kept[:, None], delta, 0)
                is_wrong = part_rows.misclassifies(delta, views.codes[now])
                part.confirm(delta, views.codes[now], is_wrong)
                nearest[rows[is_wrong & kept]] = np.minimum(nearest[rows], distances)[is_wrong & kept]
                right = np.flatnonzero(~is_wrong)
                if kept.all() and cells.are_in(now[right], delta[right], verdict.cells[now[right]]).all():
                    break  # the other points reach the same leaves
            best.scatter(rows, part)
            if len(found):
                found = found[~best.wrong[views.row[found]]]
                found = found[verdict.best[found] > -self.doubt]


def _ways(some):
    """Rows and levels of every way to swap categories, none first."""
    arrays = some.perturbations
    rows, codes = [np.arange(len(some))], [arrays.codes]
    allowed = [arrays.can_swap(c) for c in range(len(arrays.columns))]
    for n_swaps in range(1, min(arrays.n_swaps, len(allowed)) + 1):
        for columns in itertools.combinations(range(len(allowed)), n_swaps):
            for levels in itertools.product(*(range(allowed[c].shape[1]) for c in columns)):
                fine = np.logical_and.reduce([allowed[c][:, k] for c, k in zip(columns, levels, strict=True)])
                chosen = np.flatnonzero(fine)
                swapped = arrays.codes[chosen]
                swapped[:, list(columns)] = levels
                rows.append(chosen)
                codes.append(swapped)
    return np.concatenate(rows), np.concatenate(codes)


def _is_within(delta, norm, radius):
    """Whether points are in the ball, up to what `ThreatModel.allows` grants: multiples of a step are off by it."""
    return delta_norms(delta, norm) <= radius * (1 + 4 * _ULP * (1 + delta.shape[1]))
