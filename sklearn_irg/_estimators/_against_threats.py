"""Fits against what rows may become, as `sklearn_irg.RobustTrainingClassifier` finds it out behind the steps of a pipeline."""

from sklearn_irg._estimators._fit_method import fit_method
from sklearn_irg.losses import check_loss
from sklearn_irg.penalties import check_penalty


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

    def _after_fit(self, X, y):
        """Set what a fit leaves beside the weights."""
