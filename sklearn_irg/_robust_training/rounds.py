"""Hardening in rounds: fit, add misclassified or worst perturbed rows, and fit again.

A round moves a random half of the rows: the next model adapts to the rows that were added, and the
next attack adapts to that model; with all rows at once both overshoot. Rows that are misclassified
as they are get fewer copies, since these have nothing to lose and compete with other rows; without
any, accuracy falls.
"""

import numpy as np
from sklearn.base import clone

from sklearn_irg._checks import InvalidParameterError
from sklearn_irg._robust_training.growing_rows import GrowingRows
from sklearn_irg._robust_training.last_step import weights_for
from sklearn_irg._threats.arguments import checked_budget, one_radius
from sklearn_irg._threats.attack_problem import AttackProblem
from sklearn_irg._threats.evaluation import find_attacks
from sklearn_irg._threats.further_points import further_points
from sklearn_irg._threats.robust_scores import robust_score, standard_error_of

__all__ = ["Rounds"]

_SHARES = np.array(
    [0, 1 / 3, 2 / 3, 1]
)  # of the radius: misclassified points nearby harden more than those far away
_CHANCE = 0.5  # of a copy for a row that is misclassified as it is (see above)


class Rounds:
    """Fits on growing rows, each scored on rows held back.

    Parameters
    ----------
    settings : RobustTrainingClassifier
        Classifier with the parameters, and ``threat_``.
    rng : RandomState
        Chooses the rows that move in a round, and how far.
    tables : TablePerturbations
        All rows.
    y, weights : ndarray of shape (n_samples,)
        Labels and weights.
    params : dict
        Parameters for the estimator's ``fit``; arrays have a value for each row.
    has_weights : bool
        Whether weights were given.
    """

    def __init__(self, settings, rng, tables, y, weights, params, *, has_weights):
        self.settings, self.rng = settings, rng
        self.tables, self.y, self.weights, self.params = tables, y, weights, params
        self.has_weights = has_weights
        self.radius = one_radius(settings.threat_)
        self.history = {"score": [], "attacked_score": [], "n_rows": []}
        self.models, self.standard_errors = [], []

    def run(self, training, held):
        """Run all rounds, for positions of the training rows and of those held back."""
        max_rows = self.settings.max_rows
        if max_rows is not None and max_rows < len(training):
            raise InvalidParameterError(
                f"max_rows must not be below the number of training rows, {len(training)}; got "
                f"{max_rows}."
            )
        self.training = training
        # copies stay copies where there are no weights: some estimators fit much longer with them
        # (HistGradientBoosting bins)
        merges = self.has_weights
        rows = GrowingRows(
            self.tables.take(training), self.weights[training], merges=merges, max_rows=max_rows
        )
        for k in range(self.settings.n_rounds + 1):
            model = self._fitted(rows)
            self.models.append(model)
            self._look_at(model, held, len(rows))
            if k == self.settings.n_rounds or not self._grow(rows, model):
                break

    def chosen(self):
        """Model of the chosen round, and the number of that round."""
        scores, attacked = (np.array(self.history[name]) for name in ("score", "attacked_score"))
        if np.isnan(scores).all():
            return self.models[-1], len(self.models) - 1
        best = int(scores.argmax())
        tolerance = self.settings.tolerance
        floor = scores[best] - (self.standard_errors[best] if tolerance is None else tolerance)
        good = np.flatnonzero(scores >= floor)
        k = int(max(good, key=lambda i: (attacked[i], scores[i])))
        return self.models[k], k

    def score_on_training_rows(self, k):
        """Score of a round under attack on the rows that it was trained on, as they were."""
        attacks = self._attacks(self.models[k], self.training, [self.radius])
        return self._score(attacks.misclassified[0], self.training)

    def _grow(self, rows, model):
        """Add perturbed copies of half of the rows, and return whether any has moved."""
        half = self.rng.permutation(len(self.training))[: -(-len(self.training) // 2)]
        attacks = self._attacks(model, self.training[half], _SHARES * self.radius)
        is_added = ~attacks.problem.misclassified | (self.rng.uniform(size=len(half)) < _CHANCE)
        delta = further_points(attacks, self.radius, self.rng)
        rows.add(half[is_added], delta[is_added], attacks.codes[is_added])
        return _moves(attacks)

    def _fitted(self, rows):
        source = self.training[rows.source]
        params = {name: _taken(value, source, len(self.y)) for name, value in self.params.items()}
        model = clone(self.settings.estimator)
        if self.has_weights:
            params |= weights_for(model, rows.weights)
        return model.fit(rows.X, self.y[source], **params)

    def _attacks(self, model, rows, radii):
        problem = AttackProblem(
            model, self.tables.take(rows).table.X, self.y[rows], self.settings.threat_
        )
        return find_attacks(problem, list(radii), budget=checked_budget(self.settings.max_nodes))

    def _look_at(self, model, held, n_rows):
        scores = np.full(2, np.nan)
        if len(held):
            attacks = self._attacks(model, held, [self.radius])
            misclassified = attacks.problem.misclassified
            scores = [
                self._score(wrong, held) for wrong in (misclassified, attacks.misclassified[0])
            ]
            weights = self.weights[held]
            self.standard_errors.append(
                standard_error_of(misclassified, self.y[held], self.settings.scoring, weights)
            )
        for name, value in zip(self.history, [*scores, n_rows], strict=True):
            self.history[name].append(value)
        if self.settings.verbose:
            print(
                f"round {len(self.models) - 1}: score {scores[0]:.3f}, under attack "
                f"{scores[1]:.3f}, {n_rows} rows",
                flush=True,
            )

    def _score(self, misclassified, rows):
        return robust_score(misclassified, self.y[rows], self.settings.scoring, self.weights[rows])


def _moves(attacks):
    """Whether any row has changed."""
    return bool(
        (attacks.delta != 0).any() or (attacks.codes != attacks.problem.perturbations.codes).any()
    )


def _taken(value, rows, n_samples):
    """Entries of some rows, of a value that has one for each; any other value itself."""
    is_by_row = (
        hasattr(value, "__len__") and not isinstance(value, str | dict) and len(value) == n_samples
    )
    return np.asarray(value)[rows] if is_by_row else value
