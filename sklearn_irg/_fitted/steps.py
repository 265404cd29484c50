"""The steps before the last of a fitted pipeline, and the columns in which they are affine.

Read from what fitted transformers declare, by their exact public type and parameters: the one
exception to judging by behavior, since no number of trials shows that a function is affine
everywhere. A step that is not in the table of readers is unknown: whether it is affine has to be
tried where it matters (see ``_threats.affine_limits``).
"""

from dataclasses import dataclass

import numpy as np
from sklearn.pipeline import Pipeline

from sklearn_irg._fitted.affine import as_fitted
from sklearn_irg._fitted.stand_ins import inside_of, predicts_as_inside
from sklearn_irg._fitted.step_features import AFFINE_ATOL, AFFINE_RTOL, Features, Kinks
from sklearn_irg._fitted.step_readers import UnknownWidthError, read_chain
from sklearn_irg._fitted.tables import as_table

__all__ = ["NotAffineError", "NotNumbersError", "Reading", "Steps", "affine_map", "read_steps"]

_SCALES = (0.1, 1.0, 10.0, 1000.0)  # of random rows, in units of X, which are unknown here
# of random moves from given rows, in standard deviations: inside the table, and far beyond where
# attacks go
_SIZES = (0.5, 3.0, 30.0)


class NotAffineError(ValueError):
    """Steps of a pipeline are not affine in the pipeline's input."""


class NotNumbersError(TypeError):
    """The steps before the last return something other than numbers."""


class Steps:
    """The transformers that a fitted pipeline applies before its last step in ``predict``.

    Samplers, which resample in ``fit`` and do nothing in ``predict``, are left out.
    Pipelines, searches and other stand-ins in place of the last step are taken apart, too.

    Attributes
    ----------
    transformers : list
        In their order.
    last : estimator
        Behind them.
    """

    def __init__(self, estimator):
        self.feature_names_in_ = getattr(estimator, "feature_names_in_", None)
        self.transformers = []
        while predicts_as_inside(estimator) or isinstance(estimator, Pipeline):
            if predicts_as_inside(estimator):
                estimator = inside_of(estimator)
                continue
            *steps, estimator = (step for _, step in estimator.steps)
            self.transformers += [step for step in steps if _transforms(step)]
        self.last = estimator

    def __call__(self, X):
        """Input of the last step, as an array of floats in the precision that the steps have."""
        for step in self.transformers:
            X = step.transform(X)
        if not all(
            _is_numeric(dtype) for dtype in getattr(X, "dtypes", [])
        ):  # categories may be more than their codes
            raise NotNumbersError("the steps before the last make something else than numbers.")
        X = np.asarray(X.toarray() if hasattr(X, "toarray") else X)
        if X.dtype in (np.float32, np.float64):
            return X
        try:
            return X.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise NotNumbersError(
                "the steps before the last make something else than numbers."
            ) from error


def _is_numeric(dtype):
    """Whether a frame's column, of pandas or polars, holds numbers or booleans."""
    if hasattr(dtype, "is_numeric"):
        return dtype.is_numeric() or str(dtype) == "Boolean"
    return getattr(dtype, "kind", "O") in "biuf"


def _transforms(step):
    if step is None or isinstance(step, str):
        return False
    return hasattr(step, "transform") or not hasattr(step, "fit_resample")


