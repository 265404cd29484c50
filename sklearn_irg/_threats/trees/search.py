"""Decisions, distances and lowest margins of rows of additive trees."""

import numpy as np

from sklearn_irg._fitted.trees import leaf_boxes
from sklearn_irg._perturbations.projection import delta_norms
from sklearn_irg._threats.best_found import BestFound
from sklearn_irg._threats.radii import rungs
from sklearn_irg._threats.trees.cells import DISTANCE, GAP
from sklearn_irg._threats.trees.column_pieces import ColumnPieces
from sklearn_irg._threats.trees.decisions import settle
from sklearn_irg._threats.trees.geometry import Geometry
from sklearn_irg._threats.trees.leaf_tables import LeafTables, Leaves
from sklearn_irg._threats.trees.level_columns import LevelColumns
from sklearn_irg._threats.trees.nearby_leaves import leaves_in_reach
from sklearn_irg._threats.trees.views import Views

__all__ = ["TreeSearch"]

# of the upper bound, in place of a lower one of zero, of which there is no geometric mean
_LOWEST = 1e-3
_ANYWHERE = 1e300  # a radius beyond all others
_N_HALVINGS = 60  # at most, of the interval in which a distance lies
_N_OPEN = 3  # radii at which a row stays open before it is given up; a choice of patience
_MOST_BYTES = 2**30  # of tables; views that would need more stay open
_MOST_BYTES_AT_ONCE = (
    2**26
)  # of tables of all leaves; in larger ensembles each row has those of its own
_ENTRIES = 4_000_000  # of costs (rows times cells), to bound memory: 32 MB
_ULP = np.finfo(np.float64).eps


