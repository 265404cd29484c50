import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.model_selection import train_test_split

from sklearn_irg._statistics import standard_errors
from sklearn_irg._text import wrap_text
from sklearn_irg.diagnostics import linear_geometry, signed_distance
from sklearn_irg.displays._base import Display, grid_of_axes, name_of, styles


class RegularizationPathDisplay(Display):
    """Errors and, for linear classifiers, distance and angle against the strength of a penalty.

    Parameters
    ----------
    strengths : ndarray of shape (n_strengths,)
        Values of the parameter.
    curves : dict of str to dict of str to ndarray of shape (n_strengths,)
        Curves to draw against the strengths: for each measure, which has its own axes, values by
        the set of rows, such as ``{"error": {"training": …, "held-out": …}}``.
    errors : dict of str to dict of str to ndarray, default=None
        Standard errors of some of the curves.
    parameter : str, default="alpha"
        Name of the parameter.
    name : str, default=None
        Name of the estimator, for the title.
    table : str, default=None
        What the rows are, for the title.

    Attributes
    ----------
    axes_ : ndarray of matplotlib axes
        Axes of the last plot, one above the other.
    figure_ : matplotlib figure
        Figure of the last plot.

    See Also
    --------
    sklearn_irg.model_selection.regularization_path : Fits and scores faster than a search.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_irg import GradRegLogisticRegression
    >>> from sklearn_irg.displays import RegularizationPathDisplay
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = GradRegLogisticRegression(max_iter=1000)
    >>> display = RegularizationPathDisplay.from_estimator(
    ...     model, scale(X), y, strengths=[0.01, 0.1, 1], test_size=0.5, random_state=0
    ... )
    >>> display.curves["error"]["held-out"].round(3)
    array([0.021, 0.014, 0.021])
    >>> display.curves["tilting angle (degrees)"]["training"].round()
    array([38., 36., 29.])
    """

    def __init__(self, strengths, curves, *, errors=None, parameter="alpha", name=None, table=None):
        self.name = name
        self.strengths = strengths
        self.curves = curves
        self.errors = errors
        self.parameter = parameter
        self.table = table

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        X_test=None,
        y_test=None,
        *,
        strengths,
        test_size=None,
        random_state=None,
        parameter=None,
        name=None,
        table=None,
        ax=None,
        curve_kwargs=None,
    ):
        """Fit a clone at each strength and draw.

        Distance and angle are those of linear classifiers of two classes.

        Parameters
        ----------
        estimator : object
            Classifier, or a pipeline that ends in one; not changed.
        X : array-like of shape (n_samples, n_features)
            Samples to fit.
        y : array-like of shape (n_samples,)
            Their classes.
        X_test : array-like of shape (n_test, n_features), default=None
            Samples to score as well.
        y_test : array-like of shape (n_test,), default=None
            Their classes.
        strengths : array-like of shape (n_strengths,)
            Values of the parameter.
        test_size : float or int, default=None
            Fraction or number of the rows of X to hold out and score, stratified, in place of
            ``X_test``.
        random_state : int, RandomState instance or None, default=None
            Determines which rows are held out.
        parameter : str, default=None
            Name of the parameter; ``None`` is the ``alpha`` of the estimator or of a pipeline's
            last step.
        name : str, default=None
            Name for the title; ``None`` is that of the estimator.
        table : str, default=None
            Name of the table for the title, which also says how many rows were fitted.
        ax : matplotlib axes, or array of them of shape (n_measures,), default=None
            Axes to draw on; a single axes is divided, and ``None`` creates a new figure.
        curve_kwargs : dict, default=None
            Keyword arguments of ``Axes.plot`` for all curves.

        Returns
        -------
        display : RegularizationPathDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If both ``X_test`` and ``test_size`` are given, or the estimator has no ``alpha`` and
            ``parameter`` is None.
        """
        parameter = _strength_of(estimator) if parameter is None else parameter
        if X_test is not None and test_size is not None:
            raise ValueError("give either X_test and y_test, or test_size; got both.")
        if (X_test is None) != (y_test is None):
            raise ValueError("X_test and y_test must be given together.")
        if not len(strengths):
            raise ValueError("strengths must hold at least one value; got none.")
        if test_size is not None:
            X, X_test, y, y_test = train_test_split(
                X, y, test_size=test_size, stratify=y, random_state=random_state
            )
        models = [
            clone(estimator).set_params(**{parameter: strength}).fit(X, y) for strength in strengths
        ]
        curves = {"error": {"training": np.array([1 - model.score(X, y) for model in models])}}
        if X_test is not None:
            curves["error"]["held-out"] = np.array(
                [1 - model.score(X_test, y_test) for model in models]
            )
        geometries = [_geometry(model, X, y) for model in models]
        if any(geometries):
            missing = float("nan")
            distances = np.array([g.adversarial_distance if g else missing for g in geometries])
            angles = np.degrees([g.tilting_angle if g else missing for g in geometries])
            curves["tilting angle (degrees)"] = {"training": angles}
        else:
            distances = _mean_distances(models, X, y)
        if distances is not None:
            curves["adversarial distance (units of X)"] = {"training": distances}
        name = name_of(models[0]) if name is None else name
        rows = f"{len(y)} rows" if table is None else f"{table}, {len(y)} rows"
        display = cls(
            np.asarray(strengths, dtype=float),
            _finite(curves),
            parameter=parameter,
            name=name,
            table=rows,
        )
        return display.plot(ax=ax, curve_kwargs=curve_kwargs)

    @classmethod
    def from_path(cls, path, X=None, y=None, *, name=None, table=None, ax=None, curve_kwargs=None):
        """Draw the held-out scores of a path, and its diagnostics if there are rows for them.

        Parameters
        ----------
        path : RegularizationPath
            From `sklearn_irg.model_selection.regularization_path`; made with ``cv``, it has scores.
        X : array-like of shape (n_samples, n_features), default=None
            Samples on which to compute norms of gradients, distances and angles; ``None`` draws the
            scores alone.
        y : array-like of shape (n_samples,), default=None
            Their classes.
        name : str, default=None
            Name for the title; ``None`` is that of the estimator.
        table : str, default=None
            Name of the table for the title.
        ax : matplotlib axes, or array of them of shape (n_measures,), default=None
            Axes to draw on; a single axes is divided, and ``None`` creates a new figure.
        curve_kwargs : dict, default=None
            Keyword arguments of ``Axes.plot`` for all curves.

        Returns
        -------
        display : RegularizationPathDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            For a path without scores where X is None, or without any finite number.
        """
        if path.scores is None and X is None:
            raise ValueError(
                "the path has no scores to draw. Make it with cv=5, or pass X and y for its "
                "diagnostics."
            )
        scores = (
            path.scores
            if isinstance(path.scores, dict) or path.scores is None
            else {"score": path.scores}
        )
        curves, errors = {}, {}
        for measure, values in (scores or {}).items():
            curves[measure] = {"held-out": values.mean(axis=0)}
            errors[measure] = {"held-out": standard_errors(values)}
        if X is not None:
            for measure, values in path.diagnostics(X, y).items():
                label, scale = _DIAGNOSTICS[measure]
                curves[label] = {"given rows": scale * values}
        n_folds = 0 if scores is None else len(next(iter(scores.values())))
        notes = [table] if table else []
        notes += [f"{len(X)} rows"] if X is not None else []
        notes += [f"{n_folds} folds"] if n_folds else []
        name = name_of(path.estimators[0]) if name is None else name
        display = cls(
            path.alphas, _finite(curves), errors=errors, name=name, table=", ".join(notes)
        )
        return display.plot(ax=ax, curve_kwargs=curve_kwargs)

    @classmethod
    def from_cv_results(
        cls, search, *, parameter=None, name=None, table=None, ax=None, curve_kwargs=None
    ):
        """Draw a fitted ``GridSearchCV`` over one parameter.

        Scorers like accuracy are drawn as errors, other scores as they are.

        Parameters
        ----------
        search : GridSearchCV
            Fitted.
        parameter : str, default=None
            Parameter to draw, if there are several.
        name : str, default=None
            Name for the title; ``None`` is that of the estimator searched over.
        table : str, default=None
            Name of the table for the title.
        ax : matplotlib axes, or array of them of shape (n_measures,), default=None
            Axes to draw on; a single axes is divided, and ``None`` creates a new figure.
        curve_kwargs : dict, default=None
            Keyword arguments of ``Axes.plot`` for all curves.

        Returns
        -------
        display : RegularizationPathDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If ``parameter`` is none of those searched over, or is needed and missing.
        """
        results = search.cv_results_
        if "iter" in results:
            raise ValueError(
                "a successive halving scores candidates on different resources. Draw a "
                "GridSearchCV instead."
            )
        names = [key.removeprefix("param_") for key in results if key.startswith("param_")]
        if parameter is None and len(names) != 1:
            raise ValueError(f"parameter must say which of {', '.join(names)} to draw.")
        parameter = names[0] if parameter is None else parameter
        if parameter not in names:
            raise ValueError(f"parameter must be one of {', '.join(names)}; got {parameter!r}.")
        values = _as_strengths(results[f"param_{parameter}"], parameter)
        strengths, position = np.unique(values, return_inverse=True)

        def over_others(column):  # the mean over all other parameters
            return np.bincount(position, results[column]) / np.bincount(position)

        def in_folds(rows):
            return np.array([over_others(f"split{k}_{rows}") for k in range(search.n_splits_)])

        curves, errors = {}, {}
        for kind, rows in (("train", "training"), ("test", "held-out")):
            for key in [key for key in results if key.startswith(f"mean_{kind}_")]:
                scorer = key.removeprefix(f"mean_{kind}_")
                measure, is_error = _measure(search, scorer)
                curves.setdefault(measure, {})[rows] = (
                    1 - over_others(key) if is_error else over_others(key)
                )
                errors.setdefault(measure, {})[rows] = standard_errors(in_folds(f"{kind}_{scorer}"))
        name = name_of(search.estimator) if name is None else name
        n_columns = (
            f"{search.n_features_in_} columns, " if hasattr(search, "n_features_in_") else ""
        )
        folds = f"{'' if table is None else f'{table}, '}{n_columns}{search.n_splits_} folds"
        display = cls(
            strengths, _finite(curves), errors=errors, parameter=parameter, name=name, table=folds
        )
        return display.plot(ax=ax, curve_kwargs=curve_kwargs)

    def plot(self, ax=None, *, curve_kwargs=None):
        """Draw, one measure above the other; those of training and held-out rows share a scale.

        Parameters
        ----------
        ax : matplotlib axes, or array of them of shape (n_measures,), default=None
            Axes to draw on; a single axes is divided, and ``None`` creates a new figure.
        curve_kwargs : dict, default=None
            Keyword arguments of ``Axes.plot`` for all curves.

        Returns
        -------
        display : RegularizationPathDisplay
            The display, drawn.
        """
        size = (6.4, 1.2 + 2.2 * len(self.curves))
        axes = grid_of_axes(ax, len(self.curves), 1, sharex=True, figsize=size)[:, 0]
        kinds = list(dict.fromkeys(rows for curves in self.curves.values() for rows in curves))
        looks = dict(zip(kinds, styles(len(kinds)), strict=True))
        for panel, (measure, curves) in zip(axes, self.curves.items(), strict=True):
            for rows, values in curves.items():
                error = (self.errors or {}).get(measure, {}).get(rows)
                self._draw_curve(
                    panel, rows, values, error, {**looks[rows], **(curve_kwargs or {})}
                )
            panel.set_ylabel(wrap_text(measure, 24))
            panel.legend(loc="best")
            positive = self.strengths[self.strengths > 0]
            if len(positive) == len(self.strengths):
                panel.set_xscale("log")
            else:  # a strength of zero has a place too
                panel.set_xscale("symlog", linthresh=positive.min() if len(positive) else 1.0)
        axes[-1].set_xlabel(wrap_text(self.parameter.rpartition("__")[2]))
        axes[0].set_title(
            "\n".join(wrap_text(line, 60) for line in (self.name, self.table) if line)
        )
        return self._drawn_on_grid(axes)

    def _draw_curve(self, ax, rows, values, error, look):
        order = np.argsort(self.strengths)
        x, y = self.strengths[order], np.asarray(values, dtype=float)[order]
        ax.plot(x, y, label=wrap_text(rows), **look)
        if error is not None:
            ax.fill_between(
                x, y - error[order], y + error[order], color=look["color"], alpha=0.15, linewidth=0
            )


