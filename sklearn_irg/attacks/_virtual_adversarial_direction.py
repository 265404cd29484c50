from sklearn.utils import check_random_state

from sklearn_irg._checks import check_integer, check_real
from sklearn_irg._engine import sensitivity
from sklearn_irg.attacks._problem import GradientProblem


def virtual_adversarial_direction(
    estimator, X, *, xi=1e-3, n_power_iterations=10, features=None, random_state=None
):
    """Unit direction in which each row's prediction changes most; no label is used.

    By power iteration on the Kullback-Leibler divergence from the probabilities that
    ``predict_proba`` states of a row to those of a point at distance ``xi`` [1]_.

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
    features : sequence of str, int or bool, default=None
        Columns in which the direction may be nonzero. ``None`` means all.
    random_state : int, RandomState or None, default=None
        Random numbers for the initial direction, the same for all rows.

    Returns
    -------
    directions : ndarray of shape (n_samples, n_features)
        Of unit L2 norm; the random initial one where the prediction does not change at all. Zero
        where nothing may move.

    References
    ----------
    .. [1] Miyato, Maeda, Koyama and Ishii (2018), "Virtual adversarial training: a regularization
       method for supervised and semi-supervised learning".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_irg import GradRegLogisticRegression
    >>> from sklearn_irg.attacks import virtual_adversarial_direction
    >>> X, y = load_iris(return_X_y=True)
    >>> virtual_adversarial_direction(GradRegLogisticRegression(max_iter=500).fit(X, y), X, random_state=0).shape
    (150, 4)
    """
    xi = check_real(xi, "xi", 0, open_low=True)
    n_power_iterations = check_integer(n_power_iterations, "n_power_iterations", 0)
    rng = check_random_state(random_state)
    problem = GradientProblem(estimator, X, features)
    model, X = problem.loss_model, problem.X
    prediction = model.likelihood.mean(model.scores(X))
    return sensitivity.virtual_adversarial_direction(
        lambda X: model.loss_gradients(X, prediction),
        X,
        sensitivity.common_direction(X, rng, X.dtype, problem.mask),
        xi=xi,
        n_power_iterations=n_power_iterations,
        mask=problem.mask,
    )