class TreeSearch:
    """Decisions, distances and lowest margins of rows, by branch and bound over cells.

    Parameters
    ----------
    trees : AdditiveTrees
        Trees.
    moving : ndarray of int
        Columns that numbers move, among the features of the trees and the columns in pieces.
    boxes : LeafBoxes, default=None
        Leaves that may be reached; ``None`` means all.
    levels : LevelColumns, default=None
        Columns of the table whose levels change; ``None`` for none.
    pieces : ColumnPieces, default=None
        Columns of the table whose numbers the search uses in place of the features that come from
        them; ``None`` for none.
    """

    def __init__(self, trees, moving, boxes=None, levels=None, pieces=None):
        self.trees = trees
        self.pieces = ColumnPieces.none(trees.n_features) if pieces is None else pieces
        self.boxes = leaf_boxes(trees) if boxes is None else boxes
        self.moving = moving
        self.levels = LevelColumns(trees, self.boxes, []) if levels is None else levels
        others = np.concatenate(
            [moving, self.levels.features, np.flatnonzero(self.pieces.is_replaced)]
        )
        still = np.setdiff1d(trees.feature[trees.feature >= 0], others)
        self.still = still[~trees.is_categorical[still]]
        self.still_categories = still[trees.is_categorical[still]].tolist()
        self.doubt = max(trees.rounding, trees.tie) * (1 if trees.n_outputs == 1 else 2)
        self.known_integers = {}  # by column, features of numbers that have moved by integer steps
        self._tables = {}

    @property
    def n_bytes(self):
        """Size of the tables of one pair of classes."""
        n_cells = (self.boxes.n_cells[np.concatenate([self.moving, self.still])] + 1).sum()
        n_levels = self.levels.n_cells
        return int(
            8 * (2 * n_cells + n_levels) * self._n_words + 9 * n_levels * len(self.boxes.tree)
        )

    @property
    def _n_words(self):
        """Number of words of all trees."""
        return self.trees.n_trees * (np.bincount(self.boxes.tree).max() // 64 + 1)

    def step(self, best, radius, max_nodes):
        """Offer the worst point of each row at a radius, or at one for each.

        Returns
        -------
        certified : ndarray of bool of shape (n_samples,)
            Rows that are misclassified nowhere.
        nearest : ndarray of shape (n_samples,)
            Distance to the nearest cell found in which a row is misclassified, infinite where none
            was.
        """
        some = best.problem
        certified = np.ones(len(some), dtype=bool)
        nearest = np.full(len(some), np.inf)
        radius = np.broadcast_to(radius, len(some))
        for views in self._views(some):
            for label, other in self._pairs(some.label[views.row]):
                here = np.flatnonzero((some.label[views.row] == label) & ~best.wrong[views.row])
                for search, part in self._nearby(some, views.take(here), radius):
                    cleared = search._settle(
                        some, best, part, label, other, radius, nearest, max_nodes
                    )
                    certified[part.row] &= cleared
        return certified & ~best.wrong, nearest

    def distances(self, problem, max_nodes):
        """Lower and upper bounds on the distance of each row to where it is misclassified.

        They mostly agree up to rounding. Distances are infima, which need not be attained, since a
        row is on one side of a threshold or the other. First the radius grows until a point is
        found. Then the interval between the certified radius and that of the point is halved until
        nothing is nearer than the point.
        """
        found = BestFound(problem)
        lower, upper = np.zeros(len(problem)), np.where(found.wrong, 0.0, np.inf)
        if problem.perturbations.columns:  # swaps go no distance
            self._look(
                problem, lower, upper, np.flatnonzero(upper > 0), np.zeros(len(problem)), max_nodes
            )
        for radius, tries in rungs(problem, []):
            rows = np.flatnonzero(np.isinf(upper) & tries)
            self._look(problem, lower, upper, rows, np.full(len(problem), radius), max_nodes)
        furthest = np.full(len(problem), _ANYWHERE)
        self._look(problem, lower, upper, np.flatnonzero(np.isinf(upper)), furthest, max_nodes)
        self._close(problem, lower, upper, max_nodes)
        return lower, upper

    def lowest_margins(self, problem, radius, max_nodes):
        """Lower bound on each row's margin between two classes, and the lowest attained."""
        bound, attained = (
            np.full(len(problem), -np.inf),
            np.full(len(problem), -np.inf),
        )  # of the other class
        radii = np.full(len(problem), radius)
        for views in self._views(problem):
            for label in (0, 1):
                here = np.flatnonzero(problem.label[views.row] == label)
                for search, part in self._nearby(problem, views.take(here), radii):
                    highest, found = search._highest(problem, part, label, radii, max_nodes)
                    bound[part.row], attained[part.row] = highest, found
        return -self.trees.scale * (bound + self.trees.rounding), -self.trees.scale * attained

    def _highest(self, some, views, label, radius, max_nodes):
        """Upper bound on the trees' sum for the other class, and the largest sum attained."""
        if self.n_bytes > _MOST_BYTES:
            return np.full((2, len(views.row)), [[np.inf], [-np.inf]])
        tables = self._tables_of(label, 1 - label)
        direction, constant = self._direction(label, 1 - label)
        boundary = direction[0] * self.trees.boundary
        cells = Geometry(self, some, views, tables, constant, radius)
        no_level = {
            "above": np.inf,
            "below": -np.inf,
            "costs_add_up": some.perturbations.norm != "linf",
        }
        verdict = settle(tables[0], cells.cells, **no_level, max_nodes=max_nodes)
        everything = np.arange(len(views.row))
        attained = direction[0] * self.trees.sums(views.inner_X)[:, 0]
        codes = cells.codes(everything, verdict.cells)
        for delta in cells.points(everything, verdict.cells):
            sums = direction[0] * self.trees.sums(views.inner_X_at(everything, delta, codes))[:, 0]
            kept = _is_within(delta, some.perturbations.norm, radius[views.row])
            attained = np.where(kept, np.maximum(attained, sums), attained)
        return verdict.bound + boundary, attained

    def _close(self, problem, lower, upper, max_nodes):
        """Halve intervals until nothing is nearer than the point, or rows stay open too often."""
        slack = 2 * self.pieces.slack(problem) + DISTANCE
        n_open, ceiling = np.zeros(len(problem), dtype=int), np.full(len(problem), np.inf)
        for k in range(_N_HALVINGS):
            nearer = upper * (1 - GAP) - slack
            rows = np.flatnonzero((lower < nearer) & np.isfinite(upper) & (n_open < _N_OPEN))
            if not len(rows):
                break
            highest = np.minimum(nearer, ceiling)
            middle = np.sqrt(np.maximum(lower, highest * _LOWEST) * highest)
            radius = np.where((k % 2 == 1) & (nearer < ceiling), nearer, middle)
            before = lower + upper
            self._look(problem, lower, upper, rows, radius, max_nodes)
            still = rows[(lower + upper)[rows] == before[rows]]
            n_open[still] += 1
            ceiling[still] = radius[still]

    def _look(self, problem, lower, upper, rows, radius, max_nodes):
        """Decide rows at a radius each, to raise their lower bounds or reduce the upper ones."""
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
        """Views of the rows, in blocks that memory has room for."""
        n_entries = int((self.boxes.n_cells[self.moving] + 1).sum()) + len(self.boxes.tree)
        n_entries += (
            self.levels.n_cells
            + (len(self.levels.columns) + 8 * self.levels.most_cells) * self._n_words
        )
        size = max(1, _ENTRIES // n_entries)
        for start in range(0, len(some), size):
            yield Views.of(some, np.arange(start, min(start + size, len(some))), self.pieces)

    def _nearby(self, some, views, radius):
        """Views with the search that decides them.

        It is this one if its tables are small, else one among the leaves in reach of each row.
        """
        if self.n_bytes <= _MOST_BYTES_AT_ONCE:
            if len(views.row):
                yield self, views
            return
        columns = np.concatenate([self.moving, self.still])
        for i in range(len(views.row)):
            part = views.take(np.array([i]))
            boxes, kept = leaves_in_reach(self.boxes, columns, some, part, radius)
            yield (
                TreeSearch(
                    self.trees, self.moving, boxes, self.levels.of_leaves(kept), self.pieces
                ),
                part,
            )

    # -- one class against another -----------------------------------------------------------------

    def _direction(self, label, other):
        """Weights of scores for another class against the label, and the constant of that sum."""
        if self.trees.n_outputs == 1:
            sign = 1.0 if other == 1 else -1.0
            return np.array([sign]), sign * (self.trees.constant[0] - self.trees.boundary)
        direction = np.zeros(self.trees.n_outputs)
        direction[other], direction[label] = 1, -1
        return direction, float(self.trees.constant @ direction)

    def _tables_of(self, label, other):
        """Words by cells of the columns that move, of those that do not, and of levels."""
        if (label, other) not in self._tables:
            boxes = self.boxes
            values = self.trees.values[boxes.node] @ self._direction(label, other)[0]
            self._tables[label, other] = [
                LeafTables(
                    Leaves(
                        boxes.tree,
                        values,
                        *(
                            np.ascontiguousarray(part[:, columns])
                            for part in (boxes.low, boxes.high)
                        ),
                        boxes.takes_missing[:, columns],
                        boxes.n_cells[columns],
                    )
                )
                for columns in (self.moving, self.still)
            ]
            self._tables[label, other].append(
                self._tables[label, other][0].words_of(self.levels.takes.T)
            )
        return self._tables[label, other]

    def _settle(self, some, best, views, label, other, radius, nearest, max_nodes):
        """Search rows and keep the points found; return which rows reach no other class."""
        if self.n_bytes > _MOST_BYTES:
            return np.zeros(len(views.row), dtype=bool)
        tables = self._tables_of(label, other)
        cells = Geometry(self, some, views, tables, self._direction(label, other)[1], radius)
        adds_up = some.perturbations.norm != "linf"
        levels = {"above": self.doubt, "below": -self.doubt}

        def is_found(of_views, points):
            rows = some.take(views.row[of_views])
            codes = cells.codes(of_views, points)
            found, is_known = np.zeros((2, len(of_views)), dtype=bool)
            for delta in cells.points(of_views, points):
                kept = _is_within(delta, some.perturbations.norm, radius[views.row[of_views]])
                found |= kept & rows.misclassifies(delta, codes)
                is_known |= kept & cells.are_in(of_views, delta, points)
            return found, is_known

        verdict = settle(
            tables[0],
            cells.cells,
            **levels,
            costs_add_up=adds_up,
            max_nodes=max_nodes,
            is_found=is_found,
        )
        found = np.flatnonzero(verdict.best > -np.inf)
        if len(found):
            self._offer(some, best, views, found, verdict, cells, radius, nearest)
        return verdict.bound <= -self.doubt

    def _offer(self, some, best, views, found, verdict, cells, radius, nearest):
        """Offer the points of views to their rows."""
        rows, at = views.row[found], verdict.cells[found]
        part, codes = self.pieces.confirming(best.take(rows)), cells.codes(found, at)
        trials = list(cells.points(found, at))
        distances = delta_norms(trials[-1], some.perturbations.norm)
        for delta in trials:
            kept = _is_within(delta, some.perturbations.norm, radius[rows])
            delta = np.where(kept[:, None], delta, 0)
            is_wrong = part.problem.misclassifies(delta, codes)
            part.confirm(delta, codes, is_wrong)
            nearest[rows[is_wrong & kept]] = np.minimum(nearest[rows], distances)[is_wrong & kept]
            right = np.flatnonzero(~is_wrong)
            if kept.all() and cells.are_in(found[right], delta[right], at[right]).all():
                break  # the other points reach the same leaves
        best.scatter(rows, part)


def _is_within(delta, norm, radius):
    """Whether points are in the ball, up to the rounding that `ThreatModel.allows` grants.

    Multiples of an integer step are off by it.
    """
    return delta_norms(delta, norm) <= radius * (1 + 4 * _ULP * (1 + delta.shape[1]))
