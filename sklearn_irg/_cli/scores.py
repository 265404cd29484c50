"""Scores of one fit and of a candidate over its fits, and the choice of a candidate."""

import time
import warnings
from dataclasses import dataclass, field

import numpy as np
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, get_scorer
from sklearn.utils.class_weight import compute_sample_weight

from sklearn_irg._cli.candidates import Candidate, pipeline_of
from sklearn_irg._statistics import standard_errors
from sklearn_irg.attacks import evaluate_robustness
from sklearn_irg.model_selection import most_robust, regularization_path

__all__ = ["SCORINGS", "Decision", "Fold", "Row", "decide", "fit_fold", "under_attack"]


@dataclass(frozen=True)
class Scoring:
    """Scoring by which the best model is found.

    Attributes
    ----------
    name : str
        Name in words.
    for_two_classes, for_more : str
        Names of scikit-learn's scorers.
    sign : {1, -1}
        1 if larger is better.
    is_balanced : bool
        Whether all classes count equally, however many rows they have. Then they also do in
        accuracies, under attack or not; otherwise a model that never predicts the rare class could
        be as good, and more robust.
    """

    name: str
    for_two_classes: str
    for_more: str
    sign: int = 1
    is_balanced: bool = False

    @property
    def accuracy(self):
        """Name of the accuracy that goes with it."""
        return "balanced accuracy" if self.is_balanced else "accuracy"

    @property
    def under_attack(self):
        """scikit-learn's name of that accuracy."""
        return "balanced_accuracy" if self.is_balanced else "accuracy"

    def weights(self, y):
        """Weights of rows in that accuracy."""
        return compute_sample_weight("balanced", y) if self.is_balanced else None


SCORINGS = {
    "accuracy": Scoring("accuracy", "accuracy", "accuracy"),
    "balanced_accuracy": Scoring(
        "balanced accuracy", "balanced_accuracy", "balanced_accuracy", is_balanced=True
    ),
    "log_loss": Scoring("log loss", "neg_log_loss", "neg_log_loss", sign=-1),
    "roc_auc": Scoring("ROC AUC", "roc_auc", "roc_auc_ovr", is_balanced=True),
}


@dataclass(frozen=True)
class Fold:
    """Scores of one fit on held-out rows.

    Certified accuracy is NaN where nothing can be certified.
    """

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
    """Candidate with its scores in all folds."""

    candidate: Candidate
    folds: list

    def values(self, measure):
        """One value for each fold."""
        return np.array([getattr(fold, measure) for fold in self.folds], dtype=float)

    def mean(self, measure):
        """Mean over folds."""
        return float(self.values(measure).mean())

    def standard_error(self, measure):
        """Standard error of the mean over folds."""
        return float(standard_errors(self.values(measure)))

    def difference_from(self, other, measure):
        """Mean difference from another candidate over the same folds, and its standard error."""
        differences = self.values(measure) - other.values(measure)
        return float(differences.mean()), float(standard_errors(differences))

    @property
    def predicts_one_class(self):
        """Whether the model of some fold predicts one class for all rows."""
        return any(fold.n_predicted_classes < 2 for fold in self.folds)


def fit_fold(task, model, alphas, X, y, rows, threat, scoring):
    """Fit on the training rows of a fold, at each strength if there are several.

    Returns the task and a list of one `Fold` for each strength, in increasing order.
    """
    train, test, some = rows
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        start = time.perf_counter()
        if alphas is None:
            fitted = [clone(model).fit(X.iloc[train], y[train])]
        else:
            fitted = regularization_path(model, X.iloc[train], y[train], alphas).estimators[::-1]
        seconds = (time.perf_counter() - start) / len(fitted)
        fitted = [pipeline_of(one) for one in fitted]
        held_out, attacked = (X.iloc[test], y[test]), (X.iloc[some], y[some])
        scores = [
            _score(pipeline, *held_out, *attacked, threat, SCORINGS[scoring]) for pipeline in fitted
        ]
    has_warned = any(issubclass(warning.category, ConvergenceWarning) for warning in caught)
    return task, [
        Fold(
            **scores_of_one,
            seconds=seconds,
            converged=getattr(pipeline[-1], "converged_", not has_warned),
            pipeline=pipeline,
        )
        for pipeline, scores_of_one in zip(fitted, scores, strict=True)
    ]


def _score(pipeline, X, y, X_attacked, y_attacked, threat, of):
    """Scores of one model in a fold."""
    predicted = pipeline.predict(X)
    scorer = get_scorer(of.for_two_classes if len(pipeline.classes_) == 2 else of.for_more)
    accuracy = accuracy_score(y, predicted, sample_weight=of.weights(y))
    attacked, certified = under_attack(
        pipeline, X_attacked, y_attacked, threat, of.weights(y_attacked), accuracy
    )
    return {
        "score": float(of.sign * scorer(pipeline, X, y)),
        "accuracy": float(accuracy),
        "attacked": float(attacked),
        "certified": float(certified),
        "n_predicted_classes": len(np.unique(predicted)),
    }


def under_attack(pipeline, X, y, threat, weights, accuracy):
    """Accuracy under attack, and certified accuracy, which is NaN where nothing can be certified.

    The rows may be some of those on which the accuracy was measured; the loss of accuracy on them
    is subtracted from it.
    """
    clean = pipeline.score(X, y, sample_weight=weights)
    if isinstance(pipeline[-1], DummyClassifier):  # the same prediction for all rows
        attacked = certified = clean + np.zeros(np.shape(threat.epsilon))
    else:
        found = evaluate_robustness(pipeline, X, y, threat)
        shares = (
            ~found.misclassified,
            found.certified if found.is_certifiable else np.full(found.certified.shape, np.nan),
        )
        attacked, certified = (np.average(share, axis=1, weights=weights) for share in shares)
        attacked, certified = (
            share.reshape(np.shape(threat.epsilon)) for share in (attacked, certified)
        )
    return [
        np.maximum(0, share + (accuracy - clean)) for share in (attacked, certified)
    ]  # NaN stays


@dataclass(frozen=True)
class Decision:
    """Choice of a model.

    Attributes
    ----------
    best : Row or None
        Best by the scoring, of the models with a penalty or at alpha = 0.
    chosen : Row or None
        Most robust of the models within one standard error of the best.
    """

    best: Row
    chosen: Row


def decide(rows, scoring="accuracy"):
    """Choose the most robust model within one standard error of the best.

    Models that predict one class in some fold are never chosen.
    """
    sign = SCORINGS[scoring].sign
    ours = [row for row in rows if row.candidate.is_eligible and not row.predicts_one_class]
    if not ours:
        return Decision(None, None)
    scores, attacked = (
        np.array([row.values(name) for row in ours]).T for name in ("score", "attacked")
    )
    best = ours[int((sign * scores).mean(axis=0).argmax())]
    return Decision(best, ours[most_robust(sign * scores, attacked)])
