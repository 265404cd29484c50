"""The model inside a fitted estimator, read from its attributes, never from its class."""

import numpy as np
from scipy.sparse import issparse
from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sklearn_irg._engine.activations import Activation, Identity, as_activation
from sklearn_irg._engine.likelihoods import LIKELIHOODS, Likelihood, default_likelihood
from sklearn_irg._fitted.affine import as_fitted, stated_probabilities
from sklearn_irg._fitted.models import FunctionModel, NetworkModel
from sklearn_irg._fitted.stand_ins import inside_of
from sklearn_irg._fitted.steps import Steps, affine_map
from sklearn_irg._fitted.trees import TreesInside

__all__ = ["PredictsOtherwiseError", "as_model", "classes_of", "score_function", "tree_of"]

# probability that counts as zero: near the smallest normal double, so that logarithms are finite
_VANISHING = 1e-300


class PredictsOtherwiseError(TypeError):
    """An estimator predicts otherwise than by its scores alone."""


def as_model(estimator, X=None):
    """The model inside a fitted estimator.

    If rows X of numbers are given, the steps of a pipeline have to be affine on these, too.

    Raises
    ------
    TypeError
        If the estimator cannot be handled, with what would be needed.
    ValueError
        If a step of a pipeline is not affine, with what to do instead.
    """
    check_is_fitted(estimator)
    if inside_of(estimator) is not None:
        return as_model(inside_of(estimator), X)
    if isinstance(estimator, Pipeline):
        steps = Steps(estimator)
        model = as_model(steps.last)
        if not steps.transformers:
            return model
        rows = None if X is None or issparse(X) else np.asarray(X, dtype=np.float64)
        A, c = affine_map(steps, model.n_features, rows)
        return model.after(A.astype(model.dtype), c.astype(model.dtype))
    name, classes = type(estimator).__name__, classes_of(estimator)
    if hasattr(estimator, "coefs_") and hasattr(estimator, "intercepts_"):
        return _network_model(estimator, classes, name)
    linear = _linear_parts(estimator, classes)
    if linear is not None:
        W, b = linear
        likelihood = _declared_likelihood(estimator, default_likelihood(classes, W.shape[1]))
        model = NetworkModel([W], [b], Identity(), likelihood, classes, name)
        model.expands_squares = hasattr(estimator, "centroids_")
        return model
    n_features = getattr(estimator, "n_features_in_", None)
    if n_features is None:
        raise TypeError(f"{name} has no n_features_in_, so the width of its input is unknown.")
    scores, n_outputs = score_function(estimator, classes, name, np.zeros((1, n_features)))
    model = FunctionModel(scores, n_features, n_outputs, classes, name)
    model.is_voting = n_outputs > 2 and hasattr(estimator, "decision_function_shape")
    model.tree, model.trees = tree_of(estimator), TreesInside(estimator)
    return model


def classes_of(estimator):
    classes = getattr(estimator, "classes_", None)
    if not (
        is_classifier(estimator) or hasattr(estimator, "predict_proba")
    ):  # clusters have probabilities too
        classes = None
    if isinstance(classes, list) or getattr(estimator, "multilabel_", False):
        raise TypeError(
            f"{type(estimator).__name__} has several targets. Take the estimator of one target at "
            "a time."
        )
    return classes


def _network_model(estimator, classes, name):
    activation = as_activation(getattr(estimator, "activation", None))
    out_activation = getattr(estimator, "out_activation_", None)
    likelihood = _declared_likelihood(estimator, LIKELIHOODS.get(out_activation))
    if not isinstance(activation, Activation):
        raise TypeError(
            f"{name} has the activation {activation!r}, which is unknown, so its layers cannot be "
            "read."
        )
    if likelihood is None:
        raise TypeError(
            f"{name} has out_activation_={out_activation!r}, which is unknown, so it is not clear "
            f"what its outputs mean. Known are {', '.join(map(repr, LIKELIHOODS))}."
        )
    return NetworkModel(
        estimator.coefs_, estimator.intercepts_, activation, likelihood, classes, name
    )


