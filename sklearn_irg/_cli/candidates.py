"""Models to compare: baselines, and a penalty at each strength."""

from dataclasses import dataclass, field

import numpy as np
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_irg import GradRegLogisticRegression, GradRegMLPClassifier, RobustTrainingClassifier
from sklearn_irg._cli.columns import MAX_LEVELS
from sklearn_irg.penalties import check_penalty

__all__ = [
    "Candidate",
    "baselines",
    "in_pipeline",
    "penalized",
    "pipeline_of",
    "trains_against_threat",
    "untrained",
]

# limits that no fit should reach: logistic regressions took up to 56 iterations and MLPs up to 69
# epochs on breast cancer and 3000 rows of the census
_ESTIMATORS = {
    "logistic": GradRegLogisticRegression(max_iter=1000),
    "mlp": GradRegMLPClassifier(max_iter=500, early_stopping=True),
}
# rows of a table, and of a class, below which none is held out to stop early: of a tenth of fewer,
# under 300 rows or four of a class, one epoch could not be told from the next
_FEW, _RARE = 3000, 40
_HARDENED = {
    "max_iter": 50,
    "learning_rate": 0.2,
    "max_leaf_nodes": 15,
}  # attacks take half as long as on the defaults
_MAX_ITER_AGAINST_THREAT = 2000  # where points tie, the worst loss of a linear model has kinks


@dataclass(frozen=True)
class Candidate:
    """Model to compare: a penalty at a strength, or a baseline without penalty.

    Attributes
    ----------
    training : dict or None
        Parameters of the `RobustTrainingClassifier` that trains it against the threat; None for
        those trained without.
    """

    name: str
    estimator: object = field(repr=False)
    penalty: str = ""
    alpha: float = np.nan
    rank: int = 0
    training: dict | None = field(default=None, repr=False)

    @property
    def label(self):
        """Name of the model, with a star if it is trained against the threat."""
        return f"{self.name} *" if self.is_trained_against_threat else self.name

    @property
    def is_trained_against_threat(self):
        """Whether it is trained against the threat."""
        return self.training is not None

    @property
    def is_eligible(self):
        """Whether it may be chosen: with a penalty, or at alpha = 0."""
        return not np.isnan(self.alpha)

    @property
    def is_constant(self):
        """Whether its predictions do not depend on rows."""
        return isinstance(self.estimator, DummyClassifier)


def trains_against_threat(penalty):
    """Whether a penalty, by name, trains against a threat."""
    return any(part.takes_threat for _, part in check_penalty(penalty).terms())


def baselines(estimator, table, seed, training, n_rounds):
    """Baselines: the majority class, boosting, and the estimator without penalty.

    Boosting comes plain and, if there are rounds, hardened.
    """
    plain = _estimator(estimator, table, seed).set_params(alpha=0.0)
    boosting = HistGradientBoostingClassifier(random_state=seed)
    hardening = training | {"method": "rounds", "n_rounds": n_rounds, "validation_fraction": 0}
    hardened = Candidate(
        "hardened boosting", clone(boosting).set_params(**_HARDENED), rank=2, training=hardening
    )
    return [
        Candidate("majority class", DummyClassifier(), rank=0),
        Candidate("gradient boosting", boosting, rank=1),
        *([hardened] if n_rounds else []),
        Candidate("alpha = 0", plain, alpha=0.0, rank=3),
    ]


def penalized(estimator, penalty, alpha, table, training, seed):
    """Estimator with a penalty at a strength, trained against the threat where it can be."""
    term, is_trained = check_penalty(penalty), trains_against_threat(penalty)
    model = _estimator(estimator, table, seed).set_params(penalty=term, alpha=alpha)
    parts = [part for _, part in term.terms()]
    is_closed = is_trained and estimator == "logistic"  # worst points of linear models are known
    if any(part.is_stochastic or (part.is_detached and not is_closed) for part in parts):
        model.set_params(
            solver="adam"
        )  # others need objectives that are functions of the parameters alone
    elif is_closed:
        model.set_params(max_iter=_MAX_ITER_AGAINST_THREAT)
    return Candidate(
        f"{penalty}, alpha = {alpha:.4g}",
        model,
        penalty,
        alpha,
        training=training if is_trained else None,
    )


def _estimator(name, table, seed):
    estimator = clone(_ESTIMATORS[name]).set_params(random_state=seed)
    if name == "mlp" and (
        len(table.y) < _FEW or np.unique(table.y, return_counts=True)[1].min() < _RARE
    ):
        estimator.set_params(early_stopping=False)
    return estimator


def untrained(candidate, table):
    """Unfitted pipeline of a candidate, inside a `RobustTrainingClassifier` where it has one."""
    pipeline = in_pipeline(candidate, table)
    return (
        RobustTrainingClassifier(pipeline, **candidate.training) if candidate.training else pipeline
    )


def pipeline_of(model):
    """Fitted pipeline of a candidate, without the `RobustTrainingClassifier` around it."""
    return model.estimator_ if isinstance(model, RobustTrainingClassifier) else model


def in_pipeline(candidate, table):
    """Model of a candidate behind the preprocessing of its table.

    Numbers and dates are imputed and scaled, categories one-hot encoded.
    """
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    levels = OneHotEncoder(
        handle_unknown="infrequent_if_exist", max_categories=MAX_LEVELS, sparse_output=False
    )
    kinds = [
        ("numbers", numbers, table.names("number", "date")),
        ("categories", levels, table.names("category")),
    ]
    prepare = ColumnTransformer([(name, step, columns) for name, step, columns in kinds if columns])
    return Pipeline([("prepare", prepare), ("fit", clone(candidate.estimator))])
