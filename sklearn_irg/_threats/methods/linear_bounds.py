"""Lower bounds on margins of neural networks, by linear bounds of activations."""

from functools import partial

import numpy as np

from sklearn_irg._engine.activations import Activation
from sklearn_irg._fitted.linear_bounds import BallAroundRows, margin_bounds_over, margin_functions
from sklearn_irg._fitted.table_models import AffineTableModel
from sklearn_irg._perturbations.input_perturbations import InputPerturbations
from sklearn_irg._perturbations.projection import ANYWHERE, DUAL
from sklearn_irg._threats.methods._base import Method
from sklearn_irg._threats.rounding import margin_slack

__all__ = [
    "LinearBounds",
    "certified_radii",
    "from_first_layer",
    "inputs_of",
    "margin_lower_bounds",
]

_BLOCK_ENTRIES = 8_000_000  # of bounds of a block of rows, to bound memory: 64 MB
# of a first-order estimate, to a billion times it; beyond that, all or nothing is certified
_N_DOUBLINGS = 30


class LinearBounds(Method):
    """Linear bounds of activations, substituted back through the layers."""

    name = "linear_bounds"
    answers = frozenset({"certify", "lower", "score"})

    @classmethod
    def obstacle(cls, problem):
        model = problem.model
        if not model.has_weights:
            return f"{model.name} has no weights"
        if problem.perturbations.columns and problem.effects is None:
            return "the steps before the model do not act column by column on categories"
        if not _knows_its_lines(model.network.activation):
            return f"the activation {model.network.activation!r} declares no linear bounds"
        return None

    def certify(self, radius, rows):
        margins = margin_lower_bounds(self.problem.take(rows), np.full(len(rows), radius))
        return (margins > 0).all(axis=1)

    def lowest_margins(self, radius):
        margins = margin_lower_bounds(self.problem, np.full(len(self.problem), radius))
        return margins[:, 0], np.full(len(margins), np.inf)

    def distances(self):
        lower, _ = certified_radii(self.problem)
        return lower, np.full(len(lower), np.inf)


def _knows_its_lines(activation):
    """Whether the linear bounds are of the function itself, not inherited from another one."""
    kind = type(activation)
    owners = [
        next(base for base in kind.__mro__ if name in vars(base))
        for name in ("linear_bounds", "apply")
    ]
    return owners[0] is not Activation and owners[0] is owners[1]


def margin_lower_bounds(problem, radii):
    """Lower bounds on margins within a radius for each row, shape (n_samples, n_others)."""
    widths = [len(b) for _, b in _inner(problem.model).layers]
    size = max(
        1, _BLOCK_ENTRIES // max(1, 2 * max(widths) * max(*widths, 8 * problem.rows.shape[1]))
    )
    starts = range(0, len(problem), size)
    blocks = [np.arange(start, min(start + size, len(problem))) for start in starts]
    return np.concatenate([_block_bounds(problem.take(rows), radii[rows]) for rows in blocks])


def _inner(model):
    return model.inner if isinstance(model, AffineTableModel) else model


def from_first_layer(problem):
    """Pre-activations of the first layer, its weights in two forms, and the other layers.

    Weights are per unit of scale of the table's numbers, and per input of the model.
    """
    model = problem.model
    (W, b), *layers = (
        (W.astype(np.float64), b.astype(np.float64)) for W, b in _inner(model).layers
    )
    if not isinstance(model, AffineTableModel):
        return problem.rows @ W + b, problem.perturbations.scales[:, None] * W, W, layers
    return (
        model.to_inner(problem.rows) @ W + b,
        problem.perturbations.scales[:, None] * (model.slopes @ W),
        W,
        layers,
    )


def _block_bounds(problem, radii):
    preactivations, weights, inner_weights, layers = from_first_layer(problem)
    arrays = inputs_of(problem, weights, inner_weights, radii)
    low, high = problem.perturbations.box(radii[:, None])
    slack = margin_slack(problem, np.maximum(-low, high))
    if not layers:  # linear after all
        return _linear_margins(arrays, preactivations, problem.label) - slack
    return (
        margin_bounds_over(
            arrays, preactivations, layers, problem.model.network.activation, problem.label
        )
        - slack
    )


def certified_radii(problem, n_bisections=9, holds=None):
    """Radii at which margins are proved positive, and larger ones at which they are not.

    ``holds(rows, radii)`` returns whether they are for some rows at a radius each, by default from
    linear bounds.

    A first-order estimate is doubled or halved, then bisected to a relative width of
    ``2 ** -n_bisections``. The radius is infinite where margins are positive everywhere in reach,
    and the larger one is infinite where none was found.
    """
    holds = holds or partial(_margins_are_positive, problem)
    margins, gradients = problem.model.margins(problem.rows, problem.label)
    arrays = problem.perturbations
    slopes = gradients * arrays.scales
    with np.errstate(divide="ignore", invalid="ignore"):
        estimates = (margins / np.linalg.norm(slopes, ord=DUAL[arrays.norm], axis=2)).min(axis=1)
    start = np.where(np.isfinite(estimates) & (estimates > 0), estimates, 1.0).astype(np.float64)
    near, far = np.zeros(len(start)), np.full(len(start), np.inf)
    right = np.flatnonzero((margins > 0).all(axis=1))
    far[np.setdiff1d(np.arange(len(start)), right)] = 0
    is_certified = holds(right, start[right])
    near[right[is_certified]], far[right[~is_certified]] = (
        start[right[is_certified]],
        start[right[~is_certified]],
    )
    growing, shrinking = right[is_certified], right[~is_certified]
    for _ in range(_N_DOUBLINGS):
        is_certified = holds(growing, 2 * near[growing])
        far[growing[~is_certified]] = 2 * near[growing[~is_certified]]
        growing = growing[is_certified]
        near[growing] *= 2
        is_certified = holds(shrinking, far[shrinking] / 2)
        near[shrinking[is_certified]] = far[shrinking[is_certified]] / 2
        shrinking = shrinking[~is_certified]
        far[shrinking] /= 2
    bisected = np.flatnonzero((near > 0) & np.isfinite(far))
    for _ in range(n_bisections):
        middle = (near[bisected] + far[bisected]) / 2
        is_certified = holds(bisected, middle)
        near[bisected] = np.where(is_certified, middle, near[bisected])
        far[bisected] = np.where(is_certified, far[bisected], middle)
    near[growing[holds(growing, np.full(len(growing), ANYWHERE))]] = np.inf
    return near, far


def _margins_are_positive(problem, rows, radii):
    return (
        (margin_lower_bounds(problem.take(rows), radii) > 0).all(axis=1)
        if len(rows)
        else np.zeros(0, dtype=bool)
    )


def _linear_margins(arrays, scores, label):
    functions, _ = margin_functions(np.eye(scores.shape[1]), np.zeros(scores.shape[1]), label)
    return np.einsum("ijk,ik->ij", functions, scores) + arrays.lowest(functions)


def inputs_of(problem, weights, inner_weights, radii):
    """Perturbation set of the inputs; a ball, whose minima are norms, if nothing else limits it."""
    arrays = problem.perturbations
    if not arrays.is_constrained:
        return BallAroundRows(
            weights, radii, DUAL[arrays.norm], np.isinf(arrays.low).astype(np.float64)
        )
    levels = [effect @ inner_weights for effect in problem.effects or []]
    return InputPerturbations.of(arrays, weights, levels, radii)
