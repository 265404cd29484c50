from itertools import chain

import numpy as np
from sklearn.utils import check_random_state

from sklearn_irg._checks import check_integer, check_real
from sklearn_irg._engine.sensitivity import STEPS_ACROSS, common_direction
from sklearn_irg._fitted.table_rows import where
from sklearn_irg._threats.searches.ascent import climb
from sklearn_irg.attacks._problem import AscentProblem


def projected_gradient(
    estimator,
    X,
    y,
    threat,
    *,
    norm=None,
    n_steps=20,
    step_size=None,
    clip=None,
    features=None,
    random_state=None,
):
    """Several steps along the gradient of the loss, each projected back to a ball around the row.

    Loss and direction are those of `fast_gradient` [1]_.

    The candidates for each row are the starting point, the result of `fast_gradient` and all
    iterates. Of these it keeps the misclassified one with the largest loss or, if none is
    misclassified, the one with the largest loss. The attack is thus never weaker than one step.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    X : array-like of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,)
        Their labels.
    threat : float or ThreatModel
        Radius of the ball; or a threat model without swaps, whose bounds are met by projection and
        whose integers are rounded towards the row.
    norm : {"l2", "linf", "l1"}, default=None
        Norm of the ball; ``None`` is "l2". A threat model has its own.
    n_steps : int, default=20
        Number of steps.
    step_size : float, default=None
        Length of a step; ``None`` is 2.5 radii over ``n_steps``.
    clip : tuple of two floats or arrays of shape (n_features,), default=None
        Bounds.
    features : sequence of str, int or bool, default=None
        Columns that may move, by name or position, or a boolean for each. ``None`` means all, and
        an empty sequence none.
    random_state : int, RandomState or None, default=None
        If given, all rows start with the same random displacement in the ball; ``None`` starts from
        the rows themselves.

    Returns
    -------
    X_adversarial : ndarray of shape (n_samples, n_features)
        The rows, moved within the ball.

    References
    ----------
    .. [1] Madry, Makelov, Schmidt, Tsipras and Vladu (2018), "Towards deep learning models
       resistant to adversarial attacks".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import SVC
    >>> from sklearn_irg.attacks import projected_gradient
    >>> X, y = load_iris(return_X_y=True)
    >>> model = SVC().fit(X, y)
    >>> for epsilon in (0, 0.25, 0.5):
    ...     print(epsilon, round(model.score(projected_gradient(model, X, y, threat=epsilon), y), 2))
    0 0.97
    0.25 0.91
    0.5 0.74
    """
    n_steps = check_integer(n_steps, "n_steps", 1)
    problem = AscentProblem(estimator, X, threat, norm, features, clip)
    ball = problem.ball
    step_size = (
        STEPS_ACROSS * ball.epsilon / n_steps
        if step_size is None
        else check_real(step_size, "step_size", 0)
    )
    targets = problem.model.encode(y, len(problem.X))
    gradient = problem.loss_gradient(targets)
    start = (
        ball.zero
        if random_state is None
        else _random_start(problem, check_random_state(random_state))
    )
    one_step, several = (
        climb(gradient, delta, ball, n, size)
        for delta, n, size in ((ball.zero, 1, ball.epsilon), (start, n_steps, step_size))
    )
    with np.errstate(
        over="ignore", invalid="ignore"
    ):  # rows with scores that are not finite are never the best
        best = problem.at(start)
        worst = problem.objective(best, targets)
        for delta in chain(one_step, several):
            moved = problem.at(delta)
            found = problem.objective(moved, targets)
            better = (found[0] > worst[0]) | ((found[0] == worst[0]) & (found[1] > worst[1]))
            best = where(better, moved, best)
            worst = tuple(np.where(better, new, old) for new, old in zip(found, worst, strict=True))
    return problem.result(best)


def _random_start(problem, rng):
    """Random point of the ball around each row, the same for all rows.

    It is drawn uniformly in "l2" and "linf".
    """
    ball, n_entries = problem.ball, len(problem.scales)
    if ball.norm == "linf":
        delta = rng.uniform(-ball.epsilon, ball.epsilon, n_entries)
    else:
        delta = (
            ball.epsilon
            * rng.uniform() ** (1 / n_entries)
            * common_direction(problem.X, rng, problem.X.dtype)
        )
    return ball.project(np.broadcast_to(delta * problem.mask, problem.X.shape))