@dataclass(frozen=True)
class Reading:
    """Parts of a table's columns in which steps are affine.

    There, they are additive over columns, with the same slopes in all rows.

    Attributes
    ----------
    slopes : ndarray of shape (n_columns, n_outputs)
        Derivatives, zero where unknown.
    unknown : ndarray of bool of shape (n_columns, n_outputs)
        Outputs that a column reaches through a step that cannot be read.
    low, high : ndarray of shape (n_columns,)
        Between these numbers of a column, the slopes hold.
    jumps : dict of int to ndarray
        By column, numbers at which the output jumps, as at the edge of a bin.
    points : dict of int to ndarray
        By column, single numbers whose output is that of something else, as an imputer's marker.
    looseness : ndarray of shape (2, n_columns)
        How far rounding may move kinks, in units of its relative precision: times the size of the
        number, and apart from it.
    sizes : ndarray of shape (n_columns, n_outputs)
        Sizes of the terms that add up to slopes, which may cancel.
    offset_sizes : ndarray of shape (n_outputs,)
        Sizes of all other terms.
    precision : float
        Relative precision of the numbers in which some step looks for its kinks.
    bends : dict of int to ndarray
        By column, numbers at which slopes change, all ends among them.
    is_piecewise : ndarray of bool of shape (n_columns,)
        Columns whose effect is a function of their own, constant or linear between `landmarks`.
    is_mixed : ndarray of bool of shape (n_columns,)
        Columns that have such places in sums with others only, as the bins of a principal
        component.
    depends : ndarray of bool of shape (n_columns, n_outputs)
        Columns that an output may change with.
    is_ordered : ndarray of bool of shape (n_outputs,)
        Outputs of one column that rise, fall or stay all the way between its jumps and points.
    is_curve : ndarray of bool of shape (n_outputs,)
        Those of them that are neither affine nor constant there.
    """

    slopes: np.ndarray
    unknown: np.ndarray
    low: np.ndarray
    high: np.ndarray
    jumps: dict
    points: dict
    bends: dict
    is_piecewise: np.ndarray
    is_mixed: np.ndarray
    looseness: np.ndarray
    sizes: np.ndarray
    offset_sizes: np.ndarray
    precision: float
    depends: np.ndarray
    is_ordered: np.ndarray
    is_curve: np.ndarray

    @property
    def is_affine(self):
        """Whether the steps are affine everywhere, as far as numbers are concerned."""
        ends = np.isfinite(self.low) | np.isfinite(self.high)
        return not (self.unknown.any() or ends.any() or self.jumps or self.points)

    @property
    def landmarks(self):
        """By column, numbers at which the output changes its course."""
        found = {}
        for kinks in (self.jumps, self.points, self.bends):
            for j, numbers in kinks.items():
                found[j] = np.union1d(found.get(j, []), numbers)
        return found


def read_steps(steps, table):
    """Reading of `Steps`: where they are affine in the columns of a table.

    Raises
    ------
    NotNumbersError
        If they do not end in numbers.
    """
    width = steps(table.take([0]).X).shape[1]
    kinks = Kinks(table.n_columns)
    try:
        features = read_chain(steps.transformers, Features.of(table), kinks, width)
    except UnknownWidthError:
        features = Features.unknown_of(table, width)
    if features.width != width:
        features = Features.unknown_of(table, width)
    slopes = np.where(features.unknown, 0, features.slopes)
    return Reading(
        slopes,
        features.unknown,
        kinks.low,
        kinks.high,
        kinks.sorted("jumps"),
        kinks.sorted("points"),
        kinks.sorted("bends"),
        ~(features.is_lost.any(axis=1) | kinks.is_mixed | kinks.is_blurred),
        kinks.is_mixed,
        kinks.looseness,
        features.sizes,
        features.offset_sizes,
        kinks.precision,
        features.depends,
        features.is_ordered & ~features.depends[kinks.is_blurred].any(axis=0),
        features.is_curve,
    )


def affine_map(steps, n_features, rows=None):
    """A and c with ``steps(X) == X @ A + c``.

    They are read from what the steps declare; unknown steps are tried on random and given rows.

    Raises
    ------
    NotAffineError
        If they are not affine.
    """
    # steps that only pass through have no width of their own
    widths = [getattr(step, "n_features_in_", None) for step in steps.transformers]
    n_features = next((width for width in widths if width is not None), n_features)
    found = None
    try:
        zero = as_fitted(steps, np.zeros((1, n_features)))
        reading = read_steps(steps, as_table(zero))
        if reading.is_affine:
            return reading.slopes, np.asarray(steps(zero), dtype=np.float64)[0]
        if reading.unknown.any():
            found = _tried_map(steps, n_features, rows)
    except (ValueError, TypeError):
        pass
    if found is None:
        names = ", ".join(type(step).__name__ for step in steps.transformers)
        raise NotAffineError(
            f"the steps before the last ({names}) are not affine, so distances have no exact "
            "meaning in the pipeline's input. Work in the last step's: pass pipe[-1] with "
            "pipe[:-1].transform(X)."
        )
    return found


def _tried_map(steps, n_features, rows):
    """A and c, or None where they do not hold on random rows and beyond the given ones."""

    def transform(X):
        return np.asarray(steps(as_fitted(steps, X)), dtype=np.float64)

    rng = np.random.RandomState(0)
    tried = [scale * rng.standard_normal((8, n_features)) for scale in _SCALES]
    if rows is not None and rows.shape[1] == n_features:  # and where attacks may go
        beyond = [
            rows + size * rows.std(axis=0) * rng.standard_normal(rows.shape) for size in _SIZES
        ]
        tried += [rows, *beyond]
    X = np.concatenate(tried)
    c = transform(np.zeros((1, n_features)))[0]
    A = transform(np.eye(n_features)) - c
    expected = X @ A + c
    holds = np.allclose(
        transform(X), expected, rtol=AFFINE_RTOL, atol=AFFINE_ATOL * np.abs(expected).max(axis=0)
    )
    return (A, c) if holds else None
