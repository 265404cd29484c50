"""The steps before the last of a fitted pipeline: in which columns of a table they are affine, and where not.

Read from what fitted transformers declare, by their exact public type and parameters: the one exception to judging by
behaviour, since no number of trials shows that a function is affine everywhere. A step that is not in the table of
readers is unknown: whether it is affine has to be tried where it matters (see ``_threats.affine_limits``).
"""

from dataclasses import dataclass, field

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, FactorAnalysis, FastICA, IncrementalPCA, TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.feature_selection import (
    RFE,
    RFECV,
    GenericUnivariateSelect,
    SelectFdr,
    SelectFpr,
    SelectFromModel,
    SelectFwe,
    SelectKBest,
    SelectPercentile,
    SequentialFeatureSelector,
    VarianceThreshold,
)
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)
from sklearn.random_projection import GaussianRandomProjection, SparseRandomProjection

from sklearn_irg._fitted.affine import as_fitted, dense_transform

__all__ = ["NotNumbersError", "Reading", "Steps", "read_steps"]

_UNIT = 2.0**20  # for slopes of affine steps: large, so that offsets round away little


class NotNumbersError(TypeError):
    """The steps before the last make something else than numbers."""


class Steps:
    """The transformers that a fitted pipeline applies before its last step in ``predict``.

    Samplers, which resample in ``fit`` and do nothing in ``predict``, are left out.
    Pipelines and searches in place of the last step are taken apart, too.

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
        while hasattr(estimator, "best_estimator_") or isinstance(estimator, Pipeline):
            if hasattr(estimator, "best_estimator_"):
                estimator = estimator.best_estimator_
                continue
            *steps, estimator = (step for _, step in estimator.steps)
            self.transformers += [step for step in steps if _transforms(step)]
        self.last = estimator

    def __call__(self, X):
        """What the last step sees, as an array of floats of the precision that the steps have."""
        for step in self.transformers:
            X = step.transform(X)
        if not all(_is_numeric(dtype) for dtype in getattr(X, "dtypes", [])):  # categories may be more than their codes
            raise NotNumbersError("the steps before the last make something else than numbers.")
        X = np.asarray(X.toarray() if hasattr(X, "toarray") else X)
        if X.dtype in (np.float32, np.float64):
            return X
        try:
            return X.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise NotNumbersError("the steps before the last make something else than numbers.") from error


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
    """Where steps are affine in the columns of a table: additive over columns, with the same slopes in all rows.

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
    is_mixed : ndarray of bool of shape (n_columns,)
        Columns that have such places in sums with others only, as the bins of a principal component.
    """

    slopes: np.ndarray
    unknown: np.ndarray
    low: np.ndarray
    high: np.ndarray
    jumps: dict
    points: dict
    is_mixed: np.ndarray

    @property
    def is_affine(self):
        """Whether the steps are affine everywhere, as far as numbers are concerned."""
        ends = np.isfinite(self.low) | np.isfinite(self.high)
        return not (self.unknown.any() or ends.any() or self.jumps or self.points)

    @property
    def landmarks(self):
        """By column, numbers at which the output changes its course."""
        found = {}
        for kinks in (self.jumps, self.points):
            for j, numbers in kinks.items():
                found[j] = np.union1d(found.get(j, []), numbers)
        for j in np.flatnonzero(np.isfinite(self.low) | np.isfinite(self.high)):
            ends = [end for end in (self.low[j], self.high[j]) if np.isfinite(end)]
            found[j] = np.union1d(found.get(j, []), ends)
        return found


def read_steps(steps, table):
    """What can be read of `Steps` about the columns of a table.

    Raises
    ------
    NotNumbersError
        If they do not end in numbers.
    """
    width = steps(table.take([0]).X).shape[1]
    n_columns = table.n_columns
    kinks = _Kinks(n_columns)
    features = _Features(
        np.eye(n_columns) * table.is_number,
        np.zeros(n_columns),
        np.eye(n_columns, dtype=bool),
        np.zeros((n_columns, n_columns), dtype=bool),
        table.is_number,
    )
    try:
        features = _read_chain(steps.transformers, features, kinks, width)
    except _UnknownWidthError:
        features = features.behind_unknown(width)
    if features.width != width:
        features = _all_unknown(n_columns, width, table.is_number)
    slopes = np.where(features.unknown, 0, features.slopes)
    return Reading(
        slopes, features.unknown, kinks.low, kinks.high, kinks.sorted("jumps"), kinks.sorted("points"), kinks.is_mixed
    )


class _UnknownWidthError(Exception):
    """Nobody says how many features an unknown step makes."""


@dataclass(frozen=True)
class _Features:
    """Features on their way through the steps.

    A feature of one column of numbers is ``slope · number + offset``. Of a feature of several columns, or of categories, the
    offset has no meaning.
    """

    slopes: np.ndarray  # (n_columns, n_features)
    offsets: np.ndarray  # (n_features,)
    depends: np.ndarray  # (n_columns, n_features)
    unknown: np.ndarray  # (n_columns, n_features)
    is_number: np.ndarray  # (n_columns,)

    @property
    def parts(self):
        return self.slopes, self.offsets, self.depends, self.unknown

    @property
    def width(self):
        return len(self.offsets)

    def take(self, features):
        return _Features(*(part[..., features] for part in self.parts), self.is_number)

    def after(self, M, c):
        """Behind an affine map ``X @ M + c``."""
        passes = (M != 0).astype(float)
        reached = [(part @ passes) > 0 for part in (self.depends.astype(float), self.unknown.astype(float))]
        return _Features(self.slopes @ M, self.offsets @ M + c, *reached, self.is_number)

    def flat(self, repeats=1):
        """Behind a step function of each feature, with several outputs each."""
        some = self.take(np.repeat(np.arange(self.width), repeats))
        return _Features(np.zeros_like(some.slopes), np.zeros(some.width), some.depends, some.unknown, self.is_number)

    def behind_unknown(self, width):
        """Behind a step that cannot be read."""
        depends = np.repeat(self.depends.any(axis=1)[:, None], width, axis=1)
        return _Features(np.zeros(depends.shape), np.zeros(width), depends, depends.copy(), self.is_number)

    @property
    def n_numbers(self):
        """From how many columns of numbers each feature comes."""
        return (self.depends & self.is_number[:, None]).sum(axis=0)

    @property
    def is_simple(self):
        """Features of one column of numbers and nothing else."""
        return (self.depends.sum(axis=0) == 1) & (self.n_numbers == 1) & ~self.unknown.any(axis=0)

    @property
    def is_mixed(self):
        """Features of several columns."""
        return self.depends.sum(axis=0) > 1

    def with_unknown(self, features):
        """Some features as unknown functions of what they depend on."""
        unknown = self.unknown.copy()
        unknown[:, features] |= self.depends[:, features]
        return _Features(self.slopes, self.offsets, self.depends, unknown, self.is_number)


def _all_unknown(n_columns, width, is_number):
    everywhere = np.ones((n_columns, width), dtype=bool)
    return _Features(np.zeros((n_columns, width)), np.zeros(width), everywhere, everywhere.copy(), is_number)


@dataclass
class _Kinks:
    """Where steps that were read are not affine."""

    n_columns: int
    jumps: dict = field(default_factory=dict)
    points: dict = field(default_factory=dict)

    def __post_init__(self):
        self.low = np.full(self.n_columns, -np.inf)
        self.high = np.full(self.n_columns, np.inf)
        self.is_mixed = np.zeros(self.n_columns, dtype=bool)

    def sorted(self, kind):
        return {j: np.unique(numbers) for j, numbers in getattr(self, kind).items()}

    def add(self, kind, features, f, values):
        """Kinks at values of a simple feature, noted in its column's numbers."""
        (j,) = np.flatnonzero(features.depends[:, f])
        slope = features.slopes[j, f]
        if slope == 0 or not len(values):  # zero: a step function already, whose jumps are noted
            return
        getattr(self, kind).setdefault(j, []).extend((np.asarray(values) - features.offsets[f]) / slope)

    def mix(self, features, f):
        """Kinks at values of some features of several columns, whose positions are unknown."""
        self.is_mixed |= features.depends[:, f].any(axis=1)
        return features.with_unknown(f)

    def confine(self, features, f, low, high):
        """The ends between which the slopes of a simple feature hold."""
        (j,) = np.flatnonzero(features.depends[:, f])
        slope = features.slopes[j, f]
        if slope == 0:
            return
        ends = sorted([(low - features.offsets[f]) / slope, (high - features.offsets[f]) / slope])
        self.low[j], self.high[j] = max(self.low[j], ends[0]), min(self.high[j], ends[1])


