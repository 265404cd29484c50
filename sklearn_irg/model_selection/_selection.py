"""Rules that choose one of several models from scores in the same folds."""

from dataclasses import dataclass
from numbers import Real

import numpy as np

from sklearn_irg._checks import InvalidParameterError, check_choice
from sklearn_irg._statistics import standard_errors

__all__ = [
    "SELECTIONS",
    "check_selection",
    "choose",
    "most_robust",
    "refit_most_robust",
    "refit_one_standard_error",
    "within_one_standard_error",
]

SELECTIONS = ("best", "one_standard_error", "most_robust")


def within_one_standard_error(scores, allowed):
    """Positions of the best allowed model and of those within one standard error of it.

    Models are compared by their mean score; the standard error is that of the best.

    Parameters
    ----------
    scores : ndarray of shape (n_folds, n_models)
        Larger is better.
    allowed : ndarray of bool of shape (n_models,)
        Models that may be chosen.

    Returns
    -------
    best : int
        The best model, the first of several.
    good : ndarray of int
        Models within one standard error of it, itself among them.
    """
    means = np.where(allowed, _ranked(scores), -np.inf)
    best = int(means.argmax())
    floor = means[best] - standard_errors(scores)[best]
    return best, np.flatnonzero(means >= floor)


def most_robust(scores, attacked_scores=None):
    """Most robust of the models that are as good as the best, up to one standard error.

    Parameters
    ----------
    scores : array-like of shape (n_folds, n_models)
        Scores on held-out rows, larger is better; of the same folds for all models, two or more.
    attacked_scores : array-like of shape (n_folds, n_models)
        Scores of the same models under attack. Required.

    Returns
    -------
    position : int
        Position of the model with the largest mean score under attack among those whose mean score
        is within one standard error of the best; in case of a tie, the one with the better score.

    Raises
    ------
    TypeError
        Without attacked scores, as in ``GridSearchCV(refit=most_robust)``.
    ValueError
        For fewer than two folds, arrays of different shapes, or numbers that are not finite.

    See Also
    --------
    refit_most_robust : The same rule for ``GridSearchCV(refit=…)``.
    sklearn_irg.GradRegLogisticRegressionCV : Chooses its strength by this rule with
        ``selection="most_robust"``, and never a strength at which a model predicts one class only.

    Examples
    --------
    The last model loses 0.01 of accuracy, half a standard error, and keeps 0.1 more under attack.

    >>> from sklearn_irg.model_selection import most_robust
    >>> accuracy = [[0.90, 0.80, 0.88], [0.94, 0.84, 0.94]]
    >>> attacked = [[0.50, 0.75, 0.60], [0.52, 0.75, 0.62]]
    >>> most_robust(accuracy, attacked)
    2
    """
    if attacked_scores is None:
        raise TypeError(
            "most_robust takes scores and attacked_scores. As refit= of a search, pass "
            "refit_most_robust(score, attacked) with the names of two scorers."
        )
    scores, attacked_scores = (
        np.asarray(scores, dtype=float),
        np.asarray(attacked_scores, dtype=float),
    )
    finite = np.isfinite(scores).all() and np.isfinite(attacked_scores).all()
    if scores.ndim != 2 or len(scores) < 2 or scores.shape != attacked_scores.shape or not finite:
        raise InvalidParameterError(
            "scores and attacked_scores must be finite and have the same shape (n_folds, "
            f"n_models), with two or more folds; got {scores.shape} and "
            f"{attacked_scores.shape}{'' if finite else ', not all finite'}."
        )
    good = within_one_standard_error(scores, np.ones(scores.shape[1], dtype=bool))[1]
    return int(max(good, key=lambda i: (attacked_scores[:, i].mean(), scores[:, i].mean())))


@dataclass(frozen=True)
class _MostRobust:
    score: str
    attacked: str

    def __call__(self, cv_results):
        scores, attacked = (
            _scores_in_folds(cv_results, name) for name in (self.score, self.attacked)
        )
        few = _choosable(np.vstack([scores, attacked]), f"{self.score!r} and {self.attacked!r}")
        return int(few[most_robust(scores[:, few], attacked[:, few])])

    def __repr__(self):
        return f"refit_most_robust({self.score!r}, {self.attacked!r})"


