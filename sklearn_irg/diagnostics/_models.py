"""Any fitted estimator as differentiable outputs: read from its attributes, never from its class."""

from typing import NamedTuple

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from sklearn_irg.likelihoods import bernoulli, categorical, gaussian
from sklearn_irg.networks import Network

__all__ = ["Model", "as_model", "encode", "score_gradients"]


class Model(NamedTuple):
    """A network, its parameters, and the classes its outputs stand for (None for a regressor)."""

    network: Network
    theta: np.ndarray
    classes: np.ndarray | None

    def check_X(self, X):
        """X as a finite array with the width the model was fitted with."""
        X = check_array(X, dtype=(np.float64, np.float32), input_name="X")
        if X.shape[1] != self.network.layer_sizes[0]:
            raise ValueError(f"X has {X.shape[1]} features, but the estimator expects {self.network.layer_sizes[0]}.")
        return X.astype(self.theta.dtype, copy=False)

    def forward(self, X):
        """Forward pass; its last array holds the outputs, one column for two classes."""
        return self.network.forward(self.theta, X)

    def pull_back(self, forward, cotangent):
        """Gradient of ⟨cotangent, outputs⟩ with respect to each row, shape (n_samples, n_features)."""
        return self.network.pull_back(self.theta, forward, cotangent.astype(self.theta.dtype, copy=False))


def as_model(estimator):
    """The model inside a fitted linear classifier or multi-layer perceptron.

    Raises
    ------
    TypeError
        If the estimator has neither ``coef_`` and ``intercept_`` nor ``coefs_`` and ``intercepts_``.
    """
    check_is_fitted(estimator)
    classes = getattr(estimator, "classes_", None)
    if hasattr(estimator, "coefs_"):
        coefs, intercepts = estimator.coefs_, estimator.intercepts_
        likelihoods = {"logistic": bernoulli, "softmax": categorical, "identity": gaussian}
        likelihood, activation = likelihoods[estimator.out_activation_], estimator.activation
    elif hasattr(estimator, "coef_") and hasattr(estimator, "intercept_"):
        coefs = [np.atleast_2d(estimator.coef_).T]
        intercepts = [np.broadcast_to(estimator.intercept_, coefs[0].shape[1])]
        likelihood, activation = bernoulli if coefs[0].shape[1] == 1 else categorical, "identity"
    else:
        raise TypeError(
            f"{type(estimator).__name__} has no coefficients to differentiate: coef_ and intercept_, or coefs_ and "
            "intercepts_, are needed."
        )
    sizes = (coefs[0].shape[0], *(W.shape[1] for W in coefs))
    network = Network(sizes, activation, likelihood)
    return Model(network, network.pack(coefs, intercepts, np.asarray(coefs[0]).dtype), classes)


def encode(model, y, n_samples):
    """Targets as the model's likelihood wants them, shape (n_samples, n_outputs).

    Raises
    ------
    ValueError
        For a label the estimator has not seen, or the wrong number of them.
    """
    y, n_outputs = np.asarray(y), model.network.layer_sizes[-1]
    if len(y) != n_samples:
        raise ValueError(f"y has {len(y)} rows, but X has {n_samples}.")
    if model.classes is None or y.ndim == 2:
        return y.reshape(n_samples, -1).astype(model.theta.dtype)
    unseen = ~np.isin(y, model.classes)
    if unseen.any():
        raise ValueError(f"y has the label {y[unseen][0]!r}, which is not among the classes {model.classes.tolist()}.")
    indices = np.searchsorted(model.classes, y)
    return (indices[:, None] if n_outputs == 1 else np.eye(n_outputs)[indices]).astype(model.theta.dtype)


def score_gradients(model, forward):
    """Gradient of each output, shape (n_outputs, n_samples, n_features)."""
    outputs = forward[-1]
    cotangents = np.eye(outputs.shape[1], dtype=outputs.dtype)
    return np.stack([model.pull_back(forward, np.broadcast_to(row, outputs.shape)) for row in cotangents])