def _read_chain(steps, features, kinks, width):
    """Features behind several steps; the number of those that come out, if known."""
    steps = [step for step in steps if step is not None and not isinstance(step, str)]
    following = [*(getattr(step, "n_features_in_", None) for step in steps[1:]), width]
    for step, n_outputs in zip(steps, following):
        features = _read(step, features, kinks, n_outputs)
    return features


def _read(step, features, kinks, width):
    reader = _READERS.get(type(step))
    if reader is not None:
        read = reader(step, features, kinks)
        if read is not None:
            return read
    return features.behind_unknown(_width_of(step, width))


def _width_of(step, width):
    if width is not None:
        return width
    try:
        return len(step.get_feature_names_out())
    except Exception as error:  # of an unknown step, whatever it raises
        raise _UnknownWidthError from error


def _affine(step, features, kinks):
    unit = _UNIT * np.eye(features.width)
    c = dense_transform(step, as_fitted(step, np.zeros((1, features.width))))[0]
    return features.after((dense_transform(step, as_fitted(step, unit)) - c) / _UNIT, c)


def _identity(step, features, kinks):
    return features


def _function(step, features, kinks):
    return features if step.func is None else None


def _polynomial(step, features, kinks):
    degree = step.degree if np.isscalar(step.degree) else step.degree[1]
    return _affine(step, features, kinks) if degree == 1 else None


