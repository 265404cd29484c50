"""Hard constraints on the weights, the ``constraint`` parameter of the estimators.

A constraint is a bound instead of a penalty.

One kind changes the weights inside the forward pass, with the gradient through the change; the
other projects them after each step of the solver. Either way the fitted ``coefs_`` obey the bound.
"""

from abc import abstractmethod

import numpy as np

from sklearn_irg._checks import InvalidParameterError, check_boolean, check_integer, check_real
from sklearn_irg._component import Component
from sklearn_irg._engine.autodiff import ArrayTuple, defvjp, defvjp_all, opaque, primitive
from sklearn_irg._engine.parametrizations import Parametrization
from sklearn_irg._engine.sensitivity import leading_singular_triple, power_iterations

__all__ = [
    "Constraint",
    "FrobeniusCap",
    "MaxNorm",
    "Projection",
    "SpectralNormalization",
    "WeightClipping",
    "check_constraint",
]


class Constraint(Component, Parametrization):
    """A constraint on all weight matrices of a network."""


class _Bounded(Component):
    def check_parameters(self):
        check_real(self.bound, "bound", 0, open_low=True)


class Projection(Constraint):
    """A constraint that is restored after each step of the solver."""

    gives_gradients = True
    projects = True

    def transform(self, network, theta):
        del network
        return theta

    def trained_gradients(self, network, theta, gradients):
        del network, theta
        return gradients

    @abstractmethod
    def project(self, network, theta):
        """Project θ onto the constraint, in place, after a step."""


class SpectralNormalization(_Bounded, Constraint):
    r"""Weights divided by their largest singular value.

    The network is then Lipschitz by construction.

    .. math:: \hat W_l = b^{1/L} \, W_l / \sigma(W_l)

    inside the forward pass, with the gradient through σ [1]_. The outputs of the network, for
    classifiers the logits, then change by at most :math:`b \lVert x - x' \rVert_2`. That needs
    activations with slopes of at most one; for one whose largest slope s is larger, b is first
    divided by :math:`s^{L-1}`.

    Parameters
    ----------
    bound : float, default=1.0
        The Lipschitz bound b of the whole network of L layers.
    n_iterations : int, default=None
        Number of power iterations, from a vector of ones [2]_; ``None`` computes singular values
        exactly. Power iterations approximate singular values from below, so the bound may be
        exceeded, and the gradient holds their directions constant, which excludes "lbfgs".

    References
    ----------
    .. [1] Miyato, Kataoka, Koyama and Yoshida (2018), "Spectral normalization for generative
       adversarial networks".
    .. [2] Su (2018), "Lipschitz constraints in deep learning: generalization and generative models"
       (in Chinese).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_irg import GradRegMLPClassifier
    >>> from sklearn_irg.constraints import SpectralNormalization
    >>> X, y = load_iris(return_X_y=True)
    >>> model = GradRegMLPClassifier((8,), constraint=SpectralNormalization(bound=4.0), tol=0.01, random_state=0)
    >>> [round(float(np.linalg.norm(W, 2)), 6) for W in model.fit(X, y).coefs_]
    [2.0, 2.0]
    """

    allows_zero = False  # weights of zero have no direction
    gives_gradients = True

    def __init__(self, bound=1.0, n_iterations=None):
        self.bound = bound
        self.n_iterations = n_iterations

    def check_parameters(self):
        super().check_parameters()
        if self.n_iterations is not None:
            check_integer(self.n_iterations, "n_iterations of SpectralNormalization", 1)

    @property
    def is_detached(self):
        """Whether singular vectors are approximate, so that the derivative is."""
        return self.n_iterations is not None

    def transform(self, network, theta):
        return _normalize(theta, network, self._bound_of_layers(network), self.n_iterations)[0]

    def transform_and_vjp(self, network, theta):
        bound = self._bound_of_layers(network)
        normalized = _normalized(theta, network, bound, self.n_iterations)
        return normalized[0], lambda g: _normalize_vjp(g, normalized.saved, theta, network, bound)

    def trained_gradients(self, network, theta, gradients):
        bound = self._bound_of_layers(network)
        return [
            _trained_gradient(G, network.weight(theta, layer), bound, self.n_iterations)[0]
            for layer, G in enumerate(gradients)
        ]

    def _bound_of_layers(self, network):
        n_layers = len(network.shapes)
        slope = max(1.0, float(network.activation.largest_slope))
        return (float(self.bound) / slope ** (n_layers - 1)) ** (1 / n_layers)


