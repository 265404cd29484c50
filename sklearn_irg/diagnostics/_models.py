"""Any fitted estimator as differentiable scores: read from its attributes, never from its class.

Scores have one column for two classes, positive for ``classes_[1]``, and one per class otherwise. A pipeline whose steps
before the last are affine becomes one model of the pipeline's input: the affine map goes into the first layer.
"""

from abc import abstractmethod

import numpy as np
from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.validation import check_is_fitted

from sklearn_irg.activations import ACTIVATIONS
from sklearn_irg.likelihoods import bernoulli, categorical, gaussian
from sklearn_irg.networks import Network

__all__ = ["FunctionModel", "Model", "NetworkModel", "as_model", "model_and_rows"]

_LIKELIHOODS = {"logistic": bernoulli, "softmax": categorical, "identity": gaussian}


class Model:
    """Differentiable scores of a fitted estimator.

    Attributes
    ----------
    classes : ndarray or None
        The classes the scores stand for; None for a regressor.
    n_features, n_outputs : int
        Numbers of inputs and of scores.
    likelihood : Likelihood
        What turns scores into a loss.
    """

    is_linear = False
    is_multilabel = False

    @abstractmethod
    def scores(self, X):
        """Scores, shape (n_samples, n_outputs)."""

    @abstractmethod
    def pull_back(self, X, cotangent):
        """Gradient of ⟨cotangent, scores⟩ with respect to each row, shape (n_samples, n_features)."""

    def check_X(self, X):
        """X as a new finite array with the width the model was fitted with."""
        X = check_array(X, dtype=(np.float64, np.float32), input_name="X", copy=True)
        if X.shape[1] != self.n_features:
            raise ValueError(f"X has {X.shape[1]} features, but {self.name} was fitted with {self.n_features}.")
        return X.astype(self.dtype, copy=False)

    def encode(self, y, n_samples, name="y"):
        """Targets as the likelihood wants them, shape (n_samples, n_outputs)."""
        y = np.asarray(y)
        if len(y) != n_samples:
            raise ValueError(f"{name} has {len(y)} entries, but X has {n_samples} rows.")
        if self.classes is None or self.is_multilabel:
            y = check_array(y.reshape(n_samples, -1), dtype=self.dtype, input_name=name)
            if y.shape[1] != self.n_outputs:
                raise ValueError(f"{name} has {y.shape[1]} columns, but {self.name} has {self.n_outputs} outputs.")
            return y
        y = column_or_1d(y)
        unseen = ~np.isin(y, self.classes)
        if unseen.any():
            raise ValueError(
                f"{name} has the label {y[unseen].tolist()[0]!r}, which is not among {self.classes.tolist()}."
            )
        indices = np.searchsorted(self.classes, y)
        targets = indices[:, None] if self.n_outputs == 1 else np.eye(self.n_outputs)[indices]
        return targets.astype(self.dtype)

    def require_classes(self):
        """Raise an error for what has no decision boundary between classes."""
        if self.classes is None:
            raise TypeError(f"{self.name} is no classifier: it has no decision boundary.")
        if self.is_multilabel:
            raise TypeError(f"{self.name} is multilabel: it has a boundary per label. Take one label at a time.")
        if len(self.classes) < 2:
            raise ValueError(f"{self.name} was fitted with one class; a decision boundary needs two.")

    def predicted(self, scores):
        """Position of the predicted class of each row."""
        return (scores[:, 0] > 0).astype(int) if scores.shape[1] == 1 else scores.argmax(axis=1)

    def clearance(self, scores):
        """Margin of the predicted class over the next."""
        if scores.shape[1] == 1:
            return np.abs(scores[:, 0])
        highest = np.sort(scores, axis=1)
        return highest[:, -1] - highest[:, -2]

    def loss_gradients(self, X, targets):
        """Gradient of each row's loss with respect to it."""
        return self.pull_back(X, self.likelihood.loss_and_residual(self.scores(X), targets)[1])

    def score_gradients(self, X):
        """Gradient of every score, shape (n_outputs, n_samples, n_features)."""
        cotangents = np.eye(self.n_outputs, dtype=self.dtype)
        return np.stack([self.pull_back(X, np.repeat(row[None], len(X), axis=0)) for row in cotangents])

    def margins(self, X, own):
        """Score margins over the other classes and their gradients, for the class at position ``own`` of each row.

        Shapes (n_samples, n_others) and (n_samples, n_others, n_features); the others are in the order of the classes.
        """
        Z, G = self.scores(X), self.score_gradients(X)
        if self.n_outputs == 1:
            side = (2 * own - 1)[:, None].astype(self.dtype)
            return side * Z, (side * G[0])[:, None, :]
        rows, G = np.arange(len(X)), G.transpose(1, 0, 2)
        others = np.arange(self.n_outputs)[None] != own[:, None]
        margins = (Z[rows, own][:, None] - Z)[others].reshape(len(X), -1)
        gradients = (G[rows, own][:, None] - G)[others].reshape(len(X), self.n_outputs - 1, -1)
        return margins, gradients


