import numpy as np
from sklearn.utils import check_random_state, check_scalar

from sklearn_irg._engine.sensitivity import ascend, random_directions
from sklearn_irg.attacks._problem import DUAL, NUMBERS, Problem, check_epsilon, check_norm
from sklearn_irg.diagnostics._distances import cross_boundary


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
    check_norm(norm, DUAL)
    problem, epsilon = Problem(estimator, X, features, clip), check_epsilon(epsilon)
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
    check_norm(norm, ("l2", "linf"))
    check_scalar(n_steps, "n_steps", (int, np.integer), min_val=1)
    if step_size is not None:
        check_scalar(step_size, "step_size", NUMBERS, min_val=0)
    problem, epsilon = Problem(estimator, X, features, clip), check_epsilon(epsilon)
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
    check_scalar(overshoot, "overshoot", NUMBERS, min_val=0)
    problem = Problem(estimator, X, features, clip)
    problem.model.require_classes()
    own = problem.model.predicted(problem.model.scores(problem.X))
    moved = cross_boundary(problem.model, problem.X, own, max_iter, float(overshoot), problem.mask, problem.clip)
    return problem.finish(moved)
