"""Attack problem: a fitted model, rows with labels, and their perturbation set."""

from copy import copy
from typing import NamedTuple

import numpy as np

from sklearn_irg._fitted.affine import predictions
from sklearn_irg._fitted.attributes import PredictsOtherwiseError, as_model
from sklearn_irg._fitted.extraction import (
    has_steps,
    model_and_rows,
    model_behind,
    model_of_predictions,
    whole_model,
)
from sklearn_irg._fitted.models import ROUNDING, FunctionModel
from sklearn_irg._fitted.stand_ins import inside_of, predicts_as_inside
from sklearn_irg._fitted.steps import NotNumbersError, Steps, read_steps
from sklearn_irg._fitted.table_models import AffineTableModel, FunctionTableModel
from sklearn_irg._fitted.table_rows import TableRows, numbers_of, with_numbers
from sklearn_irg._threats.adversarial_margins import adversarial_margins
from sklearn_irg._threats.affine_limits import (
    base_rows,
    declared_limits,
    slopes_of_unknown,
    tried_limits,
)
from sklearn_irg._threats.table_perturbations import TablePerturbations, outside_own_bounds

__all__ = ["AttackProblem", "View"]

# rows of the fitted table on which unknown steps are tried for all rows; one was enough for the
# steps of the tests
_N_EXAMPLES = 24
# of a unit, or of a number, by which rows move: far above rounding, so that a slope is seen
_FLAT = 1e-6
# of log-odds: more depend on how many rows a matrix product has, and fewer would hide progress
_N_DECIMALS = 10


class View(NamedTuple):
    """Rows at some of their levels, as a model of their numbers takes them."""

    model: object
    rows: object
    codes: np.ndarray