class NetworkModel(Model):
    """A multi-layer perceptron, or a linear model as one without hidden layers."""

    def __init__(self, coefs, intercepts, activation, likelihood, classes, name):
        if ACTIVATIONS[activation].apply is None and len(coefs) > 1:  # a linear map after all
            W, b = coefs[0], intercepts[0]
            for W_next, b_next in zip(coefs[1:], intercepts[1:], strict=True):
                W, b = W @ W_next, b @ W_next + b_next
            coefs, intercepts = [W], [b]
        self.dtype = np.result_type(*coefs)
        sizes = (coefs[0].shape[0], *(W.shape[1] for W in coefs))
        self.network = Network(sizes, activation, likelihood)
        self.theta = self.network.pack(coefs, intercepts, self.dtype)
        self.likelihood, self.classes, self.name = likelihood, classes, name
        self.n_features, self.n_outputs = sizes[0], sizes[-1]
        self.is_linear = len(coefs) == 1
        self.is_multilabel = classes is not None and likelihood == bernoulli and self.n_outputs > 1

    @property
    def layers(self):
        """Weights and biases, ``[(W, b), …]``."""
        return self.network.unpack(self.theta)

    def scores(self, X):
        return self.network.outputs(self.theta, X)

    def pull_back(self, X, cotangent):
        forward = self.network.forward(self.theta, X)
        return self.network.pull_back(self.theta, forward, cotangent.astype(self.dtype, copy=False))

    def score_gradients(self, X):
        forward, cotangents = self.network.forward(self.theta, X), np.eye(self.n_outputs, dtype=self.dtype)
        return np.stack(
            [self.network.pull_back(self.theta, forward, np.repeat(row[None], len(X), axis=0)) for row in cotangents]
        )

    def after(self, A, c):
        """The model of X for which this one sees ``X @ A + c``."""
        (W, b), *rest = self.layers
        layers = [(A @ W, c @ W + b), *rest]
        coefs, intercepts = zip(*layers, strict=True)
        return NetworkModel(
            coefs, intercepts, self.network.activation, self.likelihood, self.classes, f"the pipeline with {self.name}"
        )


class FunctionModel(Model):
    """Scores known only as a function; gradients are central differences, which take 2 · n_features calls of it.

    The function may stand behind an affine map of X; differences are then taken in its own units.
    """

    dtype = np.dtype(np.float64)

    def __init__(self, function, n_features, n_outputs, classes, name, affine=None):
        self._function, self._affine = function, affine
        self.n_features, self.n_outputs, self.classes, self.name = n_features, n_outputs, classes, name
        self.likelihood = gaussian if classes is None else bernoulli if n_outputs == 1 else categorical

    def _inner(self, X):
        return X if self._affine is None else X @ self._affine[0] + self._affine[1]

    def scores(self, X):
        return self._function(self._inner(X))

    def score_gradients(self, X):
        inner = self._inner(X)
        gradients = np.empty((self.n_outputs, *inner.shape))
        for j, step in enumerate(_steps(inner).T):
            up, down = inner.copy(), inner.copy()
            up[:, j] += step
            down[:, j] -= step
            gradients[:, :, j] = (self._function(up) - self._function(down)).T / (up - down)[:, j]
        return gradients if self._affine is None else gradients @ self._affine[0].T

    def pull_back(self, X, cotangent):
        return np.einsum("kij,ik->ij", self.score_gradients(X), cotangent)

    def after(self, A, c):
        """The model of X for which this one sees ``X @ A + c``."""
        name = f"the pipeline with {self.name}"
        return FunctionModel(self._function, len(A), self.n_outputs, self.classes, name, (A, c))