@dataclass(frozen=True)
class _OneStandardError:
    score: str
    strength: str

    def __call__(self, cv_results):
        scores = _scores_in_folds(cv_results, self.score)
        strengths = _strengths(cv_results, self.strength)
        allowed = np.isin(np.arange(scores.shape[1]), _choosable(scores, repr(self.score)))
        good = within_one_standard_error(scores, allowed)[1]
        return int(max(good, key=lambda i: (strengths[i], scores[:, i].mean())))

    def __repr__(self):
        return f"refit_one_standard_error({self.score!r}, strength={self.strength!r})"


def refit_most_robust(score, attacked):
    """Rule for ``GridSearchCV(refit=…)`` that takes the most robust of the good candidates.

    Good candidates are those within one standard error of the best score.

    The rule is `most_robust`. A search over a whole pipeline applies it to rows of the table, on
    which a threat model is fitted, and not to what the first steps make of them.

    Parameters
    ----------
    score : str
        Name of the scorer in the search by which candidates must be within one standard error of
        the best.
    attacked : str
        Name of the scorer that decides among them, such as one of
        `sklearn_irg.attacks.make_adversarial_scorer`.

    Returns
    -------
    refit : callable
        ``refit(cv_results)``, which returns ``best_index_``. It pickles.

    Raises
    ------
    ValueError
        For names that are not two different str; when called, for a search without these scorers,
        with fewer than two folds, or with no candidate whose scores are all finite.

    See Also
    --------
    refit_one_standard_error : Needs no threat model.
    most_robust : The rule, on arrays.
    sklearn_irg.attacks.make_adversarial_scorer : Scores under attack.

    Notes
    -----
    The rule sees scores only, not predictions. A candidate that predicts one class for all rows
    loses nothing under attack: where classes are unbalanced, use a score that does not reward it,
    such as "balanced_accuracy".

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_irg import GradRegLogisticRegression
    >>> from sklearn_irg.attacks import ThreatModel, make_adversarial_scorer
    >>> from sklearn_irg.model_selection import refit_most_robust
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> threat = ThreatModel(0.5).fit(X)
    >>> search = GridSearchCV(
    ...     make_pipeline(StandardScaler(), GradRegLogisticRegression(max_iter=1000)),
    ...     {"gradreglogisticregression__alpha": [0.01, 0.1, 1]},
    ...     scoring={"accuracy": "accuracy", "attacked": make_adversarial_scorer(threat)},
    ...     refit=refit_most_robust("accuracy", "attacked"),
    ... ).fit(X, y)
    >>> search.best_params_
    {'gradreglogisticregression__alpha': 0.1}
    """
    _check_name(score, "score")
    _check_name(attacked, "attacked")
    if score == attacked:
        raise InvalidParameterError(
            f"score and attacked must be two scorers of the search; got {score!r} for both."
        )
    return _MostRobust(score, attacked)


def refit_one_standard_error(score="score", *, strength):
    """Rule for ``GridSearchCV(refit=…)`` that takes the strongest penalty among good candidates.

    Good candidates are those within one standard error of the best score [1]_.

    Parameters
    ----------
    score : str, default="score"
        Name of the scorer in the search; "score" is that of a search with one only.
    strength : str
        The strength of the penalty, as ``cv_results_`` names it: ``"param_"`` and the name of the
        parameter, such as ``"param_gradreglogisticregression__alpha"``. The largest value is the
        strongest.

    Returns
    -------
    refit : callable
        ``refit(cv_results)``, which returns ``best_index_``. Of candidates with the same strength
        it is the one with the best score. It pickles.

    Raises
    ------
    ValueError
        For names that are not str, or a strength without ``"param_"``; when called, for a search
        without this scorer or parameter, with fewer than two folds, or with no candidate whose
        scores are all finite.

    See Also
    --------
    refit_most_robust : Decides by scores under attack.
    sklearn_irg.GradRegLogisticRegressionCV : Chooses its strength by this rule with
        ``selection="one_standard_error"``.

    References
    ----------
    .. [1] Breiman, Friedman, Olshen and Stone (1984), "Classification and regression trees",
       section 3.4.3.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_irg import GradRegLogisticRegression
    >>> from sklearn_irg.model_selection import refit_one_standard_error
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> search = GridSearchCV(
    ...     make_pipeline(StandardScaler(), GradRegLogisticRegression(max_iter=1000)),
    ...     {"gradreglogisticregression__alpha": [0.01, 0.1, 1, 10]},
    ...     refit=refit_one_standard_error(strength="param_gradreglogisticregression__alpha"),
    ... ).fit(X, y)
    >>> search.best_params_
    {'gradreglogisticregression__alpha': 0.1}
    """
    _check_name(score, "score")
    _check_name(strength, "strength")
    if not strength.startswith("param_"):
        raise InvalidParameterError(
            f'strength must be the name of a parameter in cv_results_, such as "param_{strength}"; '
            f"got {strength!r}."
        )
    return _OneStandardError(score, strength)


