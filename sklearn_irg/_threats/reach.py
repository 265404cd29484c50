"""What the rows of a table may become under a threat model, in units of each column's scale."""

import numpy as np
from sklearn.utils.validation import validate_data

from sklearn_irg._fitted.cells import Kind

__all__ = ["DUAL", "Reach", "length", "project"]

DUAL = {"l2": 2, "linf": 1, "l1": np.inf}  # order of the norm dual to each
_ULP = np.finfo(np.float64).eps
_ROUNDINGS = 4  # of a number, between the row that it stands in and the row that it moved from
SLACK = 1e-12  # of a number of steps: what computing with units may lose


class Reach:
    """Boxes, steps and levels around each row.

    A point of it is ``units``, shape (n_samples, n_columns), how far each number has moved in units of its scale, together with
    ``codes``, shape (n_samples, n_swappable), the levels of the columns that may change.

    Attributes
    ----------
    table : Table
        The rows.
    scales : ndarray of shape (n_columns,)
        One where a column cannot move.
    low, high : ndarray of shape (n_samples, n_columns)
        Bounds of units; zero where a cell cannot move.
    steps : ndarray of shape (n_columns,)
        Units of a column of whole numbers are multiples of this; zero for others.
    columns : list of int
        Those whose level may change.
    levels : list of list
        Of each of them: those seen by the threat model, then others that rows have.
    codes : ndarray of int of shape (n_samples, n_swappable)
        Levels that rows have; -1 where a cell is missing.
    """

    markers = {}  # by column, numbers that steps of a pipeline take for something else

    def __init__(self, threat, X):
        self.threat = threat
        validate_data(threat, X, reset=False, skip_check_array=True)
        self.table = threat.read(X)
        self.norm = threat.norm
        numbers = self.table.numbers()
        self.numbers = np.nan_to_num(numbers, posinf=0, neginf=0)
        movable = (threat.scales_ > 0) & np.isfinite(numbers)
        self.scales = np.where(threat.scales_ > 0, threat.scales_, 1.0)
        self.steps = np.where(threat.is_integer_ & (threat.scales_ > 0), 1 / self.scales, 0.0)
        self._check_own_bounds(numbers)
        self.ends = self._ends()
        with np.errstate(invalid="ignore"):
            low = np.minimum(self.ends[0] - numbers, 0) / self.scales
            high = np.maximum(self.ends[1] - numbers, 0) / self.scales
        self.low = np.where(movable & (threat.directions_ <= 0), low, 0.0)
        self.high = np.where(movable & (threat.directions_ >= 0), high, 0.0)
        self._read_levels()

    def __len__(self):
        return len(self.table)

    @property
    def has_numbers_as_levels(self):
        """Whether columns of numbers are categories, or flags are numbers."""
        table = self.table
        as_levels = any(table.kinds[j] is Kind.NUMBERS for j in self.threat.levels_)
        return as_levels or bool((table.is_flag & table.is_number).any())

    @property
    def moves_somewhere(self):
        """Columns of numbers that move in some row."""
        return (self.low < self.high).any(axis=0)

    def _ends(self):
        """The smallest and the largest number of each column, as the threat model and the column's type have it."""
        threat = self.threat
        lowest, highest = self.table.limits()
        becomes_double = self.table.are_integers & (self.steps == 0)  # a type of integers has no fractions
        lowest, highest = np.where(becomes_double, -np.inf, lowest), np.where(becomes_double, np.inf, highest)
        return np.maximum(threat.lows_, lowest), np.minimum(threat.highs_, highest)

    def _check_own_bounds(self, numbers):
        threat = self.threat
        own = threat._has_own_bounds
        with np.errstate(invalid="ignore"):
            outside = own & ((numbers < threat.lows_) | (numbers > threat.highs_))
        if outside.any():
            row, j = np.argwhere(outside)[0]
            raise ValueError(
                f"bounds of {self.table.name_of(j)!r} are ({threat.lows_[j]:g}, {threat.highs_[j]:g}), but row {row} of X has "
                f"{numbers[row, j]:g} there."
            )

    def _read_levels(self):
        threat = self.threat
        self.columns = [j for j in threat.exchanges_ if threat.n_swaps > 0]
        self.levels, codes = [], []
        for j in self.columns:
            levels = threat.levels_[j].tolist()
            position = {level: k for k, level in enumerate(levels)}
            cells = self.table.cells(j)
            for cell in cells:
                if cell is not None and cell not in position:  # may change, but no row may change to it
                    position[cell] = len(levels)
                    levels.append(cell)
            codes.append([-1 if cell is None else position[cell] for cell in cells])
            self.levels.append(levels)
        self.codes = np.array(codes, dtype=int).T.reshape(len(self.table), len(self.columns))

    def take(self, rows):
        """The reach of some rows."""
        some = object.__new__(Reach)
        some.__dict__.update(self.__dict__)
        some.table = self.table.take(rows)
        for name in ("numbers", "low", "high", "codes"):
            setattr(some, name, getattr(self, name)[rows])
        return some

    def smallest_move(self, j):
        """By how much a column's numbers move at the least, for what has to be tried with little moves."""
        return 1.0 if self.steps[j] > 0 else 1e-6 * self.scales[j]

    def may_swap(self, c):
        """Whether each row may change to each level of the c-th swappable column, shape (n_samples, n_levels)."""
        j = self.columns[c]
        n_levels, n_seen = len(self.levels[c]), len(self.threat.levels_[j])
        codes = self.codes[:, c]
        allowed = np.zeros((len(self), n_levels), dtype=bool)
        ways = self.threat.exchanges_[j]
        if ways is None:
            allowed[:, :n_seen] = True
            allowed[np.arange(len(self)), codes] = False
        else:
            known = (codes >= 0) & (codes < n_seen)
            allowed[known, :n_seen] = ways[codes[known]]
        allowed[codes < 0] = False
        return allowed

    def box(self, epsilon):
        """Bounds of units at a radius, on the grid of whole numbers, each shape (n_samples, n_columns).

        The radius may be one per row, of shape (n_samples, 1).
        """
        low, high = np.maximum(self.low, -epsilon), np.minimum(self.high, epsilon)
        whole = self.steps > 0
        step = self.steps[whole]
        low[:, whole] = np.ceil(low[:, whole] / step * (1 + 4 * _ULP)) * step
        high[:, whole] = np.floor(high[:, whole] / step * (1 + 4 * _ULP)) * step
        return np.minimum(low, 0), np.maximum(high, 0)

    def on_grid(self, units):
        """Units with whole numbers rounded towards the row, which leaves neither box nor ball."""
        whole = self.steps > 0
        if not whole.any():
            return units
        units = units.copy()
        step = self.steps[whole]
        units[:, whole] = np.trunc(units[:, whole] / step * (1 + SLACK)) * step
        return units

    def moved(self, units):
        """Numbers that units stand for, inside bounds; whole numbers are exact."""
        numbers = self.numbers + units * self.scales
        whole = self.steps > 0
        numbers[:, whole] = self.numbers[:, whole] + np.rint(units[:, whole] / self.steps[whole])
        for j, markers in self.markers.items():  # which count only where they are met exactly
            for marker in markers:
                met = np.abs(numbers[:, j] - marker) <= 1e-15 * (np.abs(self.numbers[:, j]) + np.abs(marker))
                numbers[met & (units[:, j] != 0), j] = marker
        return np.clip(numbers, np.minimum(self.ends[0], self.numbers), np.maximum(self.ends[1], self.numbers))

    def swapped(self, codes):
        """The table with other levels in its swappable columns."""
        table = self.table
        for c, j in enumerate(self.columns):
            rows = np.flatnonzero(codes[:, c] != self.codes[:, c])
            if len(rows):
                levels = np.array([*self.levels[c], None], dtype=object)[:-1]
                table = table.with_cells(j, rows, levels[codes[rows, c]])
        return table

    def result(self, units, codes):
        """Rows like those of X; numbers that have not moved are as they were."""
        table = self.swapped(codes)
        columns = np.flatnonzero((units != 0).any(axis=0))
        if not len(columns):
            return table.X
        numbers = np.where(units != 0, self.moved(units), self.table.numbers())
        return table.with_numbers(self._held(numbers), columns)

    def _held(self, numbers):
        """Numbers rounded to what the types of their columns hold: away from the rows where they may go there, else back."""
        nearer, further = self.table.rounded(numbers)
        units = np.nan_to_num(further - self.numbers) / self.scales
        radius = float(np.max(self.threat.epsilon))
        low, high = self.box(radius)
        may = ((units >= low) & (units <= high)).all(axis=1) & (length(units, self.norm) <= radius)
        return np.where(may[:, None], further, nearer)

    def exists(self, rows):
        """Whether ``valid`` accepts rows."""
        if self.threat.valid is None:
            return np.ones(len(rows), dtype=bool)
        found = np.asarray(self.threat.valid(rows))
        if found.shape != (len(rows),) or found.dtype != bool:
            raise ValueError(
                f"valid must return a boolean for each of {len(rows)} rows; got shape {found.shape} of {found.dtype}."
            )
        return found

    def allows(self, X_moved):
        """Whether each row may become another, at the largest radius."""
        validate_data(self.threat, X_moved, reset=False, skip_check_array=True)
        moved = self.threat.read(X_moved)
        if len(moved) != len(self):
            raise ValueError(f"X_moved has {len(moved)} rows, but X has {len(self)}.")
        return self._numbers_may_become(moved) & self._levels_may_become(moved) & self.exists(X_moved)

    def _numbers_may_become(self, moved):
        """Whether numbers stay in box, ball and grid, up to their own rounding, and exactly where they cannot move."""
        before, after = self.table.numbers(), moved.numbers()
        change = np.nan_to_num(after) - np.nan_to_num(before)
        units = change / self.scales
        rounding = _ROUNDINGS * self.table.spacings(np.fmax(np.abs(before), np.abs(after)))
        loose = rounding / self.scales
        radius = float(np.max(self.threat.epsilon))
        low, high = self.box(radius)
        share = 1 + 4 * _ULP * (1 + self.table.n_columns)
        fine = ((units >= low * share - loose * (low < 0)) & (units <= high * share + loose * (high > 0))).all(axis=1)
        fine &= (np.isnan(before) == np.isnan(after))[:, self.table.is_number].all(axis=1)
        fine &= length(units, self.norm) <= radius * share + length(loose * (units != 0), self.norm)
        was_whole = before == np.rint(before)
        off_grid = np.abs(change - np.rint(change)) > np.where(was_whole, 0, rounding)
        fine &= ~off_grid[:, self.steps > 0].any(axis=1)
        for j in np.flatnonzero(self.table.is_number):  # floats cannot tell integers beyond 2**53, nor decimals
            still = (low[:, j] == 0) & (high[:, j] == 0)
            if still.any() and self.table.dtype_of(j).kind != "f":
                fine &= ~still | self.table.same_cells(moved, j)
        return fine

    def _levels_may_become(self, moved):
        """Whether no more levels have changed than may, each to one that it may become."""
        fine, n_swaps = np.ones(len(self), dtype=bool), np.zeros(len(self), dtype=int)
        for j in np.flatnonzero(~self.table.is_number):
            changed = ~self.table.same_cells(moved, j)
            n_swaps += changed
            rows = np.flatnonzero(changed)
            if j not in self.columns:
                fine[rows] = False
            elif len(rows):
                fine[rows] &= self._swaps_are_allowed(self.columns.index(j), rows, moved.cells(j)[rows])
        return fine & (n_swaps <= self.threat.n_swaps)

    def _swaps_are_allowed(self, c, rows, cells):
        allowed, levels = self.may_swap(c), self.levels[c]
        return [cell in levels and allowed[i, levels.index(cell)] for i, cell in zip(rows, cells, strict=True)]