def _steps(X):
    """Steps of central differences: 1e-5 of each column's spread, and no less than what rounding leaves of it."""
    spread = 1.4826 * np.median(np.abs(X - np.median(X, axis=0)), axis=0)
    spread = np.where(spread > 0, spread, X.std(axis=0))
    spread = np.where(spread > 0, spread, np.maximum(np.abs(X).max(axis=0), 1.0))
    return np.maximum(1e-5 * spread, 1e5 * np.finfo(float).eps * np.abs(X))


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
        predicted = np.asarray(estimator.predict(X if hasattr(X, "columns") else _as_fitted(estimator, rows)))
        scores = model.scores(rows)
        if model.classes is None:
            agree = np.allclose(scores, predicted.reshape(scores.shape), rtol=1e-3, atol=1e-3 * np.abs(predicted).max())
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
        If a step of a pipeline is not affine, with the way round it.
    """
    check_is_fitted(estimator)
    if hasattr(estimator, "best_estimator_"):
        return as_model(estimator.best_estimator_)
    if isinstance(estimator, Pipeline):
        model = as_model(estimator[-1])
        if len(estimator) == 1:
            return model
        return model.after(*(a.astype(model.dtype) for a in _affine_map(estimator[:-1], model.n_features)))
    classes, name = getattr(estimator, "classes_", None), type(estimator).__name__
    if not is_classifier(estimator):
        classes = None
    if isinstance(classes, list) or getattr(estimator, "multilabel_", False):
        raise TypeError(f"{name} has several targets. Take the estimator of one target at a time.")
    if hasattr(estimator, "coefs_") and getattr(estimator, "out_activation_", None) in _LIKELIHOODS:
        return NetworkModel(
            estimator.coefs_,
            estimator.intercepts_,
            estimator.activation,
            _LIKELIHOODS[estimator.out_activation_],
            classes,
            name,
        )
    linear = _linear_parts(estimator, classes)
    if linear is not None:
        W, b = linear
        likelihood = gaussian if classes is None else bernoulli if W.shape[1] == 1 else categorical
        return NetworkModel([W], [b], "identity", likelihood, classes, name)
    return _function_model(estimator, classes, name)


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
    return np.allclose(np.reshape(estimator.predict(_as_fitted(estimator, X)), (len(X), -1)), X @ W + b)


def _function_model(estimator, classes, name):
    n_features = getattr(estimator, "n_features_in_", None)
    if n_features is None:
        raise TypeError(f"{name} has no n_features_in_, so the width of its input is unknown.")
    if hasattr(estimator, "decision_function"):

        def scores(X):
            Z = np.asarray(estimator.decision_function(_as_fitted(estimator, X)), dtype=np.float64)
            return Z.reshape(len(X), -1)

    elif hasattr(estimator, "predict_proba"):

        def scores(X):
            P = np.clip(estimator.predict_proba(_as_fitted(estimator, X)), 1e-300, 1)
            return np.log(P[:, 1:]) - np.log(P[:, :1]) if P.shape[1] == 2 else np.log(P)

    elif classes is None and hasattr(estimator, "predict"):

        def scores(X):
            return np.asarray(estimator.predict(_as_fitted(estimator, X)), dtype=np.float64).reshape(len(X), -1)

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


def _as_fitted(estimator, X):
    """X with the column names the estimator was fitted with, where it was."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        return X
    import pandas as pd

    return pd.DataFrame(X, columns=names)


def _affine_map(transformer, n_features):
    """A and c with ``transformer.transform(X) == X @ A + c``, read off the transformer and checked on random rows."""
    # a pipeline that only passes through has no width of its own
    widths = [getattr(step, "n_features_in_", None) for step in transformer.named_steps.values()]
    n_features = next((width for width in widths if width is not None), n_features)
    rng = np.random.RandomState(0)
    X = np.concatenate([scale * rng.standard_normal((8, n_features)) for scale in (0.1, 1.0, 10.0, 1000.0)])

    def transform(X):
        T = transformer.transform(_as_fitted(transformer, X))
        return np.asarray(T.toarray() if hasattr(T, "toarray") else T, dtype=np.float64)

    try:
        c = transform(np.zeros((1, n_features)))[0]
        A = transform(np.eye(n_features)) - c
        expected, found = X @ A + c, transform(X)
        affine = np.allclose(found, expected, rtol=1e-6, atol=1e-9 * np.abs(expected).max(axis=0))
    except (ValueError, TypeError):
        affine = False
    if not affine:
        steps = ", ".join(type(step).__name__ for step in transformer.named_steps.values())
        raise ValueError(
            f"the steps before the last ({steps}) are not affine, so distances have no exact meaning in the pipeline's "
            "input. Work in the last step's: pass pipe[-1] with pipe[:-1].transform(X)."
        )
    return A, c
