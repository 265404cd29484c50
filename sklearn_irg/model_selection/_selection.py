"""Rules by which one of several models is chosen from scores in the same folds."""

import numpy as np

from sklearn_irg._checks import InvalidParameterError, check_choice
from sklearn_irg._statistics import standard_errors

__all__ = ["SELECTIONS", "choose", "most_robust", "within_one_standard_error"]

SELECTIONS = ("best", "one_standard_error", "most_robust")


def within_one_standard_error(scores, allowed):
    """Positions of allowed models whose mean score is within one standard error of that of the best of them.

    Parameters
    ----------
    scores : ndarray of shape (n_folds, n_models)
        Larger is better.
    allowed : ndarray of bool of shape (n_models,)
        Which may be chosen.

    Returns
    -------
    best : int
        The best, the first of several.
    good : ndarray of int
        Those within one standard error of it, itself among them.
    """
    means = np.where(allowed, _ranked(scores), -np.inf)
    best = int(means.argmax())
    floor = means[best] - standard_errors(scores)[best]
    return best, np.flatnonzero(means >= floor)


def most_robust(scores, attacked_scores):
    """The most robust of the models that are as good as the best, up to one standard error.

    Parameters
    ----------
    scores : array-like of shape (n_folds, n_models)
        Scores on held-out rows, larger is better; of the same folds for all models, two or more.
    attacked_scores : array-like of shape (n_folds, n_models)
        Scores of the same models under attack.

    Returns
    -------
    position : int
        Position of the model with the largest mean score under attack among those whose mean score is within one
        standard error of the best; in case of a tie, the one with the better score.

    Raises
    ------
    ValueError
        For fewer than two folds, arrays of different shapes, or numbers that are not finite.

    See Also
    --------
    sklearn_irg.GradRegLogisticRegressionCV : Chooses its strength by this rule with ``selection="most_robust"``, and never a
        strength at which a model predicts one class only.

    Examples
    --------
    The last model loses 0.01 of accuracy, half a standard error, and keeps 0.1 more under attack.

    >>> from sklearn_irg.model_selection import most_robust
    >>> accuracy = [[0.90, 0.80, 0.88], [0.94, 0.84, 0.94]]
    >>> attacked = [[0.50, 0.75, 0.60], [0.52, 0.75, 0.62]]
    >>> most_robust(accuracy, attacked)
    2
    """
    scores, attacked_scores = np.asarray(scores, dtype=float), np.asarray(attacked_scores, dtype=float)
    finite = np.isfinite(scores).all() and np.isfinite(attacked_scores).all()
    if scores.ndim != 2 or len(scores) < 2 or scores.shape != attacked_scores.shape or not finite:
        raise InvalidParameterError(
            "scores and attacked_scores must be finite and have the same shape (n_folds, n_models), with two or more folds; "
            f"got {scores.shape} and {attacked_scores.shape}{'' if finite else ', not all finite'}."
        )
    good = within_one_standard_error(scores, np.ones(scores.shape[1], dtype=bool))[1]
    return int(max(good, key=lambda i: (attacked_scores[:, i].mean(), scores[:, i].mean())))


def choose(selection, alphas, folds):
    """Position of a strength by a rule; strengths decrease."""
    if not np.isfinite(folds.scores.mean(axis=0)).any():
        raise ValueError(
            f"no strength of {alphas.tolist()} has a finite score in all folds; got {folds.scores.tolist()}. Use another "
            "scoring, or fewer folds."
        )
    if selection == "best":
        return int(_ranked(folds.scores).argmax())
    if len(folds.scores) < 2:
        raise InvalidParameterError(f"selection={selection!r} needs two or more folds; got {len(folds.scores)}.")
    allowed = (folds.n_predicted_classes > 1).all(axis=0) & np.isfinite(folds.scores.mean(axis=0))
    if not allowed.any():
        raise ValueError(
            f"at each of the strengths {alphas.tolist()} with a finite score a model predicts one class for all rows of a "
            f"fold, so selection={selection!r} allows none. Use smaller alphas."
        )
    if selection == "one_standard_error":
        return int(within_one_standard_error(folds.scores, allowed)[1][0])  # the strongest
    few = np.flatnonzero(allowed)
    return int(few[most_robust(folds.scores[:, few], folds.attacked[:, few])])


def _ranked(scores):
    """Means over folds, those that are no number last."""
    means = scores.mean(axis=0)
    return np.where(np.isnan(means), -np.inf, means)


def check_selection(selection, threat_model):
    """Raise a ValueError for an unknown rule, and for one without what it needs."""
    check_choice(selection, "selection", SELECTIONS)
    if selection == "most_robust" and threat_model is None:
        raise InvalidParameterError(
            'selection="most_robust" needs to know what may happen to a row: pass a threat model, such as '
            "threat_model=ThreatModel(epsilon=0.5)."
        )