def _check_name(value, name):
    if not isinstance(value, str):
        raise InvalidParameterError(
            f"{name} must be a name in cv_results_, as a str; got {value!r}."
        )


def _scores_in_folds(cv_results, name):
    """Scores of a search by the name of a scorer, shape (n_folds, n_candidates)."""
    folds = []
    while f"split{len(folds)}_test_{name}" in cv_results:
        folds.append(cv_results[f"split{len(folds)}_test_{name}"])
    if not folds:
        names = [
            key.removeprefix("mean_test_") for key in cv_results if key.startswith("mean_test_")
        ]
        raise InvalidParameterError(f"the search has no scorer {name!r}; it has {_listed(names)}.")
    if len(folds) < 2:
        raise InvalidParameterError("a standard error needs two or more folds; the search has one.")
    return np.array(folds, dtype=float)


def _strengths(cv_results, name):
    """Values of a parameter for all candidates of a search."""
    if name not in cv_results:
        names = [key for key in cv_results if key.startswith("param_")]
        raise InvalidParameterError(f"the search has no {name!r}; it has {_listed(names)}.")
    values = cv_results[name]
    if np.ma.is_masked(values) or not all(
        isinstance(value, Real) for value in np.ma.getdata(values)
    ):
        raise InvalidParameterError(
            f"{name} must be a number for each candidate of the search; got {list(values)!r}."
        )
    return np.ma.getdata(values).astype(float)


def _choosable(scores, what):
    """Positions of the candidates whose scores are finite in all folds."""
    few = np.flatnonzero(np.isfinite(scores).all(axis=0))
    if not len(few):
        raise ValueError(f"no candidate of the search has finite scores {what} in all folds.")
    return few


def _listed(names):
    return ", ".join(map(repr, names)) or "none"


def choose(selection, alphas, folds):
    """Position of a strength by a rule; strengths decrease."""
    if not np.isfinite(folds.scores.mean(axis=0)).any():
        raise ValueError(
            f"no strength of {alphas.tolist()} has a finite score in all folds; got "
            f"{folds.scores.tolist()}. Use another scoring, or fewer folds."
        )
    if selection == "best":
        return int(_ranked(folds.scores).argmax())
    if len(folds.scores) < 2:
        raise InvalidParameterError(
            f"selection={selection!r} needs two or more folds; got {len(folds.scores)}."
        )
    allowed = (folds.n_predicted_classes > 1).all(axis=0) & np.isfinite(folds.scores.mean(axis=0))
    if not allowed.any():
        raise ValueError(
            f"at each of the strengths {alphas.tolist()} with a finite score a model predicts one "
            f"class for all rows of a fold, so selection={selection!r} allows none. Use smaller "
            "alphas."
        )
    if selection == "one_standard_error":
        return int(within_one_standard_error(folds.scores, allowed)[1][0])  # the strongest
    few = np.flatnonzero(allowed)
    return int(few[most_robust(folds.scores[:, few], folds.attacked[:, few])])


def _ranked(scores):
    """Means over folds, with minus infinity for NaN."""
    means = scores.mean(axis=0)
    return np.where(np.isnan(means), -np.inf, means)


def check_selection(selection, threat):
    """Raise a ValueError for an unknown rule, or for one without the threat model that it needs."""
    check_choice(selection, "selection", SELECTIONS)
    if selection == "most_robust" and threat is None:
        raise InvalidParameterError(
            'selection="most_robust" needs to know what may happen to a row: pass a threat model, '
            "such as threat=ThreatModel(epsilon=0.5).fit(X)."
        )
