from sklearn_irg.diagnostics._models import as_model, encode


def input_gradients(estimator, X, y):
    """Gradient of the loss with respect to the input, for each row.

    Parameters
    ----------
    estimator : estimator
        A fitted linear classifier or multi-layer perceptron.
    X : array-like of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,)
        Their labels.

    Returns
    -------
    gradients : ndarray of shape (n_samples, n_features)
        Derivative of the negative log-likelihood of each row's label, per unit of X.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_irg import GradRegLogisticRegression
    >>> from sklearn_irg.diagnostics import input_gradients
    >>> X, y = load_iris(return_X_y=True)
    >>> input_gradients(GradRegLogisticRegression().fit(X, y), X, y).shape
    (150, 4)
    """
    model = as_model(estimator)
    X = model.check_X(X)
    forward = model.forward(X)
    _, residual = model.network.likelihood.loss_and_residual(forward[-1], encode(model, y, len(X)))
    return model.pull_back(forward, residual)
