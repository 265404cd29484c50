from sklearn.base import clone

from sklearn_irg._estimators._base import NetworkEstimator
from sklearn_irg._training.data import are_distributed, check_data
from sklearn_irg._training.train import initial_values
from sklearn_irg.model_selection._alpha_search import AlphaSearch


def balanced_alpha(estimator, X, y, *, sample_weight=None, mask=None):
    """Strength ``alpha`` at which penalty and loss are equal where the fit starts.

    A starting point for a search: below it the loss dominates at first, above it the penalty does
    [1]_.

    Parameters
    ----------
    estimator : GradRegMLPClassifier, GradRegMLPRegressor or VATClassifier
        Estimator with its penalty; neither fitted nor changed. An integer ``random_state`` makes a
        later fit start from the same weights.
    X : array-like of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,)
        Targets.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each row.
    mask : array-like of bool of shape (n_samples, n_features), default=None
        Entries of X to which the penalty applies.

    Returns
    -------
    alpha : float
        Mean loss over penalty at the initial parameters.

    Raises
    ------
    ValueError
        If the penalty vanishes there: for a linear model, which starts from zero, or an estimator
        without a penalty; or if the loss is not positive.

    References
    ----------
    .. [1] Ross, Hughes and Doshi-Velez (2017), "Right for the right reasons: training
       differentiable models by constraining their explanations".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_irg import GradRegMLPClassifier
    >>> from sklearn_irg.model_selection import balanced_alpha
    >>> X, y = load_iris(return_X_y=True)
    >>> print(f"{balanced_alpha(GradRegMLPClassifier(random_state=0), X, y):.1f}")
    13.5
    """
    if isinstance(estimator, AlphaSearch):
        raise TypeError(
            f"{type(estimator).__name__} chooses its alpha itself. Pass a "
            f"{estimator._base_class.__name__}."
        )
    if not isinstance(estimator, NetworkEstimator):
        raise TypeError(
            f"balanced_alpha needs an estimator of sklearn_irg; got {type(estimator).__name__}. "
            "For a pipeline, pass its last step and the X that step sees."
        )
    if are_distributed(X):
        raise TypeError(
            "the balance needs rows in memory; got a dask collection. Pass one of its partitions."
        )
    estimator = clone(estimator)
    settings = estimator._settings()
    data = check_data(estimator, X, y, sample_weight, mask)
    loss, penalty = initial_values(estimator._task(), data, settings)
    if not loss > 0:
        raise ValueError(
            f"the loss is {loss:g} where {type(estimator).__name__} starts, so no alpha balances "
            "it."
        )
    if not penalty > 0:
        raise ValueError(
            f"the penalty is {penalty:g} where {type(estimator).__name__} starts, so no alpha "
            "balances it: there is none, or weights start from zero, as those of linear models do. "
            "Search over alpha instead."
        )
    return loss / penalty
