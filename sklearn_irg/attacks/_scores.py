from copy import copy
from functools import partial

import numpy as np
from sklearn.metrics import accuracy_score
from sklearn.utils.metadata_routing import MetadataRequest

from sklearn_irg._fitted.extraction import model_and_rows
from sklearn_irg._fitted.models import NetworkModel
from sklearn_irg.attacks._problem import DUAL, check_epsilon, check_norm
from sklearn_irg.attacks._steps import fast_gradient, projected_gradient


def adversarial_accuracy(estimator, X, y, epsilon, *, norm="l2", attack=None, sample_weight=None):
    """Accuracy when every row may be moved by up to epsilon.

    Exact for linear models of two classes and, per pair of classes, of more: a row counts if its margin exceeds epsilon
    times the dual norm of the weights. Otherwise an upper bound, from an attack.

    Parameters
    ----------
    estimator : classifier
        Fitted.
    X : array-like of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,)
        Their labels.
    epsilon : float
        Radius, in units of X.
    norm : {"l2", "linf", "l1"}, default="l2"
        Norm of the perturbation.
    attack : callable, default=None
        ``attack(estimator, X, y, epsilon)`` returning moved rows, used instead of the closed form. ``None`` is
        `projected_gradient` for models that are not linear, or `fast_gradient` for "l1".
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    accuracy : float
        Between 0 and 1.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_irg.attacks import adversarial_accuracy
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = LogisticRegression().fit(scale(X), y)
    >>> adversarial_accuracy(model, scale(X), y, 0.5) < adversarial_accuracy(model, scale(X), y, 0.1) < 1
    True
    """
    check_norm(norm, DUAL)
    epsilon, (model, rows) = check_epsilon(epsilon), model_and_rows(estimator, X)
    model.require_classes()
    targets = model.encode(y, len(rows))
    weights = np.ones(len(rows)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    if weights.shape != (len(rows),) or not (weights >= 0).all() or not weights.any():
        raise ValueError(f"sample_weight must be {len(rows)} non-negative numbers, not all zero.")
    if attack is None and isinstance(model, NetworkModel) and model.is_linear:
        own = targets[:, 0].astype(int) if model.n_outputs == 1 else targets.argmax(axis=1)
        margins, gradients = model.margins(rows, own)
        reach = epsilon * np.linalg.norm(gradients, ord=DUAL[norm], axis=2)
        # a tie goes to the class that comes first
        first = model.predicted(model.scores(rows)) == own
        right = np.where(epsilon > 0, (margins > reach).all(axis=1), first)
        return float(np.average(right, weights=weights))
    if attack is None:
        attack = partial(fast_gradient if norm == "l1" else projected_gradient, norm=norm)
    clean = np.asarray(estimator.predict(X)) == np.ravel(y)
    attacked = np.asarray(estimator.predict(_like(X, attack(estimator, X, y, epsilon)))) == np.ravel(y)
    return float(np.average(clean & attacked, weights=weights))


def _like(X, moved):
    """Moved rows as a DataFrame where X is one."""
    return type(X)(moved, columns=X.columns, index=X.index) if hasattr(X, "columns") else moved


class _AdversarialScorer:
    def __init__(self, epsilon, norm, attack):
        self.epsilon, self.norm, self.attack = epsilon, norm, attack
        self._requests_weight = None

    def __call__(self, estimator, X, y, sample_weight=None):
        return adversarial_accuracy(
            estimator, X, y, self.epsilon, norm=self.norm, attack=self.attack, sample_weight=sample_weight
        )

    def set_score_request(self, *, sample_weight=None):
        """Ask for sample weights, or not, where metadata routing is enabled."""
        scorer = copy(self)
        scorer._requests_weight = sample_weight
        return scorer

    def get_metadata_routing(self):
        """What the scorer asks for, in scikit-learn's terms."""
        request = MetadataRequest(owner=repr(self))
        request.score.add_request(param="sample_weight", alias=self._requests_weight)
        return request

    def __repr__(self):
        return f"make_adversarial_scorer(epsilon={self.epsilon!r}, norm={self.norm!r}, attack={self.attack!r})"


def make_adversarial_scorer(epsilon, *, norm="l2", attack=None):
    """A scorer for ``GridSearchCV(scoring=…)``: accuracy when rows may be moved by up to epsilon.

    Parameters
    ----------
    epsilon, norm, attack
        As in `adversarial_accuracy`. In a pipeline of affine steps epsilon is in units of the pipeline's input.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y)``; larger is better. It pickles.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_irg import GradRegLogisticRegression
    >>> from sklearn_irg.attacks import make_adversarial_scorer
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = GradRegLogisticRegression(max_iter=500)
    >>> cross_val_score(model, scale(X), y, scoring=make_adversarial_scorer(0.5)).mean() > 0.8
    np.True_
    """
    check_norm(norm, DUAL)
    return _AdversarialScorer(check_epsilon(epsilon), norm, attack)


def transfer_matrix(estimators, X, y, attack):
    """Accuracy of each model on the adversarial rows of each.

    Parameters
    ----------
    estimators : list of classifiers, or dict of name to classifier
        Fitted.
    X : array-like of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,)
        Their labels.
    attack : callable
        ``attack(estimator, X, y)`` returning moved rows, such as ``partial(fast_gradient, epsilon=0.1)``.

    Returns
    -------
    accuracies : ndarray of shape (n_estimators, n_estimators)
        Entry (i, j) is the accuracy of model j on rows made with model i.

    Examples
    --------
    >>> from functools import partial
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_irg.attacks import fast_gradient, transfer_matrix
    >>> X, y = load_iris(return_X_y=True)
    >>> models = [LogisticRegression(C=C, max_iter=1000).fit(X, y) for C in (0.01, 1.0)]
    >>> transfer_matrix(models, X, y, partial(fast_gradient, epsilon=0.3)).shape
    (2, 2)
    """
    models = list(estimators.values()) if isinstance(estimators, dict) else list(estimators)
    for model in models:
        own, rows = model_and_rows(model, X)
        own.encode(y, len(rows))
    made = [_like(X, attack(model, X, y)) for model in models]
    return np.array([[accuracy_score(y, model.predict(rows)) for model in models] for rows in made])
