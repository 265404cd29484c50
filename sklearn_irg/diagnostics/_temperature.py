import numpy as np

from sklearn_irg._checks import check_real
from sklearn_irg._fitted.extraction import loss_model_of, model_and_rows

# logarithms of temperatures, in units of the median difference of scores: 1e-13 to 1e13
_FURTHEST = 30.0
_N_HALVINGS = 100  # more than doubles resolve, which is some 55 for this interval


def temperature(estimator, X, confidence=0.95):
    """Temperature at which the median confidence of a classifier on X has a given value.

    It is the number to divide scores by.

    Models differ in how confident they are; with each at its own temperature, their confidences are
    comparable [1]_. Where ``predict_proba`` is not the softmax or the logistic function of the
    scores, log-probabilities take their place.

    Parameters
    ----------
    estimator : classifier
        Fitted.
    X : array-like of shape (n_samples, n_features)
        Samples to calibrate on; no label is used.
    confidence : float, default=0.95
        Median of the largest probability, between 1 / n_classes and 1.

    Returns
    -------
    temperature : float
        Positive; above one for a model that is too confident.

    Raises
    ------
    ValueError
        For a confidence out of range, or scores that are zero throughout.

    See Also
    --------
    sklearn_irg.attacks.confidence_ascent : Moves rows until a model is confident of another class.

    References
    ----------
    .. [1] Tanay and Griffin (2018), "A new angle on L2 regularization".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_irg import GradRegLogisticRegression
    >>> from sklearn_irg.diagnostics import temperature
    >>> X, y = load_iris(return_X_y=True)
    >>> for alpha in (0, 1):
    ...     print(alpha, round(temperature(GradRegLogisticRegression(alpha=alpha, max_iter=500).fit(X, y), X), 2))
    0 1.04
    1 0.39
    """
    model, rows = model_and_rows(estimator, X)
    model.require_classes()
    model, X = loss_model_of(estimator, X, model, rows), rows
    confidence = check_real(
        confidence, "confidence", 1 / len(model.classes), 1, open_low=True, open_high=True
    )
    scores = model.scores(X).astype(np.float64)
    differences = np.abs(scores[:, 0]) if scores.shape[1] == 1 else np.ptp(scores, axis=1)
    size = np.median(differences)
    if not size > 0:
        raise ValueError(
            f"{model.name} is indifferent to most rows of X: no temperature makes it confident in them."
        )
    scores = scores / size

    def median(log_temperature):
        P = model.likelihood.mean(scores / np.exp(log_temperature))
        return np.median(np.maximum(P, 1 - P) if P.shape[1] == 1 else P.max(axis=1))

    low, high = -_FURTHEST, _FURTHEST  # confidence falls as the temperature rises
    for _ in range(_N_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if median(middle) > confidence else (low, middle)
    return float(size * np.exp(high))
