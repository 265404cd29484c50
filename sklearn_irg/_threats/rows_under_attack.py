"""Rows, a model's opinion of them, and what it would be if they moved."""

from copy import copy

import numpy as np
from scipy.special import logsumexp

from sklearn_irg._fitted.affine import predictions
from sklearn_irg._fitted.attributes import PredictsOtherwiseError, as_model
from sklearn_irg._fitted.extraction import (
    has_steps,
    model_and_rows,
    model_behind,
    model_of_predictions,
    whole_model,
)
from sklearn_irg._fitted.models import FunctionModel
from sklearn_irg._fitted.steps import NotNumbersError, Steps, is_plain_search, read_steps
from sklearn_irg._fitted.table_models import AffineTableModel, FunctionTableModel
from sklearn_irg._threats.affine_limits import base_rows, declared_limits, slopes_of_unknown, tried_limits
from sklearn_irg._threats.reach import Reach

__all__ = ["Best", "RowsUnderAttack"]

_N_EXAMPLES = 24
_N_DECIMALS = 10  # of log-odds


class RowsUnderAttack:
    """A fitted model, rows with their classes, or those that it predicts, and what a threat model lets them become.

    Behind the steps of a pipeline, the model is right as long as the steps are affine in what a row can become: below the row's
    limit. Beyond it, only the whole pipeline is.

    Attributes
    ----------
    model : Model
        Of the numbers of the rows, at the levels that they have.
    whole : Model or None
        The pipeline with all its steps, where the model may not be right everywhere.
    reading : Reading or None
        Of its steps.
    limits : ndarray of shape (n_samples,)
        Radii below which the model is right.
    reach : Reach
        What they may become.
    own : ndarray of int of shape (n_samples,)
        Positions of their classes.
    effects : list of ndarray or None
        Of levels, where the steps before the model act column by column.
    steps : Steps or None
        Themselves.
    inner : Model
        What stands behind the steps.
    before : tuple of ndarray or None
        Slopes of the steps, and offsets by row.
    precision : float
        Relative precision of what the estimator computes.
    """

    whole = None
    reading = None
    steps = None
    effects = None
    before = None
    inner = None
    precision = float(np.finfo(np.float64).eps)

    def __init__(self, estimator, X, y, threat):
        self.reach = Reach(threat, X)
        self.limits = np.full(len(self.reach), np.inf)
        self.estimator = estimator
        while is_plain_search(estimator):
            estimator = estimator.best_estimator_
        try:
            if hasattr(estimator, "best_estimator_"):
                raise PredictsOtherwiseError(f"{type(estimator).__name__} may predict by a rule of its own.")
            self._read(estimator, X)
        except PredictsOtherwiseError:
            self.model, self.rows = model_of_predictions(self.estimator, self.reach.table)
            self.limits = np.full(len(self.reach), np.inf)
            self.whole = self.effects = self.reading = self.before = self.inner = None
        self.model.require_classes()
        self.precision = self._coarsest_precision()
        self._use_quick_differences()
        self.own = self.model.predicted(self.model.scores(self.rows)) if y is None else self._positions(y)
        self.is_tree = self.model.tree is not None and self._predicts_by_leaves()
        self.is_flat = self._is_flat()

    def _use_quick_differences(self):
        """An attack needs directions, not digits."""
        if isinstance(self.model, FunctionTableModel):
            self.model.units_of_steps = self.reach.scales
        for model in (self.model, self.inner):
            if isinstance(model, FunctionModel) and model.units_of_steps is None:
                model.units_of_steps = 1.0

    def _is_flat(self):
        """Rows where the scores of a function stay exactly as they are while numbers move by a millionth of their unit."""
        if not self.model.is_function or self.model.contains_trees or not len(self):
            return np.full(len(self), self.model.is_function)
        reach = self.reach
        signs = np.random.RandomState(0).choice([-1, 1], len(reach.scales))
        units = 1e-6 * np.maximum(np.abs(reach.numbers / reach.scales), 1) * signs * (reach.low < reach.high)
        before, after = self.model.scores(self.rows), self.model.scores(self.moved(self.rows, units))
        return np.isclose(before, after, rtol=1e-13, atol=0).all(axis=1)

    def _read(self, estimator, X):
        """Read the model, behind the steps of a pipeline if there are any."""
        reach = self.reach
        try:
            self.steps = Steps(estimator) if has_steps(estimator) else None
            self.reading = None if self.steps is None else read_steps(self.steps, reach.table)
        except NotNumbersError:
            self.model = whole_model(estimator, reach.table)
            self.rows = self.model.bind(reach.table)
            return
        reach.markers = {} if self.reading is None else self.reading.points
        of_numbers = not reach.columns and not reach.has_numbers_as_levels
        if self.reading is None or (self.reading.is_affine and of_numbers):
            self.model, self.rows = model_and_rows(estimator, X, None if of_numbers else reach.table)
            self.inner = self.model
            if isinstance(self.model, AffineTableModel):
                self._read_steps_of(self.model)
            elif self.reading is not None:
                steps = Steps(estimator)
                self.inner = as_model(steps.last)
                self._read_before(steps(reach.table.X), self.reading.slopes)
            return
        self._read_behind_steps(estimator, X)

    def _read_behind_steps(self, estimator, X):
        """The model behind steps that are not affine everywhere, or that take categories."""
        reach, steps = self.reach, Steps(estimator)
        slopes = self.reading.slopes
        if self.reading.unknown.any():
            slopes = slopes_of_unknown(steps, self.reading, reach, base_rows(reach))
        self.model, self.rows = model_behind(estimator, steps, slopes, X, reach.table)
        self._read_steps_of(self.model)
        precision = max(self._coarsest_precision(), self.reading.precision)
        self.limits = declared_limits(reach, self.reading, precision)
        self.whole = whole_model(estimator, reach.table)
        self.whole.bind(reach.table)

    def _read_steps_of(self, model):
        self.inner = model.inner
        self._read_before(model.steps(self.reach.table.X), model.slopes)
        self.effects = self._effects(base_rows(self.reach)) if self.reach.columns else None

    def _read_before(self, outputs, slopes):
        """Remember the steps as slopes and offsets, and in which precision they compute."""
        numbers = np.nan_to_num(self.reach.table.numbers())
        self.before = slopes, np.nan_to_num(outputs - numbers @ slopes)
        self.precision = float(np.finfo(outputs.dtype).eps)

    def _coarsest_precision(self):
        """Of rows, steps and the model, in whichever ``predict`` may compute."""
        table = self.reach.table
        floats = [dtype for dtype in map(table.dtype_of, range(table.n_columns)) if dtype.kind == "f"]
        return max(self.precision, *(float(np.finfo(dtype).eps) for dtype in [self.model.dtype, *floats]))

    def of_examples(self):
        """The same for some rows of the table that the threat was fitted on; None where there are no such rows."""
        table = self.reach.threat.examples(self.reach.table)
        if table is None:
            return None
        some = table.take(np.unique(np.linspace(0, len(table) - 1, _N_EXAMPLES).astype(int)))
        return RowsUnderAttack(self.estimator, some.X, None, self.reach.threat)

    def find_limits(self, radii):
        """Try unknown steps within some radii, rising, beyond what is declared of others."""
        if self.whole is not None and self.reading.unknown.any():
            self.limits = np.minimum(self.limits, tried_limits(self, self.reading, radii))

    def as_whole(self):
        """The same rows, with all steps in the model."""
        other = copy(self)
        other.model, other.whole, other.effects, other.is_tree = self.whole, None, None, False
        other.limits = np.full(len(self), np.inf)
        return other

    def _effects(self, base):
        try:
            return self.model.level_effects(self.reach.columns, self.reach.levels, base)
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

    def misclassifies(self, units, codes):
        """Whether the estimator itself predicts another class than the rows' where they have moved."""
        moved = self.reach.result(units, codes)
        return predictions(self.estimator, moved) != self.model.classes[self.own]

    @property
    def binds(self):
        """Whether anything but the ball binds how far rows can go, or levels can change."""
        reach = self.reach
        free = np.isinf(reach.low) & np.isinf(reach.high)
        return bool(reach.columns or reach.steps.any() or (~free & ((reach.low != 0) | (reach.high != 0))).any())

    def take(self, rows):
        """Some of the rows."""
        some = copy(self)
        some.reach, some.rows = self.reach.take(rows), self.rows[rows]
        if self.before is not None:
            some.before = self.before[0], self.before[1][rows]
        some.own, some.limits, some.is_flat = self.own[rows], self.limits[rows], self.is_flat[rows]
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

    def entering(self, units, codes):
        """What enters the model behind the steps where rows have moved, as the steps compute it, to the last digit."""
        if self.steps is None:
            model, rows = self.at(codes)
            return model.inside(self.moved(rows, units)).astype(np.float64)
        return np.asarray(self.steps(self.reach.result(units, codes)), dtype=np.float64)

    def against(self, model, scores):
        """Whether scores misclassify each row, and the log-odds against its class, which do not saturate."""
        if model.n_outputs == 1:
            against = (1 - 2 * self.own) * scores[:, 0]
        else:
            others = np.where(np.arange(scores.shape[1]) == self.own[:, None], -np.inf, scores)
            against = logsumexp(others, axis=1) - scores[np.arange(len(scores)), self.own]
        finite = np.isfinite(scores).all(axis=1)
        # digits that differ with the number of rows in a product of matrices decide nothing
        against = np.round(np.where(finite, against, -np.inf), _N_DECIMALS)
        return finite & (model.predicted(scores) != self.own), against


class Best:
    """The points that harm each row most, of those that were offered."""

    def __init__(self, attacked):
        self.attacked = attacked
        self.units = np.zeros(attacked.reach.numbers.shape)
        self.codes = attacked.reach.codes.copy()
        self.wrong, self.loss = attacked.against(attacked.model, attacked.model.scores(attacked.rows))

    def restart(self, codes):
        """Forget what was found, at other levels."""
        attacked = self.attacked
        model, rows = attacked.at(codes)
        self.units, self.codes = np.zeros(attacked.reach.numbers.shape), codes.copy()
        self.wrong, self.loss = attacked.against(model, model.scores(rows))

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

    def confirm(self, units, codes, is_wrong):
        """Keep points that the estimator itself misclassifies, and others where they are worse, but for the model's error."""
        model, rows = self.attacked.at(codes)
        wrong, _ = self.attacked.against(model, model.scores(self.attacked.moved(rows, units)))
        self.offer(model, rows, np.where((wrong & ~is_wrong)[:, None], 0, units), codes)
        found = np.flatnonzero(is_wrong & ~self.wrong)
        self.units[found], self.codes[found], self.wrong[found] = units[found], codes[found], True

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
