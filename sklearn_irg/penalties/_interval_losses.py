import numpy as np

from sklearn_irg._engine.quantities import Quantity
from sklearn_irg._perturbations.unit_reach import unit_reach

__all__ = ["IntervalLosses"]


class IntervalLosses(Quantity):
    """Loss at the worse end of the output's interval of each row, for two classes.

    This is `CertifiedLoss`, fused.

    Parameters
    ----------
    inputs : InputPerturbations
        Perturbation sets of the rows.
    share : float
        Of the first layer's intervals.
    """

    keeps_first_preactivations = True

    def __init__(self, inputs, share):
        self.inputs = inputs
        self.share = share

    def fused(self, evaluation, coefficients):
        network, targets = evaluation.network, evaluation.batch.targets
        layers, gradients = evaluation.layers, evaluation.gradients
        (up, pull_up), (down, pull_down) = (self._reach(sign * layers[0][0]) for sign in (1, -1))
        ends = [
            _Ends(
                network.activation,
                evaluation.first_preactivations + up,
                evaluation.first_preactivations - down,
            )
        ]
        for W, b in layers[1:-1]:
            middle, reach = ends[-1].through(W, b)
            ends.append(_Ends(network.activation, middle + reach, middle - reach))
        signs = 1 - 2 * targets
        scores, reach = ends[-1].through(*layers[-1])
        losses, residuals = network.likelihood.loss_and_residual(scores + signs * reach, targets)
        to_middle = coefficients[:, None] * residuals
        to_reach = signs * to_middle
        for last, (W, _), (G, g) in zip(ends[::-1], layers[:0:-1], gradients[:0:-1], strict=True):
            to_high, to_low = last.pulled_back(to_middle, to_reach, W, G, g)
            to_middle, to_reach = to_high + to_low, to_high - to_low
        gradients[0][0][...] += pull_up(to_high) + pull_down(to_low)
        evaluation.add_to_first_preactivations(to_middle)
        return coefficients @ losses

    def _reach(self, W):
        reach, pull_back = unit_reach(self.inputs, W.astype(np.float64, copy=False))
        reach *= self.share
        return reach.astype(W.dtype, copy=False), lambda g: pull_back(
            self.share * g.astype(np.float64, copy=False)
        )


class _Ends:
    """Ends of the intervals of a layer's activations, from those of its preactivations.

    The arrays of the preactivations are overwritten.
    """

    def __init__(self, activation, high, low):
        self.activation, self.high, self.low = activation, high, low
        activation.apply(high)
        activation.apply(low)
        self.center, self.width = 0.5 * (high + low), 0.5 * (high - low)

    def through(self, W, b):
        """The middle of the next layer's preactivations, and their largest distance from it."""
        middle = self.center @ W
        return middle if b is None else middle + b, self.width @ np.abs(W)

    def pulled_back(self, to_middle, to_reach, W, G, g):
        """Cotangents of the preactivations at both ends, from those of `through`.

        The part of this layer is added to its gradient.
        """
        G += self.center.T @ to_middle + np.sign(W) * (self.width.T @ to_reach)
        if g is not None:
            g += to_middle.sum(axis=0)
        to_center, to_width = 0.5 * (to_middle @ W.T), 0.5 * (to_reach @ np.abs(W).T)
        return tuple(
            to_end * self.activation.slope(end, np.empty_like(end))
            for to_end, end in ((to_center + to_width, self.high), (to_center - to_width, self.low))
        )
