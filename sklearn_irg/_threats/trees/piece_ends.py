"""Ends of the pieces of columns, found by bisection among the numbers that a column can hold.

Bisection calls the steps themselves. It overlooks no piece because of what the steps declare:
between the jumps and points of a column, each output is monotone, so that if it is in the same cell
at two numbers, it is so at all numbers between. As computed, a curve may waver by some units in the
last place. Next to a cut it changes by at least one such unit from one number to the next. Numbers
at which it is several of these changes away from the cut are certain to be on their side; those in
between count for both sides.
"""

import numpy as np

from sklearn_irg._threats.held_numbers import between
from sklearn_irg._threats.rounding import N_OPERATIONS
from sklearn_irg._threats.trees.asked_steps import AskedSteps
from sklearn_irg._threats.trees.column_pieces import ColumnPieces, NotInPiecesError
from sklearn_irg._threats.trees.row_costs import cells_of

__all__ = ["column_pieces"]

_N_JOINT = 512  # points at which all columns move together
_N_CHANGES = 16  # from one number to the next, by which curves may waver
# of the relative precision, 1e-9; larger changes from one number to the next are jumps
_MOST = 2.0**22


def column_pieces(problem, trees):
    """Pieces of the columns that the steps do not turn into one affine feature each.

    Raises
    ------
    NotInPiecesError
        If the steps reject numbers that rows may become, or are not monotone as declared.
    """
    n_features, reading = trees.n_features, problem.reading
    if reading is None:
        return ColumnPieces.none(n_features)
    is_used = np.isin(np.arange(n_features), trees.feature)
    reached = reading.depends & problem.perturbations.movable_columns[:, None] & is_used
    swapped = reading.depends[list(problem.perturbations.columns)].any(axis=0) & is_used
    is_mixed = reading.depends.sum(axis=0) > 1  # what a swap does depends on other columns, too
    if not reading.is_ordered[reached.any(axis=0)].all() or is_mixed[swapped].any():
        return ColumnPieces.none(n_features)
    columns = np.flatnonzero(reached.any(axis=1) & _is_bent(reading, reached))
    found = ColumnPieces(n_features, columns, reached[columns].any(axis=0), is_complete=True)
    if len(columns):
        try:
            with np.errstate(all="ignore"):
                _Search(AskedSteps(problem, trees, columns, reached), found).fill()
        except NotInPiecesError:
            raise
        except (ValueError, TypeError) as error:
            raise NotInPiecesError(
                f"the steps, or the model, refuse numbers that rows may become ({error})"
            ) from error
    return found


def _is_bent(reading, reached):
    """Columns that the steps turn into anything else than one affine feature of the trees."""
    is_bent = (reading.unknown & reached).any(axis=1) | (
        ((reading.slopes != 0) & reached).sum(axis=1) > 1
    )
    is_bent |= np.isfinite(reading.low) | np.isfinite(reading.high)
    is_bent[[*reading.jumps, *reading.points]] = True
    return is_bent


