import numpy as np
from sklearn.metrics import accuracy_score

from sklearn_irg._fitted.extraction import model_and_rows
from sklearn_irg.attacks._problem import as_frame_like, encode_targets, one_for_each


def transfer_matrix(estimators, X, y, attack, *, targets=None):
    """Accuracy of each model on the adversarial rows of each, or success rates of targeted attacks.

    Rows that were moved towards a class may fool a model without being taken for that class. The
    accuracy under such an attack comes from an attack that has the targets itself,
    ``partial(fast_gradient, threat=0.1, targets=targets)`` [1]_; the success rate comes from
    ``targets`` here.

    Parameters
    ----------
    estimators : list of classifiers, or dict of name to classifier
        Fitted.
    X : array-like of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,)
        Their labels.
    attack : callable
        ``attack(estimator, X, y)`` that returns moved rows, such as ``partial(fast_gradient,
        threat=0.1)``. With targets it is called as ``attack(estimator, X, y, targets=targets)``.
    targets : label or array-like of shape (n_samples,), default=None
        Classes to move rows to, one for all or one for each, other than their labels.

    Returns
    -------
    shares : ndarray of shape (n_estimators, n_estimators)
        Entry (i, j) is the accuracy of model j on rows made with model i; with targets, the share
        of these rows that model j takes for their target.

    Raises
    ------
    ValueError
        For a label or target that a model has not seen in ``fit``, or a target that is the label of
        its row.

    References
    ----------
    .. [1] Ross and Doshi-Velez (2018), "Improving the adversarial robustness and interpretability
       of deep neural networks by regularizing their input gradients".

    Examples
    --------
    >>> from functools import partial
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_irg.attacks import fast_gradient, transfer_matrix
    >>> X, y = load_iris(return_X_y=True)
    >>> models = [LogisticRegression(C=C, max_iter=1000).fit(X, y) for C in (0.01, 1.0)]
    >>> attack = partial(fast_gradient, threat=1)
    >>> transfer_matrix(models, X, y, attack).round(2)
    array([[0.65, 0.69],
           [0.63, 0.44]])
    >>> transfer_matrix(models, X, y, attack, targets=(y + 1) % 3).round(2)
    array([[0.27, 0.24],
           [0.24, 0.28]])
    """
    models = list(estimators.values()) if isinstance(estimators, dict) else list(estimators)
    for model in models:
        inner, rows = model_and_rows(model, X)
        inner.encode(y, len(rows))
        if targets is not None:
            encode_targets(inner, targets, y, len(rows))
    counted, aim = y, {}
    if targets is not None:
        counted = one_for_each(targets, len(y))
        aim = {"targets": counted}
    made = [as_frame_like(X, attack(model, X, y, **aim)) for model in models]
    return np.array(
        [[accuracy_score(counted, model.predict(rows)) for model in models] for rows in made]
    )
