"""Attacks: perturbations of rows that a fitted model should withstand, and scores under them.

All take any estimator that `sklearn_irg.diagnostics` takes, change none of their arguments, and return arrays shaped like X.
``features`` names the columns that may move (a person's age cannot be attacked), ``clip=(low, high)`` bounds the result,
scalars or one per feature. Perturbations are in units of X.
"""

from functools import partial

import numpy as np
from sklearn.metrics import accuracy_score
from sklearn.utils import check_random_state, check_scalar

from sklearn_irg.diagnostics._distances import cross_boundary
from sklearn_irg.diagnostics._models import NetworkModel, as_model
from sklearn_irg.sensitivity import ascend, normalized_rows, random_directions

__all__ = [
    "adversarial_accuracy",
    "confidence_ascent",
    "deepfool",
    "fast_gradient",
    "make_adversarial_scorer",
    "projected_gradient",
    "transfer_matrix",
    "virtual_adversarial_direction",
]

_NUMBERS = (int, float, np.integer, np.floating)
_DUAL = {"l2": 2, "linf": 1, "l1": np.inf}


class _Problem:
    """The validated arguments that all attacks share."""

    def __init__(self, estimator, X, features=None, clip=None):
        names = getattr(X, "columns", getattr(estimator, "feature_names_in_", None))
        self.model = as_model(estimator)
        self.X = self.model.check_X(X)
        self.mask = self._mask(features, names)
        self.clip = None if clip is None else self._bounds(clip)

    def _mask(self, features, names):
        if features is None:
            return np.ones(self.model.n_features, dtype=self.X.dtype)
        names = [] if names is None else list(names)
        mask = np.zeros(self.model.n_features, dtype=self.X.dtype)
        for feature in features:
            position = names.index(feature) if feature in names else feature
            if not isinstance(position, (int, np.integer)) or not -len(mask) <= position < len(mask):
                raise ValueError(f"features has {feature!r}, which is no column of X by name or position.")
            mask[position] = 1
        return mask

    def _bounds(self, clip):
        if len(clip) != 2:
            raise ValueError(f"clip must be (low, high); got {clip!r}.")
        low, high = (np.broadcast_to(np.asarray(side, dtype=self.X.dtype), self.X.shape[1]) for side in clip)
        if (low > high).any():
            raise ValueError(f"clip must have low <= high; got {clip!r}.")
        return low, high

    def finish(self, moved):
        """Bounds applied where the row may move; the rest as it was."""
        if self.clip is not None:
            moved = np.clip(moved, *self.clip)
        return np.where(self.mask > 0, moved, self.X).astype(self.X.dtype, copy=False)

    def loss_gradient(self, y):
        """Function from rows to the gradient of their loss, where they may move."""
        targets = self.model.encode(y, len(self.X))
        return lambda X: self.model.loss_gradients(X, targets) * self.mask


def _check_epsilon(epsilon):
    check_scalar(epsilon, "epsilon", _NUMBERS, min_val=0)
    if not np.isfinite(epsilon):
        raise ValueError(f"epsilon must be finite; got {epsilon!r}.")
    return float(epsilon)


def _check_norm(norm, norms):
    if norm not in norms:
        raise ValueError(f"norm must be one of {', '.join(map(repr, norms))}; got {norm!r}.")


