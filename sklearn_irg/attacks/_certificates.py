"""What is certain about networks: linear bounds over all that a threat model lets rows become."""

import numpy as np

from sklearn_irg._fitted.linear_bounds import BallAroundRows, margin_bounds_over
from sklearn_irg._fitted.table_models import AffineTableModel
from sklearn_irg.attacks._linear_minimum import linear_minimum

__all__ = ["can_certify", "certified_radii", "from_first_layer", "margin_lower_bounds", "reach_of"]

DUAL = {"l2": 2, "linf": 1, "l1": np.inf}
_BLOCK_ENTRIES = 8_000_000
_N_DOUBLINGS = 30


def can_certify(attacked):
    """Whether the model is a network whose activation has linear bounds, behind steps that act column by column."""
    model = attacked.model
    if not model.has_weights or (attacked.reach.columns and attacked.effects is None):
        return False
    activation = model.network.activation
    try:
        activation.linear_bounds(np.zeros(1), np.ones(1))
    except NotImplementedError:
        return False
    return True


def margin_lower_bounds(attacked, radii):
    """Lower bounds on the margins of rows within a radius of each row's own, shape (n_samples, n_others)."""
    widths = [len(b) for _, b in _inner(attacked.model).layers]
    size = max(1, _BLOCK_ENTRIES // max(1, 2 * max(widths) * max(*widths, attacked.rows.shape[1])))
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
    if not layers:  # linear after all
        return _linear_margins(reach, entering, attacked.own)
    return margin_bounds_over(reach, entering, layers, attacked.model.network.activation, attacked.own)


def certified_radii(attacked, n_bisections=16):
    """The largest radii at which margins are seen to be positive, by bisection; infinite where they are at all radii."""
    margins, gradients = attacked.model.margins(attacked.rows, attacked.own)
    slopes = gradients[:, :, : len(attacked.reach.scales)] * attacked.reach.scales
    with np.errstate(divide="ignore", invalid="ignore"):
        estimates = (margins / np.linalg.norm(slopes, ord=DUAL[attacked.reach.norm], axis=2)).min(axis=1)
    far = np.where(np.isfinite(estimates) & (estimates > 0), estimates, 1.0).astype(np.float64)
    near = np.zeros(len(far))
    bisected = growing = np.flatnonzero((margins > 0).all(axis=1))
    for _ in range(_N_DOUBLINGS):
        stands = _stand(attacked, growing, far[growing])
        growing = growing[stands]
        if not len(growing):
            break
        near[growing] = far[growing]
        far[growing] *= 2
    near[growing] = np.inf
    bisected = np.setdiff1d(bisected, growing)
    for _ in range(n_bisections):
        middle = (near[bisected] + far[bisected]) / 2
        stands = _stand(attacked, bisected, middle)
        near[bisected] = np.where(stands, middle, near[bisected])
        far[bisected] = np.where(stands, far[bisected], middle)
    return near


def _stand(attacked, rows, radii):
    return (margin_lower_bounds(attacked.take(rows), radii) > 0).all(axis=1) if len(rows) else np.zeros(0, dtype=bool)


def _linear_margins(reach, scores, own):
    functions = np.eye(scores.shape[1])
    if scores.shape[1] == 1:
        functions = (2.0 * own - 1)[:, None, None]
    else:
        others = np.array([[k for k in functions.argmax(axis=0) if k != c] for c in range(len(functions))])
        functions = functions[own][:, None] - functions[others[own]]
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
