import warnings
from copy import copy
from dataclasses import replace
from numbers import Integral, Real

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sklearn_irg._checks import InvalidParameterError, check_boolean, check_integer, check_real
from sklearn_irg._engine.activations import as_activation
from sklearn_irg._engine.derivative_checks import check_activation
from sklearn_irg._engine.normalization import BatchNormalization
from sklearn_irg._estimators._base import NetworkEstimator
from sklearn_irg.penalties import Penalty
from sklearn_irg.solvers import check_solver


def has_epochs(estimator):
    """Whether the solver goes by epochs; for ``available_if``."""
    if not check_solver(estimator.solver).has_epochs:
        raise AttributeError(
            'partial_fit needs a solver that goes by epochs. Use solver="adam" or solver="sgd".'
        )
    return True


def _has_twin(estimator):
    if estimator._sklearn_class is None:
        raise AttributeError(
            f"scikit-learn's MLPs have no equivalent of {type(estimator).__name__}."
        )
    return True


class MLPEstimator(NetworkEstimator):
    """Estimators with hidden layers."""

    # parameters of some subclasses
    batch_normalization = False
    unlabeled_batch_size = None

    _sklearn_class = None

    @available_if(_has_twin)
    def to_sklearn(self):
        """A fitted scikit-learn `MLPClassifier` or `MLPRegressor` with the same predictions.

        Returns
        -------
        estimator : MLPClassifier or MLPRegressor
            For tools that expect scikit-learn's classes, such as ONNX, SHAP and attack toolboxes.

        Raises
        ------
        ValueError
            For an activation or a likelihood that scikit-learn does not have.
        """
        check_is_fitted(self)
        activation = as_activation(self.activation)
        likelihood = self.likelihood_
        if activation.sklearn_name is None:
            raise InvalidParameterError(
                f"scikit-learn has no activation {self.activation!r}. Fit with 'relu', 'tanh', "
                "'logistic' or 'identity'."
            )
        if likelihood.sklearn_loss not in self._sklearn_losses:
            raise InvalidParameterError(
                f"{self._sklearn_class.__name__} has no loss like {likelihood!r}; it would predict "
                "something else."
            )
        options = {
            "hidden_layer_sizes": self._hidden_layers(),
            "activation": activation.sklearn_name,
            "alpha": self.l2,
        }
        if len(self._sklearn_losses) > 1:
            options["loss"] = likelihood.sklearn_loss
        twin = self._sklearn_class(max_iter=1, random_state=0, **options)
        y = self._example_targets()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            twin.fit(
                np.zeros((len(y), self.n_features_in_), dtype=self.coefs_[0].dtype), y
            )  # to encode the targets
        twin.coefs_ = [W.copy() for W in self.coefs_]
        twin.intercepts_ = [b.copy() for b in self.intercepts_]
        for name in ("n_iter_", "t_", "loss_", "best_loss_", "loss_curve_"):
            setattr(twin, name, copy(getattr(self, name)))
        if hasattr(self, "feature_names_in_"):
            twin.feature_names_in_ = self.feature_names_in_.copy()
        return twin

    def _hidden_layers(self):
        sizes = self.hidden_layer_sizes
        return (int(sizes),) if isinstance(sizes, Integral) else tuple(int(size) for size in sizes)

    def _layers(self):
        return self.coefs_, self.intercepts_

    def _named_weights(self, coefs, intercepts):
        return {"coefs_": coefs, "intercepts_": intercepts}

    def _initialize(self, network, random_state, dtype):
        return network.initialize(random_state, dtype)

    def _warm(self):
        return replace(super()._warm(), history=(self.loss_curve_, self.t_))

    def _settings(self):
        settings = super()._settings()
        share = float(self.validation_fraction) if self.early_stopping else None
        parametrization = (
            BatchNormalization() if self.batch_normalization else settings.parametrization
        )
        return replace(settings, parametrization=parametrization, validation_fraction=share)

    def _check_parameters(self):
        super()._check_parameters()
        sizes = self.hidden_layer_sizes
        sizes = sizes if isinstance(sizes, (list, tuple)) or np.ndim(sizes) == 1 else [sizes]
        if not all(
            isinstance(size, Integral) and not isinstance(size, bool) and size > 0 for size in sizes
        ):
            is_penalty = isinstance(self.hidden_layer_sizes, (Penalty, str))
            hint = " Pass a penalty by name, penalty=." if is_penalty else ""
            raise InvalidParameterError(
                "hidden_layer_sizes must be positive integers; got "
                f"{self.hidden_layer_sizes!r}.{hint}"
            )
        check_activation(self.activation)
        check_real(self.learning_rate_init, "learning_rate_init", 0, open_low=True)
        if not (isinstance(self.n_iter_no_change, Real) and self.n_iter_no_change == np.inf):
            check_integer(self.n_iter_no_change, "n_iter_no_change", 1)
        check_real(
            self.validation_fraction, "validation_fraction", 0, 1, open_low=True, open_high=True
        )
        check_real(self.dropout, "dropout", 0, 1, open_high=True)
        check_boolean(self.shuffle, "shuffle")
        check_boolean(self.early_stopping, "early_stopping")
        if not (isinstance(self.batch_size, str) and self.batch_size == "auto"):
            check_integer(self.batch_size, "batch_size", 1)
        if self.unlabeled_batch_size is not None:
            check_integer(self.unlabeled_batch_size, "unlabeled_batch_size", 1)
        check_integer(self.n_ramp_up_epochs, "n_ramp_up_epochs", 0)
        if (
            check_boolean(self.batch_normalization, "batch_normalization")
            and self.constraint is not None
        ):
            raise InvalidParameterError(
                "batch_normalization=True scales weights by statistics of the rows, so they cannot "
                f"obey constraint={self.constraint!r} too. Use one of them."
            )
        if np.ndim(getattr(self, "unlabeled_label", None)) != 0:
            raise InvalidParameterError(
                f"unlabeled_label must be one label, or None; got {self.unlabeled_label!r}."
            )
        if isinstance(
            getattr(self, "unlabeled_label", None), (bool, np.bool_)
        ):  # equal to 0 or 1, which are classes
            raise InvalidParameterError(
                f"unlabeled_label must not be a boolean; got {self.unlabeled_label!r}. Use None "
                "where all rows have a label."
            )

    def _schedule(self, n_samples):
        batch_size = min(200 if self.batch_size == "auto" else int(self.batch_size), n_samples)
        if self.unlabeled_batch_size is not None:
            batch_size = {None: batch_size, "unlabeled": int(self.unlabeled_batch_size)}
        return {
            **super()._schedule(n_samples),
            "batch_size": batch_size,
            "learning_rate_init": float(self.learning_rate_init),
            "shuffle": bool(self.shuffle),
            "n_iter_no_change": min(self.n_iter_no_change, np.inf),
        }

    def _report(self, fitted):
        solution, (earlier, n_seen), (coefs, _) = fitted.solution, fitted.history, fitted.weights
        curve, scores = [*earlier, *solution.loss_curve], solution.validation_scores
        n_growing = int(self.n_ramp_up_epochs)  # whose objectives are others
        best_loss = min(curve[n_growing:] or curve, default=solution.loss)
        return {
            **super()._report(fitted),
            "n_iter_": solution.n_iter,
            "n_layers_": len(coefs) + 1,
            "n_outputs_": coefs[-1].shape[1],
            "loss_curve_": curve,
            "validation_scores_": scores,
            "best_loss_": best_loss if scores is None else None,
            "best_validation_score_": None if scores is None else max(scores[n_growing:] or scores),
            "t_": n_seen + solution.n_iter * fitted.n_samples,
        }

    def __sklearn_is_fitted__(self):
        return hasattr(self, "coefs_")
