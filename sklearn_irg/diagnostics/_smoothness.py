import numpy as np
from sklearn.utils import check_random_state

from sklearn_irg._checks import check_integer, check_real
from sklearn_irg._engine.sensitivity import common_direction, virtual_adversarial_direction
from sklearn_irg._fitted.extraction import loss_model_of, model_and_rows


def local_smoothness(estimator, X, epsilon, *, xi=1e-3, n_power_iterations=10, random_state=None):
    r"""Largest change of the prediction near each row: the local distributional smoothness.

    .. math:: \mathrm{KL}\bigl(p(\cdot \mid x) \,\Vert\, p(\cdot \mid x + r)\bigr), \qquad
        r \approx \arg\max_{\lVert r \rVert_2 \le \epsilon}
        \mathrm{KL}\bigl(p(\cdot \mid x) \,\Vert\, p(\cdot \mid x + r)\bigr)

    in nats, zero where the prediction does not change [1]_; the 2015 paper has the opposite sign.
    Power iteration finds the worst direction to second order only, so it is a lower bound on the
    worst change; where gradients say nothing, as for trees, the direction is random. For regressors
    it is half the squared change. No label is used.

    Parameters
    ----------
    estimator : estimator
        Fitted: linear, an MLP, anything with ``decision_function`` or ``predict_proba`` (by 4 to
        8 · n_features calls of it per iteration), or a pipeline of affine steps and one of these.
    X : array-like of shape (n_samples, n_features)
        Samples.
    epsilon : float
        Radius, an L2 norm in units of X.
    xi : float, default=1e-3
        Distance at which the power iteration differentiates, in units of X.
    n_power_iterations : int, default=10
        Number of power iterations.
    random_state : int, RandomState or None, default=None
        Random numbers for the initial directions.

    Returns
    -------
    divergences : ndarray of shape (n_samples,)
        Non-negative.

    Raises
    ------
    ValueError
        For parameters out of range, X of the wrong width or with NaN.

    See Also
    --------
    sklearn_irg.penalties.VirtualAdversarial : The penalty.

    References
    ----------
    .. [1] Miyato, Maeda, Koyama and Ishii (2018), "Virtual adversarial training: a regularization
       method for supervised and semi-supervised learning".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_irg import GradRegLogisticRegression
    >>> from sklearn_irg.diagnostics import local_smoothness
    >>> X, y = load_iris(return_X_y=True)
    >>> for alpha in (0, 1):
    ...     model = GradRegLogisticRegression(alpha=alpha, max_iter=500).fit(X, y)
    ...     print(alpha, local_smoothness(model, X, epsilon=0.5, random_state=0).mean().round(2))
    0 0.2
    1 0.04
    """
    epsilon = check_real(epsilon, "epsilon", 0, open_low=True)
    xi = check_real(xi, "xi", 0, open_low=True)
    n_power_iterations = check_integer(n_power_iterations, "n_power_iterations", 0)
    rng = check_random_state(random_state)
    model, rows = model_and_rows(estimator, X)
    model, X = loss_model_of(estimator, X, model, rows), rows
    if model.is_piecewise_constant(X):
        n_power_iterations = 0  # slopes at thresholds say nothing of the direction
    scores = model.scores(X)
    prediction = model.likelihood.mean(scores)
    directions = virtual_adversarial_direction(
        lambda X: model.loss_gradients(X, prediction),
        X,
        common_direction(X, rng, X.dtype, model.is_movable(X)),
        xi=xi,
        n_power_iterations=n_power_iterations,
    )
    # its sign is arbitrary: the worse of both
    divergences = [
        model.likelihood.divergence(model.scores(X + s * epsilon * directions), scores)
        for s in (1, -1)
    ]
    return np.maximum(np.maximum(*divergences), 0)
