"""Base of estimators that choose the strength of their penalty."""

import inspect

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from sklearn_irg._checks import InvalidParameterError
from sklearn_irg._estimators._alphas import supports_warm_started_path
from sklearn_irg._robust_training.predictions import PredictsByEstimator
from sklearn_irg._threats.same_table import difference_from_table
from sklearn_irg._threats.threat_model import ThreatModel, check_fitted
from sklearn_irg._training.data import are_distributed, check_data
from sklearn_irg.model_selection._folds import cross_validate_alphas, fit_path
from sklearn_irg.model_selection._regularization_path import check_alphas
from sklearn_irg.model_selection._selection import check_selection, choose

__all__ = ["AlphaSearch"]

_WHOLE_PIPELINE = (
    "Where the estimator is the last step of a pipeline, search over the whole pipeline instead: "
    "GridSearchCV(pipeline, "
    '{"…__alpha": alphas}, scoring={"score": "accuracy", "attacked": '
    "make_adversarial_scorer(threat)}, "
    'refit=refit_most_robust("score", "attacked")), with refit_most_robust of '
    "sklearn_irg.model_selection and an estimator without a search of its own."
)


class AlphaSearch(PredictsByEstimator, ClassifierMixin, BaseEstimator):
    """Estimator that cross-validates strengths and predicts by the model at the chosen one.

    That model is its ``estimator_``.

    Fitted attributes of that model are available on the search.
    """

    _base_class = None  # the class of the models

    def fit(self, X, y, sample_weight=None, mask=None):
        """Choose a strength by cross-validation, then fit to all rows as in the folds.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples; sparse ones stay sparse.
        y : array-like of shape (n_samples,)
            Classes.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row, in fits, and in scores whose metric takes weights; a weight of zero
            removes it.
        mask : array-like of bool of shape (n_samples, n_features), default=None
            Entries to which the penalty applies, for `RightReasons` and `InputGradient`.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        return self._search(X, y, sample_weight, mask)

    def fit_against(self, X, y, perturbations, sample_weight=None):
        """Fit as in ``fit``, with models trained and selected against perturbations of the rows.

        `sklearn_irg.RobustTrainingClassifier` calls it.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,)
            Classes.
        perturbations : InputPerturbations
            Perturbation set of each row.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row, as in ``fit``.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        if self.threat is not None:
            raise InvalidParameterError(
                f"threat of {type(self).__name__} cannot be combined with that of "
                "RobustTrainingClassifier. Leave one out."
            )
        return self._search(X, y, sample_weight, None, perturbations)

    def _search(self, X, y, sample_weight, mask, perturbations=None):
        if are_distributed(X):
            raise TypeError(
                f"{type(self).__name__} needs rows in memory; got a dask collection. Fit "
                f"{self._base_class.__name__} at several alphas, and score on rows held back."
            )
        if isinstance(self.scoring, (list, tuple, set, dict)):
            raise InvalidParameterError(
                f"scoring must be one score, by which a strength is chosen; got {self.scoring!r}. "
                "Use regularization_path for several."
            )
        alphas = check_alphas(self.alphas)
        check_selection(self.selection, perturbations if self.threat is None else self.threat)
        if self.threat is not None:
            self._check_threat(X)
        plain = self._base_estimator()
        check_data(plain, X, y, sample_weight, mask)
        folds = cross_validate_alphas(
            plain,
            X,
            y,
            alphas,
            5 if self.cv is None else self.cv,
            self.scoring,
            counts=True,
            threat=self.threat,
            sample_weight=sample_weight,
            mask=mask,
            perturbations=perturbations,
            n_jobs=self.n_jobs,
        )
        if isinstance(folds.scores, dict):
            raise InvalidParameterError(
                "scoring must give one score, by which a strength is chosen; got "
                f"{', '.join(folds.scores)}."
            )
        chosen = choose(self.selection, alphas, folds)
        first = 0 if supports_warm_started_path(plain) else chosen
        model = fit_path(
            plain, X, y, alphas[first : chosen + 1], sample_weight, mask, perturbations
        )[-1]
        found = {
            "alpha_": float(alphas[chosen]),
            "alphas_": alphas,
            "scores_": folds.scores,
            "estimator_": model,
        }
        vars(self).pop("attacked_scores_", None)  # of an earlier fit
        vars(self).update(
            found if folds.attacked is None else {**found, "attacked_scores_": folds.attacked}
        )
        return self

    def set_callbacks(self, *callbacks):
        """Raise, since a search has no single fit to follow.

        Parameters
        ----------
        *callbacks : callback
            What would follow it.

        Raises
        ------
        NotImplementedError
            Always.
        """
        raise NotImplementedError(
            f"{type(self).__name__} fits many models. Follow a fit of {self._base_class.__name__} with "
            "the alpha that it chose."
        )

    # -- what the chosen model does ----------------------------------------------------------------

    def score(self, X, y, sample_weight=None):
        """Accuracy on the labeled rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Their classes.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.

        Returns
        -------
        score : float
            Share of the labeled rows that are predicted correctly.
        """
        return self._chosen().score(X, y, sample_weight)

    def to_sklearn(self):
        """Fitted estimator of scikit-learn with the same predictions.

        See the method of the class without cross-validation.

        Returns
        -------
        estimator : estimator
            Estimator of scikit-learn.
        """
        return self._chosen().to_sklearn()

    @property
    def takes_threat(self):
        """Whether a term of the models' objective trains against perturbations of the rows."""
        return self._base_estimator().takes_threat

    def withstands(self, X, y, perturbations):
        """Whether rows are classified correctly at the worst points that training finds.

        See the method of the class without cross-validation.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,)
            Their classes.
        perturbations : InputPerturbations
            Perturbation set of each row.

        Returns
        -------
        withstands : ndarray of bool of shape (n_samples,)
            For each row.
        """
        return self._chosen().withstands(X, y, perturbations)

    @property
    def _predictor(self):
        return vars(self).get("estimator_", self._base_class)

    def _chosen(self):
        check_is_fitted(self)
        return self.estimator_

    def __getattr__(self, name):
        """Fitted attribute of the chosen model."""
        if name == "partial_fit":
            raise AttributeError(
                f"{type(self).__name__} needs all rows at once. Use partial_fit of "
                f"{self._base_class.__name__}."
            )
        if name.endswith("_") and not name.startswith("_") and "estimator_" in vars(self):
            found = getattr(self.estimator_, name, self)
            if found is not self:
                return found
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __dir__(self):
        learned = [
            name for name in dir(vars(self).get("estimator_")) if name[-1:] == "_" != name[0]
        ]
        return [*super().__dir__(), *learned]

    def __setstate__(self, state):
        """Restore a saved one; up to version 0.1 it was the chosen model itself."""
        super().__setstate__(state)
        if "alpha_" not in vars(self) or "estimator_" in vars(self):
            return
        vars(self).setdefault("threat", vars(self).pop("threat_model", None))  # its name then
        for name, parameter in inspect.signature(type(self)).parameters.items():
            vars(self).setdefault(name, parameter.default)
        of_search = {
            *self.get_params(deep=False),
            "alpha_",
            "alphas_",
            "scores_",
            "attacked_scores_",
        }
        learned = {name: value for name, value in vars(self).items() if name not in of_search}
        model = self._base_estimator().set_params(alpha=self.alpha_)
        for name in learned:
            delattr(self, name)
        vars(model).update(learned)
        self.estimator_ = model

    def __sklearn_is_fitted__(self):
        return "estimator_" in vars(self)

    def __sklearn_tags__(self):
        return get_tags(self._base_estimator())

    def _base_estimator(self):
        names = inspect.signature(self._base_class).parameters
        return self._base_class(
            **{name: getattr(self, name) for name in names if name in self.get_params(deep=False)}
        )

    def _check_threat(self, X):
        """Raise an error for a threat model by which no strength can be chosen with these rows."""
        threat = self.threat
        if not isinstance(threat, ThreatModel):
            raise InvalidParameterError(
                "threat must be a ThreatModel, such as ThreatModel(0.5).fit(X), or None; got "
                f"{threat!r}."
            )
        if np.ndim(threat.epsilon):
            raise InvalidParameterError(
                f"threat must have one radius to choose by; got epsilon={threat.epsilon!r}."
            )
        try:
            check_fitted(threat)
        except NotFittedError as error:
            raise NotFittedError(f"threat: {error} {_WHOLE_PIPELINE}") from None
        difference = difference_from_table(threat, X)
        if difference is not None:
            raise InvalidParameterError(
                f"X cannot be rows of the table on which threat was fitted: {difference}. "
                f"{_WHOLE_PIPELINE}"
            )
