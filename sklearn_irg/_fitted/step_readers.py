"""Readers of preprocessing steps, by the exact public type and parameters of each."""

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
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.random_projection import GaussianRandomProjection, SparseRandomProjection

from sklearn_irg._fitted.affine import as_fitted, dense_transform
from sklearn_irg._fitted.piecewise_readers import encoder, spline, step_functions, with_kinks
from sklearn_irg._fitted.step_features import Features

__all__ = ["UnknownWidthError", "read_chain"]

# monotone where they are defined, which is everywhere, or above a number
_MONOTONE = (np.log, np.log2, np.log10, np.log1p, np.exp, np.exp2, np.expm1, np.sqrt, np.cbrt)
_MONOTONE += (np.arcsinh, np.sinh, np.tanh, np.arctan)
_UNIT = 2.0**20  # for slopes of affine steps: large, so that offsets round away little


class UnknownWidthError(Exception):
    """The number of features that an unknown step makes cannot be found."""


def read_chain(steps, features, kinks, width):
    """Features behind several steps; the number of those that come out, if known."""
    steps = [step for step in steps if step is not None and not isinstance(step, str)]
    following = [*(getattr(step, "n_features_in_", None) for step in steps[1:]), width]
    for step, n_outputs in zip(steps, following):
        features = _read(step, features, kinks, n_outputs)
        if n_outputs is not None and features.width != n_outputs:
            features = features.behind_unknown(n_outputs)
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
        raise UnknownWidthError from error


def _scaled(step, features, kinks):
    """Behind a scaler, by the center and scale that it declares.

    Differences of its outputs would lose digits far from zero.
    """
    is_standard = isinstance(step, StandardScaler)
    center, has_center = (
        (step.mean_, step.with_mean) if is_standard else (step.center_, step.with_centering)
    )
    scale = (
        np.ones(features.width)
        if step.scale_ is None
        else 1 / np.asarray(step.scale_, dtype=np.float64)
    )
    center = np.asarray(center, dtype=np.float64) if has_center else np.zeros(features.width)
    return features.after(np.diag(scale), -scale * center)


def _affine(step, features, kinks):
    c = dense_transform(step, as_fitted(step, np.zeros((1, features.width))))[0]
    unit = _UNIT * max(1.0, 2.0 ** np.ceil(np.log2(np.abs(c).max(initial=1))))
    outputs = dense_transform(step, as_fitted(step, unit * np.eye(features.width)))
    return features.after((outputs - c) / unit, c)


def _identity(step, features, kinks):
    return features


def _function(step, features, kinks):
    if step.func is None:
        return features
    is_monotone = any(step.func is function for function in _MONOTONE) and not step.kw_args
    return features.curved() if is_monotone else None


def _curve(step, features, kinks):
    return features.curved()


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
    scaled = _unclipped(step, features)
    if not getattr(step, "clip", False):
        return scaled
    for f in np.flatnonzero(scaled.is_simple):
        kinks.confine(scaled, f, low, high)
    return kinks.mix(scaled, scaled.is_mixed).with_unknown(scaled.is_bent)


def _unclipped(step, features):
    """A scaler as it is between its ends."""
    scale = 1 / step.scale_ if isinstance(step, MaxAbsScaler) else step.scale_
    return features.after(np.diag(scale), getattr(step, "min_", np.zeros(features.width)))


def _binarizer(step, features, kinks):
    return step_functions(features, kinks, [[step.threshold]] * features.width)


def _bins(step, features, kinks):
    edges = [ends[1:-1] for ends in step.bin_edges_]
    if step.dtype == np.float32:
        kinks.precision = float(np.finfo(np.float32).eps)
    return step_functions(features, kinks, edges, 1 if step.encode == "ordinal" else step.n_bins_)


def _imputer(step, features, kinks):
    # where a curve is not defined, the number in place of a missing value may be above what is
    # next to it
    features = _marked(step, features.with_unknown(features.is_curve), kinks)
    is_kept = step.keep_empty_features | ~_is_missing(step.statistics_)
    kept = features.take(np.flatnonzero(is_kept))
    if not step.add_indicator:
        return kept
    return _concatenated([kept, features.take(step.indicator_.features_).flat()])