def length(units, norm):
    """Norm of each row."""
    return np.linalg.norm(units, ord={"l2": 2, "linf": np.inf, "l1": 1}[norm], axis=1)


def project(units, low, high, epsilon, norm):
    """The nearest point to each row in the intersection of a box, which holds zero, and a ball around zero."""
    inside = np.clip(units, low, high)
    if norm == "linf":
        return np.clip(inside, -epsilon, epsilon)
    if epsilon == 0:
        return np.zeros_like(inside)
    far = np.flatnonzero(length(inside / epsilon, norm) > 1)
    if not len(far):
        return inside
    u, low, high = units[far] / epsilon, low[far] / epsilon, high[far] / epsilon

    def shrunk(multiplier):
        shrunk = u / (1 + multiplier) if norm == "l2" else np.sign(u) * np.maximum(np.abs(u) - multiplier, 0)
        return np.clip(shrunk, low, high)

    # the norm falls as the multiplier grows: bisection keeps the end inside the unit ball
    inner = length(u, "l2" if norm == "l2" else "linf")[:, None]
    outer = np.zeros_like(inner)
    for _ in range(60):
        middle = (inner + outer) / 2
        fits = (length(shrunk(middle), norm) <= 1)[:, None]
        inner, outer = np.where(fits, middle, inner), np.where(fits, outer, middle)
    inside[far] = epsilon * shrunk(inner)
    return inside
