"""What every estimator does: validate, compose network, penalty and solver, store what came out."""

import warnings
from abc import abstractmethod
from numbers import Real
from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, check_consistent_length, check_random_state, check_scalar
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_irg._callbacks import CallbackSupportMixin, fit_context
from sklearn_irg._engine.activations import ACTIVATIONS
from sklearn_irg._engine.networks import Network
from sklearn_irg._objective import Objective
from sklearn_irg._split import objective_class
from sklearn_irg.constraints import check_constraint
from sklearn_irg.losses import check_loss
from sklearn_irg.penalties import check_penalty
from sklearn_irg.solvers import LBFGS, Schedule, check_solver

FLOATS = (np.float64, np.float32)
NUMBERS = (int, float, np.integer, np.floating)


class Data(NamedTuple):
    """Validated rows: inputs, encoded targets, weights, which rows are labelled, and the mask, or None."""

    X: np.ndarray
    targets: np.ndarray
    weights: np.ndarray | None
    labelled: np.ndarray | None
    mask: np.ndarray | None

    def take(self, rows):
        """The same of some rows."""
        return Data(*(None if array is None else array[rows] for array in self))


class NetworkEstimator(CallbackSupportMixin, BaseEstimator):
    """Base of all estimators: an objective over a network, minimised by a solver.

    One mixin says what the targets are (`_encode`, `_likelihood`, `_score`), one class what the network is
    (`_architecture`, `_layers`, `_attributes`, `_start`, `_schedule`).
    """

    _doc_link_module = "sklearn_irg"
    _doc_link_template = "https://sklearn-irg.readthedocs.io/stable/generated/{estimator_module}.{estimator_name}.html"

    _accept_sparse = "csr"

    @abstractmethod
    def _encode(self, y, sample_weight, classes, resume):
        """Check targets and remember what they mean: (targets (n_samples, n_outputs), weights, labelled)."""

    @abstractmethod
    def _likelihood(self):
        """The likelihood of the encoded targets."""

    @abstractmethod
    def _score(self, outputs, data):
        """Score of outputs on held-out rows; larger is better."""

    @abstractmethod
    def _architecture(self):
        """Hidden layer sizes and activation."""

    @abstractmethod
    def _layers(self):
        """Fitted weights, (n_in, n_out) each, and biases."""

    @abstractmethod
    def _attributes(self, coefs, intercepts):
        """Weights and biases under their public names, as a dict."""

    @abstractmethod
    def _start(self, network, random_state, dtype):
        """θ to start from."""

    def _schedule(self, n_samples):
        """Options of the schedule beyond those all estimators have."""
        del n_samples
        return {}

    def _penalty(self):
        return check_penalty(self.penalty)

    # -- fit -----------------------------------------------------------------------------------------------------------

    def _fit(self, X, y, sample_weight=None, mask=None, *, incremental=False, classes=None):
        resume = self.__sklearn_is_fitted__() and (incremental or self.warm_start)
        random_state = check_random_state(self.random_state)
        if resume and incremental:
            self._resume_random_state(random_state)
        data, network, theta = self._prepare(X, y, sample_weight, mask, classes, resume, random_state)
        train, score = self._hold_out(network, data, random_state, incremental)
        objective = self._objective(network, train, self.alpha)
        theta = self._enter(objective, theta, resume and incremental)

        def attributes(theta):
            layers = network.unpack(objective.effective(theta))
            biases = [np.zeros(W.shape[1], dtype=W.dtype) if b is None else b for W, b in layers]
            return self._attributes([W for W, _ in layers], biases)

        seen = self._seen_by_callbacks(X, y, sample_weight)
        with fit_context(self, *seen, self.max_iter, attributes, active=not incremental) as on_iteration:
            schedule = Schedule(
                max_iter=1 if incremental else self.max_iter,
                tol=self.tol,
                random_state=random_state,
                validation_score=None if score is None else lambda theta: score(objective.effective(theta)),
                on_iteration=on_iteration,
                verbose=bool(self.verbose),
                **self._schedule(objective.n_samples),
            )
            solver = check_solver(self.solver)
            state = getattr(self, "_solver_state", {}) if resume and incremental else {}
            state = state if state.get("solver") == type(solver).__name__ else None
            solution = solver.minimize(objective, theta, schedule, state)
            vars(self).update(attributes(solution.theta))
            self._store(solution, objective.n_samples, resume)
            # what the next partial_fit goes on from, beside the weights; a fit leaves nothing of an earlier one
            self._random_state = list(random_state.get_state()) if incremental else None
            self._solver_theta = solution.theta if incremental and self.constraint is not None else None
        if not (solution.converged or incremental):
            warnings.warn(
                f"{type(self).__name__} stopped after {solution.n_iter} iterations without converging. Raise max_iter="
                f"{self.max_iter}, or standardise X.",
                ConvergenceWarning,
                stacklevel=4,  # fit, and what wraps it
            )
        return self

    def _resume_random_state(self, random_state):
        """Go on drawing where the last call ended, so that a seed does not mean the same noise in every call."""
        state = getattr(self, "_random_state", None)
        if state is not None and not isinstance(self.random_state, np.random.RandomState):
            random_state.set_state(tuple(state))

    def _enter(self, objective, theta, incremental):
        """The solver's θ: where it was, if the fitted weights are still those it ended with."""
        last = getattr(self, "_solver_theta", None) if incremental else None
        if last is not None and last.dtype == theta.dtype and np.array_equal(objective.effective(last), theta):
            return last
        theta = objective.enter(theta)
        objective.project(theta)
        return theta

    def _seen_by_callbacks(self, X, y, sample_weight):
        return X, y, sample_weight

    def _prepare(self, X, y, sample_weight, mask, classes, resume, random_state):
        """Validated data, the network for it, and θ to start from."""
        self._check_parameters()
        data = self._validate(X, y, sample_weight, mask, classes, resume)
        hidden, activation = self._architecture()
        sizes = (data.X.shape[1], *hidden, data.targets.shape[1])
        network = Network(sizes, activation, self._likelihood(), getattr(self, "fit_intercept", True))
        start = self._resume if resume else self._start
        return data, network, start(network, random_state, data.X.dtype)

    def _objective(self, network, data, alpha, *, dropout=None):
        penalty = self._penalty()
        options = {
            "sample_weight": data.weights,
            "labelled": data.labelled,
            "feature_names": getattr(self, "feature_names_in_", None),
            "mask": data.mask,
            "loss": self.loss,
            "dropout": float(getattr(self, "dropout", 0.0)) if dropout is None else dropout,
            "constraint": self.constraint,
        }
        kind = Objective
        if isinstance(check_solver(self.solver), LBFGS):
            kind = objective_class(network, penalty, self.constraint)
        return kind(network, data.X, data.targets, penalty, alpha, **options)

    def _initial_terms(self, X, y, sample_weight=None, mask=None):
        """Mean loss and penalty, without alpha and dropout, where a fit would start."""
        random_state = check_random_state(self.random_state)
        data, network, theta = self._prepare(X, y, sample_weight, mask, None, False, random_state)
        data = data._replace(X=data.X.astype(np.float64), targets=data.targets.astype(np.float64))
        objective = self._objective(network, data, 1.0, dropout=0.0)
        theta = self._enter(objective, theta.astype(np.float64), False)
        return objective.loss_and_penalty(theta, random_state)

    def _store(self, solution, n_samples, resume):
        self.n_iter_ = solution.n_iter
        del n_samples, resume

    def _check_parameters(self):
        check_scalar(self.alpha, "alpha", NUMBERS, min_val=0)
        if not np.isfinite(self.alpha):
            raise ValueError(f"alpha must be finite; got {self.alpha!r}.")
        check_scalar(self.tol, "tol", NUMBERS, min_val=0)
        check_scalar(self.max_iter, "max_iter", (int, np.integer), min_val=1)
        check_loss(self.loss)
        check_constraint(self.constraint)

    def _validate(self, X, y, sample_weight, mask, classes, resume):
        X, y = validate_data(
            self, X, y, accept_sparse=self._accept_sparse, dtype=FLOATS, order="C", multi_output=True, reset=not resume
        )
        sample_weight, mask = check_sample_weight(sample_weight, X), check_mask(mask, X)
        if sample_weight is not None and not sample_weight.all():
            present = sample_weight > 0  # a weight of zero is an absent row
            X, y, sample_weight = X[present], y[present], sample_weight[present]
            mask = None if mask is None else mask[present]
        if issparse(y) and not getattr(self, "_multilabel", False):
            raise ValueError("y must be dense; got a sparse one. Pass y.toarray().")
        targets, weights, labelled = self._encode(y, sample_weight, classes, resume)
        return Data(X, targets.astype(X.dtype, copy=False), weights, labelled, mask)

    def _resume(self, network, random_state, dtype):
        coefs, intercepts = self._layers()
        if [W.shape for W in coefs] != network.shapes:
            raise ValueError(
                f"cannot continue a fit whose weights have shapes {[W.shape for W in coefs]} with {network.shapes}. "
                "Use warm_start=False, or a fresh clone."
            )
        if self.constraint is not None and not self.constraint.allows_zero and any(not W.any() for W in coefs):
            return self._start(network, random_state, dtype)
        return network.pack(coefs, intercepts, dtype)

    def _hold_out(self, network, data, random_state, incremental):
        """Rows to train on, and the score on the others as a function of θ, or None."""
        del network, random_state, incremental
        return data, None

    # -- predict -------------------------------------------------------------------------------------------------------

    def _outputs(self, X):
        """Raw outputs, shape (n_samples, n_outputs)."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=self._accept_sparse, dtype=FLOATS, reset=False)
        coefs, intercepts = self._layers()
        sizes = (coefs[0].shape[0], *(W.shape[1] for W in coefs))
        network = Network(sizes, self._architecture()[1], self._likelihood())
        return network.outputs(network.pack(coefs, intercepts, coefs[0].dtype), X)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = bool(self._accept_sparse)
        return tags


def check_activation(activation):
    """Raise a ValueError if there is no such activation."""
    if activation not in ACTIVATIONS:
        raise ValueError(f"activation must be one of {', '.join(map(repr, ACTIVATIONS))}; got {activation!r}.")


def check_sample_weight(sample_weight, X):
    """Weights as an array (n_samples,), or None where all are equal."""
    if sample_weight is None or isinstance(sample_weight, Real):
        return None
    sample_weight = check_array(sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight")
    if sample_weight.ndim != 1:
        raise ValueError(f"sample_weight must have shape (n_samples,); got {sample_weight.shape}.")
    check_consistent_length(X, sample_weight)
    if (sample_weight < 0).any():
        raise ValueError(f"sample_weight must be non-negative; got {sample_weight.min()}.")
    if not sample_weight.any():
        raise ValueError("sample_weight is zero for every row, so no row is left to fit. Give one a positive weight.")
    return sample_weight


def check_mask(mask, X):
    """The mask as booleans of the shape of X, or None."""
    if mask is None:
        return None
    if issparse(mask):
        raise ValueError("mask must be dense; got a sparse one. Pass mask.toarray().")
    mask = np.asarray(mask)
    if mask.shape != X.shape:
        raise ValueError(f"mask must have the shape of X, {X.shape}; got {mask.shape}.")
    if mask.dtype != bool and not np.isin(mask, (0, 1)).all():
        raise ValueError(f"mask must hold booleans, or zeros and ones; got values of type {mask.dtype}.")
    return mask.astype(bool)
