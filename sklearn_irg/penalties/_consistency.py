from copy import copy

import numpy as np

from sklearn_irg._checks import InvalidParameterError, check_integer, check_real
from sklearn_irg.penalties._base import SamplePenalty
from sklearn_irg.penalties._radii import check_radius
from sklearn_irg.penalties._threats import TakesThreat
from sklearn_irg.penalties._worst_inputs import worst_inputs


class _Consistency(SamplePenalty):
    """Divergence between the predictions at a sample and at a changed one that a subclass finds."""

    group = "all"
    is_stochastic = True
    _radii = None  # of each row of the fit, once known

    def check_parameters(self):
        check_radius(self._radius, allow_zero=self.transform is not None)
        if not (self.transform is None or callable(self.transform)):
            raise InvalidParameterError(
                "transform must be None or a function of X and random_state; got "
                f"{self.transform!r}."
            )

    def check(self, columns, likelihood):
        del likelihood
        columns.require_dense(type(self).__name__)
        columns.mask_of(self.features)

    @property
    def _radius(self):
        """Epsilon, or its default."""
        return 1.0 if self.epsilon is None else self.epsilon

    def prepared(self, rows, network):
        radius = check_radius(self._radius, allow_zero=True)
        if isinstance(radius, float):
            return self
        prepared = copy(self)
        prepared._radii = radius.radii(rows.X)
        return prepared

    def _epsilon(self, step):
        """Radius of all rows, or of each as a column."""
        return float(self._radius) if self._radii is None else self._radii[step.positions][:, None]

    def _transformed(self, step):
        """The rows, transformed if there is a transform."""
        if self.transform is None:
            return step.X
        X = np.asarray(self.transform(step.X, step.random_state))
        if X.shape != step.X.shape or X.dtype.kind not in "fiu" or not np.isfinite(X).all():
            found = (
                f"shape {X.shape} and type {X.dtype}"
                if X.shape != step.X.shape
                else "values that are not finite numbers"
            )
            raise ValueError(
                f"transform of {type(self).__name__} must return finite rows of shape "
                f"{step.X.shape}; got {found}."
            )
        return X.astype(step.X.dtype, copy=False)


