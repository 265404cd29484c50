"""What is measured of one fit, and of a candidate over its fits; and which candidate to take."""

import time
import warnings
from dataclasses import dataclass, field

import numpy as np
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, get_scorer
from sklearn.utils.class_weight import compute_sample_weight

from sklearn_irg._cli.candidates import Candidate
from sklearn_irg.attacks import adversarial_accuracy, certified_accuracy

__all__ = ["SCORINGS", "Decision", "Fold", "Row", "decide", "fit_fold", "under_attack"]


@dataclass(frozen=True)
class Scoring:
    """What a model is called best by.

    Attributes
    ----------
    name : str
        In words.
    for_two_classes, for_more : str
        scikit-learn's scorers of it.
    sign : {1, -1}
        1 if larger is better.
    is_balanced : bool
        Whether classes count alike, however many rows they have; then they do so in accuracies too, under attack or not.
        Otherwise a model that gives up the rare class would be as good, and more robust.
    """

    name: str
    for_two_classes: str
    for_more: str
    sign: int = 1
    is_balanced: bool = False

    @property
    def accuracy(self):
        """Name of the accuracies that go with it."""
        return "balanced accuracy" if self.is_balanced else "accuracy"

    def weights(self, y):
        """Of rows in these accuracies."""
        return compute_sample_weight("balanced", y) if self.is_balanced else None


SCORINGS = {
    "accuracy": Scoring("accuracy", "accuracy", "accuracy"),
    "balanced_accuracy": Scoring("balanced accuracy", "balanced_accuracy", "balanced_accuracy", is_balanced=True),
    "log_loss": Scoring("log loss", "neg_log_loss", "neg_log_loss", sign=-1),
    "roc_auc": Scoring("ROC AUC", "roc_auc", "roc_auc_ovr", is_balanced=True),
}


@dataclass(frozen=True)
class Fold:
    """Scores of one fit on the rows that it has not seen; certified accuracy is NaN where nothing is certain."""

    score: float
    accuracy: float
    attacked: float
    certified: float
    n_predicted_classes: int
    seconds: float
    converged: bool
    pipeline: object = field(repr=False)


@dataclass(frozen=True)
class Row:
    """A candidate and its scores, means over folds."""

    candidate: Candidate
    folds: list

    def values(self, measure):
        """One value for each fold."""
        return np.array([getattr(fold, measure) for fold in self.folds], dtype=float)

    def mean(self, measure):
        """Mean over folds."""
        return float(self.values(measure).mean())

    def standard_error(self, measure):
        """Of the mean over folds."""
        return _standard_error(self.values(measure))

    def beyond(self, other, measure):
        """Mean of the differences from another candidate in the same folds, and its standard error."""
        differences = self.values(measure) - other.values(measure)
        return float(differences.mean()), _standard_error(differences)

    @property
    def predicts_one_class(self):
        """Whether a fold has only one answer for all rows."""
        return any(fold.n_predicted_classes < 2 for fold in self.folds)


def _standard_error(values):
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def fit_fold(task, pipeline, X, y, rows, threat, scoring):
    """Fit on the training rows of a fold; scores on its test rows, and on some of them under attack."""
    train, test, some = rows
    of = SCORINGS[scoring]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        start = time.perf_counter()
        pipeline = clone(pipeline).fit(X.iloc[train], y[train])
        seconds = time.perf_counter() - start
        predicted = pipeline.predict(X.iloc[test])
        scorer = get_scorer(of.for_two_classes if len(pipeline.classes_) == 2 else of.for_more)
        score = of.sign * scorer(pipeline, X.iloc[test], y[test])
        accuracy = accuracy_score(y[test], predicted, sample_weight=of.weights(y[test]))
        attacked, certified = under_attack(pipeline, X.iloc[some], y[some], threat, of.weights(y[some]), accuracy)
    return task, Fold(
        score=float(score),
        accuracy=float(accuracy),
        attacked=float(attacked),
        certified=float(certified),
        n_predicted_classes=len(np.unique(predicted)),
        seconds=seconds,
        converged=not any(issubclass(warning.category, ConvergenceWarning) for warning in caught),
        pipeline=pipeline,
    )


def under_attack(pipeline, X, y, threat, weights, accuracy):
    """Accuracy that an attack leaves, and accuracy that is certain: NaN where nothing is.

    The rows may be some of those on which the accuracy was measured; what the attack takes from them is taken from it.
    """
    clean = pipeline.score(X, y, sample_weight=weights)
    if isinstance(pipeline[-1], DummyClassifier):  # the same answer for all rows
        attacked = certified = clean + np.zeros(np.shape(threat.epsilon))
    else:
        attacked = adversarial_accuracy(pipeline, X, y, threat, sample_weight=weights)
        try:
            certified = certified_accuracy(pipeline, X, y, threat, sample_weight=weights)
        except TypeError:
            certified = np.full(np.shape(threat.epsilon), np.nan)
    return [np.maximum(0, share + (accuracy - clean)) for share in (attacked, certified)]  # NaN stays


@dataclass(frozen=True)
class Decision:
    """Which model to take.

    Attributes
    ----------
    best : Row or None
        The best by the scoring, of ours and of those without penalty.
    chosen : Row or None
        The most robust of those within one standard error of the best.
    """

    best: Row
    chosen: Row


def decide(rows, scoring="accuracy"):
    """The most robust model, by accuracy under attack, within one standard error of the best; never one of one class."""
    sign = SCORINGS[scoring].sign
    ours = [row for row in rows if row.candidate.is_choosable and not row.predicts_one_class]
    if not ours:
        return Decision(None, None)
    best = max(ours, key=lambda row: sign * row.mean("score"))
    floor = sign * best.mean("score") - best.standard_error("score")
    good = [row for row in ours if sign * row.mean("score") >= floor]
    return Decision(best, max(good, key=lambda row: (row.mean("attacked"), sign * row.mean("score"))))