def _declared_likelihood(estimator, default):
    """The ``likelihood_`` of an estimator if it is one of this library's, else the default.

    In other libraries an attribute of that name may have another meaning.
    """
    found = getattr(estimator, "likelihood_", None)
    return found if isinstance(found, Likelihood) else default


def _linear_parts(estimator, classes):
    """Weights (n_features, n_outputs) and biases of a linear estimator, or None."""
    if hasattr(estimator, "coef_") and hasattr(estimator, "intercept_"):
        coef = estimator.coef_
        W = np.atleast_2d(coef.toarray() if hasattr(coef, "toarray") else coef).T
        one_vs_one = classes is not None and hasattr(estimator, "dual_coef_") and len(classes) > 2
        fits = W.shape[1] == 1 or (
            not one_vs_one and (classes is None or W.shape[1] == len(classes))
        )
        b = np.broadcast_to(estimator.intercept_, W.shape[1]).astype(W.dtype) if fits else None
        if fits and (classes is not None or _predicts_linearly(estimator, W, b)):
            return W, b
    if hasattr(estimator, "centroids_") and getattr(estimator, "metric", None) == "euclidean":
        # the nearest centroid has the largest x·c - ‖c‖²/2
        C = estimator.centroids_
        if not np.allclose(
            getattr(estimator, "class_prior_", 1.0),
            np.mean(getattr(estimator, "class_prior_", 1.0)),
        ):
            return None
        W, b = C.T, -0.5 * (C**2).sum(axis=1)
        return (W[:, 1:] - W[:, :1], b[1:] - b[:1]) if len(C) == 2 else (W, b)
    return None


def _predicts_linearly(estimator, W, b):
    """Whether a regressor has no link function and centers nothing."""
    X = np.random.RandomState(0).standard_normal((8, len(W)))
    return np.allclose(
        np.reshape(estimator.predict(as_fitted(estimator, X)), (len(X), -1)), X @ W + b
    )


def _log_probabilities(estimator, X):
    """Logarithms of the probability of each class.

    Where a probability vanishes, its clipped logarithm has no slope; it is then taken from
    ``predict_log_proba`` if that is finite.
    """
    P = stated_probabilities(estimator, X)
    logarithms = np.log(np.clip(P, _VANISHING, 1))
    vanishing = (P < _VANISHING).any(axis=1)
    if vanishing.any() and hasattr(estimator, "predict_log_proba"):
        with np.errstate(divide="ignore"):
            stated = np.asarray(estimator.predict_log_proba(X))
        logarithms = np.where(np.isfinite(stated) & (P < _VANISHING), stated, logarithms)
    return logarithms


def tree_of(estimator):
    """The tree of a classifier that is one tree."""
    return getattr(estimator, "tree_", None) if is_classifier(estimator) else None


def score_function(estimator, classes, name, rows):
    """Scores of an estimator as a function of rows, and their number.

    The number is found by a call with ``rows``.
    """
    if hasattr(estimator, "decision_function"):

        def scores(X):
            Z = np.asarray(estimator.decision_function(as_fitted(estimator, X)), dtype=np.float64)
            return Z.reshape(len(X), -1)

    elif hasattr(estimator, "predict_proba"):

        def scores(X):
            logarithms = _log_probabilities(estimator, as_fitted(estimator, X))
            return logarithms[:, 1:] - logarithms[:, :1] if logarithms.shape[1] == 2 else logarithms

    elif classes is None and hasattr(estimator, "predict"):

        def scores(X):
            return np.asarray(estimator.predict(as_fitted(estimator, X)), dtype=np.float64).reshape(
                len(X), -1
            )

    else:
        raise PredictsOtherwiseError(
            f"{name} has nothing to differentiate: coef_ and intercept_, coefs_ and intercepts_, "
            "decision_function or predict_proba is needed."
        )
    n_outputs = scores(rows).shape[1]
    votes = getattr(estimator, "decision_function_shape", None) == "ovo" and len(classes) > 2
    if classes is not None and (votes or n_outputs not in (1, len(classes))):
        raise PredictsOtherwiseError(
            f"{name} has {n_outputs} scores for {len(classes)} classes. Scores per class are "
            "needed, such as those of "
            'decision_function_shape="ovr".'
        )
    return scores, n_outputs
