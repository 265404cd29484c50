"""Fits against what rows may become, as `sklearn_irg.RobustTrainingClassifier` finds it out behind the steps of a pipeline."""

import numpy as np

from sklearn_irg._engine.objective import Objective
from sklearn_irg._engine.step import Step
from sklearn_irg._estimators._fit_method import fit_method
from sklearn_irg.losses import check_loss
from sklearn_irg.penalties import check_penalty
from sklearn_irg.penalties._worst_linear_loss import worst_outputs

_BLOCK_ROWS = 4096


class TrainsAgainstThreats:
    """What classifiers do whose loss or penalty may count the worst points of each row."""

    @property
    def takes_threat(self):
        """Whether a term of the objective is one of what rows may become."""
        penalty = check_penalty(self.penalty)
        terms = [] if penalty is None else [term for _, term in penalty.terms()]
        return any(term.takes_threat for term in [*terms, check_loss(self.loss)])

    @fit_method
    def fit_against(self, X, y, perturbations, sample_weight=None):
        """Fit to data, where terms such as `sklearn_irg.penalties.AdversarialLoss` count what rows may become.

        `sklearn_irg.RobustTrainingClassifier` calls it.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,)
            Classes.
        perturbations : InputPerturbations
            What each row may become.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row in all means; a weight of zero removes it.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        self._fit(X, y, sample_weight, perturbations=perturbations)
        self._after_fit(X, y)
        return self

    def withstands(self, X, y, perturbations):
        """Whether rows are classified correctly where they become the worst that they may, as far as training finds it.

        For linear models no allowed point is worse, and rows with integers may come off better than here.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,)
            Their classes.
        perturbations : InputPerturbations
            What each row may become.

        Returns
        -------
        withstands : ndarray of bool of shape (n_samples,)
            For each row.
        """
        loss = self._loss()
        rows, network = self._prepare(X, y, None, None, loss, None, True, True, perturbations=perturbations)
        objective, (_, theta), right = Objective(network, rows, [(1.0, loss)]), self._fitted_network(), []
        for block in objective.everything().blocks(_BLOCK_ROWS):
            step = Step(objective, theta, block)
            positions = self._decide(worst_outputs(step, rows.perturbations.take(step.positions)))
            right.append((positions.reshape(len(positions), -1) == self._positions(step.targets)).all(axis=1))
        return np.concatenate(right)

    def _after_fit(self, X, y):
        """Set what a fit leaves beside the weights."""
