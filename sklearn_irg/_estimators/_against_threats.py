"""Fits against perturbations of rows, with the perturbation sets of a threat model.

`sklearn_irg.RobustTrainingClassifier` determines these sets behind the steps of a pipeline.
"""

import numpy as np
from sklearn.utils.validation import validate_data

from sklearn_irg._callbacks import with_callbacks
from sklearn_irg._engine.objective import Objective
from sklearn_irg._engine.rows import Rows
from sklearn_irg._engine.step import Step
from sklearn_irg._training.data import FLOATS
from sklearn_irg.losses import check_loss
from sklearn_irg.penalties import check_penalty
from sklearn_irg.penalties._worst_linear_loss import worst_outputs

_BLOCK_ROWS = 4096  # at a time, in `withstands`; bounds its memory


class TrainsAgainstThreats:
    """Mixin of classifiers whose loss or penalty may count the worst points of each row."""

    @property
    def takes_threat(self):
        """Whether a term of the objective trains against perturbations of the rows."""
        penalty = check_penalty(self.penalty)
        terms = [] if penalty is None else [term for _, term in penalty.terms()]
        return any(term.takes_threat for term in [*terms, check_loss(self.loss)])

    @property
    def weight_of_threat(self):
        """Largest strength of such a term next to the loss; infinite where the loss is one."""
        if check_loss(self.loss).takes_threat:
            return np.inf
        penalty = check_penalty(self.penalty)
        terms = [] if penalty is None else penalty.terms()
        weights = (weight for weight, term in terms if term.takes_threat)
        return float(self.alpha) * max(weights, default=0.0)

    @with_callbacks
    def fit_against(self, X, y, perturbations, sample_weight=None):
        """Fit to data against perturbations of its rows.

        Terms such as `sklearn_irg.penalties.AdversarialLoss` count the perturbed rows.

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
            Weight of each row in all means; a weight of zero removes it.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        return self._fit(X, y, sample_weight, perturbations=perturbations)

    def withstands(self, X, y, perturbations):
        """Whether rows are classified correctly at the worst points that training finds.

        The points are those of the perturbation set of each row.

        For linear models no allowed point is worse, and rows with integers may withstand more than
        this says.

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
            For each row; False for classes that were not seen.
        """
        X = validate_data(self, X, accept_sparse=self._accept_sparse, dtype=FLOATS, reset=False)
        network, theta = self._fitted_network()
        is_known = np.isin(y, self.classes_)
        positions = np.searchsorted(self.classes_, np.asarray(y)[is_known])
        n_outputs = network.layer_sizes[-1]
        targets = positions[:, None] if n_outputs == 1 else np.eye(n_outputs)[positions]
        rows = Rows(
            X[is_known], targets.astype(X.dtype), perturbations=perturbations.take(is_known)
        )
        objective, withstands = Objective(network, rows, []), np.zeros(len(is_known), dtype=bool)
        predicted = []
        for block in objective.full_batch().blocks(_BLOCK_ROWS):
            step = Step(objective, theta, block)
            predicted.append(
                self._decide(worst_outputs(step, rows.perturbations.take(step.positions)))
            )
        withstands[is_known] = np.concatenate(predicted).ravel() == positions
        return withstands