def fast_gradient(estimator, X, y, epsilon, *, norm="l2", clip=None, features=None):
    """One step of length epsilon up the loss.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    X : array-like of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,)
        Their labels.
    epsilon : float
        Length of the step.
    norm : {"l2", "linf", "l1"}, default="l2"
        Norm of the step: along the gradient, along its signs, or in its largest feature.
    clip : tuple of two floats or arrays of shape (n_features,), default=None
        Bounds.
    features : sequence of str or int, default=None
        Columns that may move. ``None`` means all.

    Returns
    -------
    X_adversarial : ndarray of shape (n_samples, n_features)
        The rows, moved. Where the gradient vanishes they stay.

    Raises
    ------
    ValueError
        For a negative epsilon, an empty interval, a label unseen in ``fit``, or X of the wrong width or with NaN.

    References
    ----------
    .. [1] Goodfellow, Shlens and Szegedy (2015), "Explaining and harnessing adversarial examples".

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_irg.attacks import fast_gradient
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = LogisticRegression().fit(scale(X), y)
    >>> model.score(fast_gradient(model, scale(X), y, epsilon=1.0), y) < model.score(scale(X), y)
    True
    """
    _check_norm(norm, _DUAL)
    problem, epsilon = _Problem(estimator, X, features, clip), _check_epsilon(epsilon)
    return problem.finish(ascend(problem.loss_gradient(y), problem.X, epsilon, norm))


def projected_gradient(
    estimator, X, y, epsilon, *, norm="l2", n_steps=20, step_size=None, clip=None, features=None, random_state=None
):
    """Several steps up the loss, each projected back to a ball around the row; a stronger attack than one.

    Parameters
    ----------
    estimator, X, y, clip, features
        As in `fast_gradient`.
    epsilon : float
        Radius of the ball.
    norm : {"l2", "linf"}, default="l2"
        Norm of the ball.
    n_steps : int, default=20
        Number of steps.
    step_size : float, default=None
        Length of a step; ``None`` is ``2.5 * epsilon / n_steps``.
    random_state : int, RandomState or None, default=None
        If given, the rows start from a random point in the ball; ``None`` starts from the rows themselves.

    Returns
    -------
    X_adversarial : ndarray of shape (n_samples, n_features)
        The rows, moved by at most epsilon.

    References
    ----------
    .. [1] Madry, Makelov, Schmidt, Tsipras and Vladu (2018), "Towards deep learning models resistant to adversarial
       attacks".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import SVC
    >>> from sklearn_irg.attacks import projected_gradient
    >>> X, y = load_iris(return_X_y=True)
    >>> model = SVC().fit(X, y)
    >>> model.score(projected_gradient(model, X, y, epsilon=0.5), y) < model.score(X, y)
    True
    """
    _check_norm(norm, ("l2", "linf"))
    check_scalar(n_steps, "n_steps", (int, np.integer), min_val=1)
    problem, epsilon = _Problem(estimator, X, features, clip), _check_epsilon(epsilon)
    start, size = None, 2.5 * epsilon / n_steps if step_size is None else float(step_size)
    if random_state is not None:
        rng = check_random_state(random_state)
        if norm == "linf":
            start = rng.uniform(-epsilon, epsilon, problem.X.shape)
        else:
            radii = epsilon * rng.uniform(size=(len(problem.X), 1)) ** (1 / problem.X.shape[1])
            start = radii * random_directions(problem.X, rng, problem.X.dtype)
        start = (problem.X + start * problem.mask).astype(problem.X.dtype)
    moved = ascend(
        problem.loss_gradient(y),
        problem.X,
        epsilon,
        norm,
        n_steps=n_steps,
        step_size=size,
        clip=problem.clip,
        start=start,
    )
    return problem.finish(moved)