def _selection(step, features, kinks):
    return features.take(step.get_support(indices=True))


def _min_max(step, features, kinks):
    return _scaled_and_clipped(step, features, kinks, *step.feature_range)


def _max_abs(step, features, kinks):
    return _scaled_and_clipped(step, features, kinks, -1, 1)


def _scaled_and_clipped(step, features, kinks, low, high):
    if not getattr(step, "clip", False):
        return _affine(step, features, kinks)
    scaled = _unclipped(step, features)
    for f in np.flatnonzero(scaled.is_simple):
        kinks.confine(scaled, f, low, high)
    return kinks.mix(scaled, scaled.is_mixed)


def _unclipped(step, features):
    """A scaler as it is between its ends."""
    scale = 1 / step.scale_ if isinstance(step, MaxAbsScaler) else step.scale_
    return features.after(np.diag(scale), getattr(step, "min_", np.zeros(features.width)))


def _binarizer(step, features, kinks):
    return _step_functions(features, kinks, [[step.threshold]] * features.width)


def _bins(step, features, kinks):
    edges = [ends[1:-1] for ends in step.bin_edges_]
    return _step_functions(features, kinks, edges, 1 if step.encode == "ordinal" else step.n_bins_)


def _step_functions(features, kinks, edges, repeats=1):
    features = _with_kinks("jumps", features, kinks, edges)
    return features.flat(repeats)


def _with_kinks(kind, features, kinks, values):
    """Note kinks at values of each feature; features of several columns, with numbers among them, become unknown."""
    for f in np.flatnonzero(features.is_simple):
        kinks.add(kind, features, f, values[f])
    has_kinks = np.array([len(v) > 0 for v in values], dtype=bool)
    return kinks.mix(features, features.is_mixed & has_kinks)


def _imputer(step, features, kinks):
    features = _marked(step, features, kinks)
    keeps_all = step.strategy == "constant" or step.keep_empty_features
    kept = features.take(np.arange(features.width) if keeps_all else np.flatnonzero(~_is_missing(step.statistics_)))
    if not step.add_indicator:
        return kept
    return _concatenated([kept, features.take(step.indicator_.features_).flat()])


def _indicator(step, features, kinks):
    return _marked(step, features, kinks).take(step.features_).flat()


def _marked(step, features, kinks):
    """Note a number that stands for a missing value; missing cells stay missing, so that others need none."""
    marker = step.missing_values
    is_number = isinstance(marker, (int, float, np.number)) and not np.isnan(marker)
    return _with_kinks("points", features, kinks, [[float(marker)] if is_number else []] * features.width)