class FrobeniusCap(_Bounded, Projection):
    """Weights scaled down, after each step, to a Frobenius norm of at most a bound [1]_.

    Parameters
    ----------
    bound : float, default=1.0
        Largest Frobenius norm of each weight matrix.

    See Also
    --------
    MaxNorm : The same for the weights of each unit.

    References
    ----------
    .. [1] Su (2018), "Lipschitz constraints in deep learning: generalization and generative models"
       (in Chinese).

    Examples
    --------
    >>> from sklearn_irg.constraints import FrobeniusCap
    >>> FrobeniusCap(bound=3.0)
    FrobeniusCap(bound=3.0)
    """

    def __init__(self, bound=1.0):
        self.bound = bound

    def project(self, network, theta):
        for W, _ in network.unpack(theta):
            W *= min(1.0, float(self.bound) / max(float(np.linalg.norm(W)), np.finfo(W.dtype).tiny))


class MaxNorm(_Bounded, Projection):
    r"""Incoming weights of each unit scaled down, after each step, to a norm of at most a bound.

    .. math:: \lVert w_k \rVert_2 \le c

    for each column :math:`w_k` of each weight matrix, without biases [1]_; usually combined with
    ``dropout``.

    Parameters
    ----------
    bound : float, default=3.0
        Largest norm c of the weights of a unit.

    See Also
    --------
    FrobeniusCap : The same for a matrix as a whole.

    References
    ----------
    .. [1] Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov (2014), "Dropout: a simple
       way to prevent neural networks from overfitting".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_irg import GradRegMLPClassifier
    >>> from sklearn_irg.constraints import MaxNorm
    >>> X, y = load_iris(return_X_y=True)
    >>> model = GradRegMLPClassifier((8,), constraint=MaxNorm(0.5), tol=0.01, random_state=0).fit(X, y)
    >>> [round(float(np.linalg.norm(W, axis=0).max()), 6) for W in model.coefs_]
    [0.5, 0.5]
    """

    def __init__(self, bound=3.0):
        self.bound = bound

    def project(self, network, theta):
        for W, _ in network.unpack(theta):
            W *= np.minimum(
                1.0,
                float(self.bound) / np.maximum(np.linalg.norm(W, axis=0), np.finfo(W.dtype).tiny),
            )


class WeightClipping(_Bounded, Projection):
    """Weights clipped, after each step, to an interval around zero.

    Parameters
    ----------
    bound : float, default=0.01
        Largest absolute value of a weight.
    biases : bool, default=False
        Whether to clip biases too, as published [1]_; they do not affect the slope.

    References
    ----------
    .. [1] Arjovsky, Chintala and Bottou (2017), "Wasserstein generative adversarial networks".

    Examples
    --------
    >>> from sklearn_irg.constraints import WeightClipping
    >>> WeightClipping(bound=0.1)
    WeightClipping(bound=0.1)
    """

    def __init__(self, bound=0.01, biases=False):
        self.bound = bound
        self.biases = biases

    def check_parameters(self):
        super().check_parameters()
        check_boolean(self.biases, "biases of WeightClipping")

    def project(self, network, theta):
        for W, b in network.unpack(theta):
            for array in (W, b) if self.biases and b is not None else (W,):
                np.clip(array, -float(self.bound), float(self.bound), out=array)


def check_constraint(constraint):
    """The constraint, with parameters in range.

    Parameters
    ----------
    constraint : Constraint or None
        Constraint on the weights.

    Returns
    -------
    constraint : Constraint or None
        The same object.

    Raises
    ------
    ValueError
        If it is neither, or has a parameter out of range.

    Examples
    --------
    >>> from sklearn_irg.constraints import FrobeniusCap, check_constraint
    >>> check_constraint(FrobeniusCap(bound=2.0))
    FrobeniusCap(bound=2.0)
    """
    if constraint is None:
        return None
    if not isinstance(constraint, Constraint):
        raise InvalidParameterError(
            "constraint must be None or a Constraint such as SpectralNormalization(); got "
            f"{constraint!r}."
        )
    constraint.check_parameters()
    return constraint


