"""What is certain about networks: linear bounds over all that a threat model lets rows become."""

import numpy as np

from sklearn_irg._engine.activations import Activation
from sklearn_irg._fitted.linear_bounds import BallAroundRows, margin_bounds_over, margin_functions
from sklearn_irg._fitted.table_models import AffineTableModel
from sklearn_irg._threats.linear_minimum import linear_minimum
from sklearn_irg._threats.reach import DUAL
from sklearn_irg._threats.rounding import margin_slack

__all__ = ["can_certify", "certified_radii", "from_first_layer", "margin_lower_bounds", "reach_of"]

_BLOCK_ENTRIES = 8_000_000
_N_DOUBLINGS = 30
_EVERYWHERE = 1e150  # a radius that holds all numbers people have


def can_certify(attacked):
    """Whether the model is a network whose activation has linear bounds, behind steps that act column by column."""
    model = attacked.model
    if not model.has_weights or (attacked.reach.columns and attacked.effects is None):
        return False
    return _knows_its_lines(model.network.activation)


def _knows_its_lines(activation):
    """Whether lines are those of the function itself, not inherited by another function."""
    kind = type(activation)
    owners = [next(base for base in kind.__mro__ if name in vars(base)) for name in ("linear_bounds", "apply")]
    return owners[0] is not Activation and owners[0] is owners[1]