class AttackProblem:
    """Fitted model, rows with their labels, and their perturbation set.

    Without labels, those that the model predicts are used. Behind the steps of a pipeline, the
    model is right as long as the steps are affine in what a row can become, which is below the
    row's limit. Beyond it, only the whole pipeline is.

    Attributes
    ----------
    model : Model
        Takes the numbers of the rows, at the levels that they have.
    whole : Model or None
        The pipeline with all its steps, where the model may not be right everywhere.
    reading : Reading or None
        What its steps declare.
    limits : ndarray of shape (n_samples,)
        Radii below which the model is right.
    tables : TablePerturbations
        The rows as a table, and their perturbation set.
    predicted : ndarray of shape (n_samples,)
        Classes that the estimator predicts.
    label : ndarray of int of shape (n_samples,)
        Positions of the labels among the classes.
    effects : list of ndarray or None
        Effects of levels, where the steps before the model act column by column.
    steps : Steps or None
        The steps before the model.
    inner : Model
        The model behind the steps.
    before : tuple of ndarray or None
        Slopes of the steps, and offsets by row.
    precision : float
        Relative precision in which the estimator computes.
    """

    whole = None
    reading = None
    steps = None
    effects = None
    before = None
    inner = None
    precision = float(np.finfo(np.float64).eps)

    def __init__(self, estimator, X, y, threat):
        self.tables = TablePerturbations.of(threat, X)
        self.limits = np.full(len(self.tables), np.inf)
        self.estimator = estimator
        self._memory = {}
        while predicts_as_inside(estimator):
            estimator = inside_of(estimator)
        try:
            if inside_of(estimator) is not None:
                raise PredictsOtherwiseError(
                    f"{type(estimator).__name__} may predict by a rule of its own."
                )
            self._read(estimator, X)
        except PredictsOtherwiseError:
            self.model, self.rows = model_of_predictions(self.estimator, self.table)
            self.limits = np.full(len(self.perturbations), np.inf)
            self.whole = self.effects = self.reading = self.before = self.inner = None
        self.model.require_classes()
        self.precision = self._coarsest_precision()
        self._use_quick_differences()
        self.predicted = predictions(self.estimator, X)
        self.label = (
            self.model.predicted(self.model.scores(self.rows)) if y is None else self._positions(y)
        )
        self.is_tree = self.model.tree is not None and self._predicts_by_leaves()
        self.is_flat = self._is_flat()

    def _use_quick_differences(self):
        """Set finite differences of one evaluation: an attack needs directions, not digits."""
        if isinstance(self.model, FunctionTableModel):
            self.model.units_of_steps = self.perturbations.scales
        for model in (self.model, self.inner):
            if isinstance(model, FunctionModel) and model.units_of_steps is None:
                model.units_of_steps = 1.0

    def _is_flat(self):
        """Rows where the scores of a function do not change over a millionth of each unit.

        Such scores have no gradient to follow, as those of trees.
        """
        if not self.model.is_function or self.model.contains_trees or not len(self):
            return np.full(len(self), self.model.is_function)
        arrays = self.perturbations
        signs = np.random.RandomState(0).choice([-1, 1], len(arrays.scales))
        sizes = _FLAT * np.maximum(np.abs(arrays.numbers / arrays.scales), 1)
        delta = sizes * signs * (arrays.low < arrays.high)
        before, after = (
            self.model.scores(self.rows),
            self.model.scores(self.moved(self.rows, delta)),
        )
        return np.isclose(before, after, rtol=ROUNDING, atol=0).all(axis=1)

    def _read(self, estimator, X):
        """Read the model, behind the steps of a pipeline if there are any."""
        try:
            self.steps = Steps(estimator) if has_steps(estimator) else None
            self.reading = None if self.steps is None else read_steps(self.steps, self.table)
        except NotNumbersError:
            self.model = whole_model(estimator, self.table)
            self.rows = self.model.bind(self.table)
            return
        self.tables = self.tables.with_markers({} if self.reading is None else self.reading.points)
        of_numbers = not self.perturbations.columns and not self.tables.has_numbers_as_levels
        if self.reading is None or (self.reading.is_affine and of_numbers):
            self.model, self.rows = model_and_rows(estimator, X, None if of_numbers else self.table)
            if self.model.is_axis_aligned:
                self.model.levels = dict(
                    zip(self.perturbations.columns, self.tables.levels, strict=True)
                )
            self.inner = self.model
            if isinstance(self.model, AffineTableModel):
                self._read_steps_of(self.model)
            elif self.reading is not None:
                steps = Steps(estimator)
                self.inner = as_model(steps.last)
                self._read_before(steps(self.table.X), self.reading.slopes)
            return
        self._read_behind_steps(estimator, X)

    def _read_behind_steps(self, estimator, X):
        """The model behind steps that are not affine everywhere, or that take categories."""
        steps = Steps(estimator)
        slopes = self.reading.slopes
        if self.reading.unknown.any():
            slopes = slopes_of_unknown(steps, self.reading, self.tables, base_rows(self.tables))
        self.model, self.rows = model_behind(estimator, steps, slopes, X, self.table)
        self._read_steps_of(self.model)
        precision = max(self._coarsest_precision(), self.reading.precision)
        self.limits = declared_limits(self.perturbations, self.reading, precision)
        self.whole = whole_model(estimator, self.table)
        self.whole.bind(self.table)

    def _read_steps_of(self, model):
        self.inner = model.inner
        self._read_before(model.steps(self.table.X), model.slopes)
        self.effects = self._effects(base_rows(self.tables)) if self.perturbations.columns else None

    def _read_before(self, outputs, slopes):
        """Remember the steps as slopes and offsets, and in which precision they compute."""
        numbers = np.nan_to_num(self.table.numbers())
        self.before = slopes, np.nan_to_num(outputs - numbers @ slopes)
        self.precision = float(np.finfo(outputs.dtype).eps)

    def _coarsest_precision(self):
        """Coarsest relative precision of rows, steps and model in which ``predict`` may compute."""
        table = self.table
        floats = [
            dtype for dtype in map(table.dtype_of, range(table.n_columns)) if dtype.kind == "f"
        ]
        return max(
            self.precision, *(float(np.finfo(dtype).eps) for dtype in [self.model.dtype, *floats])
        )

    def of_examples(self):
        """The same problem for rows that the threat was fitted on; None where there are none."""
        table = self.threat.examples(self.table)
        inside = (
            ()
            if table is None
            else np.flatnonzero(~outside_own_bounds(self.threat, table.numbers()).any(axis=1))
        )
        if not len(inside):
            return None
        table = table.take(inside)
        some = table.take(np.unique(np.linspace(0, len(table) - 1, _N_EXAMPLES).astype(int)))
        return AttackProblem(self.estimator, some.X, None, self.threat)

    def find_limits(self, radii):
        """Lower the limits to the largest of some rising radii where unknown steps are affine."""
        if self.whole is not None and self.reading.unknown.any():
            self.limits = np.minimum(self.limits, tried_limits(self, self.reading, radii))

    def as_whole(self):
        """The same rows, with all steps in the model."""
        other = copy(self)
        other.model, other.whole, other.effects, other.is_tree = self.whole, None, None, False
        other._memory = {}
        other.limits = np.full(len(self), np.inf)
        return other

    def _effects(self, base):
        try:
            return self.model.level_effects(self.perturbations.columns, self.tables.levels, base)
        except ValueError as error:
            raise ValueError(
                f"the pipeline refuses a level that the threat model has seen: {error} Let its "
                "encoder accept "
                'unseen levels, as OneHotEncoder(handle_unknown="ignore") does, or leave the level '
                "out with allowed_swaps."
            ) from error

    def _predicts_by_leaves(self):
        """Whether a tree alone decides the prediction, without anything after it."""
        tree, inner_X = self.model.tree, self.model.to_inner(self.rows).astype(np.float32)
        return bool(
            (
                tree.value[tree.apply(inner_X), 0].argmax(axis=1)
                == self.model.predicted(self.model.scores(self.rows))
            ).all()
        )

    def _positions(self, y):
        targets = self.model.encode(y, len(self.rows))
        return targets[:, 0].astype(int) if self.model.n_outputs == 1 else targets.argmax(axis=1)

    def __len__(self):
        return len(self.label)

    @property
    def perturbations(self):
        """Perturbation set of the rows, as arrays."""
        return self.tables.arrays

    @property
    def table(self):
        """The rows as a table."""
        return self.tables.table

    @property
    def threat(self):
        """The threat model."""
        return self.tables.threat

    @property
    def misclassified(self):
        """Whether the estimator predicts another class than the label of each row as it is."""
        return self.predicted != self.model.classes[self.label]

    def result(self, delta, codes):
        """Rows like those given where they have moved."""
        return self.tables.result(delta, codes)

    def exist(self, delta, codes):
        """Whether rows could exist where they have moved."""
        return self.tables.exist(self.result(delta, codes))

    def misclassifies(self, delta, codes):
        """Whether the estimator itself misclassifies rows where they have moved."""
        return (
            predictions(self.estimator, self.result(delta, codes)) != self.model.classes[self.label]
        )

    def with_labels(self, label):
        """The same rows with other labels."""
        other = copy(self)
        other.label = label
        return other

    def remembered(self, key, function):
        """Value of a function of the problem, computed once and kept for parts taken later."""
        if key not in self._memory:
            self._memory[key] = function(self)
        return self._memory[key]

    def take(self, rows):
        """Some of the rows."""
        some = copy(self)
        some.tables, some.rows = self.tables.take(rows), self.rows[rows]
        some._memory = dict(
            self._memory
        )  # what holds for all rows holds for some, not the other way round
        if self.before is not None:
            some.before = self.before[0], self.before[1][rows]
        some.label, some.predicted = self.label[rows], self.predicted[rows]
        some.limits, some.is_flat = self.limits[rows], self.is_flat[rows]
        return some

    def at(self, codes):
        """The rows with other levels."""
        if not len(self.perturbations.columns) or (codes == self.perturbations.codes).all():
            return View(self.model, self.rows, codes)
        if self.effects is None:
            model = copy(self.model)
            return View(model, model.bind(self.tables.swapped(codes)), codes)
        offsets, movable = (
            self.model.offsets[self.rows.origin],
            self.model.movable[self.rows.origin],
        )
        for c, effect in enumerate(self.effects):
            changed = np.flatnonzero(codes[:, c] != self.perturbations.codes[:, c])
            offsets[changed] += (
                effect[codes[changed, c]] - effect[self.perturbations.codes[changed, c]]
            )
        rows = TableRows(self.rows.numbers, np.arange(len(self)))
        return View(self.model.with_offsets(offsets, movable), rows, codes)

    def in_units(self):
        """The model and its rows in units of scale, without columns that cannot move."""
        arrays = self.perturbations
        scales = np.where(arrays.movable_columns, arrays.scales, 0)
        return (
            (self.model, self.rows)
            if (scales == 1).all()
            else self.model.rescaled(self.rows, scales)
        )

    def moved(self, rows, delta):
        """Rows of a model with numbers moved."""
        numbers = numbers_of(rows)
        return with_numbers(
            rows,
            np.where(delta != 0, self.perturbations.moved(delta), numbers).astype(numbers.dtype),
        )

    def step_outputs(self, delta, codes):
        """Input of the model behind the steps for moved rows, exactly as the steps compute it."""
        if self.steps is None:
            view = self.at(codes)
            return view.model.to_inner(self.moved(view.rows, delta)).astype(np.float64)
        return np.asarray(self.steps(self.result(delta, codes)), dtype=np.float64)

    def margins_at(self, view, delta):
        """`adversarial_margin` of a view whose numbers have moved."""
        return self.adversarial_margin(view.model, view.model.scores(self.moved(view.rows, delta)))

    def adversarial_margin(self, model, scores):
        """Whether scores misclassify each row, and the log-odds against its label."""
        is_wrong, margins = adversarial_margins(model, scores, self.label)
        # digits that depend on the number of rows in a matrix product must decide nothing
        return is_wrong, np.round(margins, _N_DECIMALS)