def deepfool(estimator, X, *, max_iter=50, overshoot=0.02, clip=None, features=None):
    """The nearest row with another prediction, by repeated linearisation of the decision boundary.

    Parameters
    ----------
    estimator : classifier
        Fitted.
    X : array-like of shape (n_samples, n_features)
        Samples.
    max_iter : int, default=50
        Largest number of linearisations.
    overshoot : float, default=0.02
        Share by which each step goes too far.
    clip, features
        As in `fast_gradient`.

    Returns
    -------
    X_adversarial : ndarray of shape (n_samples, n_features)
        The rows, moved across the boundary where one was found.

    See Also
    --------
    sklearn_irg.diagnostics.attack_distance : How far that is.

    References
    ----------
    .. [1] Moosavi-Dezfooli, Fawzi and Frossard (2016), "DeepFool: a simple and accurate method to fool deep neural
       networks".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_irg.attacks import deepfool
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LogisticRegression(max_iter=1000).fit(X, y)
    >>> bool((model.predict(deepfool(model, X)) != model.predict(X)).all())
    True
    """
    check_scalar(overshoot, "overshoot", _NUMBERS, min_val=0)
    problem = _Problem(estimator, X, features, clip)
    problem.model.require_classes()
    own = problem.model.predicted(problem.model.scores(problem.X))
    return problem.finish(cross_boundary(problem.model, problem.X, own, max_iter, float(overshoot), problem.mask))


def confidence_ascent(
    estimator, X, targets, *, confidence=0.95, step_size=0.01, max_iter=1000, clip=None, features=None
):
    """Rows moved up the probability of a target class until the model is confident of it.

    Steps have length ``step_size`` along the normalised gradient of the log-probability; a row stops when its probability
    reaches ``confidence``. Since models differ in how sure they are, probabilities are first calibrated by a temperature
    at which the median confidence of the predictions on X is ``confidence`` [1]_.

    Parameters
    ----------
    estimator : classifier
        Fitted.
    X : array-like of shape (n_samples, n_features)
        Samples.
    targets : array-like of shape (n_samples,)
        The class each row is moved to.
    confidence : float, default=0.95
        Median confidence after calibration, and probability at which a row stops; between 1 / n_classes and 1.
    step_size : float, default=0.01
        L2 length of a step.
    max_iter : int, default=1000
        Largest number of steps.
    clip, features
        As in `fast_gradient`.

    Returns
    -------
    X_adversarial : ndarray of shape (n_samples, n_features)
        The rows, moved.

    References
    ----------
    .. [1] Tanay and Griffin (2018), "A new angle on L2 regularization".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_irg import GradRegLogisticRegression
    >>> from sklearn_irg.attacks import confidence_ascent
    >>> X, y = load_iris(return_X_y=True)
    >>> model = GradRegLogisticRegression(alpha=0.01, max_iter=1000).fit(X, y)
    >>> moved = confidence_ascent(model, X, (y + 1) % 3, step_size=0.05)
    >>> float(np.mean(model.predict(moved) == (y + 1) % 3))
    1.0
    """
    problem = _Problem(estimator, X, features, clip)
    model = problem.model
    model.require_classes()
    check_scalar(
        confidence, "confidence", _NUMBERS, min_val=1 / len(model.classes), max_val=1, include_boundaries="neither"
    )
    check_scalar(step_size, "step_size", _NUMBERS, min_val=0, include_boundaries="neither")
    wanted = model.encode(targets, len(problem.X), name="targets")
    temperature = _temperature(model, problem.X, confidence)
    moved, active = problem.X.copy(), np.arange(len(problem.X))
    for _ in range(max_iter):
        scores = model.scores(moved[active]) / temperature
        loss, residual = model.likelihood.loss_and_residual(scores, wanted[active])
        going = loss > -np.log(confidence)
        active, residual = active[going], residual[going]
        if not len(active):
            break
        gradients = model.pull_back(moved[active], residual) * problem.mask
        stepped = moved[active] - step_size * normalized_rows(gradients)
        moved[active] = stepped if problem.clip is None else np.clip(stepped, *problem.clip)
    return problem.finish(moved)


def _temperature(model, X, confidence):
    """What scores are divided by so that the median confidence of the predictions is the one asked for."""
    scores = model.scores(X).astype(np.float64)

    def median(log_temperature):
        P = model.likelihood.mean(scores / np.exp(log_temperature))
        return np.median(np.maximum(P, 1 - P) if P.shape[1] == 1 else P.max(axis=1))

    low, high = -30.0, 30.0  # confidence falls as the temperature rises
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if median(middle) > confidence else (low, middle)
    return float(np.exp(high))


