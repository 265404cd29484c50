"""Base of the estimators: checked parameters, training, fitted attributes, and predictions."""

from abc import ABC, abstractmethod
from functools import partial

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_irg._callbacks import (
    CallbackSupportMixin,
    Follower,
    has_callbacks,
)
from sklearn_irg._checks import check_boolean, check_integer, check_real
from sklearn_irg._engine.activations import as_activation
from sklearn_irg._engine.likelihoods import LIKELIHOODS
from sklearn_irg._engine.networks import Network
from sklearn_irg._engine.terms import L2
from sklearn_irg._training.data import FLOATS, are_distributed, check_data
from sklearn_irg._training.partitions import check_partitions
from sklearn_irg._training.settings import Settings
from sklearn_irg._training.starts import Continued, Fresh, Warm
from sklearn_irg._training.train import train
from sklearn_irg._warnings import warn
from sklearn_irg.constraints import check_constraint
from sklearn_irg.losses import check_loss
from sklearn_irg.penalties import check_penalty
from sklearn_irg.solvers import check_solver


class NetworkEstimator(CallbackSupportMixin, BaseEstimator, ABC):
    """Base of all estimators: parameters and predictions around `train`.

    A subclass defines the kind of y (`_task`), the settings of training that its parameters mean
    (`_settings`), and the names of the fitted attributes (`_named_weights`, `_report`).
    """

    # parameters of some subclasses
    constraint = None
    activation = "identity"
    dropout = 0.0
    fit_intercept = True
    n_ramp_up_epochs = 0

    _accept_sparse = "csr"
    _fewest_iterations = 1
    _reads_y = True
    _takes_indicators = False  # whether y may be an indicator of labels
    _takes_partitions = False  # whether X may be a dask collection
    _of_some_fits = ("feature_names_in_",)  # attributes that not every fit sets

    @abstractmethod
    def _task(self):
        """Kind of y, as far as parameters, and an earlier fit, determine it."""

    @abstractmethod
    def _layers(self):
        """Fitted weights, (n_in, n_out) each, and biases."""

    @abstractmethod
    def _named_weights(self, coefs, intercepts):
        """Weights and biases under their public names, as a dict."""

    @abstractmethod
    def _initialize(self, network, random_state, dtype):
        """θ to start from."""

    def _hidden_layers(self):
        """Sizes of the hidden layers."""
        return ()

    def _loss(self):
        return check_loss(self.loss)

    def _penalty(self, rows):
        del rows
        return check_penalty(self.penalty)

    def _schedule(self, n_samples):
        """Options of the schedule."""
        del n_samples
        return {
            "max_iter": int(self.max_iter),
            "tol": float(self.tol),
            "verbose": bool(self.verbose),
        }

    @property
    def likelihood_(self):
        """Likelihood given as ``loss`` in the last fit, or that of the kind of targets."""
        check_is_fitted(self)
        return (
            LIKELIHOODS[self.out_activation_]
            if self._own_likelihood is None
            else self._own_likelihood
        )

    # -- fit ---------------------------------------------------------------------------------------

    def _fit(
        self, X, y, sample_weight=None, mask=None, *, perturbations=None, start=None, derive=None
    ):
        """Train from a start, by default as ``warm_start`` says, and adopt the result.

        ``derive(model)`` gives attributes that follow from the fitted model, a copy of this one, by
        name; by default as `_derive` says.
        """
        settings = self._settings()
        start = self._start() if start is None else start
        data = self._data(X, y, sample_weight, mask, perturbations, start)
        max_iter = settings.schedule(data.n_samples)["max_iter"]
        follower = self._follower(X, y, sample_weight, max_iter, start)
        fitted = train(self._task(), data, settings, start, follower and self._follow(follower))
        if derive is None and start.is_whole:
            derive = partial(type(self)._derive, X=X, y=y)
        self._adopt(fitted, derive, follower)
        if start.is_whole:
            self._warn_after_fit(fitted.solution, y)
        return self

    def _settings(self):
        """Settings of training, from checked parameters."""
        self._check_parameters()
        return Settings(
            loss=self._loss(),
            penalty=self._penalty,
            alpha=float(self.alpha),
            decay=(float(self.l2), L2()),
            activation=as_activation(self.activation),
            solver=check_solver(self.solver),
            schedule=self._schedule,
            initialize=self._initialize,
            random_state=self.random_state,
            hidden_layers=self._hidden_layers(),
            fit_intercept=bool(self.fit_intercept),
            n_ramp_up_epochs=int(self.n_ramp_up_epochs),
            parametrization=self.constraint,
            dropout=float(self.dropout),
        )

    def _start(self):
        return self._warm() if self.__sklearn_is_fitted__() and self.warm_start else Fresh()

    def _warm(self):
        """Start from the weights of the last fit."""
        return Warm(self._layers(), self._task())

    def _continued(self, classes=None):
        """Start from the end of the last call of ``partial_fit``, or of the last fit."""
        if not self.__sklearn_is_fitted__():
            return Continued(classes=classes)
        return Continued(
            self._warm(), self._solver_state, self._random_state, self._solver_theta, classes
        )

    def _data(self, X, y, sample_weight, mask, perturbations, start):
        if not are_distributed(X):
            options = {"perturbations": perturbations, "reset": start.is_first}
            return check_data(self, X, y, sample_weight, mask, **options)
        if not start.is_whole:
            raise TypeError(
                "partial_fit takes rows that are in memory; got a dask collection. Pass its "
                "partitions in turn."
            )
        return check_partitions(self, X, y, sample_weight, mask, reset=start.is_first)

    def _follower(self, X, y, sample_weight, max_iter, start):
        """Object that informs callbacks of a fit; None without callbacks."""
        if not (start.is_whole and has_callbacks(self)):
            return None
        return Follower(self, *self._seen_by_callbacks(X, y, sample_weight), max_iter)

    def _follow(self, follower):
        return lambda fitted: follower.iteration(lambda: self._attributes(fitted()))

    def _seen_by_callbacks(self, X, y, sample_weight):
        return X, y, sample_weight

    def _adopt(self, fitted, derive=None, follower=None):
        """Adopt the result of training, all at once; nothing else of a fit sets attributes."""
        found = {**self._attributes(fitted), **self._report(fitted), **fitted.kept}
        if derive is not None:
            found |= derive(_fitted_copy(self, found))
        if follower is not None:
            follower.end(found)
        for name in self._of_some_fits:
            vars(self).pop(name, None)  # of an earlier fit
        vars(self).update(found)

    def _derive(self, X, y):
        """Attributes that follow from a fitted model and the rows of the fit, as a dict."""
        del X, y
        return {}

    def _attributes(self, fitted):
        """Attributes of a fitted estimator that predicts."""
        likelihood = fitted.network.likelihood
        known = LIKELIHOODS.get(likelihood.out_activation)
        custom = None if type(known) is type(likelihood) else clone(likelihood)
        return {
            **fitted.columns,
            **fitted.task.attributes,
            **self._named_weights(*fitted.weights),
            "out_activation_": likelihood.out_activation,
            # None for the package's likelihoods, which are found by name, so that pickles hold none
            "_own_likelihood": custom,
        }

    def _report(self, fitted):
        """Attributes of a fit that predictions do not need."""
        solution = fitted.solution
        return {
            "converged_": solution.converged,
            "loss_": solution.loss,
            "loss_curve_": solution.loss_curve,
        }

    def _warn_after_fit(self, solution, y):
        """Warn of what may be wrong with what was fitted."""
        del y
        if not solution.converged:
            self._warn_of(solution)

    def _warn_of(self, solution):
        reason, remedy = "", f"Raise max_iter={self.max_iter}, or standardize X."
        if solution.reason:  # more iterations would not help
            reason, remedy = f": {solution.reason}", f"Standardize X, or raise tol={self.tol}."
        warn(
            f"{type(self).__name__} stopped after {solution.n_iter} iterations without "
            f"converging{reason}. {remedy}",
            ConvergenceWarning,
        )

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

    # -- predict -----------------------------------------------------------------------------------

    def _outputs(self, X, function=None):
        """Raw outputs, shape (n_samples, n_outputs), or a function of them; in blocks."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=self._accept_sparse, dtype=FLOATS, reset=False)
        network, theta = self._fitted_network()
        return network.outputs(theta, X, function)

    def _fitted_network(self):
        """Network and its fitted parameters."""
        coefs, intercepts = self._layers()
        sizes = (coefs[0].shape[0], *(W.shape[1] for W in coefs))
        network = Network(sizes, as_activation(self.activation), self.likelihood_)
        return network, network.pack(coefs, intercepts, coefs[0].dtype)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = bool(self._accept_sparse)
        return tags


def _fitted_copy(estimator, attributes):
    """Copy of an estimator with its parameters, and these attributes in place of its own."""
    other = object.__new__(type(estimator))
    parameters = {  # by their names: get_params reads signatures, which takes as long as a small step
        name: value
        for name, value in vars(estimator).items()
        if not (name.startswith("_") or name.endswith("_"))
    }
    vars(other).update(parameters | attributes)
    return other
