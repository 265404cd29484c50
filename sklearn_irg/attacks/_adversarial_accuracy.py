from copy import copy

import numpy as np
from sklearn.utils.metadata_routing import MetadataRequest

from sklearn_irg._checks import InvalidParameterError, check_choice, check_real, check_sample_weight
from sklearn_irg._fitted.extraction import model_and_rows
from sklearn_irg.attacks._fast_gradient import fast_gradient
from sklearn_irg.attacks._problem import DUAL, like
from sklearn_irg.attacks._projected_gradient import projected_gradient


def adversarial_accuracy(estimator, X, y, epsilon, *, norm="l2", attack=None, sample_weight=None):
    """Accuracy when every row may be moved by up to epsilon.

    Exact for linear models of two classes and, per pair of classes, of more: a row counts if its margin exceeds epsilon
    times the dual norm of the weights. Otherwise an upper bound, from an attack: a row that falls at one radius has fallen at
    all larger ones.

    Parameters
    ----------
    estimator : classifier
        Fitted.
    X : array-like of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,)
        Their labels.
    epsilon : float or array-like of shape (n_radii,)
        Radius, or several, in units of X.
    norm : {"l2", "linf", "l1"}, default="l2"
        Norm of the perturbation.
    attack : callable, default=None
        ``attack(estimator, X, y, epsilon)`` returning moved rows, used instead of the closed form. ``None`` is
        `projected_gradient` for models that are not linear, or `fast_gradient` for "l1"; at the radii given and at smaller
        ones fixed by the spread of X, where an attack may succeed that fails at a large one.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    accuracy : float or ndarray of shape (n_radii,)
        Between 0 and 1, for each radius.

    Raises
    ------
    ValueError
        For a negative radius, a label unseen in ``fit``, or X of the wrong width or with NaN.
    TypeError
        For an estimator that is not a classifier.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_irg.attacks import adversarial_accuracy
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = LogisticRegression().fit(scale(X), y)
    >>> adversarial_accuracy(model, scale(X), y, [0, 0.1, 0.5]).round(2)
    array([0.99, 0.98, 0.92])
    """
    check_choice(norm, "norm", tuple(DUAL))
    radii = [check_real(radius, "epsilon", 0) for radius in np.ravel(epsilon).tolist()]
    if not radii:
        raise InvalidParameterError("epsilon must be one radius or more; got none.")
    model, rows = model_and_rows(estimator, X)
    model.require_classes()
    targets = model.encode(y, len(rows))
    weights = check_sample_weight(sample_weight, len(rows))
    if attack is None and model.is_linear:
        standing = _linear_standing(model, rows, targets, radii, norm)
    else:
        standing = _attacked_standing(estimator, X, y, radii, attack, norm, rows)
    accuracies = np.average(standing, axis=1, weights=weights)
    return accuracies if np.ndim(epsilon) else float(accuracies[0])


def _linear_standing(model, rows, targets, radii, norm):
    """Which rows of a linear model no perturbation can get misclassified, for each radius."""
    own = targets[:, 0].astype(int) if model.n_outputs == 1 else targets.argmax(axis=1)
    margins, gradients = model.margins(rows, own)
    slopes = np.linalg.norm(gradients, ord=DUAL[norm], axis=2)
    # unmoved, a tie goes to the class that comes first
    unmoved = model.predicted(model.scores(rows)) == own
    return np.array([(margins > radius * slopes).all(axis=1) if radius > 0 else unmoved for radius in radii])


def _attacked_standing(estimator, X, y, radii, attack, norm, rows):
    """Which rows no attack got misclassified, for each radius: an upper bound, and no larger than at smaller radii."""
    labels = np.ravel(y)
    found = {}
    standing = np.asarray(estimator.predict(X)) == labels
    fixed = [] if attack is not None else [radius for radius in _fixed_radii(rows, norm) if radius < max(radii)]
    for radius in sorted({*radii, *fixed}):
        if attack is not None:
            moved = attack(estimator, X, y, radius)
            standing &= np.asarray(estimator.predict(like(X, moved))) == labels
        elif radius > 0 and standing.any():
            left = np.flatnonzero(standing)  # the others need no attack any more
            some = X.iloc[left] if hasattr(X, "iloc") else rows[left]
            moved = (fast_gradient if norm == "l1" else projected_gradient)(
                estimator, some, labels[left], radius, norm=norm
            )
            standing[left] = np.asarray(estimator.predict(like(some, moved))) == labels[left]
        found[radius] = standing.copy()
    return np.array([found[radius] for radius in radii])


def _fixed_radii(rows, norm):
    """Radii that depend on the rows only: multiples by powers of two of the size of a standard deviation of each column."""
    spread = np.linalg.norm(rows.std(axis=0), ord={"l2": 2, "linf": np.inf, "l1": 1}[norm])
    return [spread * 2.0**power for power in range(-6, 4)]


class _AdversarialScorer:
    def __init__(self, epsilon, norm, attack):
        self.epsilon = epsilon
        self.norm = norm
        self.attack = attack
        self._requests_weight = None

    def __call__(self, estimator, X, y, sample_weight=None):
        return adversarial_accuracy(
            estimator, X, y, self.epsilon, norm=self.norm, attack=self.attack, sample_weight=sample_weight
        )

    def set_score_request(self, *, sample_weight=None):
        """Ask for sample weights, or not, where metadata routing is enabled.

        Parameters
        ----------
        sample_weight : bool or str, default=None
            As in scikit-learn.

        Returns
        -------
        scorer : callable
            One that asks for them.
        """
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
    epsilon : float
        Radius; in a pipeline of affine steps it is in units of the pipeline's input.
    norm : {"l2", "linf", "l1"}, default="l2"
        Norm of the perturbation.
    attack : callable, default=None
        As in `adversarial_accuracy`.

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
    check_choice(norm, "norm", tuple(DUAL))
    return _AdversarialScorer(check_real(epsilon, "epsilon", 0), norm, attack)