def virtual_adversarial_direction(estimator, X, *, xi=1e-3, n_power_iterations=10, random_state=None):
    """Unit direction in which each row's prediction changes most, labels unseen.

    Parameters
    ----------
    estimator : classifier
        Fitted.
    X : array-like of shape (n_samples, n_features)
        Samples.
    xi : float, default=1e-3
        Distance at which the power iteration differentiates.
    n_power_iterations : int, default=10
        Number of power iterations.
    random_state : int, RandomState or None, default=None
        For the directions to start from.

    Returns
    -------
    directions : ndarray of shape (n_samples, n_features)
        Of unit L2 norm; zero where the prediction is flat.

    References
    ----------
    .. [1] Miyato, Maeda, Koyama and Ishii (2018), "Virtual adversarial training: a regularization method for supervised
       and semi-supervised learning".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_irg import GradRegLogisticRegression
    >>> from sklearn_irg.attacks import virtual_adversarial_direction
    >>> X, y = load_iris(return_X_y=True)
    >>> virtual_adversarial_direction(GradRegLogisticRegression().fit(X, y), X, random_state=0).shape
    (150, 4)
    """
    check_scalar(xi, "xi", _NUMBERS, min_val=0, include_boundaries="neither")
    check_scalar(n_power_iterations, "n_power_iterations", (int, np.integer), min_val=0)
    problem = _Problem(estimator, X)
    model, X = problem.model, problem.X
    prediction = model.likelihood.mean(model.scores(X))
    direction = random_directions(X, check_random_state(random_state), X.dtype)
    for _ in range(n_power_iterations):
        moved = X + xi * direction
        direction = normalized_rows(model.pull_back(moved, model.likelihood.mean(model.scores(moved)) - prediction))
    return direction


# -- scores under attack -----------------------------------------------------------------------------------------------


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
    _check_norm(norm, _DUAL)
    epsilon, model = _check_epsilon(epsilon), as_model(estimator)
    model.require_classes()
    if attack is None and isinstance(model, NetworkModel) and model.is_linear:
        X = model.check_X(X)
        targets = model.encode(y, len(X))
        own = targets[:, 0].astype(int) if model.n_outputs == 1 else targets.argmax(axis=1)
        margins, gradients = model.margins(X, own)
        reach = epsilon * np.linalg.norm(gradients, ord=_DUAL[norm], axis=2)
        # a tie goes to the class that comes first
        first = model.predicted(model.scores(X)) == own
        right = np.where(epsilon > 0, (margins > reach).all(axis=1), first)
        return float(np.average(right, weights=sample_weight))
    if attack is None:
        attack = partial(fast_gradient if norm == "l1" else projected_gradient, norm=norm)
    clean = np.asarray(estimator.predict(X)) == np.asarray(y)
    attacked = np.asarray(estimator.predict(_like(X, attack(estimator, X, y, epsilon)))) == np.asarray(y)
    return float(np.average(clean & attacked, weights=sample_weight))


def _like(X, moved):
    """Moved rows as a DataFrame where X is one."""
    return type(X)(moved, columns=X.columns, index=X.index) if hasattr(X, "columns") else moved


class _AdversarialScorer:
    def __init__(self, epsilon, norm, attack):
        self.epsilon, self.norm, self.attack = epsilon, norm, attack

    def __call__(self, estimator, X, y, sample_weight=None):
        return adversarial_accuracy(
            estimator, X, y, self.epsilon, norm=self.norm, attack=self.attack, sample_weight=sample_weight
        )

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
    _check_norm(norm, _DUAL)
    return _AdversarialScorer(_check_epsilon(epsilon), norm, attack)


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
    made = [_like(X, attack(model, X, y)) for model in models]
    return np.array([[accuracy_score(y, model.predict(rows)) for model in models] for rows in made])
