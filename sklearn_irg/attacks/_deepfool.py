from sklearn_irg._checks import check_integer, check_real
from sklearn_irg._fitted.boundary import cross_boundary
from sklearn_irg.attacks._problem import GradientProblem


def deepfool(estimator, X, *, max_iter=50, overshoot=0.02, clip=None, features=None):
    """Nearest row with another prediction, by repeated linearization of the decision boundary.

    Each step goes to the nearest of the linearized boundaries between the predicted class and the
    others, and a little further, until the prediction changes [1]_.

    Parameters
    ----------
    estimator : classifier
        Fitted.
    X : array-like of shape (n_samples, n_features)
        Samples.
    max_iter : int, default=50
        Maximum number of linearizations.
    overshoot : float, default=0.02
        Fraction by which each step overshoots.
    clip : tuple of two floats or arrays of shape (n_features,), default=None
        Bounds.
    features : sequence of str, int or bool, default=None
        Columns that may move, by name or position, or a boolean for each. ``None`` means all, and
        an empty sequence none.

    Returns
    -------
    X_adversarial : ndarray of shape (n_samples, n_features)
        The rows, moved across the boundary where one was found.

    See Also
    --------
    sklearn_irg.diagnostics.attack_distance : Distance to such a row.

    References
    ----------
    .. [1] Moosavi-Dezfooli, Fawzi and Frossard (2016), "DeepFool: a simple and accurate method to
       fool deep neural networks".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_irg.attacks import deepfool
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LogisticRegression(max_iter=1000).fit(X, y)
    >>> round(model.score(X, y), 2), round(model.score(deepfool(model, X), y), 2)  # every prediction changes
    (0.97, 0.03)
    """
    max_iter = check_integer(max_iter, "max_iter", 1)
    overshoot = check_real(overshoot, "overshoot", 0)
    problem = GradientProblem(estimator, X, features, clip)
    problem.model.require_classes()
    label = problem.model.predicted(problem.model.scores(problem.X))
    moved = cross_boundary(
        problem.model, problem.X, label, max_iter, overshoot, problem.mask, problem.clip
    )
    return problem.result(problem.finish(moved))
