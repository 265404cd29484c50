"""The models to compare: baselines, and a penalty at each strength."""

from dataclasses import dataclass, field

import numpy as np
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_irg import GradRegLogisticRegression, GradRegMLPClassifier
from sklearn_irg._cli.columns import MAX_LEVELS
from sklearn_irg.penalties import check_penalty

__all__ = ["Candidate", "baselines", "in_pipeline", "penalised"]

_ESTIMATORS = {
    "logistic": GradRegLogisticRegression(max_iter=1000),
    "mlp": GradRegMLPClassifier(max_iter=500, early_stopping=True),
}
_FEW, _RARE = 3000, 40  # rows of a table and of a class below which none is held out to stop early
_TRAINED_AT_THE_THREAT = ("adversarial_loss", "certified_loss")


@dataclass(frozen=True)
class Candidate:
    """A model to compare: a penalty at a strength, or a baseline, which has none."""

    name: str
    estimator: object = field(repr=False)
    penalty: str = ""
    alpha: float = np.nan
    rank: int = 0

    @property
    def is_choosable(self):
        """Whether it is one of ours, with a penalty or at alpha = 0."""
        return not np.isnan(self.alpha)

    @property
    def is_constant(self):
        """Whether it does not look at rows."""
        return isinstance(self.estimator, DummyClassifier)


def baselines(estimator, table, seed):
    """The majority class, gradient boosting, and the estimator without penalty, which is scikit-learn's."""
    plain = _estimator(estimator, table, seed).set_params(alpha=0.0)
    return [
        Candidate("majority class", DummyClassifier(), rank=0),
        Candidate("gradient boosting", HistGradientBoostingClassifier(random_state=seed), rank=1),
        Candidate("alpha = 0", plain, alpha=0.0, rank=2),
    ]


def penalised(estimator, penalty, alpha, table, threat, seed):
    """The estimator with a penalty at a strength; one that trains under attack takes radius and norm of the threat."""
    term = check_penalty(penalty)
    if penalty in _TRAINED_AT_THE_THREAT:
        term.set_params(epsilon=threat.epsilon, norm=threat.norm)
    model = _estimator(estimator, table, seed).set_params(penalty=term, alpha=alpha)
    if any(part.is_stochastic or part.is_detached for _, part in term.terms()):
        model.set_params(solver="adam")  # others need objectives that are functions of the parameters alone
    return Candidate(f"{penalty}, alpha = {alpha:.4g}", model, penalty, alpha)


def _estimator(name, table, seed):
    estimator = clone(_ESTIMATORS[name]).set_params(random_state=seed)
    if name == "mlp" and (len(table.y) < _FEW or np.unique(table.y, return_counts=True)[1].min() < _RARE):
        estimator.set_params(early_stopping=False)
    return estimator


def in_pipeline(candidate, table):
    """The model behind what its table needs: imputer and scaler for numbers and dates, one-hot encoder for categories."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    levels = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=MAX_LEVELS, sparse_output=False)
    kinds = [("numbers", numbers, table.names("number", "date")), ("categories", levels, table.names("category"))]
    prepare = ColumnTransformer([(name, step, columns) for name, step, columns in kinds if columns])
    return Pipeline([("prepare", prepare), ("fit", clone(candidate.estimator))])
