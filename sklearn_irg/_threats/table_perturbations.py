"""Perturbation set of a table's rows under a threat model, and tables made of its points."""

import numpy as np
from sklearn.utils.validation import validate_data

from sklearn_irg._fitted.cells import Kind
from sklearn_irg._perturbations.perturbation_set import PerturbationSet
from sklearn_irg._perturbations.projection import delta_norms

__all__ = ["TablePerturbations", "outside_own_bounds"]

_ULP = np.finfo(np.float64).eps
# of a number, between the row and the row that it moved from: of the move, the sum, and
# conversions to its type and back
_ROUNDINGS = 4


class TablePerturbations:
    """Rows of a table and their perturbation set.

    Parameters
    ----------
    threat : ThreatModel
        Fitted.
    table : Table
        The rows.

    Attributes
    ----------
    arrays : PerturbationSet
        The set.
    levels : list of list
        Levels of each column that may swap: those seen by the threat model, then others that rows
        have.
    """

    def __init__(self, threat, table, arrays=None, levels=None):
        self.threat = threat
        self.table = table
        self.levels = levels
        self.arrays = arrays

    @classmethod
    def of(cls, threat, X):
        """Perturbations of rows like X."""
        validate_data(threat, X, reset=False, skip_check_array=True)
        return cls.of_table(threat, threat.read(X))

    @classmethod
    def of_table(cls, threat, table):
        """Perturbations of the rows of a table."""
        _check_numbers(threat, table)
        numbers = table.numbers()
        movable = (threat.scales_ > 0) & np.isfinite(numbers)
        scales = np.where(threat.scales_ > 0, threat.scales_, 1.0)
        steps = np.where(threat.is_integer_ & (threat.scales_ > 0), 1 / scales, 0.0)
        _check_own_bounds(threat, table, numbers)
        ends = _ends(threat, table, steps)
        with np.errstate(invalid="ignore"):
            low = np.minimum(ends[0] - numbers, 0) / scales
            high = np.maximum(ends[1] - numbers, 0) / scales
        columns = tuple(
            j for j in threat.allowed_swaps_ if threat.n_swaps > 0 and len(threat.levels_[j])
        )
        levels, codes, swaps = _levels(threat, table, columns)
        arrays = PerturbationSet(
            numbers=np.nan_to_num(numbers, posinf=0, neginf=0),
            scales=scales,
            low=np.where(movable & (threat.directions_ <= 0), low, 0.0),
            high=np.where(movable & (threat.directions_ >= 0), high, 0.0),
            steps=steps,
            ends=ends,
            norm=threat.norm,
            n_swaps=threat.n_swaps,
            columns=columns,
            codes=codes,
            swaps=swaps,
        )
        return cls(threat, table, arrays, levels)

    def __len__(self):
        return len(self.table)

    @property
    def has_numbers_as_levels(self):
        """Whether columns of numbers are categories, or flags are numbers."""
        table = self.table
        as_levels = any(table.kinds[j] is Kind.NUMBERS for j in self.threat.levels_)
        return as_levels or bool((table.is_flag & table.is_number).any())

    def take(self, rows):
        """Perturbations of some rows."""
        return TablePerturbations(
            self.threat, self.table.take(rows), self.arrays.take(rows), self.levels
        )

    def with_markers(self, markers):
        """The same, with numbers that stand for something else."""
        return TablePerturbations(
            self.threat, self.table, self.arrays.with_markers(markers), self.levels
        )

    def swapped(self, codes):
        """The table with other levels in its swappable columns."""
        table = self.table
        for c, j in enumerate(self.arrays.columns):
            rows = np.flatnonzero(codes[:, c] != self.arrays.codes[:, c])
            if len(rows):
                levels = np.array([*self.levels[c], None], dtype=object)[:-1]
                table = table.with_cells(j, rows, levels[codes[rows, c]])
        return table

    def result(self, delta, codes):
        """Rows like those of X; numbers that have not moved are as they were."""
        table = self.swapped(codes)
        columns = np.flatnonzero((delta != 0).any(axis=0))
        if not len(columns):
            return table.X
        return table.with_numbers(self.numbers_at(delta), columns)

    def numbers_at(self, delta):
        """Numbers of the rows where they have moved, as the types of their columns hold them."""
        return self._held(np.where(delta != 0, self.arrays.moved(delta), self.table.numbers()))

    def _held(self, numbers):
        """Numbers rounded to what the types of their columns hold.

        They are rounded away from the rows where the set allows it, else towards them.
        """
        nearer, further = self.table.rounded(numbers)
        delta = np.nan_to_num(further - self.arrays.numbers) / self.arrays.scales
        radius = float(np.max(self.threat.epsilon))
        low, high = self.arrays.box(radius)
        may = ((delta >= low) & (delta <= high)).all(axis=1) & (
            delta_norms(delta, self.arrays.norm) <= radius
        )
        return np.where(may[:, None], further, nearer)

    def exist(self, rows):
        """Whether ``valid`` accepts rows."""
        if self.threat.valid is None:
            return np.ones(len(rows), dtype=bool)
        found = np.asarray(self.threat.valid(rows))
        if found.shape != (len(rows),) or found.dtype != bool:
            raise ValueError(
                f"valid must return a boolean for each of {len(rows)} rows; got shape "
                f"{found.shape} of {found.dtype}."
            )
        return found

    def allow(self, X_moved):
        """Whether each row may become another one, at the largest radius."""
        validate_data(self.threat, X_moved, reset=False, skip_check_array=True)
        moved = self.threat.read(X_moved)
        if len(moved) != len(self):
            raise ValueError(f"X_moved has {len(moved)} rows, but X has {len(self)}.")
        return (
            self._numbers_may_become(moved) & self._levels_may_become(moved) & self.exist(X_moved)
        )

    def _numbers_may_become(self, moved):
        """Whether numbers stay in box, ball and grid, up to their own rounding.

        Columns of integers and decimals that cannot move have to stay exactly as they are.
        """
        arrays, table = self.arrays, self.table
        before, after = table.numbers(), moved.numbers()
        change = np.nan_to_num(after) - np.nan_to_num(before)
        delta = change / arrays.scales
        rounding = _ROUNDINGS * table.spacings(np.fmax(np.abs(before), np.abs(after)))
        loose = rounding / arrays.scales
        radius = float(np.max(self.threat.epsilon))
        low, high = arrays.box(radius)
        share = 1 + 4 * _ULP * (1 + table.n_columns)
        fine = (
            (delta >= low * share - loose * (low < 0))
            & (delta <= high * share + loose * (high > 0))
        ).all(axis=1)
        fine &= (np.isnan(before) == np.isnan(after))[:, table.is_number].all(axis=1)
        fine &= delta_norms(delta, arrays.norm) <= radius * share + delta_norms(
            loose * (delta != 0), arrays.norm
        )
        was_integer = before == np.rint(before)
        off_grid = np.abs(change - np.rint(change)) > np.where(was_integer, 0, rounding)
        fine &= ~off_grid[:, arrays.steps > 0].any(axis=1)
        for j in np.flatnonzero(
            table.is_number
        ):  # floats cannot tell integers beyond 2**53, nor decimals
            still = (low[:, j] == 0) & (high[:, j] == 0)
            if still.any() and table.dtype_of(j).kind != "f":
                fine &= ~still | table.same_cells(moved, j)
        return fine

    def _levels_may_become(self, moved):
        """Whether at most ``n_swaps`` levels have changed, each to one that is allowed."""
        fine, n_swaps = np.ones(len(self), dtype=bool), np.zeros(len(self), dtype=int)
        for j in np.flatnonzero(~self.table.is_number):
            changed = ~self.table.same_cells(moved, j)
            n_swaps += changed
            rows = np.flatnonzero(changed)
            if j not in self.arrays.columns:
                fine[rows] = False
            elif len(rows):
                fine[rows] &= self._swaps_are_allowed(
                    self.arrays.columns.index(j), rows, moved.cells(j)[rows]
                )
        return fine & (n_swaps <= self.threat.n_swaps)

    def _swaps_are_allowed(self, c, rows, cells):
        allowed, levels = self.arrays.can_swap(c), self.levels[c]
        return [
            cell in levels and allowed[i, levels.index(cell)]
            for i, cell in zip(rows, cells, strict=True)
        ]


