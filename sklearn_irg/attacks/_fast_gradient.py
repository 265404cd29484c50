from sklearn_irg._checks import check_choice, check_real
from sklearn_irg._engine.sensitivity import ascend
from sklearn_irg._threats.reach import DUAL
from sklearn_irg.attacks._problem import Problem


def fast_gradient(estimator, X, y, epsilon, *, norm="l2", clip=None, features=None):
    """One step of length epsilon along the gradient of the loss.

    The loss is the negative logarithm of the probability that ``predict_proba`` states of the label; without it, of the
    logistic function or the softmax of the scores. The step has its direction even where the loss underflows [1]_.

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
        Norm of the step: along the gradient, along its signs, or along its largest entry.
    clip : tuple of two floats or arrays of shape (n_features,), default=None
        Bounds.
    features : sequence of str, int or bool, default=None
        Columns that may move, by name or position, or a boolean for each. ``None`` means all, and an empty sequence none.

    Returns
    -------
    X_adversarial : ndarray of shape (n_samples, n_features)
        The rows, moved. Rows with a gradient of zero stay unchanged.

    Raises
    ------
    ValueError
        For a negative epsilon, an empty interval, a label unseen in ``fit``, or X of the wrong width or with NaN.
    TypeError
        For an estimator without gradients, such as one with decision trees in it.

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
    >>> for epsilon in (0, 0.5, 1):
    ...     print(epsilon, round(model.score(fast_gradient(model, scale(X), y, epsilon=epsilon), y), 2))
    0 0.99
    0.5 0.92
    1 0.79
    """
    check_choice(norm, "norm", tuple(DUAL))
    epsilon = check_real(epsilon, "epsilon", 0)
    problem = Problem(estimator, X, features, clip)
    return problem.result(one_step(problem, problem.model.encode(y, len(problem.X)), epsilon, norm))


def one_step(problem, targets, epsilon, norm):
    """The attack on a problem."""
    (moved,) = ascend(problem.loss_gradient(targets), problem.X, epsilon, norm)
    return problem.finish(moved)