_DIAGNOSTICS = {  # of a path: label, and factor
    "gradient_norm": ("gradient norm", 1.0),
    "adversarial_distance": ("adversarial distance (units of X)", 1.0),
    "tilting_angle": ("tilting angle (degrees)", 180 / np.pi),
    "weight_norm": ("weight norm", 1.0),
}


def _strength_of(estimator):
    """Name of the parameter that is the strength of a penalty."""
    prefix = ""
    while hasattr(estimator, "named_steps"):
        name, estimator = estimator.steps[-1]
        prefix += f"{name}__"
    if "alpha" not in estimator.get_params(deep=False):
        raise ValueError(
            f"{type(estimator).__name__} has no alpha. Name the parameter, such as "
            f"parameter='{prefix}C'."
        )
    return f"{prefix}alpha"


def _as_strengths(values, parameter):
    """Values of a parameter as numbers, which every candidate of a search must have."""
    if np.ma.is_masked(values):
        raise ValueError(
            f"some candidates of the search have no {parameter}. Draw a search over a single grid."
        )
    try:
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(
            f"{parameter} must be a number to be drawn as a strength; got {values[0]!r}."
        ) from None


def _measure(search, scorer):
    """Measure of a search's scorer, and whether it is drawn as an error."""
    measure = (
        (search.scoring or ("accuracy" if is_classifier(search) else "score"))
        if scorer == "score"
        else scorer
    )
    if not isinstance(measure, str):
        return "score", False
    if "accuracy" not in measure or not is_classifier(search):
        return measure, False
    return "error" if scorer in ("score", "accuracy") else f"error, {scorer}", True


def _finite(curves):
    """The measures that have a finite value to draw."""
    some = {
        name: rows
        for name, rows in curves.items()
        if any(np.isfinite(values).any() for values in rows.values())
    }
    if not some:
        raise ValueError(f"there is nothing to draw: no value of {', '.join(curves)} is finite.")
    return some


def _geometry(model, X, y):
    try:
        return linear_geometry(model, X, y)
    except (TypeError, ValueError):  # not linear, not two classes, or weights of zero
        return None


def _mean_distances(models, X, y):
    """Mean distance of each model; None where models have none, as trees."""
    try:
        distances = [signed_distance(model, X, y) for model in models]
    except TypeError:
        return None
    return np.array(
        [d[np.isfinite(d)].mean() if np.isfinite(d).any() else np.inf for d in distances]
    )