def _indicator(step, features, kinks):
    return _marked(step, features, kinks).take(step.features_).flat()


def _marked(step, features, kinks):
    """Note a number that stands for a missing value.

    Other markers are missing cells, which stay missing and need no note.
    """
    marker = step.missing_values
    is_number = isinstance(marker, (int, float, np.number)) and not np.isnan(marker)
    return with_kinks(
        "points", features, kinks, [[float(marker)] if is_number else []] * features.width
    )


def _is_missing(values):
    return np.array([value is None or value != value for value in values], dtype=bool)


def _pipeline(step, features, kinks):
    return read_chain([inner for _, inner in step.steps], features, kinks, None)


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
    parts = []
    for name, inner, columns in step.transformers_:
        place = step.output_indices_[name]
        if isinstance(inner, str) and inner == "drop":
            continue
        if place.stop == place.start:
            continue
        if place.start != sum(part.width for part in parts):
            return None
        some = features.take(_positions(columns, step, features.names))
        width = place.stop - place.start
        part = some if isinstance(inner, str) else _read(inner, some, kinks, width)
        part = part if part.width == width else part.behind_unknown(width)
        parts.append(_weighted(part, step, name))
    return _concatenated(parts) if parts else None


def _positions(columns, step, names):
    """Positions of the columns that a `ColumnTransformer` takes.

    In a frame they go by name, since its columns may be in another order than in ``fit``.
    """
    fitted_names = list(getattr(step, "feature_names_in_", []))
    positions = _positions_in_fit(columns, fitted_names, step.n_features_in_)
    if names is None or not fitted_names:
        return positions
    return np.array([list(names).index(fitted_names[j]) for j in positions], dtype=int)


def _positions_in_fit(columns, names, width):
    if isinstance(columns, slice) and not isinstance(columns.start or columns.stop, str):
        return np.arange(width)[columns]
    if isinstance(columns, slice):
        start = None if columns.start is None else names.index(columns.start)
        stop = (
            None if columns.stop is None else names.index(columns.stop) + 1
        )  # as scikit-learn: with the end
        return np.arange(width)[start : stop : columns.step]
    if np.ndim(columns) == 0:
        columns = [columns]
    columns = list(columns)
    if columns and all(isinstance(column, (bool, np.bool_)) for column in columns):
        return np.flatnonzero(columns)
    return np.array(
        [names.index(c) if isinstance(c, str) else range(width)[c] for c in columns], dtype=int
    )


def _concatenated(parts):
    joined = [np.concatenate(some, axis=-1) for some in zip(*(part.parts for part in parts))]
    return Features(*joined, parts[0].is_number)


_READERS = {
    **dict.fromkeys([StandardScaler, RobustScaler], _scaled),
    **dict.fromkeys([PCA, IncrementalPCA, TruncatedSVD, FactorAnalysis, FastICA], _affine),
    **dict.fromkeys(
        [GaussianRandomProjection, SparseRandomProjection, LinearDiscriminantAnalysis], _affine
    ),
    **dict.fromkeys(
        [VarianceThreshold, SelectKBest, SelectPercentile, SelectFpr, SelectFdr, SelectFwe],
        _selection,
    ),
    **dict.fromkeys(
        [GenericUnivariateSelect, SelectFromModel, RFE, RFECV, SequentialFeatureSelector],
        _selection,
    ),
    **dict.fromkeys([OneHotEncoder, OrdinalEncoder, TargetEncoder], encoder),
    MinMaxScaler: _min_max,
    MaxAbsScaler: _max_abs,
    PolynomialFeatures: _polynomial,
    FunctionTransformer: _function,
    PowerTransformer: _curve,
    QuantileTransformer: _curve,
    SimpleImputer: _imputer,
    MissingIndicator: _indicator,
    KBinsDiscretizer: _bins,
    Binarizer: _binarizer,
    SplineTransformer: spline,
    Pipeline: _pipeline,
    FeatureUnion: _union,
    ColumnTransformer: _columns,
}
