import numpy as np
from sklearn.utils import check_scalar

from sklearn_irg.penalties._base import SamplePenalty
from sklearn_irg.sensitivity import virtual_adversarial_direction


class VirtualAdversarial(SamplePenalty):
    r"""Divergence between the prediction at a sample and at the worst point near it.

    .. math:: \mathrm{KL}\bigl(p(\cdot \mid x_i) \,\Vert\, p(\cdot \mid x_i + r_i)\bigr), \qquad
        r_i = \arg\max_{\lVert r \rVert_2 \le \epsilon} \mathrm{KL}\bigl(p(\cdot \mid x_i) \,\Vert\, p(\cdot \mid x_i + r)\bigr)

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
        In ``fit``, if a parameter is out of range or the solver needs a deterministic objective.

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

    def check(self, columns):
        if columns.are_sparse:
            raise ValueError("VirtualAdversarial perturbs every entry of X, so it needs a dense X; got a sparse one.")
        check_scalar(self.epsilon, "epsilon", (int, float, np.number), min_val=0, include_boundaries="neither")
        check_scalar(self.xi, "xi", (int, float, np.number), min_val=0, include_boundaries="neither")
        check_scalar(self.n_power_iterations, "n_power_iterations", (int, np.integer), min_val=1)

    def values(self, step):
        network = step.network
        direction = virtual_adversarial_direction(
            network,
            step.theta,
            step.X,
            step.outputs,
            step.random_state,
            xi=float(self.xi),
            n_power_iterations=self.n_power_iterations,
        )
        moved = network.forward(step.theta, step.X + float(self.epsilon) * direction)
        return network.likelihood.divergence(moved[-1], step.mean)
