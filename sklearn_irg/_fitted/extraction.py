"""The model inside a fitted estimator: read from its attributes, never from its class, and checked against ``predict``."""

import numpy as np
from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sklearn_irg._engine.activations import Activation, Identity, as_activation
from sklearn_irg._engine.likelihoods import LIKELIHOODS, Likelihood, default_likelihood
from sklearn_irg._fitted.affine import affine_map, as_fitted
from sklearn_irg._fitted.models import FunctionModel, NetworkModel

__all__ = ["as_model", "model_and_rows"]


def model_and_rows(estimator, X):
    """The model inside a fitted estimator and X as an array, once they are seen to agree with ``estimator.predict(X)``.

    Raises
    ------
    TypeError, ValueError
        As `as_model`, for X of the wrong width or with NaN, for column names other than in ``fit``, and where ``predict``
        does not follow the scores.
    """
    model = as_model(estimator)
    rows = model.check_X(X)
    if hasattr(estimator, "predict") and not model.is_multilabel and (model.classes is None or len(model.classes) > 1):
        predicted = np.asarray(estimator.predict(X if hasattr(X, "columns") else as_fitted(estimator, rows)))
        scores = model.scores(rows)
        if model.classes is None:
            means = model.likelihood.mean(scores)
            agree = np.allclose(means, predicted.reshape(means.shape), rtol=1e-3, atol=1e-3 * np.abs(predicted).max())
        else:
            clear = model.clearance(scores) > 1e-6 * np.abs(scores).max() + 1e-9  # others may go either way
            agree = not clear.any() or np.mean((model.classes[model.predicted(scores)] == predicted)[clear]) >= 0.99
        if not agree:
            raise TypeError(
                f"{model.name} does not predict by its scores alone (a threshold, votes, a link, or steps that are not "
                "affine where X lies), so what its scores say of X would be wrong. Pass the estimator inside it."
            )
    return model, rows


def as_model(estimator):
    """The model inside a fitted estimator.

    Raises
    ------
    TypeError
        If the estimator cannot be handled, with what would be needed.
    ValueError
        If a step of a pipeline is not affine, with what to do instead.
    """
    check_is_fitted(estimator)
    if hasattr(estimator, "best_estimator_"):
        return as_model(estimator.best_estimator_)
    if isinstance(estimator, Pipeline):
        model = as_model(estimator[-1])
        if len(estimator) == 1:
            return model
        return model.after(*(a.astype(model.dtype) for a in affine_map(estimator[:-1], model.n_features)))
    name = type(estimator).__name__
    classes = getattr(estimator, "classes_", None)
    if not (is_classifier(estimator) or hasattr(estimator, "predict_proba")):  # clusters have probabilities too
        classes = None
    if isinstance(classes, list) or getattr(estimator, "multilabel_", False):
        raise TypeError(f"{name} has several targets. Take the estimator of one target at a time.")
    if hasattr(estimator, "coefs_") and hasattr(estimator, "intercepts_"):
        return _network_model(estimator, classes, name)
    linear = _linear_parts(estimator, classes)
    if linear is not None:
        W, b = linear
        likelihood = _own_likelihood(estimator, default_likelihood(classes, W.shape[1]))
        return NetworkModel([W], [b], Identity(), likelihood, classes, name)
    return _function_model(estimator, classes, name)


def _network_model(estimator, classes, name):
    activation = as_activation(getattr(estimator, "activation", None))
    out_activation = getattr(estimator, "out_activation_", None)
    likelihood = _own_likelihood(estimator, LIKELIHOODS.get(out_activation))
    if not isinstance(activation, Activation):
        raise TypeError(f"{name} has the activation {activation!r}, which is unknown, so its layers cannot be read.")
    if likelihood is None:
        raise TypeError(
            f"{name} has out_activation_={out_activation!r}, which is unknown, so it is not clear what its outputs mean. Known "
            f"are {', '.join(map(repr, LIKELIHOODS))}."
        )
    return NetworkModel(estimator.coefs_, estimator.intercepts_, activation, likelihood, classes, name)


def _own_likelihood(estimator, default):
    """The likelihood of one of our estimators; others may have an attribute of that name and another meaning."""
    own = getattr(estimator, "likelihood_", None)
    return own if isinstance(own, Likelihood) else default


def _linear_parts(estimator, classes):
    """Weights (n_features, n_outputs) and biases of a linear estimator, or None."""
    if hasattr(estimator, "coef_") and hasattr(estimator, "intercept_"):
        coef = estimator.coef_
        W = np.atleast_2d(coef.toarray() if hasattr(coef, "toarray") else coef).T
        one_vs_one = classes is not None and hasattr(estimator, "dual_coef_") and len(classes) > 2
        fits = W.shape[1] == 1 or (not one_vs_one and (classes is None or W.shape[1] == len(classes)))
        b = np.broadcast_to(estimator.intercept_, W.shape[1]).astype(W.dtype) if fits else None
        if fits and (classes is not None or _predicts_linearly(estimator, W, b)):
            return W, b
    if hasattr(estimator, "centroids_") and getattr(estimator, "metric", None) == "euclidean":
        # the nearest centroid has the largest x·c - ‖c‖²/2
        C = estimator.centroids_
        if not np.allclose(getattr(estimator, "class_prior_", 1.0), np.mean(getattr(estimator, "class_prior_", 1.0))):
            return None
        W, b = C.T, -0.5 * (C**2).sum(axis=1)
        return (W[:, 1:] - W[:, :1], b[1:] - b[:1]) if len(C) == 2 else (W, b)
    return None


def _predicts_linearly(estimator, W, b):
    """Whether a regressor has no link function and centres nothing."""
    X = np.random.RandomState(0).standard_normal((8, len(W)))
    return np.allclose(np.reshape(estimator.predict(as_fitted(estimator, X)), (len(X), -1)), X @ W + b)


def _function_model(estimator, classes, name):
    n_features = getattr(estimator, "n_features_in_", None)
    if n_features is None:
        raise TypeError(f"{name} has no n_features_in_, so the width of its input is unknown.")
    if hasattr(estimator, "decision_function"):

        def scores(X):
            Z = np.asarray(estimator.decision_function(as_fitted(estimator, X)), dtype=np.float64)
            return Z.reshape(len(X), -1)

    elif hasattr(estimator, "predict_proba"):

        def scores(X):
            P = np.clip(estimator.predict_proba(as_fitted(estimator, X)), 1e-300, 1)
            return np.log(P[:, 1:]) - np.log(P[:, :1]) if P.shape[1] == 2 else np.log(P)

    elif classes is None and hasattr(estimator, "predict"):

        def scores(X):
            return np.asarray(estimator.predict(as_fitted(estimator, X)), dtype=np.float64).reshape(len(X), -1)

    else:
        raise TypeError(
            f"{name} has nothing to differentiate: coef_ and intercept_, coefs_ and intercepts_, decision_function or "
            "predict_proba is needed."
        )
    n_outputs = scores(np.zeros((1, n_features))).shape[1]
    votes = getattr(estimator, "decision_function_shape", None) == "ovo" and len(classes) > 2
    if classes is not None and (votes or n_outputs not in (1, len(classes))):
        raise TypeError(
            f"{name} has {n_outputs} scores for {len(classes)} classes. Scores per class are needed, such as those of "
            'decision_function_shape="ovr".'
        )
    return FunctionModel(scores, n_features, n_outputs, classes, name)
