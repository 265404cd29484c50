from copy import copy

import numpy as np

from sklearn_irg._checks import check_boolean, check_integer, check_real
from sklearn_irg._engine.autodiff import (
    root,
    scale_rows,
    squared_norm,
    stop_gradient,
    transposed_matmul,
)
from sklearn_irg._engine.quantities import SquaredWeights
from sklearn_irg._engine.sensitivity import squared_spectral_norm
from sklearn_irg.penalties._base import BatchPenalty, WeightPenalty


class WeightDecay(WeightPenalty):
    r"""Squared Frobenius norm of the weights.

    .. math:: \sum_l \max(\lVert W_l \rVert_F - b, 0)^2

    summed over layers, without biases; with a bound b of zero it is :math:`\sum_l \lVert W_l
    \rVert_F^2` [1]_. The estimators' ``l2`` is this penalty with scikit-learn's normalization and
    default; use this class to search over its strength. A logistic regression with ``l2=0`` and
    this penalty has the optimum of scikit-learn's with ``C = 1 / (2 * n * alpha)``; with both, the
    total decay is ``l2 / (2 * n) + alpha``, where n is the sum of the weights of the rows.

    Parameters
    ----------
    bound : float, default=0.0
        Norm of each matrix below which nothing is penalized: a soft form of
        `sklearn_irg.constraints.FrobeniusCap`.

    References
    ----------
    .. [1] Krogh and Hertz (1991), "A simple weight decay can improve generalization".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_irg import GradRegLogisticRegression
    >>> X, y = load_iris(return_X_y=True)
    >>> round(GradRegLogisticRegression("weight_decay", alpha=0.01).fit(X, y).score(X, y), 2)
    0.97
    """

    def __init__(self, bound=0.0):
        self.bound = bound

    @property
    def limits_slope(self):
        """Whether there is a bound up to which it costs nothing."""
        return self.bound > 0

    def check_parameters(self):
        check_real(self.bound, "bound of WeightDecay", 0)

    def value(self, network, theta):
        if self.bound == 0:
            return network.squared_weights(theta)
        excesses = (root(squared_norm(W)) - float(self.bound) for W in network.weights(theta))
        return sum(
            excess * excess if stop_gradient(excess) > 0 else 0 * excess for excess in excesses
        )

    def summands(self, step):
        return [(1.0, SquaredWeights())] if self.bound == 0 else None


class SpectralNorm(WeightPenalty):
    r"""Squared largest singular values of the weights.

    .. math:: \sum_l \sigma(W_l)^2

    summed over layers [1]_. Their product bounds how much any change of the input can change the
    output.

    Parameters
    ----------
    n_iterations : int, default=None
        Number of power iterations, from a vector of ones [2]_, which approximate singular values
        from below; ``None`` is exact.

    References
    ----------
    .. [1] Yoshida and Miyato (2017), "Spectral norm regularization for improving the
       generalizability of deep learning".
    .. [2] Su (2018), "Lipschitz constraints in deep learning: generalization and generative models"
       (in Chinese).

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_irg import GradRegLogisticRegression
    >>> X, y = load_iris(return_X_y=True)
    >>> round(GradRegLogisticRegression("spectral_norm", alpha=0.01, max_iter=500).fit(X, y).score(X, y), 2)
    0.96
    """

    _sharpness = None

    def __init__(self, n_iterations=None):
        self.n_iterations = n_iterations

    @property
    def is_detached(self):
        """Whether the direction that power iterations find is held constant.

        It is not exactly that of a singular value.
        """
        return self.n_iterations is not None

    @property
    def has_kinks(self):
        """Whether there are kinks, which lie where singular values tie."""
        return self.n_iterations is None

    def check_parameters(self):
        if self.n_iterations is not None:
            check_integer(self.n_iterations, "n_iterations of SpectralNorm", 1)

    def value(self, network, theta):
        options = {"sharpness": self._sharpness, "n_iterations": self.n_iterations}
        return sum(squared_spectral_norm(W, **options) for W in network.weights(theta))

    def smoothed(self, sharpness):
        other = copy(self)
        other._sharpness = sharpness
        return other


class ParameterGradient(BatchPenalty):
    r"""Norm of the gradient of the batch's mean loss with respect to the parameters.

    .. math:: \lVert \nabla_\theta L \rVert_2^2 \quad\text{or}\quad \lVert \nabla_\theta L \rVert_2

    with the mean loss L of the minibatch, biases included; gradient descent with a finite step size
    implicitly adds a quarter of the step size times the square [2]_. Not squared it is the
    published penalty on the gradient norm [1]_, whose own gradient is the change of the gradient
    along itself,

    .. math:: \nabla_\theta \lVert \nabla_\theta L \rVert_2 = \frac 1 r \left( \nabla L\left(\theta + r
        \frac{\nabla L}{\lVert \nabla L \rVert}\right) - \nabla L(\theta) \right) + O(r),

    computed here exactly, without finite differences. The norm has a kink where the gradient is
    zero, at every stationary point of the loss; its derivative is taken as zero there, and "lbfgs"
    rounds it off. The penalty is not a mean over rows, so a batch is evaluated as a whole.

    The parameters are those that are trained: under a
    `sklearn_irg.constraints.SpectralNormalization` the weights before they are normalized.

    Parameters
    ----------
    squared : bool, default=True
        Whether the norm is squared.

    Raises
    ------
    ValueError
        In ``fit``, under batch normalization, and under a constraint of one's own that changes
        weights in the forward pass.

    References
    ----------
    .. [1] Zhao, Zhang and Hu (2022), "Penalizing gradient norm for efficiently improving
       generalization in deep learning".
    .. [2] Barrett and Dherin (2021), "Implicit gradient regularization".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_irg import GradRegMLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = GradRegMLPClassifier(random_state=0, penalty="parameter_gradient", alpha=0.01, max_iter=1000, tol=1e-3)
    >>> print(f"{model.fit(X, y).score(X, y):.2f}")
    0.9...
    """

    differentiates_parameters = True
    _sharpness = None

    def __init__(self, squared=True):
        self.squared = squared

    @property
    def has_kinks(self):
        """Whether there are kinks, which lie where the gradient of the loss is zero."""
        return not self.squared

    def check_parameters(self):
        check_boolean(self.squared, "squared of ParameterGradient")

    def smoothed(self, sharpness):
        other = copy(self)
        other._sharpness = sharpness
        return other

    def value(self, step):
        weights = step.weights_of(self.group)
        weighted = scale_rows(weights / weights.sum(), step.residuals)
        cotangents = step.network.backward(step.theta, step.forward, weighted)
        ones = np.ones((step.X.shape[0], 1), dtype=step.X.dtype)
        inputs = [step.X, *(step.forward[l] for l in range(len(cotangents) - 1))]
        gradients = [transposed_matmul(A, D) for A, D in zip(inputs, cotangents, strict=True)]
        total = sum(squared_norm(G) for G in step.trained_gradients(gradients))
        if step.network.fit_intercept:
            total = total + sum(squared_norm(transposed_matmul(ones, D)) for D in cotangents)
        if self.squared:
            return total
        return root(total if self._sharpness is None else total + self._sharpness**-2)
