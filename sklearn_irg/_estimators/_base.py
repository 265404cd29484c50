"""What every estimator does: validate, compose an objective of terms, let a solver minimise it, store what came out."""

import warnings
from abc import ABC, abstractmethod
from functools import partial
from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_irg._callbacks import CallbackSupportMixin, fit_context
from sklearn_irg._checks import check_boolean, check_integer, check_mask, check_real, check_sample_weight
from sklearn_irg._engine.activations import as_activation
from sklearn_irg._engine.likelihoods import LIKELIHOODS
from sklearn_irg._engine.networks import Network, stays_finite
from sklearn_irg._engine.objective import Objective, RampUp
from sklearn_irg._engine.pieces import PiecedObjective
from sklearn_irg._engine.rows import Rows
from sklearn_irg._engine.terms import L2
from sklearn_irg._estimators._distributed import are_distributed, prepare_pieces
from sklearn_irg._estimators._resuming import Resuming
from sklearn_irg.constraints import check_constraint
from sklearn_irg.losses import check_loss
from sklearn_irg.penalties import check_penalty
from sklearn_irg.solvers import Schedule, Solution, check_solver

FLOATS = (np.float64, np.float32)


class Encoded(NamedTuple):
    """What y becomes: targets (n_samples, n_outputs), weights with those of classes, groups of rows, number of outputs."""

    targets: np.ndarray | None
    sample_weight: np.ndarray | None
    groups: dict | None
    n_outputs: int


