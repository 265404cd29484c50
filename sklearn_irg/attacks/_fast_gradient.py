from sklearn_irg._checks import check_integer, check_real
from sklearn_irg._threats.searches.ascent import climb
from sklearn_irg.attacks._problem import AscentProblem, encode_targets

_REACH = (
    1.25  # of all steps together, in radii, so that they reach the edge of the ball: Kurakin et al.
)


def fast_gradient(
    estimator,
    X,
    y,
    threat,
    *,
    norm=None,
    targets=None,
    n_steps=1,
    step_size=None,
    clip=None,
    features=None,
):
    r"""One step of length epsilon along the gradient of the loss, or several within epsilon.

    .. math:: x_0 = x, \qquad x_{k+1} = \Pi\bigl(x_k + \alpha \, d(\nabla_{x} \ell(f(x_k), y))\bigr)

    Here :math:`d` is the direction of unit norm along a gradient, :math:`\alpha` the length of a
    step, epsilon itself for one step, and :math:`\Pi` projects to the ball of radius epsilon around
    :math:`x` and to ``clip``. In "linf" one step is the fast gradient sign method [1]_, and several
    are the basic iterative method [2]_.

    With ``targets`` rows go down the loss of a target class instead:
    :math:`x_{k+1} = \Pi(x_k - \alpha \, d(\nabla_{x} \ell(f(x_k), t)))`. With the least likely
    class of each row as target, this is the iterative least-likely class method [2]_. For two
    classes, it is the same as going up the loss of the other one.

    The loss is the negative logarithm of the probability that ``predict_proba`` gives the label;
    without it, of the logistic function or the softmax of the scores. The step has its direction
    even where the loss underflows. The result is the last point, as published, even where an
    earlier one had a larger loss; `projected_gradient` keeps the worst.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    X : array-like of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,) or None
        Their labels. With ``targets`` they are only compared with these, and ``None`` compares
        nothing.
    threat : float or ThreatModel
        Length of the step, or radius of the ball that several steps stay in, epsilon above; or a
        threat model without swaps, whose bounds are met by projection and whose integers are
        rounded towards the row.
    norm : {"l2", "linf", "l1"}, default=None
        Norm of the step: along the gradient, along its signs, or along its largest entry. ``None``
        is "l2"; a threat model has its own.
    targets : label or array-like of shape (n_samples,), default=None
        The class to move rows to, one for all or one for each. ``None`` moves them away from their
        labels.
    n_steps : int, default=1
        Number of steps.
    step_size : float, default=None
        Length of a step. ``None`` is the radius for one step and 1.25 of it over ``n_steps`` for
        several, as in [2]_. The iterations of [3]_, n steps of length s within the bounds alone,
        are ``threat=n * s, step_size=s``.
    clip : tuple of two floats or arrays of shape (n_features,), default=None
        Bounds.
    features : sequence of str, int or bool, default=None
        Columns that may move, by name or position, or a boolean for each. ``None`` means all, and
        an empty sequence none.

    Returns
    -------
    X_adversarial : ndarray of shape (n_samples, n_features)
        The rows, moved. Rows with a gradient of zero stay unchanged.

    Raises
    ------
    ValueError
        For a negative radius, an empty interval, a label or target unseen in ``fit``, a target that
        is the label of its row, or X of the wrong width or with NaN.
    TypeError
        For an estimator without gradients, such as one with decision trees in it, for targets of
        one without classes, and for a threat model with swaps.

    See Also
    --------
    projected_gradient : The strongest point of several steps.
    confidence_ascent : Steps to a class until the model is sure of it, however far that is.

    References
    ----------
    .. [1] Goodfellow, Shlens and Szegedy (2015), "Explaining and harnessing adversarial examples".
    .. [2] Kurakin, Goodfellow and Bengio (2017), "Adversarial examples in the physical world".
    .. [3] Ross and Doshi-Velez (2018), "Improving the adversarial robustness and interpretability
       of deep neural networks by regularizing their input gradients".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_irg.attacks import fast_gradient
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LogisticRegression(max_iter=1000).fit(X, y)
    >>> for epsilon in (0, 0.5, 1):
    ...     print(epsilon, round(model.score(fast_gradient(model, X, y, epsilon), y), 2))
    0 0.97
    0.5 0.72
    1 0.44

    How many rows are taken for another class, after one step to it and after ten:

    >>> targets = (y + 1) % 3
    >>> for n_steps in (1, 10):
    ...     moved = fast_gradient(model, X, y, 3, norm="linf", targets=targets, n_steps=n_steps)
    ...     print(n_steps, round(model.score(moved, targets), 2))
    1 0.67
    10 1.0
    """
    n_steps = check_integer(n_steps, "n_steps", 1)
    problem = AscentProblem(estimator, X, threat, norm, features, clip)
    ball = problem.ball
    step_size = (
        _default_step(ball.epsilon, n_steps)
        if step_size is None
        else check_real(step_size, "step_size", 0)
    )
    gradient = _ascent_direction(problem, y, targets)
    *_, delta = climb(gradient, ball.zero, ball, n_steps, step_size)
    return problem.result(problem.at(delta))


def _default_step(epsilon, n_steps):
    return epsilon if n_steps == 1 else _REACH * epsilon / n_steps


def _ascent_direction(problem, y, targets):
    """Function from delta to the direction up the loss of y, or down that of the targets."""
    if targets is None:
        return problem.loss_gradient(problem.model.encode(y, len(problem.X)))
    return problem.loss_gradient(encode_targets(problem.model, targets, y, len(problem.X)), sign=-1)