def margin_lower_bounds(attacked, radii):
    """Lower bounds on the margins of rows within a radius of each row's own, shape (n_samples, n_others)."""
    widths = [len(b) for _, b in _inner(attacked.model).layers]
    size = max(1, _BLOCK_ENTRIES // max(1, 2 * max(widths) * max(*widths, 8 * attacked.rows.shape[1])))
    starts = range(0, len(attacked), size)
    blocks = [np.arange(start, min(start + size, len(attacked))) for start in starts]
    return np.concatenate([_block_bounds(attacked.take(rows), radii[rows]) for rows in blocks])


def _inner(model):
    return model.inner if isinstance(model, AffineTableModel) else model


def from_first_layer(attacked):
    """What enters the first layer at the rows, its weights by unit of scale and by what it sees, and the other layers."""
    model = attacked.model
    (W, b), *layers = ((W.astype(np.float64), b.astype(np.float64)) for W, b in _inner(model).layers)
    if not isinstance(model, AffineTableModel):
        return attacked.rows @ W + b, attacked.reach.scales[:, None] * W, W, layers
    return model.inside(attacked.rows) @ W + b, attacked.reach.scales[:, None] * (model.slopes @ W), W, layers


def _block_bounds(attacked, radii):
    entering, weights, inner_weights, layers = from_first_layer(attacked)
    reach = reach_of(attacked, weights, inner_weights, radii)
    low, high = attacked.reach.box(radii[:, None])
    slack = margin_slack(attacked, np.maximum(-low, high))
    if not layers:  # linear after all
        return _linear_margins(reach, entering, attacked.own) - slack
    return margin_bounds_over(reach, entering, layers, attacked.model.network.activation, attacked.own) - slack


def certified_radii(attacked, n_bisections=9):
    """Radii at which margins are seen to be positive, and larger ones at which they are not.

    Found by doubling or halving a first-order estimate, then by bisection, to a relative width of ``2 ** -n_bisections``. The
    radius is infinite where margins are positive over all that is in reach, and the larger one where none was found.
    """
    margins, gradients = attacked.model.margins(attacked.rows, attacked.own)
    reach = attacked.reach
    slopes = gradients[:, :, : len(reach.scales)] * reach.scales
    with np.errstate(divide="ignore", invalid="ignore"):
        estimates = (margins / np.linalg.norm(slopes, ord=DUAL[reach.norm], axis=2)).min(axis=1)
    start = np.where(np.isfinite(estimates) & (estimates > 0), estimates, 1.0).astype(np.float64)
    near, far = np.zeros(len(start)), np.full(len(start), np.inf)
    right = np.flatnonzero((margins > 0).all(axis=1))
    far[np.setdiff1d(np.arange(len(start)), right)] = 0
    stands = _stand(attacked, right, start[right])
    near[right[stands]], far[right[~stands]] = start[right[stands]], start[right[~stands]]
    growing, shrinking = right[stands], right[~stands]
    for _ in range(_N_DOUBLINGS):
        stands = _stand(attacked, growing, 2 * near[growing])
        far[growing[~stands]] = 2 * near[growing[~stands]]
        growing = growing[stands]
        near[growing] *= 2
        stands = _stand(attacked, shrinking, far[shrinking] / 2)
        near[shrinking[stands]] = far[shrinking[stands]] / 2
        shrinking = shrinking[~stands]
        far[shrinking] /= 2
    bisected = np.flatnonzero((near > 0) & np.isfinite(far))
    for _ in range(n_bisections):
        middle = (near[bisected] + far[bisected]) / 2
        stands = _stand(attacked, bisected, middle)
        near[bisected] = np.where(stands, middle, near[bisected])
        far[bisected] = np.where(stands, far[bisected], middle)
    near[growing[_stand(attacked, growing, np.full(len(growing), _EVERYWHERE))]] = np.inf
    return near, far


def _stand(attacked, rows, radii):
    return (margin_lower_bounds(attacked.take(rows), radii) > 0).all(axis=1) if len(rows) else np.zeros(0, dtype=bool)


def _linear_margins(reach, scores, own):
    functions, _ = margin_functions(np.eye(scores.shape[1]), np.zeros(scores.shape[1]), own)
    return np.einsum("ijk,ik->ij", functions, scores) + reach.lowest(functions)


def reach_of(attacked, weights, inner_weights, radii):
    """A ball where nothing else binds, for which minima are norms."""
    reach = attacked.reach
    if not attacked.binds:
        return BallAroundRows(weights, radii, DUAL[reach.norm], np.isinf(reach.low).astype(np.float64))
    return _ThreatReach(attacked, weights, inner_weights, radii)


class _ThreatReach:
    """All that a threat model lets rows become, seen from the first layer; whole numbers may be fractions of their grid."""

    def __init__(self, attacked, weights, inner_weights, radii):
        self.reach = attacked.reach
        self.weights = weights
        self.radii = radii
        self.low, self.high = self.reach.box(radii[:, None])
        self.swaps = []
        for c, effect in enumerate(attacked.effects or []):
            levels = effect @ inner_weights
            self.swaps.append((levels, self.reach.codes[:, c], self.reach.may_swap(c)))

    def ranges(self):
        n_units = self.weights.shape[1]
        both = np.concatenate([np.eye(n_units), -np.eye(n_units)])
        ends = self.lowest(np.broadcast_to(both, (len(self.radii), *both.shape)))
        return ends[:, :n_units], -ends[:, n_units:]

    def lowest(self, coefficients):
        n_samples, n_functions, _ = coefficients.shape
        gradients = (coefficients @ self.weights.T).reshape(n_samples * n_functions, -1)
        low, high, radii = (np.repeat(a, n_functions, axis=0) for a in (self.low, self.high, self.radii))
        _, bound = linear_minimum(gradients, low, high, np.zeros(low.shape[1]), radii, self.reach.norm)
        return bound.reshape(n_samples, n_functions) + self._lowest_swaps(coefficients)

    def _lowest_swaps(self, coefficients):
        if not self.swaps:
            return 0.0
        gains = np.zeros((*coefficients.shape[:2], len(self.swaps)))
        for c, (levels, codes, allowed) in enumerate(self.swaps):
            values = coefficients @ levels.T
            now = np.take_along_axis(values, np.maximum(codes, 0)[:, None, None], axis=2)
            gains[:, :, c] = np.where(allowed[:, None], values - now, 0).min(axis=2)
        return np.sort(gains, axis=2)[:, :, : self.reach.threat.n_swaps].sum(axis=2)