class NetworkEstimator(Resuming, CallbackSupportMixin, BaseEstimator, ABC):
    """Base of all estimators: an objective over a network, minimised by a solver.

    One mixin says what the targets are (`_encode`, `_default_likelihood`, `_score`, `_strata`), one class what the network is
    (`_hidden_layers`, `_layers`, `_attributes`, `_start`, `_schedule`).
    """

    # parameters of some subclasses
    constraint = None
    activation = "identity"
    dropout = 0.0
    fit_intercept = True
    n_ramp_up_epochs = 0

    _accept_sparse = "csr"
    _fewest_iterations = 1
    _takes_pieces = False  # of rows on many machines
    _multilabel = False

    @abstractmethod
    def _encode(self, y, sample_weight, loss, *, classes, resume, incremental):
        """Check targets, remember what they mean, and return them as `Encoded`."""

    @abstractmethod
    def _default_likelihood(self):
        """The likelihood of the kind of targets."""

    def _score(self, network, theta, rows):
        """Score on held-out rows; larger is better."""
        raise NotImplementedError(f"{type(self).__name__} has no targets to score.")

    def _strata(self, targets):
        """Labels that a hold-out keeps in proportion, or None."""
        del targets

    @abstractmethod
    def _hidden_layers(self):
        """Sizes of the hidden layers."""

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

    def _network_kind(self):
        """The class of the network that is trained."""
        return Network

    def _loss(self):
        return check_loss(self.loss)

    def _penalty(self, rows):
        del rows
        return check_penalty(self.penalty)

    def _likelihood(self, loss):
        return self._default_likelihood() if loss.likelihood is None else loss.likelihood

    @property
    def likelihood_(self):
        """What the outputs mean: the likelihood given as ``loss`` in the last fit, or that of the kind of targets."""
        check_is_fitted(self)
        return LIKELIHOODS[self.out_activation_] if self._own_likelihood is None else self._own_likelihood

    # -- fit -----------------------------------------------------------------------------------------------------------

    def _fit(self, X, y, sample_weight=None, mask=None, *, perturbations=None, incremental=False, classes=None):
        self._check_parameters()
        resume = self.__sklearn_is_fitted__() and (incremental or self.warm_start)
        go_on = resume and incremental  # with the solver's moments and random numbers too
        random_state = self._generator(go_on)
        loss = self._loss()
        solver = check_solver(self.solver)
        options = {"perturbations": perturbations}
        rows, network = self._prepare(X, y, sample_weight, mask, loss, classes, resume, incremental, **options)
        theta = (self._resume if resume else self._start)(network, random_state, rows.columns.dtype)
        all_rows = rows
        rows, score = self._hold_out(network, rows, random_state, incremental)
        objective = self._objective(network, rows, loss, self._terms(loss, rows))
        if incremental and objective.depends_on_epoch:
            growing = ", ".join(repr(term) for _, term in objective.terms if term.depends_on_epoch)
            raise ValueError(
                f"partial_fit does not support {growing}, which changes from epoch to epoch: each call is one epoch. Use fit, "
                "or terms that stay, such as those with n_ramp_up_epochs=0."
            )
        theta = self._enter(objective, theta, resume, go_on)
        self._store_likelihood(network.likelihood)
        attributes = partial(self._weights_as_attributes, objective)
        seen = self._seen_by_callbacks(X, y, sample_weight)
        with fit_context(self, *seen, int(self.max_iter), attributes, active=not incremental) as on_iteration:
            schedule = Schedule(
                max_iter=1 if incremental else int(self.max_iter),
                tol=float(self.tol),
                random_state=random_state,
                validation_score=None if score is None else lambda theta: score(objective.effective(theta)),
                on_iteration=on_iteration,
                verbose=bool(self.verbose),
                **self._schedule(rows.n_samples),
            )
            solver.check_objective(objective, schedule)
            if schedule.max_iter:
                solution = solver.minimize(objective, theta, schedule, self._moments(solver) if go_on else None)
            else:
                solution = Solution(theta, 0, objective.value(theta, objective.everything(), random_state), False)
            solution.theta = solver.check_solution(objective, solution, theta)
            self._finish(objective, solution, solver, random_state, resume, incremental, all_rows)
        if not (solution.converged or incremental):
            self._warn_of(solution)
        return self

    def _finish(self, objective, solution, solver, random_state, resume=False, incremental=False, rows=None):
        """Set all fitted attributes of a solution, and see that the rows of the fit have predictions."""
        fitted = self._weights_as_attributes(objective, solution.theta)
        _require_finite(fitted)
        vars(self).update(fitted)
        self.converged_ = solution.converged
        self._store(solution, objective.rows.n_samples, resume)
        self._store_state(objective, solution, solver, random_state, incremental)
        if not objective.rows.are_pieces:
            self._require_finite_predictions(self._inputs_of(objective.rows if rows is None else rows))
        elif not np.isfinite(solution.loss):
            raise ValueError(f"training diverged: the objective is {solution.loss} at the end. Standardise X.")

    def _inputs_of(self, rows):
        """Some inputs of the fitted network: the rows of the fit as they were given."""
        return rows.X

    def _require_finite_predictions(self, X):
        network, theta = self._fitted_network()
        if stays_finite(network, theta, X):
            return
        with np.errstate(over="ignore", invalid="ignore"):
            finite = network.outputs(theta, X, partial(_are_finite, network.likelihood))
        if not finite.all():
            raise ValueError(
                f"training diverged: the predictions of {np.count_nonzero(~finite)} of {len(finite)} rows of the fit are not "
                "finite. Standardise X, or lower the learning rate or alpha."
            )

    def _weights_as_attributes(self, objective, theta):
        layers = objective.network.unpack(objective.effective(theta))
        biases = [np.zeros(W.shape[1], dtype=W.dtype) if b is None else b for W, b in layers]
        return self._attributes([W for W, _ in layers], biases)

    def _warn_of(self, solution):
        reason, remedy = "", f"Raise max_iter={self.max_iter}, or standardise X."
        if solution.reason:  # more iterations would not help
            reason, remedy = f": {solution.reason}", f"Standardise X, or raise tol={self.tol}."
        warnings.warn(
            f"{type(self).__name__} stopped after {solution.n_iter} iterations without converging{reason}. {remedy}",
            ConvergenceWarning,
            stacklevel=6,  # fit, and what wraps it
        )

    def _prepare(self, X, y, sample_weight, mask, loss, classes, resume, incremental, *, perturbations=None):
        """Validated rows, and the network for them."""
        if are_distributed(X):
            if incremental:
                raise TypeError(
                    "partial_fit takes rows that are in memory; got a dask collection. Pass its pieces in turn."
                )
            rows, n_outputs = prepare_pieces(self, X, y, sample_weight, mask, loss, resume)
            return rows, self._network(rows.columns.n_features, n_outputs, loss)
        X, y = self._validate(X, y, reset=not resume)
        names = getattr(self, "feature_names_in_", None)
        sample_weight = check_sample_weight(sample_weight, X.shape[0])
        mask = check_mask(mask, X.shape, names)
        if sample_weight is not None and not sample_weight.all():
            present = sample_weight > 0  # a weight of zero is an absent row
            X = X[present]
            y = None if y is None else y[present]
            sample_weight = sample_weight[present]
            mask = None if mask is None else mask[present]
            perturbations = None if perturbations is None else perturbations.take(present)
        if issparse(y) and not self._multilabel:
            raise ValueError("y must be dense; got a sparse one. Pass y.toarray().")
        encoded = self._encode(y, sample_weight, loss, classes=classes, resume=resume, incremental=incremental)
        targets = None if encoded.targets is None else encoded.targets.astype(X.dtype, copy=False)
        row_weight = None
        if encoded.sample_weight is not sample_weight:  # there are weights of classes
            row_weight = np.ones(X.shape[0]) if sample_weight is None else sample_weight
        weights = {"sample_weight": encoded.sample_weight, "row_weight": row_weight}
        options = {"mask": mask, "groups": encoded.groups, "perturbations": perturbations, **weights}
        rows = Rows(X, targets, feature_names=names, **options)
        if encoded.sample_weight is not None and not encoded.sample_weight.all():
            rows = rows.take(np.flatnonzero(encoded.sample_weight))  # without classes of weight zero
        return rows, self._network(X.shape[1], encoded.n_outputs, loss)

    def _network(self, n_features, n_outputs, loss):
        sizes = (n_features, *self._hidden_layers(), n_outputs)
        return self._network_kind()(
            sizes, as_activation(self.activation), self._likelihood(loss), bool(self.fit_intercept)
        )

    def _validate(self, X, y, *, reset):
        """X and y as arrays."""
        options = {"accept_sparse": self._accept_sparse, "dtype": FLOATS, "order": "C"}
        return validate_data(self, X, y, multi_output=True, reset=reset, **options)

    def _terms(self, loss, rows):
        """Strengths and terms: the loss, scikit-learn's weight decay, and the penalty."""
        penalty = self._penalty(rows)
        alpha, n_epochs = float(self.alpha), int(self.n_ramp_up_epochs)
        terms = [] if penalty is None else penalty.terms()
        penalties = [(RampUp(alpha * weight, n_epochs) if n_epochs else alpha * weight, term) for weight, term in terms]
        return [(1.0, loss), (float(self.l2), L2()), *penalties]

    def _objective(self, network, rows, loss, terms, *, dropout=None):
        if rows.targets is not None:
            rows = rows.with_targets(loss.soften(rows.targets, network.likelihood))
        dropout = float(self.dropout) if dropout is None else dropout
        kind = PiecedObjective if rows.are_pieces else Objective
        return kind(network, rows, terms, parametrisation=self._parametrisation(), dropout=dropout)

    def _parametrisation(self):
        """How the solver's parameters become the network's; None if they are the same."""
        return self.constraint

    def _hold_out(self, network, rows, random_state, incremental):
        """Rows to train on, and the score on the others as a function of θ, or None."""
        del network, random_state, incremental
        return rows, None

    def _seen_by_callbacks(self, X, y, sample_weight):
        return X, y, sample_weight

    def _store_likelihood(self, likelihood):
        """Remember a likelihood: by its name if it is one of the package's, so that pickles hold none of its objects."""
        self.out_activation_ = likelihood.out_activation
        known = LIKELIHOODS.get(likelihood.out_activation)
        self._own_likelihood = None if type(known) is type(likelihood) else clone(likelihood)

    def _store(self, solution, n_samples, resume):
        """Set the fitted attributes beside the weights."""
        del n_samples, resume
        self.loss_ = solution.loss
        self.loss_curve_ = solution.loss_curve

    def _check_parameters(self):
        check_real(self.alpha, "alpha", 0)
        check_real(self.l2, "l2", 0)
        check_real(self.tol, "tol", 0)
        check_integer(self.max_iter, "max_iter", self._fewest_iterations)
        check_boolean(self.fit_intercept, "fit_intercept")
        check_boolean(self.warm_start, "warm_start")
        if not isinstance(self.verbose, (bool, np.bool_)):
            check_integer(self.verbose, "verbose", 0)
        check_constraint(self.constraint)

    # -- for `sklearn_irg.model_selection.balanced_alpha` --------------------------------------------------------------

    def _initial_terms(self, X, y, sample_weight=None, mask=None):
        """Mean loss, and penalty without alpha and dropout, where a fit would start; weight decay is neither."""
        if are_distributed(X):
            raise TypeError("the balance needs rows in memory; got a dask collection. Pass one of its pieces.")
        self._check_parameters()
        random_state = self._generator(go_on=False)
        loss = self._loss()
        rows, network = self._prepare(X, y, sample_weight, mask, loss, None, False, False)
        penalty = self._penalty(rows)
        theta = self._start(network, random_state, rows.columns.dtype).astype(np.float64)
        terms = [(1.0, loss)] + ([] if penalty is None else penalty.terms())
        objective = self._objective(network, rows.astype(np.float64), loss, terms, dropout=0.0)
        objective.project(theta)
        batch = objective.everything()
        return [
            objective.value(theta, batch, random_state, terms) for terms in (objective.terms[:1], objective.terms[1:])
        ]

    # -- predict -------------------------------------------------------------------------------------------------------

    def _outputs(self, X, function=None):
        """Raw outputs, shape (n_samples, n_outputs), or a function of them; in blocks."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=self._accept_sparse, dtype=FLOATS, reset=False)
        network, theta = self._fitted_network()
        return network.outputs(theta, X, function)

    def _fitted_network(self):
        """The network, and the parameters that were kept."""
        coefs, intercepts = self._layers()
        sizes = (coefs[0].shape[0], *(W.shape[1] for W in coefs))
        network = Network(sizes, as_activation(self.activation), self.likelihood_)
        return network, network.pack(coefs, intercepts, coefs[0].dtype)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = bool(self._accept_sparse)
        return tags


def _are_finite(likelihood, outputs):
    """Whether each row's outputs and mean are finite."""
    return np.isfinite(outputs).all(axis=1) & np.isfinite(likelihood.mean(outputs)).all(axis=1)


def _require_finite(attributes):
    """Folding in what is known of the rows can overflow where the solver's parameters did not."""
    arrays = (array for value in attributes.values() for array in (value if isinstance(value, list) else [value]))
    if not all(np.isfinite(array).all() for array in arrays):
        raise ValueError("training diverged: the fitted weights are not finite. Standardise X.")
