"""Rows, a model's opinion of them, and what it would be if they moved."""

from copy import copy

import numpy as np
from scipy.special import logsumexp

from sklearn_irg._fitted.extraction import PredictsOtherwiseError, model_and_rows, model_of_predictions
from sklearn_irg._fitted.table_models import AffineTableModel, RefusedNumbersError
from sklearn_irg._threats.reach import Reach

__all__ = ["RowsUnderAttack"]


class RowsUnderAttack:
    """A fitted model, rows with their classes, or those that it predicts, and what a threat model lets them become.

    Attributes
    ----------
    model : Model
        Of the numbers of the rows, at the levels that they have.
    reach : Reach
        What they may become.
    own : ndarray of int of shape (n_samples,)
        Positions of their classes.
    effects : list of ndarray or None
        Of levels, where the steps before the model act column by column.
    """

    def __init__(self, estimator, X, y, threat):
        self.reach = Reach(threat, X)
        try:
            self.model, self.rows = self._model_and_rows(estimator, X)
        except PredictsOtherwiseError:
            self.model, self.rows = model_of_predictions(estimator, self.reach.table)
        self.model.require_classes()
        self.own = self.model.predicted(self.model.scores(self.rows)) if y is None else self._positions(y)
        self.effects = None
        if self.reach.columns and isinstance(self.model, AffineTableModel):
            self.effects = self._effects()
        self.is_tree = self.model.tree is not None and self._predicts_by_leaves()

    def _model_and_rows(self, estimator, X):
        """The model of all numbers, or, where the steps before it are not affine in those that cannot move, of the others."""
        reach = self.reach
        if reach.columns or reach.has_numbers_as_levels:
            return model_and_rows(estimator, X, reach.table)
        still = reach.table.is_number & ~reach.moves_somewhere
        try:
            model, rows = model_and_rows(estimator, X)
        except RefusedNumbersError:
            if not still.any():
                raise
            model = None
        if still.any() and (model is None or getattr(model, "failing", None)):
            reach.table = reach.table.without_numbers(still)
            model, rows = model_and_rows(estimator, X, reach.table)
        return model, rows

    def _effects(self):
        try:
            return self.model.level_effects(self.reach.columns, self.reach.levels)
        except ValueError as error:
            raise ValueError(
                f"the pipeline refuses a level that the threat model has seen: {error} Let its encoder accept "
                'unseen levels, as OneHotEncoder(handle_unknown="ignore") does, or leave the level out with exchange.'
            ) from error

    def _predicts_by_leaves(self):
        """Whether a tree says what is predicted, and nothing behind it."""
        tree, seen = self.model.tree, self.model.inside(self.rows).astype(np.float32)
        return bool(
            (tree.value[tree.apply(seen), 0].argmax(axis=1) == self.model.predicted(self.model.scores(self.rows))).all()
        )

    def _positions(self, y):
        targets = self.model.encode(y, len(self.rows))
        return targets[:, 0].astype(int) if self.model.n_outputs == 1 else targets.argmax(axis=1)

    def __len__(self):
        return len(self.own)

    @property
    def binds(self):
        """Whether anything but the ball binds how far rows can go, or levels can change."""
        reach = self.reach
        free = np.isinf(reach.low) & np.isinf(reach.high)
        return bool(reach.columns or reach.steps.any() or (~free & ((reach.low != 0) | (reach.high != 0))).any())

    def take(self, rows):
        """Some of the rows."""
        some = copy(self)
        some.reach, some.rows, some.own = self.reach.take(rows), self.rows[rows], self.own[rows]
        return some

    def at(self, codes):
        """The model of the numbers where the rows have other levels, and the rows as it takes them."""
        if not len(self.reach.columns) or (codes == self.reach.codes).all():
            return self.model, self.rows
        rows = self.rows.copy()
        rows[:, -1] = np.arange(len(rows))
        if self.effects is None:
            model = copy(self.model)
            return model, model.bind(self.reach.swapped(codes))
        offsets = self.model.offsets[self.rows[:, -1].astype(int)]
        for c, effect in enumerate(self.effects):
            changed = np.flatnonzero(codes[:, c] != self.reach.codes[:, c])
            offsets[changed] += effect[codes[changed, c]] - effect[self.reach.codes[changed, c]]
        moves = self.model.moves[self.rows[:, -1].astype(int)]
        return self.model.with_offsets(offsets, moves), rows

    def moved(self, rows, units):
        """Rows of a model with numbers moved by units."""
        rows = rows.copy()
        moving = units != 0
        rows[:, : units.shape[1]][moving] = self.reach.moved(units)[moving]
        return rows

    def against(self, model, scores):
        """Whether scores misclassify each row, and the log-odds against its class, which do not saturate."""
        if model.n_outputs == 1:
            against = (1 - 2 * self.own) * scores[:, 0]
        else:
            others = np.where(np.arange(scores.shape[1]) == self.own[:, None], -np.inf, scores)
            against = logsumexp(others, axis=1) - scores[np.arange(len(scores)), self.own]
        finite = np.isfinite(scores).all(axis=1)
        return finite & (model.predicted(scores) != self.own), np.where(finite, against, -np.inf)


