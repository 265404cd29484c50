"""Check that trees read the levels of a table as its estimator does."""

import numpy as np

from sklearn_irg._fitted.trees.probes import probe_rows

__all__ = ["difference_at_levels"]

_N_ROWS = 32  # with each level, on which trees and estimator are compared


def difference_at_levels(problem):
    """Difference between trees and their estimator at the rows, in words; empty if there is none.

    Rows with each level that they may get are tried as well and, where a table goes to the
    estimator as it is, rows with numbers near thresholds.
    """
    inside = problem.model.trees
    if not inside.reading.trees.is_categorical.any() and not problem.model.is_axis_aligned:
        return ""
    rows, codes = _rows_and_levels(problem)
    some = problem.take(rows)
    if problem.model.is_axis_aligned:
        table = some.tables.swapped(codes)
        return _difference(problem, table) or _difference(
            problem, _near_thresholds(inside.reading, table)
        )
    return inside.difference_at(
        None, some.step_outputs(np.zeros(some.perturbations.numbers.shape), codes)
    )


def _difference(problem, table):
    """Difference at a table, as trees and estimator take it, in words."""
    return problem.model.trees.difference_at(table.X, problem.model.trees.coded_table(table))


def _rows_and_levels(problem):
    """Positions and levels: each row as it is, and some rows with each level."""
    arrays, rng = problem.perturbations, np.random.RandomState(0)
    rows, codes = [np.arange(len(problem))], [arrays.codes]
    for c, swaps in enumerate(arrays.swaps):
        for level in np.flatnonzero(swaps.any(axis=0)):
            rows.append(rng.randint(len(problem), size=_N_ROWS))
            codes.append(arrays.codes[rows[-1]])
            codes[-1][:, c] = level
    return np.concatenate(rows), np.concatenate(codes)


def _near_thresholds(reading, table):
    """Table with the numbers of rows inside and next to the boxes of leaves."""
    probes = probe_rows(reading)
    chosen = probes[np.random.RandomState(0).randint(len(probes), size=len(table))]
    # CatBoost takes words from arrays of integers, and none from arrays of floats
    chosen = np.where(table.are_integers, np.rint(chosen), chosen)
    return table.with_frame(table.with_numbers(chosen, _free_numbers(reading, table)))


def _free_numbers(reading, table):
    """Columns of numbers that are not categorical."""
    return np.setdiff1d(np.flatnonzero(table.is_number), list(reading.categories)).astype(int)
