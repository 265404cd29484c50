import numpy as np

from sklearn_irg._checks import check_integer, check_per_layer, check_real, over_layers
from sklearn_irg._engine.autodiff import column_deviations, scale_columns, stop_gradient
from sklearn_irg._engine.sensitivity import random_directions, virtual_adversarial_direction
from sklearn_irg.penalties._base import SamplePenalty


class LayerwiseVirtualAdversarial(SamplePenalty):
    r"""Divergence between the predictions at a sample without and with one layer moved, by layer.

    .. math:: \sum_{l=0}^{L} c_l \,
        \mathrm{KL}\bigl(p(\cdot \mid x_i) \,\Vert\, p_l(\cdot \mid x_i, r_{il})\bigr), \qquad
        r_{il} = \arg\max_{\lVert r \rVert_2 \le \epsilon_l}
        \mathrm{KL}\bigl(p(\cdot \mid x_i) \,\Vert\, p_l(\cdot \mid x_i, r)\bigr)

    averaged over samples [1]_; each layer moves in its worst direction. :math:`p_0` is the
    prediction at :math:`x_i + r`. For a hidden layer, :math:`s_l \circ r` is added to the input of
    its activations, :math:`\varphi(W_l^\top h_{l-1} + b_l + s_l \circ r)`, where :math:`s_l` are
    the standard deviations of the input of each unit over the rows of the step. So radii of hidden
    layers are in units of normalized values, under batch normalization and without it: a layer
    does not evade the penalty by larger weights.

    The prediction at the sample and the directions, found by power iteration from random starts,
    are constants of the optimization. No label is used.

    Parameters
    ----------
    epsilon : float or sequence of float, default=1.0
        Radius of the input, an L2 norm in units of X, and of each hidden layer, an L2 norm in
        standard deviations of its units. The last one counts for all further layers; a radius of
        zero leaves a layer out. With ``(r, 0)`` it is ``VirtualAdversarial(r)``.
    xi : float, default=0.01
        Distance at which the power iteration differentiates, in the same units. Much smaller values
        are lost in rounding errors in single precision.
    n_power_iterations : int, default=1
        Number of power iterations.
    costs : float or sequence of float, default=1.0
        Factor :math:`c_l` of each layer, the input first; the last one counts for all further
        layers.
    features : sequence of str, int or bool, default=None
        Columns of the input that may be perturbed, by name, position, or a boolean per column.
        ``None`` means all.

    Raises
    ------
    ValueError
        In ``fit``, if a parameter is out of range, there are more radii or costs than layers, X is
        sparse and its radius not zero, or the solver needs a deterministic objective.

    See Also
    --------
    VirtualAdversarial : The same for the input alone.
    sklearn_irg.LadderClassifier : With this penalty, the model that [1]_ calls LVAC-LW.

    References
    ----------
    .. [1] Shinoda, Worrall and Brostow (2017), "Virtual adversarial ladder networks for
       semi-supervised learning".

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from sklearn_irg import GradRegMLPClassifier
    >>> from sklearn_irg.diagnostics import local_smoothness
    >>> from sklearn_irg.penalties import LayerwiseVirtualAdversarial
    >>> X, y = make_moons(noise=0.2, random_state=0)
    >>> penalty = LayerwiseVirtualAdversarial(epsilon=(0.3, 0.5))
    >>> options = {"learning_rate_init": 0.01, "max_iter": 500, "random_state": 0}
    >>> for alpha in (0, 1):
    ...     model = GradRegMLPClassifier(penalty=penalty, alpha=alpha, **options).fit(X, y)
    ...     print(alpha, local_smoothness(model, X, epsilon=0.3, random_state=0).mean().round(1))
    0 0.7
    1 0.2
    """

    group = "all"
    is_stochastic = True
    needs_whole_batch = True  # deviations are those of all its rows

    def __init__(self, epsilon=1.0, xi=0.01, n_power_iterations=1, costs=1.0, features=None):
        self.epsilon = epsilon
        self.xi = xi
        self.n_power_iterations = n_power_iterations
        self.costs = costs
        self.features = features

    def check_parameters(self):
        check_per_layer(self.epsilon, "epsilon")
        check_per_layer(self.costs, "costs")
        check_real(self.xi, "xi", 0, open_low=True)
        check_integer(self.n_power_iterations, "n_power_iterations", 1)

    def check(self, columns, likelihood):
        del likelihood
        if check_per_layer(self.epsilon, "epsilon")[0] > 0:
            columns.require_dense(type(self).__name__)
        columns.mask_of(self.features)

    def values(self, step):
        n_layers = len(step.network.shapes)
        radii = over_layers(check_per_layer(self.epsilon, "epsilon"), "epsilon", n_layers)
        costs = over_layers(check_per_layer(self.costs, "costs"), "costs", n_layers)
        total = np.zeros(step.X.shape[0], dtype=step.X.dtype)
        for l, (radius, cost) in enumerate(zip(radii, costs, strict=True)):
            if radius * cost > 0:
                moved = (
                    self._of_input(step, radius) if l == 0 else self._of_hidden(step, l - 1, radius)
                )
                total = total + cost * moved
        return total

    @property
    def _search(self):
        return {"xi": float(self.xi), "n_power_iterations": int(self.n_power_iterations)}

    def _of_input(self, step, radius):
        directions = step.virtual_adversarial_directions(
            step.columns_of(self.features), **self._search
        )
        return step.divergences_at(step.X + radius * directions)

    def _of_hidden(self, step, layer, radius):
        preactivations, targets = step.preactivations(layer), step.frozen_mean
        scales = column_deviations(preactivations, step.row_weights / step.row_weights.sum())
        values, frozen = stop_gradient(preactivations), stop_gradient(scales)
        directions = virtual_adversarial_direction(
            lambda moved: (
                frozen * step.frozen_loss_gradients_above(layer, values + frozen * moved, targets)
            ),
            np.zeros_like(values),
            random_directions(values, step.random_state, values.dtype),
            **self._search,
        )
        outputs = step.outputs_above(
            layer, preactivations + scale_columns(scales, radius * directions)
        )
        return step.likelihood.divergence(outputs, step.frozen_outputs)
