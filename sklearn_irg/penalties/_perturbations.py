import numpy as np
from sklearn.utils import check_scalar

from sklearn_irg._engine.autodiff import stop_gradient
from sklearn_irg._engine.sensitivity import ascend, random_directions, virtual_adversarial_direction
from sklearn_irg.penalties._base import SamplePenalty

_NUMBERS = (int, float, np.integer, np.floating)


def _check_positive(value, name):
    check_scalar(value, name, _NUMBERS, min_val=0, include_boundaries="neither")
    if not np.isfinite(value):
        raise ValueError(f"{name} must be finite; got {value!r}.")


class VirtualAdversarial(SamplePenalty):
    r"""Divergence between the prediction at a sample and at the worst point near it.

    .. math:: \mathrm{KL}\bigl(p(\cdot \mid x_i) \,\Vert\, p(\cdot \mid x_i + r_i)\bigr), \qquad
        r_i = \arg\max_{\lVert r \rVert_2 \le \epsilon}
        \mathrm{KL}\bigl(p(\cdot \mid x_i) \,\Vert\, p(\cdot \mid x_i + r)\bigr)

    averaged over samples [1]_. The prediction at the sample and the direction of :math:`r_i`, found by power iteration
    from a random start, are constants of the optimisation. No label is used. For small :math:`\epsilon` its value is
    half of :math:`\epsilon^2` times the largest eigenvalue of the Fisher information of the input.

    Parameters
    ----------
    epsilon : float, default=1.0
        Radius of the perturbation, an L2 norm in units of X.
    xi : float, default=0.01
        Distance at which the power iteration differentiates, in units of X. Much smaller values drown in rounding
        errors in single precision.
    n_power_iterations : int, default=1
        Number of power iterations.

    Raises
    ------
    ValueError
        In ``fit``, if a parameter is out of range, X is sparse, or the solver needs a deterministic objective.

    See Also
    --------
    RandomPerturbation : Without power iterations.

    References
    ----------
    .. [1] Miyato, Maeda, Koyama and Ishii (2018), "Virtual adversarial training: a regularization method for supervised
       and semi-supervised learning".

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from sklearn_irg import GradRegMLPClassifier
    >>> from sklearn_irg.penalties import VirtualAdversarial
    >>> X, y = make_moons(random_state=0)
    >>> model = GradRegMLPClassifier(penalty=VirtualAdversarial(epsilon=0.3), alpha=1.0, max_iter=500, random_state=0)
    >>> model.fit(X, y).score(X, y) > 0.8
    True
    """

    is_stochastic = True

    def __init__(self, epsilon=1.0, xi=0.01, n_power_iterations=1):
        self.epsilon = epsilon
        self.xi = xi
        self.n_power_iterations = n_power_iterations

    def check(self, columns, likelihood):
        del likelihood
        columns.require_dense("VirtualAdversarial")
        _check_positive(self.epsilon, "epsilon")
        _check_positive(self.xi, "xi")
        check_scalar(self.n_power_iterations, "n_power_iterations", (int, np.integer), min_val=1)

    def values(self, step):
        direction = virtual_adversarial_direction(
            step.network,
            step.constant_forward_at,
            step.theta,
            step.X,
            step.outputs,
            step.random_state,
            xi=float(self.xi),
            n_power_iterations=self.n_power_iterations,
        )
        moved = step.forward_at(step.X + float(self.epsilon) * direction)
        return step.network.likelihood.divergence(moved[-1], step.mean)


class RandomPerturbation(SamplePenalty):
    r"""Divergence between the prediction at a sample and at a random point at some distance.

    .. math:: \mathrm{KL}\bigl(p(\cdot \mid x_i) \,\Vert\, p(\cdot \mid x_i + \epsilon u_i)\bigr)

    averaged over samples, with :math:`u_i` uniform on the unit sphere: virtual adversarial training without power
    iterations [1]_, called random perturbation training there.

    Parameters
    ----------
    epsilon : float, default=1.0
        Distance, in units of X.

    See Also
    --------
    VirtualAdversarial : In the worst direction.

    References
    ----------
    .. [1] Miyato, Maeda, Koyama and Ishii (2018), "Virtual adversarial training: a regularization method for supervised
       and semi-supervised learning".

    Examples
    --------
    >>> from sklearn_irg.penalties import RandomPerturbation
    >>> RandomPerturbation(epsilon=0.5)
    RandomPerturbation(epsilon=0.5)
    """

    is_stochastic = True

    def __init__(self, epsilon=1.0):
        self.epsilon = epsilon

    def check(self, columns, likelihood):
        del likelihood
        columns.require_dense("RandomPerturbation")
        _check_positive(self.epsilon, "epsilon")

    def values(self, step):
        moved = step.X + float(self.epsilon) * random_directions(step.X, step.random_state, step.X.dtype)
        return step.network.likelihood.divergence(step.forward_at(moved)[-1], step.mean)


