import numpy as np
from sklearn.metrics import accuracy_score

from sklearn_irg._fitted.extraction import model_and_rows
from sklearn_irg.attacks._problem import like


def transfer_matrix(estimators, X, y, attack):
    """Accuracy of each model on the adversarial rows of each.

    Parameters
    ----------
    estimators : list of classifiers, or dict of name to classifier
        Fitted.
    X : array-like of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,)
        Their labels.
    attack : callable
        ``attack(estimator, X, y)`` that returns moved rows, such as ``partial(fast_gradient, epsilon=0.1)``.

    Returns
    -------
    accuracies : ndarray of shape (n_estimators, n_estimators)
        Entry (i, j) is the accuracy of model j on rows made with model i.

    Examples
    --------
    >>> from functools import partial
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_irg.attacks import fast_gradient, transfer_matrix
    >>> X, y = load_iris(return_X_y=True)
    >>> models = [LogisticRegression(C=C, max_iter=1000).fit(X, y) for C in (0.01, 1.0)]
    >>> transfer_matrix(models, X, y, partial(fast_gradient, epsilon=0.3)).shape
    (2, 2)
    """
    models = list(estimators.values()) if isinstance(estimators, dict) else list(estimators)
    for model in models:
        own, rows = model_and_rows(model, X)
        own.encode(y, len(rows))
    made = [like(X, attack(model, X, y)) for model in models]
    return np.array([[accuracy_score(y, model.predict(rows)) for model in models] for rows in made])
