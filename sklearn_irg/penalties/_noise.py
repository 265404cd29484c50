from sklearn_irg._checks import check_integer, check_real
from sklearn_irg.penalties._base import SamplePenalty


class InputNoise(SamplePenalty):
    r"""Loss at samples with Gaussian noise.

    .. math:: \frac 1 R \sum_{r=1}^R \ell(f(x_i + \sigma z_{ir}), y_i), \qquad z_{ir} \sim N(0, I)

    averaged over samples [1]_. For small :math:`\sigma` it exceeds the loss by :math:`\sigma^2/2` times the trace of the
    loss's second derivative with respect to the input.

    Parameters
    ----------
    sigma : float, default=0.1
        Standard deviation of the noise, in units of X.
    n_draws : int, default=1
        Number R of draws per step.
    features : sequence of str, int or bool, default=None
        Columns with noise, by name, position, or a boolean per column. ``None`` means all.

    References
    ----------
    .. [1] Bishop (1995), "Training with noise is equivalent to Tikhonov regularization".

    Examples
    --------
    >>> from sklearn_irg.penalties import InputNoise
    >>> InputNoise(sigma=0.2)
    InputNoise(sigma=0.2)
    """

    is_stochastic = True

    def __init__(self, sigma=0.1, n_draws=1, features=None):
        self.sigma = sigma
        self.n_draws = n_draws
        self.features = features

    def check_parameters(self):
        check_real(self.sigma, "sigma", 0, open_low=True)
        check_integer(self.n_draws, "n_draws", 1)

    def check(self, columns, likelihood):
        del likelihood
        columns.require_dense("InputNoise")
        columns.mask_of(self.features)

    def values(self, step):
        mask = step.columns_of(self.features)
        n_draws = int(self.n_draws)
        total = 0
        for _ in range(n_draws):
            noise = step.random_state.standard_normal(step.X.shape).astype(step.X.dtype, copy=False)
            outputs = step.forward_at(step.X + float(self.sigma) * (noise if mask is None else noise * mask))[-1]
            total = total + step.likelihood.evaluate(outputs, step.targets)[0]
        return total * (1 / n_draws)
