from abc import abstractmethod

import numpy as np

from sklearn_irg._checks import check_boolean, check_choice, check_integer, check_real
from sklearn_irg.penalties._base import SamplePenalty

DISTRIBUTIONS = ("gaussian", "uniform")


class NoisyLoss(SamplePenalty):
    """Loss under noise that a subclass draws, averaged over draws."""

    is_stochastic = True
    is_loss = True
    _former_names = {"sigma": "std"}

    @abstractmethod
    def _losses(self, step):
        """Loss of each row under one draw."""

    def check_parameters(self):
        check_integer(self.n_draws, "n_draws", 1)

    def values(self, step):
        n_draws = int(self.n_draws)
        return sum(self._losses(step) for _ in range(n_draws)) * (1 / n_draws)

    def _draw(self, step, shape):
        """Numbers of mean 0 and variance 1 from ``distribution``, in the precision of the rows."""
        if self.distribution == "gaussian":
            numbers = step.random_state.standard_normal(shape)
        else:
            numbers = step.random_state.uniform(-np.sqrt(3), np.sqrt(3), shape)
        return numbers.astype(step.X.dtype, copy=False)


def _loss(step, forward):
    return step.likelihood.evaluate(forward[-1], step.targets)[0]


class InputNoise(NoisyLoss):
    r"""Loss at samples with noise.

    .. math:: \frac 1 R \sum_{r=1}^R \ell(f(x_i + \sigma z_{ir}), y_i)

    with independent entries of :math:`z_{ir}` of mean 0 and variance 1, averaged over samples [1]_.
    For small :math:`\sigma` it exceeds the loss by :math:`\sigma^2/2` times the trace of the loss's
    second derivative with respect to the input.

    Parameters
    ----------
    std : float, default=0.1
        Standard deviation σ of the noise, in units of X; as a fraction of each entry if
        multiplicative.
    n_draws : int, default=1
        Number R of draws per step.
    features : sequence of str, int or bool, default=None
        Columns with noise, by name, position, or a boolean per column. ``None`` means all.
    distribution : {"gaussian", "uniform"}, default="gaussian"
        Distribution of the noise; "uniform" lies within :math:`\pm \sqrt 3 \sigma`.
    multiplicative : bool, default=False
        Whether an entry x becomes :math:`x (1 + \sigma z)`.

    References
    ----------
    .. [1] Bishop (1995), "Training with noise is equivalent to Tikhonov regularization".

    Examples
    --------
    >>> from sklearn_irg.penalties import InputNoise
    >>> InputNoise(std=0.2)
    InputNoise(std=0.2)
    """

    def __init__(
        self, std=0.1, n_draws=1, features=None, distribution="gaussian", multiplicative=False
    ):
        self.std = std
        self.n_draws = n_draws
        self.features = features
        self.distribution = distribution
        self.multiplicative = multiplicative

    def check_parameters(self):
        super().check_parameters()
        check_real(self.std, "std", 0, open_low=True)
        check_choice(self.distribution, "distribution of InputNoise", DISTRIBUTIONS)
        check_boolean(self.multiplicative, "multiplicative")

    def check(self, columns, likelihood):
        del likelihood
        columns.require_dense("InputNoise")
        columns.mask_of(self.features)

    def _losses(self, step):
        noise = self._draw(step, step.X.shape)
        mask = step.columns_of(self.features)
        noise = noise if mask is None else noise * mask
        noise = noise * step.X if self.multiplicative else noise
        return _loss(step, step.forward_at(step.X + float(self.std) * noise))


