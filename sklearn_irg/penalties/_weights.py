from sklearn_irg._autodiff import squared_norm
from sklearn_irg.penalties._base import WeightPenalty
from sklearn_irg.sensitivity import squared_spectral_norm


class WeightDecay(WeightPenalty):
    r"""Squared Frobenius norm of the weights.

    .. math:: \sum_l \lVert W_l \rVert_F^2

    summed over layers, without biases. A logistic regression with ``alpha`` of it has the optimum of scikit-learn's with
    ``C = 1 / (2 * n_samples * alpha)``.

    References
    ----------
    .. [1] Krogh and Hertz (1991), "A simple weight decay can improve generalization".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_irg import GradRegLogisticRegression
    >>> X, y = load_iris(return_X_y=True)
    >>> GradRegLogisticRegression("weight_decay", alpha=0.01).fit(X, y).score(X, y) > 0.9
    True
    """

    def value(self, network, theta):
        return sum(squared_norm(W) for W in network.weights(theta))


class SpectralNorm(WeightPenalty):
    r"""Squared largest singular values of the weights.

    .. math:: \sum_l \sigma(W_l)^2

    summed over layers [1]_. Their product bounds how much any change of the input can change the output.

    References
    ----------
    .. [1] Yoshida and Miyato (2017), "Spectral norm regularization for improving the generalizability of deep learning".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_irg import GradRegLogisticRegression
    >>> X, y = load_iris(return_X_y=True)
    >>> GradRegLogisticRegression("spectral_norm", alpha=0.01, max_iter=500).fit(X, y).score(X, y) > 0.9
    True
    """

    def value(self, network, theta):
        return sum(squared_spectral_norm(W) for W in network.weights(theta))
