import numpy as np

from sklearn_irg._checks import check_boolean, check_real
from sklearn_irg.solvers._epochs import EpochSolver

_PART = 2**14  # parameters that a step moves at a time: their moments stay in a core's cache


class Adam(EpochSolver):
    """Adaptive moments.

    Parameters
    ----------
    beta_1 : float, default=0.9
        Decay of the running mean of the gradient, in [0, 1).
    beta_2 : float, default=0.999
        Decay of the running mean of its square, in [0, 1).
    epsilon : float, default=1e-8
        Positive number added to the root of the second moment.
    decay_start : float, default=1.0
        Fraction of ``max_iter`` after which the learning rate falls linearly, to reach zero after
        the last epoch; 1 means never.

    References
    ----------
    .. [1] Kingma and Ba (2015), "Adam: a method for stochastic optimization".

    Examples
    --------
    >>> from sklearn_irg import GradRegMLPClassifier
    >>> from sklearn_irg.solvers import Adam
    >>> GradRegMLPClassifier(solver=Adam(beta_1=0.8))
    GradRegMLPClassifier(solver=Adam(beta_1=0.8))
    """

    moves_entries = True

    def __init__(self, beta_1=0.9, beta_2=0.999, epsilon=1e-8, decay_start=1.0):
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.decay_start = decay_start

    def check_parameters(self):
        super().check_parameters()
        check_real(self.beta_1, "beta_1", 0, 1, open_high=True)
        check_real(self.beta_2, "beta_2", 0, 1, open_high=True)
        check_real(self.epsilon, "epsilon", 0, open_low=True)

    def start(self, theta):
        return {"mean": np.zeros_like(theta), "square": np.zeros_like(theta), "n_steps": 0}

    def move(self, theta, gradient, state, learning_rate):
        state["n_steps"] += 1
        size = (
            learning_rate
            * np.sqrt(1 - float(self.beta_2) ** state["n_steps"]).item()
            / (1 - float(self.beta_1) ** state["n_steps"])
        )
        arrays = theta, gradient, state["mean"], state["square"]
        if not all(array.flags.c_contiguous for array in arrays):
            self._move(*arrays, size)
            return
        arrays = [array.reshape(-1) for array in arrays]
        for start in range(0, theta.size, _PART):
            self._move(*(array[start : start + _PART] for array in arrays), size)

    def _move(self, theta, gradient, mean, square, size):
        """One step of some of the parameters."""
        b1, b2 = float(self.beta_1), float(self.beta_2)
        mean *= b1
        step = (1 - b1) * gradient
        mean += step
        square *= b2
        np.multiply(gradient, gradient, out=step)
        step *= 1 - b2
        square += step
        np.sqrt(square, out=step)
        step += float(self.epsilon)
        np.divide(mean, step, out=step)
        step *= size
        theta -= step


class SGD(EpochSolver):
    """Stochastic gradient descent with momentum.

    Parameters
    ----------
    momentum : float, default=0.9
        Decay of the velocity, in [0, 1).
    nesterovs_momentum : bool, default=True
        Whether to use Nesterov's momentum, which looks ahead along the velocity.
    decay_start : float, default=1.0
        Fraction of ``max_iter`` after which the learning rate falls linearly, to reach zero after
        the last epoch; 1 means never.

    Examples
    --------
    >>> from sklearn_irg.solvers import SGD
    >>> SGD(momentum=0.5)
    SGD(momentum=0.5)
    """

    moves_entries = True

    def __init__(self, momentum=0.9, nesterovs_momentum=True, decay_start=1.0):
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.decay_start = decay_start

    def check_parameters(self):
        super().check_parameters()
        check_real(self.momentum, "momentum", 0, 1, open_high=True)
        check_boolean(self.nesterovs_momentum, "nesterovs_momentum")

    def start(self, theta):
        return {"velocity": np.zeros_like(theta)}

    def move(self, theta, gradient, state, learning_rate):
        velocity = state["velocity"]
        momentum = float(self.momentum)
        step = learning_rate * gradient
        velocity *= momentum
        velocity -= step
        if self.nesterovs_momentum:
            theta += momentum * velocity
            theta -= step
        else:
            theta += velocity
