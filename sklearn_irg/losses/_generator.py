from sklearn_irg._engine.autodiff import numpy, root, stop_gradient
from sklearn_irg.losses._base import BatchLoss


class GeneratorLoss(BatchLoss):
    """What a critic finds larger on generated rows than on those of the table, and the excess of its slope over one.

    Only for a `CriticAndGenerator` under `Opponents`: the critic minimises it, the generator maximises it.

    Parameters
    ----------
    n_latent : int
        Number of latent variables.
    alpha : float
        Strength of the squared difference of the critic's slope from one, between rows of both kinds.
    """

    group = "all"
    is_stochastic = True

    def __init__(self, n_latent, alpha):
        self.n_latent = n_latent
        self.alpha = alpha

    def value(self, step):
        rng, X, dtype = step.random_state, step.X, step.X.dtype
        weights = step.weights / step.weights.sum()
        latent = rng.standard_normal((X.shape[0], int(self.n_latent))).astype(dtype, copy=False)
        made = step.network.generate(step.theta, latent)
        difference = numpy.mean(step.network.criticize(step.theta, made)) - numpy.dot(weights, step.outputs[:, 0])
        share = rng.random_sample((X.shape[0], 1)).astype(dtype)
        between = step.forward_at(share * X + (1 - share) * stop_gradient(made))
        slopes = root(step.squared_jacobian_norms(forward=between))
        return difference + float(self.alpha) * numpy.mean((slopes - 1) * (slopes - 1))
