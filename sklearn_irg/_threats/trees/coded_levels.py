"""Whether trees take the levels of a table for the categories that its estimator takes them for."""

import numpy as np

from sklearn_irg._fitted.trees.probes import probe_rows

__all__ = ["difference_at_levels"]

_N_ROWS = 32  # with each level


def difference_at_levels(problem):
    """What differs between trees and their estimator at the rows, and at rows with each level that they may get.

    An empty sentence if nothing does. Where a table goes to the estimator as it is, its numbers are
    some near thresholds, too.
    """
    inside = problem.model.trees
    if not inside.reading.trees.is_categorical.any() and not problem.model.acts_by_column:
        return ""
    rows, codes = _rows_and_levels(problem)
    some = problem.take(rows)
    if problem.model.acts_by_column:
        table = some.tables.swapped(codes)
        return _difference(problem, table) or _difference(
            problem, _near_thresholds(inside.reading, table)
        )
    return inside.difference_at(
        None, some.entering(np.zeros(some.perturbations.numbers.shape), codes)
    )


def _difference(problem, table):
    """At a table, as trees and estimator take it."""
    return problem.model.trees.difference_at(table.X, problem.model.trees.coded_table(table))


def _rows_and_levels(problem):
    """Each row as it is, and some with each level."""
    arrays, rng = problem.perturbations, np.random.RandomState(0)
    rows, codes = [np.arange(len(problem))], [arrays.codes]
    for c, swaps in enumerate(arrays.swaps):
        for level in np.flatnonzero(swaps.any(axis=0)):
            rows.append(rng.randint(len(problem), size=_N_ROWS))
            codes.append(arrays.codes[rows[-1]])
            codes[-1][:, c] = level
    return np.concatenate(rows), np.concatenate(codes)


def _near_thresholds(reading, table):
    """A table with the numbers of rows inside and beside the boxes of leaves."""
    probes = probe_rows(reading)
    chosen = probes[np.random.RandomState(0).randint(len(probes), size=len(table))]
    # CatBoost takes words from arrays of integers, and none from arrays of floats
    chosen = np.where(table.are_integers, np.rint(chosen), chosen)
    return table.like(table.with_numbers(chosen, _free_numbers(reading, table)))


def _free_numbers(reading, table):
    """Columns of numbers that are none of categories."""
    return np.setdiff1d(np.flatnonzero(table.is_number), list(reading.categories)).astype(int)