def _ends(threat, table, steps):
    """Smallest and largest number of each column, by the threat model and the column's type."""
    lowest, highest = table.limits()
    becomes_double = table.are_integers & (steps == 0)  # a type of integers has no fractions
    lowest, highest = (
        np.where(becomes_double, -np.inf, lowest),
        np.where(becomes_double, np.inf, highest),
    )
    return np.maximum(threat.lows_, lowest), np.minimum(threat.highs_, highest)


def _check_numbers(threat, table):
    """Raise an error for words in columns that held numbers in ``fit``; they would never change."""
    for j in np.flatnonzero((threat.scales_ > 0) & ~table.is_number).tolist():
        cell = next((cell for cell in table.cells(j) if cell is not None), None)
        if cell is not None:
            raise ValueError(
                f"the column {table.name_of(j)!r} had numbers in fit of the ThreatModel, but X has "
                f"{cell!r} there."
            )


def outside_own_bounds(threat, numbers):
    """Numbers outside of bounds that were given, shape (n_samples, n_columns)."""
    with np.errstate(invalid="ignore"):
        return threat._has_own_bounds & ((numbers < threat.lows_) | (numbers > threat.highs_))


def _check_own_bounds(threat, table, numbers):
    outside = outside_own_bounds(threat, numbers)
    if outside.any():
        row, j = np.argwhere(outside)[0]
        raise ValueError(
            f"bounds of {table.name_of(int(j))!r} are ({threat.lows_[j]:g}, {threat.highs_[j]:g}), "
            f"but row {row} of X has {numbers[row, j]:g} there."
        )


def _levels(threat, table, columns):
    """Levels of swappable columns, positions of the rows' levels, and allowed swaps."""
    all_levels, codes, swaps = [], [], []
    for j in columns:
        levels = threat.levels_[j].tolist()
        n_seen = len(levels)
        position = {level: k for k, level in enumerate(levels)}
        cells = table.cells(j)
        for cell in cells:
            if cell is not None and cell not in position:  # may change, but no row may change to it
                position[cell] = len(levels)
                levels.append(cell)
        codes.append([-1 if cell is None else position[cell] for cell in cells])
        all_levels.append(levels)
        swaps.append(_swaps_between(threat.allowed_swaps_[j], n_seen, len(levels)))
    return all_levels, np.array(codes, dtype=int).T.reshape(len(table), len(columns)), tuple(swaps)


def _swaps_between(allowed, n_seen, n_levels):
    """Whether each level may become each other, shape (n_levels, n_levels).

    Levels not seen in ``fit`` may change only where any level may become any other.
    """
    swaps = np.zeros((n_levels, n_levels), dtype=bool)
    if allowed is None:
        swaps[:, :n_seen] = ~np.eye(n_levels, dtype=bool)[:, :n_seen]
    else:
        swaps[:n_seen, :n_seen] = allowed
    return swaps
