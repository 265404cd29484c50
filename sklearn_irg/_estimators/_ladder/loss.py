import numpy as np

from sklearn_irg._engine.autodiff import stop_gradient
from sklearn_irg._engine.sensitivity import normalized_rows
from sklearn_irg._engine.terms import Term
from sklearn_irg._estimators._ladder.network import RowNormalization, decode, encode
from sklearn_irg.losses._base import Loss


class LadderLoss(Loss):
    """Loss of a ladder network: that of labeled rows under noise, and denoising costs.

    There is noise in every layer. The costs are those of restoring, for all rows, what the layers
    had without it.

    Only for a `LadderNetwork`, of which it reads the solver's parameters. Weights of classes count
    in the loss of labeled rows only.

    Parameters
    ----------
    noise : {"gaussian", "adversarial", "adversarial_layerwise"}
        As in `sklearn_irg.LadderClassifier`, and so are the others.
    noise_std : float
        Standard deviation of the Gaussian noise.
    denoising_costs : list of float
        Cost of the input and of each layer.
    epsilon : list of float
        L2 norm of the adversarial part, of the input and of each hidden layer.
    xi : float
        Distance at which its direction is found.
    """

    needs_whole_batch = True
    is_stochastic = True

    def __init__(self, noise, noise_std, denoising_costs, epsilon, xi):
        self.noise = noise
        self.noise_std = noise_std
        self.denoising_costs = denoising_costs
        self.epsilon = epsilon
        self.xi = xi

    def contributions(self, step):
        network, theta = step.network, step.solver_theta
        weights = step.row_weights / step.row_weights.sum()
        clean, _ = encode(network, theta, step.X, weights)
        noisy, outputs = encode(network, theta, step.X, weights, self._noise(step))
        losses = step.likelihood.evaluate(outputs, step.targets)[0]
        top = step.likelihood.differentiable_mean(outputs)
        costs = np.array(self.denoising_costs, dtype=np.float64)
        lowest = (
            int(np.argmax(costs > 0)) if costs.any() else len(costs)
        )  # nothing below it need be restored
        errors = decode(network, theta, clean, noisy, top, weights, lowest)
        strengths = [float(cost) * step.row_weights for cost in costs[lowest:]]
        return [(step.weights_of("labeled"), losses), *zip(strengths, errors, strict=True)]

    def _noise(self, step):
        """Noise for the input and for the values of each layer."""
        sizes = step.network.layer_sizes
        shapes = [(step.X.shape[0], size) for size in sizes]
        rng = np.random.default_rng(
            step.random_state.randint(2**31)
        )  # twice as fast as a RandomState
        noise = [
            float(self.noise_std) * rng.standard_normal(shape, dtype=step.X.dtype)
            for shape in shapes
        ]
        if self.noise != "gaussian":
            for l, direction in enumerate(self._adversarial_directions(step, shapes, rng)):
                noise[l] += float(self.epsilon[l]) * direction
        return noise

    def _adversarial_directions(self, step, shapes, rng):
        """Unit directions in which the prediction changes most, per row and layer.

        The input comes first.
        """
        network, theta = step.network, stop_gradient(step.solver_theta)
        folded = RowNormalization().for_batch(step.batch).transform(network, theta)
        gains = [np.linalg.norm(V, axis=0) for V, _ in network.unpack(theta)]
        targets = step.likelihood.mean(network.forward(folded, step.X)[-1])
        in_layers = self.noise == "adversarial_layerwise"
        places = shapes[:-1] if in_layers else shapes[:1]
        starts = [
            normalized_rows(rng.standard_normal(shape, dtype=step.X.dtype)) for shape in places
        ]
        xi = float(self.xi)
        noise = [xi * gain * start for gain, start in zip(gains, starts[1:], strict=False)] or None
        forward = network.forward(folded, step.X + xi * starts[0], noise=noise)
        residuals = step.likelihood.loss_and_residual(forward[-1], targets)[1]
        slopes = network.backward(folded, forward, residuals)
        of_input = slopes[0] @ network.unpack(folded)[0][0].T
        gradients = [of_input, *(gain * D for gain, D in zip(gains, slopes[:-1], strict=False))]
        return [normalized_rows(gradient) for gradient in gradients[: len(starts)]]


class TrainedWeightDecay(Term):
    """Weight decay `L2` of the weights that the solver moves.

    The network's weights have scales folded in.
    """

    group = None

    def contributions(self, step):
        return [(0.5 / step.total_weight, step.network.squared_weights(step.solver_theta))]
