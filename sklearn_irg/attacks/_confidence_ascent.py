import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sklearn_irg._checks import check_integer, check_real
from sklearn_irg._engine.sensitivity import normalized_rows
from sklearn_irg._fitted.table_rows import numbers_of, with_numbers
from sklearn_irg.attacks._problem import GradientProblem, listed


def confidence_ascent(
    estimator,
    X,
    targets,
    *,
    confidence=0.95,
    temperature=1.0,
    step_size=0.01,
    max_iter=1000,
    clip=None,
    features=None,
    return_reached=False,
):
    """Rows moved towards a target class until the model is confident of it.

    Steps have length ``step_size`` along the normalized gradient of the log-probability of the
    target; a row stops when its probability reaches ``confidence`` [1]_. Models differ in how
    confident they are: to compare them, give each its `sklearn_irg.diagnostics.temperature` on some
    calibration set.

    Parameters
    ----------
    estimator : classifier
        Fitted.
    X : array-like of shape (n_samples, n_features)
        Samples.
    targets : array-like of shape (n_samples,)
        The class each row is moved to.
    confidence : float, default=0.95
        Probability at which a row stops, between 1 / n_classes and 1.
    temperature : float, default=1.0
        Number by which scores are divided before they become probabilities; log-probabilities,
        where ``predict_proba`` is not the softmax or the logistic function of the scores.
    step_size : float, default=0.01
        L2 length of a step.
    max_iter : int, default=1000
        Maximum number of steps.
    clip : tuple of two floats or arrays of shape (n_features,), default=None
        Bounds.
    features : sequence of str, int or bool, default=None
        Columns that may move, by name or position, or a boolean for each. ``None`` means all, and
        an empty sequence none.
    return_reached : bool, default=False
        Whether to also return which rows reached the confidence, instead of a warning that names
        those that did not.

    Returns
    -------
    X_adversarial : ndarray of shape (n_samples, n_features)
        The rows, moved.
    reached : ndarray of bool of shape (n_samples,)
        Whether the probability of the target is at least ``confidence`` at each of them. Only with
        ``return_reached``.

    Warns
    -----
    ConvergenceWarning
        If rows did not reach the confidence, with their positions.

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
    problem = GradientProblem(estimator, X, features, clip)
    model = problem.loss_model
    model.require_classes()
    n_classes = len(model.classes)
    confidence = check_real(
        confidence, "confidence", 1 / n_classes, 1, open_low=True, open_high=True
    )
    step_size = check_real(step_size, "step_size", 0, open_low=True)
    max_iter = check_integer(max_iter, "max_iter", 1)
    wanted = model.encode(targets, len(problem.X), name="targets")
    temperature = check_real(temperature, "temperature", 0, open_low=True)
    moved = numbers_of(problem.X).copy()
    active = np.arange(len(moved))
    for _ in range(max_iter):
        here = with_numbers(problem.X[active], moved[active])
        loss, residual = model.likelihood.loss_and_residual(
            model.scores(here) / temperature, wanted[active]
        )
        going = loss > -np.log(confidence)
        active, residual, here = active[going], residual[going], here[going]
        if not len(active):
            break
        gradients = model.pull_back(here, residual) * problem.mask
        stepped = moved[active] - step_size * normalized_rows(gradients)
        moved[active] = stepped if problem.clip is None else np.clip(stepped, *problem.clip)
    moved = problem.finish(moved)
    loss, _ = model.likelihood.loss_and_residual(model.scores(moved) / temperature, wanted)
    reached = loss <= -np.log(confidence)
    if return_reached:
        return problem.result(moved), reached
    _warn_of_others(reached, confidence, max_iter)
    return problem.result(moved)


def _warn_of_others(reached, confidence, max_iter):
    others = np.flatnonzero(~reached)
    if len(others):
        warnings.warn(
            f"{len(others)} of {len(reached)} rows did not reach a probability of {confidence:g} "
            f"within {max_iter} steps: {listed(others)}. Increase max_iter or step_size, or pass "
            "return_reached=True to tell them apart.",
            ConvergenceWarning,
            stacklevel=3,
        )