class _Search:
    """Bisection in all columns at once."""

    def __init__(self, asked, found):
        self.asked, self.found = asked, found
        self.problem, self.reading = asked.problem, asked.reading
        self.precision = max(self.problem.precision, self.reading.precision)

    def fill(self):
        """Find all pieces, and check them."""
        c, rank, low, high = self._cuts()
        lowest, highest = self._blurred(c, rank, low, high)
        for k in range(len(self.asked.columns)):
            here = c == k
            self._add(k, rank[here], (low[here], high[here]), (lowest[here], highest[here]))
        first, last = self.found.first, self.found.last
        c = np.repeat(np.arange(len(last)), [2 * len(some) for some in last])
        self.asked.require_accepted(
            c, np.concatenate([end for pair in zip(first, last) for end in pair])
        )
        self._require_cells()

    def _add(self, k, rank, cells, certain):
        """Add the pieces of a column.

        Given are ranks of cuts, cells before and after each, and how far rounding may move them.
        """
        asked, ends = self.asked, self.asked.ends[k]
        chain = np.append(asked.cells_at(np.array([k]), ends[:1]), cells[1], axis=0)
        if not np.array_equal(chain[:-1], cells[0]):
            raise NotInPiecesError(f"the steps are not monotone in {asked.name(k)}")
        numbers, features = asked.held[k].numbers, asked.features[k]
        soonest = np.where(certain[0] < ends[0], -np.inf, numbers(certain[0] + 1))
        latest = np.where(certain[1] >= ends[1], np.inf, numbers(certain[1]))
        self.found.add(features=features, cells=chain[:, : len(features)], missing=asked.missing(k))
        self.found.add(first=numbers(rank + 1), last=numbers(rank))
        self.found.add(
            soonest=np.minimum.accumulate(soonest[::-1])[::-1], latest=np.maximum.accumulate(latest)
        )

    def _edges(self, k):
        """Ranks between which each output is monotone.

        They are numbers between kinks, around points, and one of a row. A function that is not
        defined everywhere is undefined on one side of any row at most, where the trees see a
        missing value: behind an imputer no curve is read.
        """
        asked, j = self.asked, self.asked.columns[k]
        (kinks, is_point), held = asked.kinks(k), asked.held[k]
        of_numbers, apart = self.reading.looseness[:, j]
        loose = N_OPERATIONS * self.precision * ((1 + of_numbers) * np.abs(kinks) + apart)
        if (kinks[:-1] + loose[:-1] >= kinks[1:] - loose[1:]).any():
            raise NotInPiecesError(
                f"rounding moves the kinks of the steps in {asked.name(k)} too far"
            )
        points = held.ranks(kinks[is_point][held.holds(kinks[is_point])])
        others = held.ranks(np.append((kinks[:-1] + kinks[1:]) / 2, asked.home[j]))
        return np.unique(
            np.clip(
                np.concatenate([points - 1, points, points + 1, others, asked.ends[k]]),
                *asked.ends[k],
            )
        )

    def _cuts(self):
        """All cuts in order: column, rank of the number before each, and cells on both sides."""
        asked = self.asked
        edges = [self._edges(k) for k in range(len(asked.columns))]
        c = np.repeat(np.arange(len(edges)), [len(some) - 1 for some in edges])
        low, high = (
            np.concatenate([some[part] for some in edges]) for part in (slice(-1), slice(1, None))
        )
        cells = asked.cells_at(c, low), asked.cells_at(c, high)
        done = []
        while len(c):
            differs = (cells[0] != cells[1]).any(axis=1)
            is_cut = differs & (high - low == 1)
            done.append((c[is_cut], low[is_cut], cells[0][is_cut], cells[1][is_cut]))
            some = np.flatnonzero(differs & ~is_cut)
            c, low, high, cells = c[some], low[some], high[some], (cells[0][some], cells[1][some])
            middle = between(low, high)
            at_middle = asked.cells_at(c, middle)
            c, low, high = np.tile(c, 2), np.append(low, middle), np.append(middle, high)
            cells = np.append(cells[0], at_middle, axis=0), np.append(at_middle, cells[1], axis=0)
        parts = [np.concatenate(part) for part in zip(*done)] if done else [c, low, *cells]
        order = np.lexsort([parts[1], parts[0]])
        return [part[order] for part in parts]

    def _blurred(self, c, rank, low, high):
        """Ranks up to which numbers are certainly before each cut, and beyond which after it."""
        lowest, highest = rank.copy(), rank.copy()
        for i in range(self.asked.width):
            f = (
                np.array([some[i] if i < len(some) else -1 for some in self.asked.features])[c]
                if len(c)
                else c
            )
            n_cuts = np.array([len(cuts) for cuts in self.asked.thresholds])[f]
            some = np.flatnonzero((f >= 0) & self.reading.is_curve[f] & (low[:, i] != high[:, i]))
            some = some[np.maximum(low[some, i], high[some, i]) <= n_cuts[some]]
            if len(some):
                before, after = self._certain(
                    c[some], f[some], rank[some], low[some, i], high[some, i]
                )
                lowest[some] = np.minimum(lowest[some], before)
                highest[some] = np.maximum(highest[some], after)
        return lowest, highest

    def _certain(self, c, f, rank, low, high):
        """The same for cuts between cells of one output each.

        There the output is further from a threshold than it may waver.
        """
        asked, sign = self.asked, np.sign(high - low)
        cuts = [asked.thresholds[of] for of in f]
        lower = np.array([some[cell] for some, cell in zip(cuts, np.minimum(low, high))])
        upper = np.array([some[cell - 1] for some, cell in zip(cuts, np.maximum(low, high))])

        def height(ranks):
            return sign * asked.outputs(c, asked.numbers(c, ranks))[np.arange(len(f)), f]

        changes = height(rank + 1) - height(rank)
        most = _MOST * self.precision * (1 + np.maximum(np.abs(lower), np.abs(upper)))
        loose = np.minimum(_N_CHANGES * changes, most)
        floor, ceiling = (
            np.minimum(sign * lower, sign * upper) - loose,
            np.maximum(sign * lower, sign * upper) + loose,
        )
        before = _nearest(lambda ranks: height(ranks) <= floor, rank, asked.ends[c, 0] - 1)
        after = _nearest(lambda ranks: height(ranks) > ceiling, rank + 1, asked.ends[c, 1] + 1)
        return before, after - 1

    def _require_cells(self):
        """Raise an error unless pieces agree with the steps.

        They are compared at the rows, and at rows in which all columns are near ends of pieces.
        """
        asked, table, rng = self.asked, self.asked.table, np.random.RandomState(0)
        rows = np.append(np.arange(len(table)), rng.randint(len(table), size=_N_JOINT))
        numbers = table.numbers()[rows]
        for k, j in enumerate(asked.columns):
            drawn = self._drawn(k, rng)
            moves = ~np.isnan(numbers[-_N_JOINT:, j])
            numbers[-_N_JOINT:, j][moves] = drawn[moves]
        X = table.take(rows).with_numbers(numbers, asked.columns)
        outputs = np.asarray(self.problem.steps(X), dtype=np.float64)
        for k, j in enumerate(asked.columns):
            for i, f in enumerate(asked.features[k]):
                cell = cells_of(outputs[:, f], asked.thresholds[f])
                if not self._agree(k, i, numbers[:, j], cell).all():
                    raise NotInPiecesError(
                        f"the steps are not monotone in {asked.name(k)}, or mix columns"
                    )

    def _agree(self, k, i, numbers, cells):
        """Whether numbers are in pieces of the cells that were seen, up to rounding."""
        found = self.found
        pieces = (
            np.searchsorted(found.soonest[k], numbers, side="right"),
            np.searchsorted(found.latest[k], numbers),
        )
        known = found.cells[k][np.array(pieces), i]
        if found.missing[k] is not None:
            known = np.where(np.isnan(numbers), found.missing[k][i], known)
        return (known.min(axis=0) <= cells) & (cells <= known.max(axis=0))

    def _drawn(self, k, rng):
        """Random numbers at and near the ends of pieces."""
        held, found, ends = self.asked.held[k], self.found, self.asked.ends[k]
        ranks = held.ranks(np.concatenate([found.first[k], found.last[k]]))
        ranks = ranks if len(ranks) else ends
        apart = (rng.choice([-1, 1], _N_JOINT) * 2.0 ** rng.uniform(0, 50, _N_JOINT)).astype(
            np.int64
        )
        apart = apart if held.dtype is not None else np.sign(apart) * (np.abs(apart) % 16)
        near = np.clip(rng.choice(ranks, _N_JOINT) + apart, *ends)
        return held.numbers(near)


def _nearest(holds, start, end):
    """First ranks on the way from start to end where a condition holds, else the end."""
    fine, fails = np.where(holds(start), start, end), start
    while True:
        is_open = np.abs(fine - fails) > 1
        if not is_open.any():
            return fine
        middle = np.where(is_open, between(fails, fine), start)
        is_fine = holds(middle)
        fine, fails = (
            np.where(is_open & is_fine, middle, fine),
            np.where(is_open & ~is_fine, middle, fails),
        )