class InputDropout(NoisyLoss):
    r"""Loss at samples with random entries set to zero.

    Each entry is dropped with some probability, and the others are divided by the probability of
    staying, averaged over samples [1]_. Dropping an entry removes its information only if zero is a
    typical value of its column: standardize X.

    Parameters
    ----------
    p : float, default=0.1
        Probability of dropping an entry, in [0, 1).
    n_draws : int, default=1
        Number of draws per step.
    features : sequence of str, int or bool, default=None
        Columns that may be dropped, by name, position, or a boolean per column. ``None`` means all.

    References
    ----------
    .. [1] Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov (2014), "Dropout: a simple
       way to prevent neural networks from overfitting".

    Examples
    --------
    >>> from sklearn_irg.penalties import InputDropout
    >>> InputDropout(p=0.2)
    InputDropout(p=0.2)
    """

    _former_names = {"rate": "p"}

    def __init__(self, p=0.1, n_draws=1, features=None):
        self.p = p
        self.n_draws = n_draws
        self.features = features

    def check_parameters(self):
        super().check_parameters()
        check_real(self.p, "p of InputDropout", 0, 1, open_high=True)

    def check(self, columns, likelihood):
        del likelihood
        columns.require_dense("InputDropout")
        columns.mask_of(self.features)

    def _losses(self, step):
        p, mask = float(self.p), step.columns_of(self.features)
        factors = (step.random_state.random_sample(step.X.shape) >= p).astype(
            step.X.dtype
        ) / step.X.dtype.type(1 - p)
        factors = factors if mask is None else np.where(mask > 0, factors, 1).astype(step.X.dtype)
        return _loss(step, step.forward_at(step.X * factors))


class HiddenNoise(NoisyLoss):
    r"""Loss with noise added to the input of each hidden unit's activation.

    .. math:: h_l = \varphi(W_l^\top h_{l-1} + b_l + \sigma z_l)

    with entries of :math:`z_l` of mean 0 and variance 1, averaged over samples [1]_; each sample
    and unit has noise of its own. Without hidden layers it is the loss.

    Parameters
    ----------
    std : float, default=0.1
        Standard deviation σ of the noise.
    n_draws : int, default=1
        Number of draws per step.
    distribution : {"gaussian", "uniform"}, default="gaussian"
        Distribution of the noise; "uniform" lies within :math:`\pm \sqrt 3 \sigma`.

    References
    ----------
    .. [1] Poole, Sohl-Dickstein and Ganguli (2014), "Analyzing noise in autoencoders and deep
       networks".

    Examples
    --------
    >>> from sklearn_irg.penalties import HiddenNoise
    >>> HiddenNoise(std=0.5)
    HiddenNoise(std=0.5)
    """

    builds_inputs = False

    def __init__(self, std=0.1, n_draws=1, distribution="gaussian"):
        self.std = std
        self.n_draws = n_draws
        self.distribution = distribution

    def check_parameters(self):
        super().check_parameters()
        check_real(self.std, "std", 0, open_low=True)
        check_choice(self.distribution, "distribution of HiddenNoise", DISTRIBUTIONS)

    def _losses(self, step):
        n_samples = step.X.shape[0]
        shapes = [(n_samples, size) for size in step.network.layer_sizes[1:-1]]
        noise = [float(self.std) * self._draw(step, shape) for shape in shapes]
        return _loss(step, step.forward_at(step.X, noise=noise))


class WeightNoise(NoisyLoss):
    r"""Loss with noise added to the weights and biases, the same for all samples of a draw.

    .. math:: \frac 1 R \sum_{r=1}^R \ell(f_{\theta + \sigma z_r}(x_i), y_i)

    averaged over samples [1]_: it prefers flat minima.

    Parameters
    ----------
    std : float, default=0.01
        Standard deviation σ of the noise.
    n_draws : int, default=1
        Number of draws per step.
    distribution : {"gaussian", "uniform"}, default="gaussian"
        Distribution of the noise; "uniform" lies within :math:`\pm \sqrt 3 \sigma`.

    References
    ----------
    .. [1] An (1996), "The effects of adding noise during backpropagation training on a
       generalization performance".

    Examples
    --------
    >>> from sklearn_irg.penalties import WeightNoise
    >>> WeightNoise(std=0.05)
    WeightNoise(std=0.05)
    """

    builds_inputs = False
    needs_whole_batch = True  # one draw for all rows

    def __init__(self, std=0.01, n_draws=1, distribution="gaussian"):
        self.std = std
        self.n_draws = n_draws
        self.distribution = distribution

    def check_parameters(self):
        super().check_parameters()
        check_real(self.std, "std", 0, open_low=True)
        check_choice(self.distribution, "distribution of WeightNoise", DISTRIBUTIONS)

    def _losses(self, step):
        noise = float(self.std) * self._draw(step, step.theta.shape)
        return _loss(step, step.forward_at(step.X, theta=step.theta + noise))