class VirtualAdversarial(TakesThreat, _Consistency):
    r"""Divergence between the prediction at a sample and at the worst point near it.

    .. math:: \mathrm{KL}\bigl(p(\cdot \mid x_i) \,\Vert\, p(\cdot \mid x_i + r_i)\bigr), \qquad
        r_i = \arg\max_{\lVert r \rVert_2 \le \epsilon}
        \mathrm{KL}\bigl(p(\cdot \mid x_i) \,\Vert\, p(\cdot \mid x_i + r)\bigr)

    averaged over samples [1]_. The prediction at the sample and the direction of :math:`r_i`, found
    by power iteration from a random start, are constants of the optimization. No label is used. For
    small :math:`\epsilon` its value is half of :math:`\epsilon^2` times the largest eigenvalue of
    the Fisher information of the input.

    With a threat model in place of the ball, rows move as it allows, numbers where the direction
    leads within bounds and by integers, categories by the swaps of largest divergence among three
    that its gradient proposes.

    Parameters
    ----------
    epsilon : float, "local" or LocalRadius, default=None
        Radius of the perturbation, an L2 norm in units of X: one for all rows, or for each row a
        fraction of the distance to its neighbors; "local" is ``LocalRadius()``. ``None`` is 1.0
        where there is no threat model.
    xi : float, default=0.01
        Distance at which the power iteration differentiates, in units of X. Much smaller values are
        lost in rounding errors in single precision.
    n_power_iterations : int, default=1
        Number of power iterations.
    features : sequence of str, int or bool, default=None
        Columns that may be perturbed, by name, position, or a boolean per column. ``None`` means
        all.
    transform : callable, default=None
        ``transform(X, random_state)`` returns changed rows, (n_samples, n_features), that should be
        predicted alike, such as shifted images. The perturbation is then found and added there;
        ``epsilon`` may be zero.
    threat : ThreatModel, default=None
        What rows may become, in place of ``epsilon``, ``features`` and ``transform``: fitted on the
        columns of X. Behind the steps of a pipeline use `sklearn_irg.RobustTrainingClassifier`,
        which hands it to the penalty, and leave it ``None``.

    Raises
    ------
    ValueError
        In ``fit``, if a parameter is out of range, X is sparse, the solver needs a deterministic
        objective, or there is a radius in addition to a threat.

    See Also
    --------
    RandomPerturbation : Divergence in a random direction, without power iterations.

    References
    ----------
    .. [1] Miyato, Maeda, Koyama and Ishii (2018), "Virtual adversarial training: a regularization
       method for supervised and semi-supervised learning".

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from sklearn_irg import GradRegMLPClassifier
    >>> from sklearn_irg.diagnostics import local_smoothness
    >>> from sklearn_irg.penalties import VirtualAdversarial
    >>> X, y = make_moons(random_state=0)
    >>> options = {"learning_rate_init": 0.01, "max_iter": 500, "random_state": 0}
    >>> for alpha in (0, 1):
    ...     model = GradRegMLPClassifier(penalty=VirtualAdversarial(epsilon=0.3), alpha=alpha, **options).fit(X, y)
    ...     print(alpha, local_smoothness(model, X, epsilon=0.3, random_state=0).mean().round(1))
    0 0.3
    1 0.2
    """

    _of_a_ball = ("epsilon", "features", "transform")

    def __init__(
        self,
        epsilon=None,
        xi=0.01,
        n_power_iterations=1,
        features=None,
        transform=None,
        threat=None,
    ):
        self.epsilon = epsilon
        self.xi = xi
        self.n_power_iterations = n_power_iterations
        self.features = features
        self.transform = transform
        self.threat = threat

    def check_parameters(self):
        self._check_threat()
        super().check_parameters()
        check_real(self.xi, "xi", 0, open_low=True)
        check_integer(self.n_power_iterations, "n_power_iterations", 1)

    def prepared(self, rows, network):
        inputs = self._inputs_of(rows)
        return super().prepared(rows, network) if inputs is None else self._with_inputs(inputs)

    def values(self, step):
        if self._inputs is not None:
            return step.divergences_at(self._moved_by_threat(step))
        X = self._transformed(step)
        directions = step.virtual_adversarial_directions(
            step.columns_of(self.features),
            xi=float(self.xi),
            n_power_iterations=int(self.n_power_iterations),
            X=X,
        )
        return step.divergences_at(X + self._epsilon(step) * directions)

    def _moved_by_threat(self, step):
        xi, n_iterations = float(self.xi), int(self.n_power_iterations) - 1
        start = step.virtual_adversarial_directions(xi=xi, n_power_iterations=n_iterations)
        inputs = self._inputs.take(step.positions)
        return worst_inputs(step, inputs, step.frozen_mean, start=step.X + xi * start)


class RandomPerturbation(_Consistency):
    r"""Divergence between the prediction at a sample and at a random point at some distance.

    .. math:: \mathrm{KL}\bigl(p(\cdot \mid x_i) \,\Vert\, p(\cdot \mid x_i + \epsilon u_i)\bigr)

    averaged over samples, with :math:`u_i` uniform on the unit sphere: virtual adversarial training
    without power iterations [1]_, called random perturbation training there.

    Parameters
    ----------
    epsilon : float, "local" or LocalRadius, default=1.0
        Distance, in units of X: one for all rows, or for each row a fraction of the distance to its
        neighbors; "local" is ``LocalRadius()``.
    features : sequence of str, int or bool, default=None
        Columns that may be perturbed, by name, position, or a boolean per column. ``None`` means
        all.
    transform : callable, default=None
        ``transform(X, random_state)`` returns changed rows, (n_samples, n_features), that should be
        predicted alike, such as shifted images: data augmentation that needs no label. The
        perturbation is added to them; ``epsilon`` may be zero.

    See Also
    --------
    VirtualAdversarial : Divergence in the worst direction.

    References
    ----------
    .. [1] Miyato, Maeda, Koyama and Ishii (2018), "Virtual adversarial training: a regularization
       method for supervised and semi-supervised learning".

    Examples
    --------
    >>> from sklearn_irg.penalties import RandomPerturbation
    >>> RandomPerturbation(epsilon=0.5)
    RandomPerturbation(epsilon=0.5)
    """

    def __init__(self, epsilon=1.0, features=None, transform=None):
        self.epsilon = epsilon
        self.features = features
        self.transform = transform

    def values(self, step):
        directions = step.random_directions(step.columns_of(self.features))
        return step.divergences_at(self._transformed(step) + self._epsilon(step) * directions)
