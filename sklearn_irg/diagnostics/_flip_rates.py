"""Proportions of rows that one change of one column flips."""

from copy import copy
from dataclasses import dataclass

import numpy as np

from sklearn_irg._fitted.affine import predictions
from sklearn_irg._threats.arguments import fitted_threat, one_radius
from sklearn_irg._threats.attack_problem import AttackProblem
from sklearn_irg._threats.evaluation import find_attacks
from sklearn_irg._threats.threat_model import ThreatModel


@dataclass(frozen=True, eq=False)
class FlipRates:
    """Proportions of rows whose class one change of a column flips.

    Attributes
    ----------
    names : ndarray of shape (n_columns,)
        Names of the columns that may change, or their positions.
    positions : ndarray of int of shape (n_columns,)
        Positions of these columns.
    rates : ndarray of shape (n_columns,)
        Proportion of the rows, between 0 and 1.
    """

    names: np.ndarray
    positions: np.ndarray
    rates: np.ndarray

    def to_frame(self):
        """A pandas DataFrame, the largest proportion first."""
        import pandas as pd

        frame = pd.DataFrame({"flip_rate": self.rates}, index=pd.Index(self.names, name="feature"))
        return frame.sort_values("flip_rate", ascending=False, kind="stable")


def flip_rates(estimator, X, y=None, threat=None):
    """Proportion of rows whose class changes when one column alone changes, by column.

    A category changes to any other level that the threat model allows, a number moves within the
    radius and the bounds. Found by the attack of `sklearn_irg.attacks.adversarial_accuracy`: exact
    for linear models, trees, forests and boosting, and for categories of any model; otherwise a
    lower bound.

    Parameters
    ----------
    estimator : classifier
        Fitted; a pipeline of any steps, or anything else with ``predict``.
    X : DataFrame or array-like of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,), default=None
        Labels. With them, a row flips when it is classified correctly and no longer so after the
        change; misclassified rows count in the denominator only. ``None`` means the predicted
        labels.
    threat : ThreatModel, default=None
        Fitted: what one change is. Its ``n_swaps`` says only whether categories may change, its
        radius is a single one. ``None`` allows a category to become any level that it has in X, and
        numbers do not move.

    Returns
    -------
    rates : FlipRates
        Names and proportions, with ``to_frame()``; only columns that may change are listed.

    Raises
    ------
    TypeError
        For an estimator that is not a classifier.

    See Also
    --------
    feature_sensitivity : Gradients, for numbers.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.compose import make_column_transformer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import OneHotEncoder, StandardScaler
    >>> from sklearn_irg.attacks import ThreatModel
    >>> from sklearn_irg.diagnostics import flip_rates
    >>> columns = {"age": [23, 45, 31, 60, 52, 38, 27, 64], "job": list("abacbcba"), "home": list("oorrorro")}
    >>> table, bought = pd.DataFrame(columns), [0, 1, 0, 1, 0, 1, 0, 1]
    >>> prepare = make_column_transformer((StandardScaler(), ["age"]), (OneHotEncoder(), ["job", "home"]))
    >>> model = make_pipeline(prepare, LogisticRegression()).fit(table, bought)
    >>> threat = ThreatModel(0.7, n_swaps=1).fit(table)
    >>> flip_rates(model, table, bought, threat).to_frame().round(2).to_dict()["flip_rate"]
    {'age': 0.12, 'job': 0.12, 'home': 0.0}
    """
    threat = _any_level(X) if threat is None else fitted_threat(threat, X)
    radius = one_radius(threat)
    labels = predictions(estimator, X) if y is None else np.ravel(y)
    right = predictions(estimator, X) == labels
    positions = _changeable(threat, radius)
    problems = [AttackProblem(estimator, X, labels, _only(threat, j)) for j in positions]
    flips = [find_attacks(problem, [radius]).misclassified[0] for problem in problems]
    rates = [float(np.mean(flipped & right)) for flipped in flips]
    names = getattr(threat, "feature_names_in_", np.arange(threat.n_features_in_))
    return FlipRates(
        np.asarray(names, dtype=object)[positions], np.array(positions, dtype=int), np.array(rates)
    )


def _any_level(X):
    """A threat model that allows categories to change, and numbers not to move."""
    return ThreatModel(0.0, scale=None, n_swaps=1).fit(X)


def _changeable(threat, radius):
    """Positions of the columns that may change."""
    numbers = np.flatnonzero(threat.scales_ > 0).tolist() if radius > 0 else []
    categories = list(threat.allowed_swaps_) if threat.n_swaps > 0 else []
    return sorted({*numbers, *categories})


def _only(threat, column):
    """A fitted threat model under which one column may change, and no other."""
    other = copy(threat)
    other.scales_ = np.where(np.arange(len(threat.scales_)) == column, threat.scales_, 0)
    other.allowed_swaps_ = {j: ways for j, ways in threat.allowed_swaps_.items() if j == column}
    return other