def _leading(W, n_iterations):
    """Leading singular triple of a matrix: exact, or by so many power iterations."""
    if n_iterations is None:
        u, sigma, v = leading_singular_triple(W) if np.isfinite(W).all() else (None, np.nan, None)
    else:
        u, sigma, v = power_iterations(W, n_iterations)
    if not np.isfinite(sigma):
        raise ValueError(
            "training diverged: weights are not finite. Standardize X, or lower learning_rate_init."
        )
    return u, max(sigma, np.finfo(W.dtype).tiny), v


def _normalized(theta, network, bound, n_iterations):
    """Parameters with normalized weights, and the leading singular triple of each matrix."""
    effective = theta.copy()
    triples = [_leading(W, n_iterations) for W, _ in network.unpack(theta)]
    for (W, _), (_, sigma, _) in zip(network.unpack(effective), triples, strict=True):
        W *= bound / sigma
    return ArrayTuple([effective], saved=triples)


_normalize = primitive(_normalized)


@opaque
def _normalize_vjp(g, triples, theta, network, bound):
    gradient = g.copy()
    for (G, _), (W, _), (u, sigma, v) in zip(
        network.unpack(gradient), network.unpack(theta), triples, strict=True
    ):
        G -= ((np.vdot(G, W) / sigma) * u)[:, None] * v
        G *= bound / sigma
    return gradient


defvjp(
    _normalize,
    lambda ans, theta, network, bound, n_iterations: (
        lambda g: _normalize_vjp(g[0], ans.saved, theta, network, bound)
    ),
)


# -- derivatives with respect to the weights before they are normalized, differentiable again ------


@primitive
def _trained_gradient(G, W, bound, n_iterations):
    triple = _leading(W, n_iterations)
    return ArrayTuple([_tangent(G, W, triple, bound)], saved=triple)


def _tangent(G, W, triple, bound):
    u, sigma, v = triple
    return (bound / sigma) * (G - np.outer((np.vdot(G, W) / sigma) * u, v))


@opaque
def _trained_gradient_vjp(A, triple, G, W, bound, n_iterations):
    # for ⟨A, tangent⟩ = b/σ · (⟨A, G⟩ - ⟨G, W⟩ uᵀAv / σ)
    u, sigma, v = triple
    of_G, of_W, turn = np.vdot(A, G), np.vdot(G, W) / sigma, (u @ A @ v) / sigma
    to_G = (bound / sigma) * (A - turn * W)
    to_W = np.outer((2 * of_W * turn - of_G / sigma) * u, v) - turn * G
    if n_iterations is None:  # else singular vectors are constants
        to_W -= of_W * _derivative_of_singular_vectors(A, W)
    return to_G, (bound / sigma) * to_W


def _derivative_of_singular_vectors(A, W):
    """Derivative of uᵀAv with respect to W, whose leading singular vectors u and v are."""
    U, s, Vt = np.linalg.svd(W, full_matrices=False)
    u, v = U[:, 0], Vt[0]
    p, q = A @ v, A.T @ u
    a, b = U[:, 1:].T @ p, Vt[1:] @ q
    gaps = np.maximum(
        s[0] ** 2 - s[1:] ** 2, np.finfo(W.dtype).eps * s[0] ** 2
    )  # where singular values tie there is no derivative
    of_u = U[:, 1:] @ ((s[0] * a + s[1:] * b) / gaps) + (p - U @ (U.T @ p)) / s[0]
    of_v = Vt[1:].T @ ((s[1:] * a + s[0] * b) / gaps) + (q - Vt.T @ (Vt @ q)) / s[0]
    return np.outer(of_u, v) + np.outer(u, of_v)


defvjp_all(
    _trained_gradient,
    lambda g, ans, G, W, bound, n_iterations: _trained_gradient_vjp(
        g[0], ans.saved, G, W, bound, n_iterations
    ),
)