class Best:
    """The points that harm each row most, of those that were offered."""

    def __init__(self, attacked):
        self.attacked = attacked
        self.units = np.zeros(attacked.reach.numbers.shape)
        self.codes = attacked.reach.codes.copy()
        self.wrong, self.loss = attacked.against(attacked.model, attacked.model.scores(attacked.rows))

    def take(self, rows, attacked):
        """What has been found for some rows."""
        some = copy(self)
        some.attacked = attacked
        some.units, some.codes, some.wrong, some.loss = (
            a[rows] for a in (self.units, self.codes, self.wrong, self.loss)
        )
        return some

    def put(self, rows, some):
        """Write back what has been found for some rows."""
        self.units[rows], self.codes[rows] = some.units, some.codes
        self.wrong[rows], self.loss[rows] = some.wrong, some.loss

    def offer(self, model, rows, units, codes):
        """Keep points, on the grid of whole numbers, where they are worse; returns their loss."""
        attacked = self.attacked
        units = attacked.reach.on_grid(units)
        wrong, loss = attacked.against(model, model.scores(attacked.moved(rows, units)))
        better = np.flatnonzero((wrong > self.wrong) | ((wrong == self.wrong) & (loss > self.loss)))
        if len(better) and attacked.reach.threat.valid is not None:
            some = attacked.reach.take(better)
            better = better[some.exists(some.result(units[better], codes[better]))]
        self.units[better], self.codes[better] = units[better], codes[better]
        self.wrong[better], self.loss[better] = wrong[better], loss[better]
        return loss

    def offer_all(self, model, rows, units, codes):
        """Keep the worst of several points for each row, shape (n_points, n_samples, n_columns); returns their losses.

        They are evaluated together, since models without gradients are often slow to call.
        """
        n_points, n_samples, n_columns = units.shape
        several = np.tile(np.arange(n_samples), n_points)
        attacked = self.attacked.take(several)
        units = attacked.reach.on_grid(units.reshape(-1, n_columns))
        wrong, loss = attacked.against(model, model.scores(attacked.moved(rows[several], units)))
        better = (wrong > self.wrong[several]) | ((wrong == self.wrong[several]) & (loss > self.loss[several]))
        if attacked.reach.threat.valid is not None and better.any():
            chosen = np.flatnonzero(better)
            some = attacked.reach.take(chosen)
            better[chosen] = some.exists(some.result(units[chosen], codes[several[chosen]]))
        order = np.lexsort([np.where(better, loss, -np.inf), better & wrong, better])[::-1]
        _, first = np.unique(several[order], return_index=True)
        best = order[first]  # of each row
        best = best[better[best]]
        kept = several[best]
        self.units[kept], self.codes[kept] = units[best], codes[kept]
        self.wrong[kept], self.loss[kept] = wrong[best], loss[best]
        return loss.reshape(n_points, n_samples)
