"""Steps as authors of terms see them: a batch of rows and one forward pass over it."""

from functools import cached_property

import numpy as np

from sklearn_irg._engine import sensitivity
from sklearn_irg._engine.autodiff import matmul, stop_gradient
from sklearn_irg._engine.passes import activate

__all__ = ["Step"]


class Step:
    """One forward pass over some rows, and what terms may read from it.

    Everything is computed when first asked for.

    Everything is differentiable with respect to ``theta`` unless its name says that it is frozen,
    or a direction: those are constants of the optimization.

    Attributes
    ----------
    network : Network
        What the parameters mean; ``network.weights(theta)`` are the weight matrices.
    theta : ndarray of shape (n_parameters,)
        Parameters of the network.
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        Inputs.
    likelihood : Likelihood
        What the outputs mean.
    weights : ndarray of shape (n_samples,)
        Weights of all rows; see `weights_of` for those of a group.
    total_weight : float
        Sum of the sample weights of the batch's labeled rows.
    batch : Batch
        The rows as the objective drew them.
    random_state : RandomState
        For terms that draw random numbers.
    solver_theta : ndarray
        What the solver moves, where that is not ``theta``.
    """

    def __init__(self, objective, theta, batch, random_state=None, solver_theta=None):
        self.network = objective.network
        self.likelihood = objective.network.likelihood
        self.theta = theta
        self.solver_theta = theta if solver_theta is None else solver_theta
        self.X = batch.X
        self.total_weight = batch.total_weight
        self._random_state = random_state
        self._objective = objective
        self.batch = batch

    # -- the rows ----------------------------------------------------------------------------------

    @property
    def weights(self):
        return self.batch.weights["all"]

    def weights_of(self, group):
        """Weights of the rows in the mean over a group, shape (n_samples,).

        They are zero for rows of other groups.

        Over all rows of the objective they sum to one.
        """
        try:
            return self.batch.weights[group]
        except KeyError:
            names = ", ".join(map(repr, self.batch.weights))
            raise ValueError(
                f"there is no group {group!r} of rows; the groups are {names}."
            ) from None

    @property
    def row_weights(self):
        """Weights of all rows without those of their classes.

        Terms that compare class proportions use them.
        """
        return self.weights if self.batch.row_weights is None else self.batch.row_weights

    @property
    def positions(self):
        """Positions of the rows among all rows of the fit: a slice or integers.

        Terms look up with them what they have `prepared`.
        """
        return self.batch.rows

    @property
    def targets(self):
        """Encoded targets, shape (n_samples, n_outputs).

        There is a column per class, or for two classes one column of 0 and 1.
        """
        if self.batch.targets is None:
            raise ValueError("there are no targets to read: the loss uses no labels.")
        return self.batch.targets

    def mask_of(self, features=None, weights=None):
        """Zeros and ones over columns or entries; None where all are one.

        The shape is (n_features,) or (n_samples, n_features).

        With ``weights``, a dict of column to number or a number per column, the ones are these
        numbers.
        """
        columns, mask = self._objective.mask_of(features, weights), self.batch.mask
        if mask is None or columns is None:
            return columns if mask is None else mask
        return mask * columns

    def columns_of(self, features=None):
        """Zeros and ones over columns (n_features,), or None, without the mask given to ``fit``."""
        return self._objective.mask_of(features)

    @property
    def random_state(self):
        if self._random_state is None:
            raise ValueError(
                "there are no random numbers to draw: a term that needs them must declare "
                "is_stochastic = True, which also "
                'keeps it from solver="lbfgs".'
            )
        return self._random_state

    def random_partners(self):
        """Position in the batch of another row for each row.

        It is a row of the other sample where the loss compares two samples, else any row.
        """
        rng, weights = self.random_state, self.batch.weights
        partners = rng.permutation(self.X.shape[0])
        samples = [name for name in weights if name not in ("all", "labeled", "unlabeled")]
        if len(samples) == 2:
            rows = [np.flatnonzero(weights[name]) for name in samples]
            for rows_here, others, name in ((*rows, samples[1]), (*rows[::-1], samples[0])):
                shares = weights[name][others].astype(np.float64)
                partners[rows_here] = rng.choice(others, len(rows_here), p=shares / shares.sum())
        return partners

    # -- the forward pass --------------------------------------------------------------------------

    @cached_property
    def _dropout(self):
        return self._objective.draw_dropout(self.X, self._random_state)

    def forward_at(self, X, *, theta=None, noise=None):
        """Forward pass at other inputs, with the same units dropped.

        It holds the activations of each hidden layer, then the outputs.

        ``theta`` are other parameters; ``noise`` is, for each hidden layer, added to its
        pre-activations.
        """
        theta = self.theta if theta is None else theta
        return self.network.forward(
            theta, X, self._objective.workspace.allocate, self._dropout, noise
        )

    def frozen_forward_at(self, X):
        """The same, as a constant."""
        return self.network.forward(
            stop_gradient(self.theta), X, self._objective.workspace.allocate, self._dropout
        )

    @cached_property
    def forward(self):
        """Forward pass at the rows."""
        return self.forward_at(self.X)

    @cached_property
    def outputs(self):
        """Raw outputs, shape (n_samples, n_outputs)."""
        return self.forward[-1]

    @property
    def frozen_outputs(self):
        """The same, as a constant."""
        view = stop_gradient(self.outputs).view()
        view.flags.writeable = False  # it is where the outputs are kept
        return view

    def preactivations(self, layer):
        """Pre-activations of a hidden layer, counted from 0, shape (n_samples, n_units)."""
        return self._affine(self.X if layer == 0 else self.forward[layer - 1], layer)

    def outputs_above(self, layer, preactivations):
        """Outputs for given pre-activations of a hidden layer, with the same units dropped."""
        network, A = self.network, preactivations
        for l in range(layer, len(network.shapes) - 1):
            A = A if network.activation.is_identity else activate(A, network.activation)
            A = A if self._dropout is None else A * self._dropout[l]
            A = self._affine(A, l + 1)
        return A

    def _affine(self, A, layer):
        b = self.network.bias(self.theta, layer)
        Z = matmul(A, self.network.weight(self.theta, layer))
        return Z if b is None else Z + b

    # -- what the outputs mean ---------------------------------------------------------------------

    @cached_property
    def mean(self):
        """Expected targets, shape (n_samples, n_outputs)."""
        return self.likelihood.differentiable_mean(self.outputs)

    @cached_property
    def frozen_mean(self):
        """The same, as a constant."""
        return self.likelihood.mean(self.frozen_outputs)

    @cached_property
    def probabilities(self):
        """Probability of each class, shape (n_samples, n_classes), or of each label."""
        return self.likelihood.probabilities(self.outputs)

    @cached_property
    def frozen_probabilities(self):
        """The same, as a constant."""
        return self.likelihood.probabilities(self.frozen_outputs)

    @cached_property
    def entropies(self):
        """Entropy of the class predicted at each row in nats, shape (n_samples,).

        With several labels it is the sum of their entropies.
        """
        return self.likelihood.entropy(self.outputs)

    @cached_property
    def _evaluated(self):
        return self.likelihood.evaluate(self.outputs, self.targets)

    @cached_property
    def losses(self):
        """Negative log-likelihood of each row's target, shape (n_samples,)."""
        return self._evaluated[0]

    @cached_property
    def residuals(self):
        """Derivative of the losses with respect to the outputs, shape (n_samples, n_outputs)."""
        return self._evaluated[1]

    def divergences_at(self, X):
        """Divergence from the frozen prediction at each row to that at another row.

        The shape is (n_samples,).
        """
        return self.likelihood.divergence(self.forward_at(X)[-1], self.frozen_outputs)

    # -- how they depend on the inputs -------------------------------------------------------------

    def input_gradients(self, cotangent=None, mask=None, *, forward=None):
        """Gradient of ⟨cotangent, outputs⟩ with respect to each row, shape (n_samples, n_features).

        The cotangent, of shape (n_samples, n_outputs), is the residuals by default, which makes it
        the gradient of the loss. Entries where a ``mask`` (from `mask_of` or `columns_of`) is zero
        are left out. ``forward`` is the forward pass to differentiate, by default that at the rows.
        """
        return sensitivity.input_gradients(*self._at(forward, cotangent), mask)

    def squared_input_gradients(self, cotangent=None, mask=None, *, forward=None):
        """Squared L2 norm of each row of `input_gradients`, shape (n_samples,)."""
        return sensitivity.squared_input_gradients(*self._at(forward, cotangent), mask)

    def absolute_input_gradients(self, cotangent=None, mask=None, *, forward=None, sharpness=None):
        """L1 norm of each row of `input_gradients`, shape (n_samples,).

        With a ``sharpness`` it is a smooth upper bound on the norm.
        """
        return sensitivity.absolute_input_gradients(*self._at(forward, cotangent), mask, sharpness)

    def _at(self, forward, cotangent):
        forward = self.forward if forward is None else forward
        return self.network, self.theta, forward, self.residuals if cotangent is None else cotangent

    def squared_jacobian_norms(self, mask=None, *, forward=None):
        """Squared Frobenius norm of each row's Jacobian of the outputs, shape (n_samples,)."""
        forward = self.forward if forward is None else forward
        return sensitivity.squared_jacobian_norms(self.network, self.theta, forward, mask)

    def summed_log_probability_cotangent(self):
        """Derivative of the sum of the log-probabilities of all classes with respect to outputs."""
        return sensitivity.summed_log_probability_cotangent(self.likelihood, self.outputs)

    def trained_gradients(self, gradients):
        """Derivatives with respect to the weight matrices that are trained.

        ``gradients`` holds those with respect to the network's weights.
        """
        return self._objective.trained.trained_gradients(self.network, self.solver_theta, gradients)

    # -- directions and gradients that are constants -----------------------------------------------

    def random_directions(self, mask=None):
        """A random unit direction for each row, shape (n_samples, n_features)."""
        return sensitivity.random_directions(self.X, self.random_state, self.X.dtype, mask)

    def virtual_adversarial_directions(self, mask=None, *, xi=0.01, n_power_iterations=1, X=None):
        """Unit direction in which each row's prediction changes most.

        The shape is (n_samples, n_features).

        With ``X`` it starts at these rows instead, and the change is measured from the prediction
        at the rows of the step.
        """
        targets = self.frozen_mean
        return sensitivity.virtual_adversarial_direction(
            lambda X: self.frozen_loss_gradients_at(X, targets),
            self.X if X is None else X,
            self.random_directions(mask),
            xi=xi,
            n_power_iterations=n_power_iterations,
            mask=mask,
        )

    @cached_property
    def frozen_loss_gradients(self):
        """Gradient of each row's loss with respect to the row, as a constant.

        The shape is (n_samples, n_features).
        """
        theta, forward = stop_gradient(self.theta), stop_gradient(self.forward)
        return self.network.pull_back(theta, forward, stop_gradient(self.residuals))

    def frozen_loss_gradients_at(self, X, targets=None):
        """Gradient of the loss with respect to other inputs, shape (n_samples, n_features).

        The loss is that of ``targets``, by default of each row's target.
        """
        targets, forward = self.targets if targets is None else targets, self.frozen_forward_at(X)
        _, residuals = self.likelihood.loss_and_residual(forward[-1], targets)
        return self.network.pull_back(stop_gradient(self.theta), forward, residuals)

    def frozen_first_preactivations(self, X):
        """Pre-activations of the first layer at other inputs, as a constant."""
        W, b = self.network.unpack(stop_gradient(self.theta))[0]
        return X @ W if b is None else X @ W + b

    def frozen_losses_above_first(self, preactivations, targets=None):
        """Loss for given pre-activations of the first layer, as a constant, shape (n_samples,).

        The loss is that of ``targets``, by default of each row's target.

        There may be several for each row: all rows with the first, then all rows with the second,
        ….
        """
        targets, outputs = self.targets if targets is None else targets, preactivations
        if len(self.network.shapes) > 1:
            outputs = self._frozen_forward_above(0, self._frozen_activations(0, preactivations)[0])[
                -1
            ]
        return self.likelihood.loss_and_residual(
            outputs, np.tile(targets, (len(outputs) // len(targets), 1))
        )[0]

    def frozen_loss_gradients_above(self, layer, preactivations, targets):
        """Gradient of the loss of targets with respect to the pre-activations of a hidden layer.

        The shape is (n_samples, n_units).
        """
        A, slope = self._frozen_activations(layer, preactivations)
        forward = self._frozen_forward_above(layer, A)
        _, residuals = self.likelihood.loss_and_residual(forward[-1], targets)
        network, place = self.network.above(layer)
        return network.pull_back(stop_gradient(self.theta)[place], forward, residuals) * slope

    def _frozen_activations(self, layer, preactivations):
        """Activations of a hidden layer, with the same units dropped, and their slopes."""
        A = preactivations.copy()
        self.network.activation.apply(A)
        slope = self.network.activation.slope(A, np.empty_like(A))
        if self._dropout is not None:
            factors = self._repeated_dropout(layer, len(A))[0]
            A *= factors
            slope *= factors
        return A, slope

    def _repeated_dropout(self, layer, n_rows):
        """Factors of the hidden layers from ``layer`` on, for several inputs of each row."""
        times = n_rows // self.X.shape[0]
        return [
            factors if times == 1 else np.tile(factors, (times, 1))
            for factors in self._dropout[layer:]
        ]

    def _frozen_forward_above(self, layer, activations):
        network, place = self.network.above(layer)
        dropout = (
            None if self._dropout is None else self._repeated_dropout(layer + 1, len(activations))
        )
        return network.forward(stop_gradient(self.theta)[place], activations, dropout=dropout)
