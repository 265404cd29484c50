import numpy as np

from sklearn_irg._checks import (
    InvalidParameterError,
    check_boolean,
    check_bounds,
    check_choice,
    check_integer,
    check_real,
)
from sklearn_irg._engine.sensitivity import ascend
from sklearn_irg.penalties._base import SamplePenalty


class AdversarialLoss(SamplePenalty):
    r"""Loss at the worst point near each sample: adversarial training.

    .. math:: \ell(f(x_i + r_i), y_i), \qquad r_i \approx \arg\max_{\lVert r \rVert \le \epsilon} \ell(f(x_i + r), y_i)

    averaged over samples. One step is the fast gradient method [1]_, several are projected gradient ascent [2]_; the
    perturbation is a constant of the optimisation. With ``alpha=1`` the objective is twice the average of clean and
    adversarial loss. For small :math:`\epsilon` it exceeds the loss by :math:`\epsilon` times the L2 norm of the input
    gradient ("l2"), its L1 norm ("linf"), or its squared L2 norm (not normalised), and its derivative with respect to the
    parameters that of the loss by :math:`\epsilon` times the derivative of these norms, or half of it where they are squared.

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
    normalize : bool, default=True
        Whether to normalise the gradient. If not, the perturbation is :math:`\epsilon \nabla_{x_i} \ell`, in one step.

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
    >>> from sklearn_irg.attacks import adversarial_accuracy
    >>> from sklearn_irg.penalties import AdversarialLoss
    >>> X, y = load_iris(return_X_y=True)
    >>> options = {"learning_rate_init": 0.01, "tol": 1e-3, "random_state": 0}
    >>> for alpha in (0, 1):
    ...     model = GradRegMLPClassifier(penalty=AdversarialLoss(0.3), alpha=alpha, **options).fit(X, y)
    ...     print(alpha, f"{model.score(X, y):.1f} {adversarial_accuracy(model, X, y, 0.5):.1f}")
    0 1.0 0.6
    1 1.0 0.7
    """

    is_detached = True
    is_loss = True

    def __init__(self, epsilon=0.1, norm="l2", n_steps=1, step_size=None, clip=None, features=None, normalize=True):
        self.epsilon = epsilon
        self.norm = norm
        self.n_steps = n_steps
        self.step_size = step_size
        self.clip = clip
        self.features = features
        self.normalize = normalize

    def check_parameters(self):
        check_real(self.epsilon, "epsilon", 0, open_low=True)
        check_choice(self.norm, "norm of AdversarialLoss", ("l2", "linf"))
        check_integer(self.n_steps, "n_steps", 1)
        if self.step_size is not None:
            check_real(self.step_size, "step_size", 0, open_low=True)
        one_step = self.norm == "l2" and self.n_steps == 1 and self.step_size is None
        if not check_boolean(self.normalize, "normalize") and not one_step:
            raise InvalidParameterError(
                f'normalize=False is one step along the gradient itself: it needs norm="l2", n_steps=1 and step_size=None; '
                f"got {self!r}."
            )

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

        if self.normalize:
            options = {"step_size": None if self.step_size is None else float(self.step_size), "clip": clip}
            *_, moved = ascend(
                gradient_at, step.X, float(self.epsilon), self.norm, n_steps=int(self.n_steps), **options
            )
        else:
            moved = step.X + float(self.epsilon) * gradient_at(step.X)
            moved = moved if clip is None else np.clip(moved, *clip)
        return step.likelihood.evaluate(step.forward_at(moved)[-1], step.targets)[0]
