from itertools import chain

import numpy as np
from sklearn.utils import check_random_state

from sklearn_irg._checks import check_choice, check_integer, check_real
from sklearn_irg._engine.sensitivity import ascend, common_direction
from sklearn_irg.attacks._fast_gradient import one_step
from sklearn_irg.attacks._problem import Problem


def projected_gradient(
    estimator, X, y, epsilon, *, norm="l2", n_steps=20, step_size=None, clip=None, features=None, random_state=None
):
    """Several steps along the gradient of the loss, each projected back to a ball around the row.

    Loss and direction are those of `fast_gradient` [1]_.

    The candidates for each row are the starting point, the result of `fast_gradient` and all iterates. Of these it
    keeps the misclassified one with the largest loss or, if none is misclassified, the one with the largest loss. The
    attack is thus never weaker than one step.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    X : array-like of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,)
        Their labels.
    epsilon : float
        Radius of the ball.
    norm : {"l2", "linf"}, default="l2"
        Norm of the ball.
    n_steps : int, default=20
        Number of steps.
    step_size : float, default=None
        Length of a step; ``None`` is ``2.5 * epsilon / n_steps``.
    clip : tuple of two floats or arrays of shape (n_features,), default=None
        Bounds.
    features : sequence of str, int or bool, default=None
        Columns that may move, by name or position, or a boolean for each. ``None`` means all, and an empty sequence none.
    random_state : int, RandomState or None, default=None
        If given, all rows start with the same random displacement in the ball; ``None`` starts from the rows themselves.

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
    >>> for epsilon in (0, 0.25, 0.5):
    ...     print(epsilon, round(model.score(projected_gradient(model, X, y, epsilon=epsilon), y), 2))
    0 0.97
    0.25 0.91
    0.5 0.74
    """
    check_choice(norm, "norm", ("l2", "linf"))
    epsilon = check_real(epsilon, "epsilon", 0)
    n_steps = check_integer(n_steps, "n_steps", 1)
    step_size = 2.5 * epsilon / n_steps if step_size is None else check_real(step_size, "step_size", 0)
    problem = Problem(estimator, X, features, clip)
    targets = problem.model.encode(y, len(problem.X))
    start = None
    if random_state is not None:
        start = _random_start(problem, epsilon, norm, check_random_state(random_state))
    with np.errstate(over="ignore", invalid="ignore"):  # rows with scores that are not finite are never the best
        ascent = ascend(
            problem.loss_gradient(targets),
            problem.X,
            epsilon,
            norm,
            n_steps=n_steps,
            step_size=step_size,
            clip=problem.clip,
            start=start,
        )
        best = problem.finish(problem.X if start is None else start)
        worst = problem.harm(best, targets)
        for moved in chain([one_step(problem, targets, epsilon, norm)], ascent):
            moved = problem.finish(moved)
            harm = problem.harm(moved, targets)
            better = (harm[0] > worst[0]) | ((harm[0] == worst[0]) & (harm[1] > worst[1]))
            best = np.where(better[:, None], moved, best)
            worst = tuple(np.where(better, new, old) for new, old in zip(harm, worst, strict=True))
    return problem.result(best)


def _random_start(problem, epsilon, norm, rng):
    """A point of the ball around each row, drawn uniformly, and the same for all rows."""
    if norm == "linf":
        steps = rng.uniform(-epsilon, epsilon, problem.X.shape[1])
    else:
        radius = epsilon * rng.uniform() ** (1 / problem.X.shape[1])
        steps = radius * common_direction(problem.X, rng, problem.X.dtype)
    return (problem.X + steps * problem.mask).astype(problem.X.dtype)
