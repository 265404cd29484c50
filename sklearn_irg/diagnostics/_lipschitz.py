"""Upper and lower bounds on slopes of the outputs, and their relation to the parameters."""

from dataclasses import asdict, dataclass

import numpy as np

from sklearn_irg._checks import check_choice, check_integer
from sklearn_irg._engine.sensitivity import normalized_rows
from sklearn_irg._fitted.attributes import as_model
from sklearn_irg._fitted.extraction import loss_model_of, model_and_numbers, model_and_rows
from sklearn_irg._fitted.table_rows import numbers_of, where
from sklearn_irg._fitted.weights import require_weights
from sklearn_irg.diagnostics._gradients import predicted_targets

# of the mean standard deviation of the columns: a fifth, so that five steps cross a table; a
# choice, since any point in it gives a lower bound
_STRIDE = 0.2


@dataclass(frozen=True)
class LipschitzBounds:
    """Bounds on the Lipschitz constant of the scores, in L2 norms, scores per unit of X.

    Attributes
    ----------
    spectral : float
        Upper bound: product of the spectral norms of the weights and of the largest slopes of the
        activations.
    frobenius : float
        Upper bound: the same with Frobenius norms.
    empirical : float or None
        Lower bound: largest spectral norm of the Jacobian found.
    """

    spectral: float
    frobenius: float
    empirical: float | None

    def to_frame(self):
        """A pandas DataFrame with one row."""
        import pandas as pd

        return pd.DataFrame([asdict(self)])


def lipschitz_bounds(estimator, X=None, *, n_steps=5):
    """Bounds on how fast the scores of a network can change.

    Parameters
    ----------
    estimator : estimator
        A fitted linear model or MLP, or a pipeline of affine steps and one of these.
    X : array-like of shape (n_samples, n_features), default=None
        Rows from which to search for a large slope; without them there is no empirical bound.
    n_steps : int, default=5
        Number of steps from each row towards a larger slope.

    Returns
    -------
    bounds : LipschitzBounds
        ``empirical <= true constant <= spectral <= frobenius``.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_irg import GradRegMLPClassifier
    >>> from sklearn_irg.diagnostics import lipschitz_bounds
    >>> X, y = load_iris(return_X_y=True)
    >>> model = GradRegMLPClassifier(learning_rate_init=0.01, tol=1e-3, random_state=0).fit(X, y)
    >>> lipschitz_bounds(model, X).to_frame().round()
       spectral  frobenius  empirical
    0      10.0       15.0        9.0
    """
    n_steps = check_integer(n_steps, "n_steps", 0)
    model, X = (as_model(estimator), None) if X is None else model_and_rows(estimator, X)
    require_weights(model)
    slopes = model.network.activation.largest_slope ** (len(model.layers) - 1)
    norms = [[float(np.linalg.norm(W, order)) for W, _ in model.layers] for order in (2, "fro")]
    empirical = None if X is None else _steepest(model, X, n_steps)
    return LipschitzBounds(
        slopes * float(np.prod(norms[0])), slopes * float(np.prod(norms[1])), empirical
    )


@dataclass(frozen=True, eq=False)
class GradientInequality:
    """Both sides, for each row, of a bound on the input gradient by the parameter gradient.

    Attributes
    ----------
    left : ndarray of shape (n_samples,)
        Squared input gradient times the sum over layers.
    right : ndarray of shape (n_samples,)
        Squared parameter gradient.
    """

    left: np.ndarray
    right: np.ndarray

    def to_frame(self):
        """A pandas DataFrame with one row per sample."""
        import pandas as pd

        return pd.DataFrame(asdict(self))


