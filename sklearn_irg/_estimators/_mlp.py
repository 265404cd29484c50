import warnings
from copy import copy
from numbers import Integral

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted

from sklearn_irg._estimators._base import NUMBERS, NetworkEstimator, check_activation
from sklearn_irg.solvers import LBFGS, check_solver


def has_epochs(estimator):
    """Whether the solver goes by epochs; for ``available_if``."""
    if isinstance(check_solver(estimator.solver), LBFGS):
        raise AttributeError('partial_fit needs a stochastic solver. Use solver="adam" or solver="sgd".')
    return True


class MLPEstimator(NetworkEstimator):
    """Estimators with hidden layers."""

    def to_sklearn(self):
        """A fitted scikit-learn `MLPClassifier` or `MLPRegressor` with the same predictions.

        Returns
        -------
        estimator : MLPClassifier or MLPRegressor
            For everything that knows scikit-learn's classes: ONNX, SHAP, attack toolboxes.

        Raises
        ------
        ValueError
            For the activation "softplus", which scikit-learn does not have.
        """
        check_is_fitted(self)
        if self.activation == "softplus":
            raise ValueError('scikit-learn has no activation "softplus". Fit with "relu", "tanh" or "logistic".')
        twin = self._sklearn_class(
            hidden_layer_sizes=self._architecture()[0], activation=self.activation, max_iter=1, random_state=0
        )
        y = self._example_targets()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            twin.fit(np.zeros((len(y), self.n_features_in_), dtype=self.coefs_[0].dtype), y)  # to encode the targets
        twin.coefs_ = [W.copy() for W in self.coefs_]
        twin.intercepts_ = [b.copy() for b in self.intercepts_]
        for name in ("n_iter_", "t_", "loss_", "best_loss_", "loss_curve_"):
            setattr(twin, name, copy(getattr(self, name)))
        if hasattr(self, "feature_names_in_"):
            twin.feature_names_in_ = self.feature_names_in_.copy()
        return twin

    def _architecture(self):
        sizes = self.hidden_layer_sizes
        return ((sizes,) if isinstance(sizes, Integral) else tuple(sizes)), self.activation

    def _layers(self):
        return self.coefs_, self.intercepts_

    def _attributes(self, coefs, intercepts):
        return {"coefs_": coefs, "intercepts_": intercepts}

    def _start(self, network, random_state, dtype):
        return network.initialize(random_state, dtype)

    def _check_parameters(self):
        super()._check_parameters()
        if not isinstance(self.hidden_layer_sizes, Integral) and not np.iterable(self.hidden_layer_sizes):
            raise ValueError(f"hidden_layer_sizes must be positive integers; got {self.hidden_layer_sizes!r}.")
        sizes, activation = self._architecture()
        if not all(isinstance(size, Integral) and size > 0 for size in sizes):
            raise ValueError(f"hidden_layer_sizes must be positive integers; got {self.hidden_layer_sizes!r}.")
        check_activation(activation)
        check_scalar(self.learning_rate_init, "learning_rate_init", NUMBERS, min_val=0, include_boundaries="neither")
        check_scalar(self.n_iter_no_change, "n_iter_no_change", Integral, min_val=1)
        check_scalar(
            self.validation_fraction, "validation_fraction", float, min_val=0, max_val=1, include_boundaries="neither"
        )
        check_scalar(self.dropout, "dropout", NUMBERS, min_val=0, max_val=1, include_boundaries="left")
        if self.batch_size != "auto":
            check_scalar(self.batch_size, "batch_size", Integral, min_val=1)

    def _schedule(self, n_samples):
        return {
            "batch_size": min(200 if self.batch_size == "auto" else self.batch_size, n_samples),
            "learning_rate_init": float(self.learning_rate_init),
            "shuffle": self.shuffle,
            "n_iter_no_change": self.n_iter_no_change,
        }

    def _hold_out(self, network, data, random_state, incremental):
        if not self.early_stopping:
            return data, None
        if incremental:
            raise ValueError("partial_fit does not support early_stopping=True: each call sees one batch only.")
        everything = np.arange(len(data.targets))
        rows = everything if data.labelled is None else np.flatnonzero(data.labelled)
        _, rows = train_test_split(
            rows,
            test_size=self.validation_fraction,
            random_state=random_state,
            stratify=self._strata(data.targets[rows]),
        )
        if len(rows) < 2:
            raise ValueError("the validation set is too small. Raise validation_fraction, or set early_stopping=False.")
        held_out = data.take(rows)
        return data.take(np.setdiff1d(everything, rows)), lambda theta: self._score(
            network.outputs(theta, held_out.X), held_out
        )

    def _store(self, solution, n_samples, resume):
        self.n_iter_ = solution.n_iter
        self.n_layers_ = len(self.coefs_) + 1
        self.n_outputs_ = self.coefs_[-1].shape[1]
        self.loss_ = solution.loss
        self.loss_curve_ = (self.loss_curve_ if resume else []) + solution.loss_curve
        self.validation_scores_ = solution.validation_scores
        self.best_loss_ = self.best_validation_score_ = None
        if solution.validation_scores is None:
            self.best_loss_ = min(self.loss_curve_)
        else:
            self.best_validation_score_ = max(solution.validation_scores)
        self.t_ = (self.t_ if resume else 0) + solution.n_iter * n_samples
        self._solver_state = {**solution.state, "solver": type(check_solver(self.solver)).__name__}

    def __sklearn_is_fitted__(self):
        return hasattr(self, "coefs_")
