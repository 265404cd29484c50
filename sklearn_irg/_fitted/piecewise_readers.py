"""Readers of piecewise constant or linear steps: bins, markers, encoders and splines."""

import numpy as np
from sklearn.preprocessing import OrdinalEncoder, TargetEncoder

__all__ = ["encoder", "spline", "step_functions", "with_kinks"]

# of a column of numbers that is encoded; a choice, to bound the pieces that are searched
_MAX_POINTS = 256


def step_functions(features, kinks, edges, repeats=1):
    """Features behind step functions that jump at edges."""
    return with_kinks("jumps", features, kinks, edges).flat(repeats)


def with_kinks(kind, features, kinks, values):
    """Note kinks at values of each feature.

    Features of several columns, with numbers among them, become unknown.
    """
    for f in np.flatnonzero(features.is_simple):
        kinks.add(kind, features, f, values[f])
    has_kinks = np.array([len(v) > 0 for v in values], dtype=bool)
    return kinks.mix(features, features.is_mixed & has_kinks).with_unknown(
        features.is_bent & has_kinks
    )


def encoder(step, features, kinks):
    """Features behind an encoder, which gives each category, or bin, an effect of its own.

    Numbers that equal a category are points among others that equal none, unless the encoder
    raises an error for these. Otherwise features with numbers become unknown.
    """
    is_point = features.is_simple & (getattr(step, "handle_unknown", "ignore") != "error")
    is_point &= np.array(
        [c.dtype.kind in "biuf" and len(c) <= _MAX_POINTS for c in step.categories_], dtype=bool
    )
    for f in np.flatnonzero(is_point):
        categories = np.asarray(step.categories_[f], dtype=np.float64)
        kinks.add("points", features, f, categories[~np.isnan(categories)])
    is_lost = ((features.n_numbers > 0) & ~features.is_flat & ~is_point) | features.is_mixed
    widths = _widths_of_encoder(step)
    encoded = features.with_unknown(is_lost).flat(widths)
    return encoded.with_pieces(np.repeat(is_point, widths))


def _widths_of_encoder(step):
    """Number of outputs of each input of an encoder."""
    if isinstance(step, OrdinalEncoder):
        return 1
    if isinstance(step, TargetEncoder):
        return len(step.classes_) if step.target_type_ == "multiclass" else 1
    widths = np.array([len(categories) for categories in step.categories_])
    infrequent = getattr(step, "infrequent_categories_", [None] * len(widths))
    widths -= [0 if some is None else len(some) - 1 for some in infrequent]
    return (
        widths
        if step.drop_idx_ is None
        else widths - [index is not None for index in step.drop_idx_]
    )


def spline(step, features, kinks):
    """Splines of degree zero or one, which go on beyond their knots."""
    if step.degree > 1 or step.extrapolation not in ("constant", "linear", "continue"):
        return None
    knots = [np.unique(curve.t) for curve in step.bsplines_]
    n_splines = step.bsplines_[0].c.shape[1] - (not step.include_bias)
    if step.degree == 0:
        return step_functions(features, kinks, knots, n_splines)
    is_simple, features = features.is_simple, with_kinks("bends", features, kinks, knots)
    steepness = np.array([1 / np.diff(some).min(initial=np.inf) for some in knots])
    furthest = np.array([np.abs(some).max() for some in knots])
    return features.bent(is_simple, n_splines, steepness, steepness * furthest + 1)