def gradient_inequality(estimator, X, output=0, *, y=None, of="score"):
    r"""Both sides of an inequality between flatness in the input and flatness in the parameters.

    .. math:: \lVert \nabla_x f \rVert^2 \sum_t \frac{1 + \lVert h_t \rVert^2}{\lVert W_t \rVert^2 \lVert \partial h_t /
        \partial x \rVert^2} \le \lVert \nabla_\theta f \rVert^2

    with :math:`h_t` the input of layer t, :math:`h_1 = x`, and spectral norms of the matrices [1]_.
    It holds for any scalar function f of the outputs.

    Parameters
    ----------
    estimator : estimator
        A fitted linear model or MLP, or a pipeline of affine steps and one of these.
    X : array-like of shape (n_samples, n_features)
        Samples.
    output : int, default=0
        Index of the score f; not used for the loss.
    y : array-like of shape (n_samples,), default=None
        Labels for the loss, not used for a score. ``None`` means the predicted ones.
    of : {"score", "loss"}, default="score"
        Whether f is a score or the negative log-likelihood of each row's label.

    Returns
    -------
    sides : GradientInequality
        ``left <= right`` for each row.

    References
    ----------
    .. [1] Dherin, Munn and Barrett (2021), "The geometric Occam's razor implicit in deep learning".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_irg import GradRegMLPClassifier
    >>> from sklearn_irg.diagnostics import gradient_inequality
    >>> X, y = load_iris(return_X_y=True)
    >>> sides = gradient_inequality(GradRegMLPClassifier(tol=0.01, random_state=0).fit(X, y), X)
    >>> print(f"{(sides.left / sides.right).max():.1f}")  # at most one
    0.1
    """
    model = _network_model(estimator)
    rows = X
    X = model_and_numbers(estimator, rows)[1]
    output = check_integer(output, "output", 0, model.n_outputs - 1)
    forward = model.network.forward(model.theta, X)
    if check_choice(of, "of", ("score", "loss")) == "loss":
        _require_loss_of_scores(estimator, rows, model, X)
        targets = predicted_targets(model, forward[-1]) if y is None else model.encode(y, len(X))
        cotangent = model.likelihood.loss_and_residual(forward[-1], targets)[1]
    else:
        cotangent = np.zeros_like(forward[-1])
        cotangent[:, output] = 1
    deltas = model.network.backward(model.theta, forward, cotangent)
    inputs = [X, *forward[:-1]]
    right = sum(
        (D**2).sum(axis=1) * (1 + (H**2).sum(axis=1)) for D, H in zip(deltas, inputs, strict=True)
    )
    gradient = deltas[0] @ model.layers[0][0].T
    J, total = (
        np.broadcast_to(np.eye(X.shape[1], dtype=X.dtype), (len(X), X.shape[1], X.shape[1])),
        0,
    )
    for (W, _), H, slope in zip(model.layers, inputs, [*forward.saved.slopes, None], strict=True):
        denominator = np.linalg.norm(W, 2) ** 2 * np.linalg.norm(J, 2, axis=(1, 2)) ** 2
        total = total + np.divide(
            1 + (H**2).sum(axis=1), denominator, out=np.zeros(len(X)), where=denominator > 0
        )
        J = np.einsum("ioj,oh->ihj", J, W)
        J = J if slope is None else slope[:, :, None] * J
    return GradientInequality((gradient**2).sum(axis=1) * total, right)


def _require_loss_of_scores(estimator, X, model, rows):
    if loss_model_of(estimator, X, model, rows) is not model:
        raise TypeError(
            f"the probabilities that {model.name} states are not the softmax of its scores, so its "
            "loss is not a loss of the scores. Use of='score'."
        )


def _network_model(estimator):
    model = as_model(estimator)
    require_weights(model)
    return model


def _steepest(model, X, n_steps):
    """Largest spectral norm of the Jacobian over rows and over steps along its main direction."""
    largest = 0.0
    spread = numbers_of(X).std(axis=0).mean() + np.finfo(X.dtype).tiny
    for step in range(n_steps + 1):
        J = model.score_gradients(X).transpose(1, 0, 2)
        _, singular, right = np.linalg.svd(J, full_matrices=False)
        largest = max(largest, float(singular[:, 0].max()))
        if step == n_steps:
            return largest
        trial = [X + sign * _STRIDE * spread * normalized_rows(right[:, 0]) for sign in (1, -1)]
        norms = [
            np.linalg.norm(model.score_gradients(T).transpose(1, 0, 2), 2, axis=(1, 2))
            for T in trial
        ]
        X = where(norms[0] > norms[1], *trial)
    return largest