class AdversarialLoss(SamplePenalty):
    r"""Loss at the worst point near each sample: adversarial training.

    .. math:: \ell(f(x_i + r_i), y_i), \qquad r_i \approx \arg\max_{\lVert r \rVert \le \epsilon} \ell(f(x_i + r), y_i)

    averaged over samples. One step is the fast gradient method [1]_, more are projected gradient ascent [2]_; the
    perturbation is a constant of the optimisation. With ``alpha=1`` the objective is twice the average of clean and
    adversarial loss. For small :math:`\epsilon` it exceeds the loss by :math:`\epsilon` times the L2 norm of the input
    gradient ("l2") or its L1 norm ("linf").

    Parameters
    ----------
    epsilon : float, default=0.1
        Radius of the perturbation, in units of X.
    norm : {"l2", "linf"}, default="l2"
        Norm of the perturbation; "linf" takes the sign of the gradient.
    n_steps : int, default=1
        Number of ascent steps.
    step_size : float, default=None
        Length of a step; ``None`` is epsilon for one step and ``2.5 * epsilon / n_steps`` for more.
    clip : tuple of (float, float), default=None
        Bounds for the perturbed samples, scalars or one per feature.

    Raises
    ------
    ValueError
        In ``fit``, if a parameter is out of range or X is sparse.

    References
    ----------
    .. [1] Goodfellow, Shlens and Szegedy (2015), "Explaining and harnessing adversarial examples".
    .. [2] Madry, Makelov, Schmidt, Tsipras and Vladu (2018), "Towards deep learning models resistant to adversarial
       attacks".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_irg import GradRegMLPClassifier
    >>> from sklearn_irg.penalties import AdversarialLoss
    >>> X, y = load_iris(return_X_y=True)
    >>> model = GradRegMLPClassifier(penalty=AdversarialLoss(0.1), alpha=1.0, max_iter=1000, tol=1e-3, random_state=0)
    >>> model.fit(X, y).score(X, y) > 0.9
    True
    """

    is_detached = True

    def __init__(self, epsilon=0.1, norm="l2", n_steps=1, step_size=None, clip=None):
        self.epsilon = epsilon
        self.norm = norm
        self.n_steps = n_steps
        self.step_size = step_size
        self.clip = clip

    def check(self, columns, likelihood):
        del likelihood
        columns.require_dense("AdversarialLoss")
        _check_positive(self.epsilon, "epsilon")
        check_scalar(self.n_steps, "n_steps", (int, np.integer), min_val=1)
        if self.step_size is not None:
            _check_positive(self.step_size, "step_size")
        if self.norm not in ("l2", "linf"):
            raise ValueError(f"norm of AdversarialLoss must be 'l2' or 'linf'; got {self.norm!r}.")
        if self.clip is not None:
            try:
                low, high = (np.broadcast_to(np.asarray(side, dtype=float), columns.n_features) for side in self.clip)
                valid = (low <= high).all()
            except (TypeError, ValueError):
                valid = False
            if not valid:
                raise ValueError(
                    f"clip must be (low, high), numbers or one per feature, with low <= high; got {self.clip!r}. Use inf "
                    "for no bound."
                )

    def values(self, step):
        network, theta = step.network, stop_gradient(step.theta)

        def gradient_at(X):
            forward = step.constant_forward_at(X)
            _, residual = network.likelihood.loss_and_residual(forward[-1], step.targets)
            return network.pull_back(theta, forward, residual)

        size = None if self.step_size is None else float(self.step_size)
        moved = ascend(
            gradient_at, step.X, float(self.epsilon), self.norm, n_steps=self.n_steps, step_size=size, clip=self.clip
        )
        return network.likelihood.evaluate(step.forward_at(moved)[-1], step.targets)[0]


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

    def __init__(self, sigma=0.1, n_draws=1):
        self.sigma = sigma
        self.n_draws = n_draws

    def check(self, columns, likelihood):
        del likelihood
        columns.require_dense("InputNoise")
        _check_positive(self.sigma, "sigma")
        check_scalar(self.n_draws, "n_draws", (int, np.integer), min_val=1)

    def values(self, step):
        total = 0
        for _ in range(self.n_draws):
            noise = step.random_state.standard_normal(step.X.shape).astype(step.X.dtype, copy=False)
            outputs = step.forward_at(step.X + float(self.sigma) * noise)[-1]
            total = total + step.network.likelihood.evaluate(outputs, step.targets)[0]
        return total * (1 / self.n_draws)
