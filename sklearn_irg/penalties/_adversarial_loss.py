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
from sklearn_irg.penalties._threats import RADIUS, TakesThreat
from sklearn_irg.penalties._worst_inputs import LossesAtWorstInputs, worst_inputs
from sklearn_irg.penalties._worst_linear_loss import WorstLinearLoss, has_closed_form


class AdversarialLoss(TakesThreat, SamplePenalty):
    r"""Loss at the worst point near each sample: adversarial training.

    .. math:: \ell(f(x_i + r_i), y_i), \qquad r_i \approx \arg\max_{\lVert r \rVert \le \epsilon} \ell(f(x_i + r), y_i)

    averaged over samples. One step is the fast gradient method [1]_, several are projected gradient
    ascent [2]_; the perturbation is a constant of the optimization. With ``alpha=1`` the objective
    is twice the average of clean and adversarial loss. For small :math:`\epsilon` it exceeds the
    loss by :math:`\epsilon` times the L2 norm of the input gradient ("l2"), its L1 norm ("linf"),
    or its squared L2 norm (not normalized), and its derivative with respect to the parameters that
    of the loss by :math:`\epsilon` times the derivative of these norms, or half of it where they
    are squared.

    With a threat model in place of the ball, rows move as it allows: within bounds, by integers,
    with swaps of categories. The worst swaps of networks are the best of three that the gradient
    proposes. For linear models the worst point is known: the penalty is then the loss there, in
    closed form and convex. Integers may be fractions in it, except in "linf", and with three
    classes or more each of the others counts where it is highest, as in `CertifiedLoss`. A ball in
    encoded columns is attacked in linear models too, and then needs ``solver="adam"``.

    Parameters
    ----------
    epsilon : float, default=None
        Radius of the perturbation, in units of X; ``None`` is 0.1 where there is no threat model.
    norm : {"l2", "linf"}, default=None
        Norm of the perturbation; "linf" takes the sign of the gradient. ``None`` is "l2" where
        there is no threat model.
    n_steps : int, default=1
        Number of ascent steps; ignored where the worst point is known.
    step_size : float, default=None
        Length of a step, with a threat in units of its scales; ``None`` is the radius for one step
        and ``2.5 / n_steps`` of it for more.
    clip : tuple of (float, float), default=None
        Bounds for the perturbed samples, scalars or one per feature.
    features : sequence of str, int or bool, default=None
        Columns that may be perturbed, by name, position, or a boolean per column. ``None`` means
        all.
    normalize : bool, default=True
        Whether to normalize the gradient. If not, the perturbation is :math:`\epsilon \nabla_{x_i}
        \ell`, in one step.
    threat : ThreatModel, default=None
        What rows may become, in place of ``epsilon``, ``norm``, ``clip`` and ``features``: fitted
        on the columns of X. Behind the steps of a pipeline use
        `sklearn_irg.RobustTrainingClassifier`, which hands it to the penalty, and leave it
        ``None``.
    random_start : bool, default=False
        Whether the ascent starts at a random point, in place of the row; it then needs
        ``normalize=True`` and, where the worst point is not known, a solver that goes by epochs.

    Raises
    ------
    ValueError
        In ``fit``, if a parameter is out of range, X is sparse and the model not linear, or there
        is a radius in addition to a threat.

    See Also
    --------
    CertifiedLoss : Bounds the loss at all points.
    sklearn_irg.RobustTrainingClassifier : Trains pipelines against a threat model.

    References
    ----------
    .. [1] Goodfellow, Shlens and Szegedy (2015), "Explaining and harnessing adversarial examples".
    .. [2] Madry, Makelov, Schmidt, Tsipras and Vladu (2018), "Towards deep learning models
       resistant to adversarial attacks".

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

    @property
    def is_stochastic(self):
        """Whether it draws where the ascent starts."""
        return bool(self.random_start)

    _of_a_ball = ("epsilon", "norm", "clip", "features")

    def __init__(
        self,
        epsilon=None,
        norm=None,
        n_steps=1,
        step_size=None,
        clip=None,
        features=None,
        normalize=True,
        threat=None,
        random_start=False,
    ):
        self.epsilon = epsilon
        self.norm = norm
        self.n_steps = n_steps
        self.step_size = step_size
        self.clip = clip
        self.features = features
        self.normalize = normalize
        self.threat = threat
        self.random_start = random_start

    @property
    def _radius(self):
        return RADIUS if self.epsilon is None else float(self.epsilon)

    @property
    def _norm(self):
        return "l2" if self.norm is None else self.norm

    def check_parameters(self):
        self._check_threat()
        check_real(self._radius, "epsilon", 0, open_low=True)
        check_choice(self._norm, "norm of AdversarialLoss", ("l2", "linf"))
        check_integer(self.n_steps, "n_steps", 1)
        if self.step_size is not None:
            check_real(self.step_size, "step_size", 0, open_low=True)
        one_step = (
            self._norm == "l2"
            and self.n_steps == 1
            and self.step_size is None
            and self.threat is None
            and not check_boolean(self.random_start, "random_start")
        )
        if not check_boolean(self.normalize, "normalize") and not one_step:
            raise InvalidParameterError(
                'normalize=False is one step along the gradient itself: it needs norm="l2", '
                f"n_steps=1, step_size=None, threat=None and random_start=False; got {self!r}."
            )

    def check(self, columns, likelihood):
        del likelihood
        if self.clip is not None:
            check_bounds(self.clip, columns.n_features)
        columns.mask_of(self.features)

    def prepared(self, rows, network):
        if has_closed_form(network) and self._has_threat(rows):
            return WorstLinearLoss(self._inputs_of(rows), rows)
        rows.columns.require_dense("AdversarialLoss")
        return self._with_inputs(self._inputs_of(rows))

    def values(self, step):
        moved = self._moved_in_ball(step) if self._inputs is None else self._moved_by_threat(step)
        return step.likelihood.evaluate(step.forward_at(moved)[-1], step.targets)[0]

    def summands(self, step):
        is_direct = self.n_steps == 1 and self.step_size is None and not self.random_start
        if self._inputs is None or not is_direct:
            return None
        return [
            (step.weights_of(self.group), LossesAtWorstInputs(self._inputs.take(step.positions)))
        ]

    def _moved_by_threat(self, step):
        step_size = None if self.step_size is None else float(self.step_size)
        inputs = self._inputs.take(step.positions)
        return worst_inputs(
            step,
            inputs,
            step.targets,
            n_steps=int(self.n_steps),
            step_size=step_size,
            random_state=step.random_state if self.random_start else None,
        )

    def _moved_in_ball(self, step):
        mask = step.columns_of(self.features)
        clip = None
        if self.clip is not None:
            low, high = check_bounds(self.clip, step.X.shape[1])
            movable = True if mask is None else mask > 0  # bounds bind only what may move
            clip = np.where(movable, low, -np.inf), np.where(movable, high, np.inf)

        def gradient_at(X):
            gradients = step.frozen_loss_gradients_at(X)
            return gradients if mask is None else gradients * mask

        if self.normalize:
            options = {
                "step_size": None if self.step_size is None else float(self.step_size),
                "clip": clip,
                "start": self._random_points(step, mask, clip) if self.random_start else None,
            }
            *_, moved = ascend(
                gradient_at, step.X, self._radius, self._norm, n_steps=int(self.n_steps), **options
            )
            return moved
        moved = step.X + self._radius * gradient_at(step.X)
        return moved if clip is None else np.clip(moved, *clip)

    def _random_points(self, step, mask, clip):
        """Random points of each row's ball."""
        rng, X = step.random_state, step.X
        if self._norm == "l2":
            lengths = rng.uniform(0, self._radius, (len(X), 1))
            noise = lengths * step.random_directions(mask)
        else:
            noise = rng.uniform(-self._radius, self._radius, X.shape) * (
                1 if mask is None else mask
            )
        moved = (X + noise).astype(X.dtype, copy=False)
        return moved if clip is None else np.clip(moved, *clip).astype(X.dtype, copy=False)
