import numpy as np

from sklearn_irg._checks import InvalidParameterError, check_choice, check_real
from sklearn_irg.penalties._noise import DISTRIBUTIONS, NoisyLoss

_FAR = 1e6  # targets that a likelihood accepts if it accepts all numbers; any large ones would do


class LabelNoise(NoisyLoss):
    r"""Loss with some labels replaced at random.

    With some probability a row's label is replaced by one drawn uniformly from all classes, the
    true one included, averaged over samples [1]_. On average that is the loss of
    `sklearn_irg.losses.LabelSmoothing` with ``smoothing=p``.

    Parameters
    ----------
    p : float, default=0.1
        Probability of replacing a label, in [0, 1].
    n_draws : int, default=1
        Number of draws per step.

    References
    ----------
    .. [1] Xie, Wang, Wei, Wang and Tian (2016), "DisturbLabel: regularizing CNN on the loss layer".

    Examples
    --------
    >>> from sklearn_irg.penalties import LabelNoise
    >>> LabelNoise(p=0.2)
    LabelNoise(p=0.2)
    """

    builds_inputs = False
    _former_names = {"amount": "p"}

    def __init__(self, p=0.1, n_draws=1):
        self.p = p
        self.n_draws = n_draws

    def check_parameters(self):
        super().check_parameters()
        check_real(self.p, "p of LabelNoise", 0, 1)

    def check(self, columns, likelihood):
        del columns
        if likelihood.n_classes(1) is None:
            raise InvalidParameterError(
                f"LabelNoise needs classes to draw from, which {likelihood!r} does not have."
            )

    def _losses(self, step):
        n_samples, n_outputs = step.targets.shape
        rng = step.random_state
        if step.likelihood.is_categorical:
            replaced = rng.random_sample((n_samples, 1)) < float(self.p)
            drawn = np.eye(n_outputs)[rng.randint(n_outputs, size=n_samples)]
        else:  # each output decides between two classes
            replaced = rng.random_sample((n_samples, n_outputs)) < float(self.p)
            drawn = rng.randint(2, size=(n_samples, n_outputs))
        targets = np.where(replaced, drawn, step.targets).astype(step.X.dtype)
        return step.likelihood.evaluate(step.outputs, targets)[0]


class TargetNoise(NoisyLoss):
    r"""Loss with noise added to the targets of a regressor.

    .. math:: \frac 1 R \sum_{r=1}^R \ell(f(x_i), y_i + \sigma z_{ir})

    with independent entries of :math:`z_{ir}` of mean 0 and variance 1, averaged over samples [1]_.
    For the squared error, :math:`\tfrac 1 2 \lVert f - y \rVert^2`, it exceeds the loss on
    average by :math:`\sigma^2/2` per output, a constant: it changes the noise of the gradient
    only, by :math:`-\sigma z_{ir}` in the residuals.

    Parameters
    ----------
    std : float, default=0.1
        Standard deviation σ of the noise, in units of y.
    n_draws : int, default=1
        Number R of draws per step.
    distribution : {"gaussian", "uniform"}, default="gaussian"
        Distribution of the noise; "uniform" lies within :math:`\pm \sqrt 3 \sigma`.

    Raises
    ------
    ValueError
        In ``fit``, for classes, and for a likelihood that does not take every number as a target,
        such as `sklearn_irg.likelihoods.Poisson`.

    See Also
    --------
    LabelNoise : The same for classes.
    InputNoise : Noise in the inputs.

    References
    ----------
    .. [1] An (1996), "The effects of adding noise during backpropagation training on a
       generalization performance".

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_irg import GradRegMLPRegressor
    >>> from sklearn_irg.penalties import TargetNoise
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = GradRegMLPRegressor(penalty=TargetNoise(0.5), alpha=1.0, max_iter=100, tol=0.01, random_state=0)
    >>> print(f"{model.fit(scale(X), scale(y)).score(scale(X), scale(y)):.1f}")
    0.6
    """

    builds_inputs = False

    def __init__(self, std=0.1, n_draws=1, distribution="gaussian"):
        self.std = std
        self.n_draws = n_draws
        self.distribution = distribution

    def check_parameters(self):
        super().check_parameters()
        check_real(self.std, "std", 0, open_low=True)
        check_choice(self.distribution, "distribution of TargetNoise", DISTRIBUTIONS)

    def check(self, columns, likelihood):
        del columns
        if likelihood.n_classes(1) is not None:
            raise InvalidParameterError(
                f"TargetNoise adds numbers to targets, but those of {likelihood!r} are classes. "
                "Use LabelNoise()."
            )
        try:
            likelihood.check_targets(np.array([[-_FAR], [_FAR]]))
        except ValueError:
            raise InvalidParameterError(
                f"TargetNoise needs targets that may be any numbers, which those of {likelihood!r} "
                "may not. Use InputNoise()."
            ) from None

    def _losses(self, step):
        noise = self._draw(step, step.targets.shape)
        return step.likelihood.evaluate(step.outputs, step.targets + float(self.std) * noise)[0]
