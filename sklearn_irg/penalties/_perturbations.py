import numpy as np

from sklearn_irg._checks import check_bounds, check_choice, check_integer, check_real
from sklearn_irg._engine.sensitivity import ascend
from sklearn_irg.penalties._base import SamplePenalty


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
    features : sequence of str, int or bool, default=None
        Columns that may be perturbed, by name, position, or a boolean per column. ``None`` means all.

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

    group = "all"
    is_stochastic = True

    def __init__(self, epsilon=1.0, xi=0.01, n_power_iterations=1, features=None):
        self.epsilon = epsilon
        self.xi = xi
        self.n_power_iterations = n_power_iterations
        self.features = features

    def check_parameters(self):
        check_real(self.epsilon, "epsilon", 0, open_low=True)
        check_real(self.xi, "xi", 0, open_low=True)
        check_integer(self.n_power_iterations, "n_power_iterations", 1)

    def check(self, columns, likelihood):
        del likelihood
        columns.require_dense("VirtualAdversarial")
        columns.mask_of(self.features)

    def values(self, step):
        directions = step.virtual_adversarial_directions(
            step.columns_of(self.features), xi=float(self.xi), n_power_iterations=int(self.n_power_iterations)
        )
        return step.divergences_at(step.X + float(self.epsilon) * directions)


class RandomPerturbation(SamplePenalty):
    r"""Divergence between the prediction at a sample and at a random point at some distance.

    .. math:: \mathrm{KL}\bigl(p(\cdot \mid x_i) \,\Vert\, p(\cdot \mid x_i + \epsilon u_i)\bigr)

    averaged over samples, with :math:`u_i` uniform on the unit sphere: virtual adversarial training without power
    iterations [1]_, called random perturbation training there.

    Parameters
    ----------
    epsilon : float, default=1.0
        Distance, in units of X.
    features : sequence of str, int or bool, default=None
        Columns that may be perturbed, by name, position, or a boolean per column. ``None`` means all.

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

    group = "all"
    is_stochastic = True

    def __init__(self, epsilon=1.0, features=None):
        self.epsilon = epsilon
        self.features = features

    def check_parameters(self):
        check_real(self.epsilon, "epsilon", 0, open_low=True)

    def check(self, columns, likelihood):
        del likelihood
        columns.require_dense("RandomPerturbation")
        columns.mask_of(self.features)

    def values(self, step):
        directions = step.random_directions(step.columns_of(self.features))
        return step.divergences_at(step.X + float(self.epsilon) * directions)


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
    features : sequence of str, int or bool, default=None
        Columns that may be perturbed, by name, position, or a boolean per column. ``None`` means all.

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

    def __init__(self, epsilon=0.1, norm="l2", n_steps=1, step_size=None, clip=None, features=None):
        self.epsilon = epsilon
        self.norm = norm
        self.n_steps = n_steps
        self.step_size = step_size
        self.clip = clip
        self.features = features

    def check_parameters(self):
        check_real(self.epsilon, "epsilon", 0, open_low=True)
        check_choice(self.norm, "norm of AdversarialLoss", ("l2", "linf"))
        check_integer(self.n_steps, "n_steps", 1)
        if self.step_size is not None:
            check_real(self.step_size, "step_size", 0, open_low=True)

    def check(self, columns, likelihood):
        del likelihood
        columns.require_dense("AdversarialLoss")
        if self.clip is not None:
            check_bounds(self.clip, columns.n_features)
        columns.mask_of(self.features)

    def values(self, step):
        mask = step.columns_of(self.features)
        clip = None
        if self.clip is not None:
            low, high = check_bounds(self.clip, step.X.shape[1])
            moves = True if mask is None else mask > 0  # bounds bind only what may move
            clip = np.where(moves, low, -np.inf), np.where(moves, high, np.inf)

        def gradient_at(X):
            gradients = step.frozen_loss_gradients_at(X)
            return gradients if mask is None else gradients * mask

        *_, moved = ascend(
            gradient_at,
            step.X,
            float(self.epsilon),
            self.norm,
            n_steps=int(self.n_steps),
            step_size=None if self.step_size is None else float(self.step_size),
            clip=clip,
        )
        return step.likelihood.evaluate(step.forward_at(moved)[-1], step.targets)[0]


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