def _is_missing(values):
    return np.array([value is None or value != value for value in values], dtype=bool)


def _encoder(step, features, kinks):
    """Each category's effect is its own; a number that is encoded may do anything, and so may several columns in one."""
    encoded = features.with_unknown((features.n_numbers > 0) | features.is_mixed)
    return encoded.flat(_widths_of_encoder(step))


def _widths_of_encoder(step):
    """How many outputs each input of an encoder has."""
    if isinstance(step, OrdinalEncoder):
        return 1
    if isinstance(step, TargetEncoder):
        return len(step.classes_) if step.target_type_ == "multiclass" else 1
    widths = np.array([len(categories) for categories in step.categories_])
    infrequent = getattr(step, "infrequent_categories_", [None] * len(widths))
    widths -= [0 if some is None else len(some) - 1 for some in infrequent]
    return widths if step.drop_idx_ is None else widths - [index is not None for index in step.drop_idx_]


def _pipeline(step, features, kinks):
    return _read_chain([inner for _, inner in step.steps], features, kinks, None)


def _union(step, features, kinks):
    parts = []
    for name, inner in step.transformer_list:
        if isinstance(inner, str) and inner == "drop":
            continue
        part = features if isinstance(inner, str) else _read(inner, features, kinks, None)
        parts.append(_weighted(part, step, name))
    return _concatenated(parts) if parts else None


def _weighted(part, step, name):
    weights = step.transformer_weights or {}
    return part.after(weights[name] * np.eye(part.width), 0.0) if name in weights else part


def _columns(step, features, kinks):
    names = list(getattr(step, "feature_names_in_", []))
    parts = []
    for name, inner, columns in step.transformers_:
        place = step.output_indices_[name]
        if isinstance(inner, str) and inner == "drop":
            continue
        if place.stop == place.start:
            continue
        if place.start != sum(part.width for part in parts):
            return None
        some = features.take(_positions(columns, names, features.width))
        part = some if isinstance(inner, str) else _read(inner, some, kinks, place.stop - place.start)
        parts.append(_weighted(part, step, name))
    return _concatenated(parts) if parts else None


def _positions(columns, names, width):
    """What `ColumnTransformer` was told to take, as positions."""
    if isinstance(columns, slice) and not isinstance(columns.start or columns.stop, str):
        return np.arange(width)[columns]
    if isinstance(columns, slice):
        start = None if columns.start is None else names.index(columns.start)
        stop = None if columns.stop is None else names.index(columns.stop) + 1  # as scikit-learn: with the end
        return np.arange(width)[start : stop : columns.step]
    if np.ndim(columns) == 0:
        columns = [columns]
    columns = list(columns)
    if columns and all(isinstance(column, (bool, np.bool_)) for column in columns):
        return np.flatnonzero(columns)
    return np.array([names.index(c) if isinstance(c, str) else range(width)[c] for c in columns], dtype=int)


def _concatenated(parts):
    joined = [np.concatenate(some, axis=-1) for some in zip(*(part.parts for part in parts))]
    return _Features(*joined, parts[0].is_number)


_READERS = {
    **dict.fromkeys(
        [StandardScaler, RobustScaler, PCA, IncrementalPCA, TruncatedSVD, FactorAnalysis, FastICA], _affine
    ),
    **dict.fromkeys([GaussianRandomProjection, SparseRandomProjection, LinearDiscriminantAnalysis], _affine),
    **dict.fromkeys([VarianceThreshold, SelectKBest, SelectPercentile, SelectFpr, SelectFdr, SelectFwe], _selection),
    **dict.fromkeys([GenericUnivariateSelect, SelectFromModel, RFE, RFECV, SequentialFeatureSelector], _selection),
    **dict.fromkeys([OneHotEncoder, OrdinalEncoder, TargetEncoder], _encoder),
    MinMaxScaler: _min_max,
    MaxAbsScaler: _max_abs,
    PolynomialFeatures: _polynomial,
    FunctionTransformer: _function,
    SimpleImputer: _imputer,
    MissingIndicator: _indicator,
    KBinsDiscretizer: _bins,
    Binarizer: _binarizer,
    Pipeline: _pipeline,
    FeatureUnion: _union,
    ColumnTransformer: _columns,
}
