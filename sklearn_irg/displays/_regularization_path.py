import numpy as np
from sklearn.base import is_classifier

from sklearn_irg.diagnostics import linear_geometry, signed_distance
from sklearn_irg.displays._base import Display, name_of, styles


class RegularizationPathDisplay(Display):
    """Errors and, for linear classifiers, distance and angle over the strength of a penalty.

    Parameters
    ----------
    strengths : ndarray of shape (n_strengths,)
        Values of the parameter.
    curves : dict of str to ndarray of shape (n_strengths,)
        What is drawn against them, by label. Labels that begin with "error" share the upper axes; others have axes each.
    errors : dict of str to ndarray, default=None
        Standard errors of some of the curves.
    parameter : str, default="alpha"
        Name of the parameter.
    name : str, default=None
        Name of the estimator, for the title.

    Attributes
    ----------
    axes_ : ndarray of matplotlib axes
        Where it was drawn last, one above the other.
    figure_ : matplotlib figure
        Its figure.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_irg import GradRegLogisticRegression
    >>> from sklearn_irg.displays import RegularizationPathDisplay
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> display = RegularizationPathDisplay.from_estimator(
    ...     GradRegLogisticRegression(max_iter=1000), scale(X)[::2], y[::2], scale(X)[1::2], y[1::2], strengths=[0.01, 0.1, 1]
    ... )
    >>> sorted(display.curves)
    ['adversarial distance', 'error, test', 'error, training', 'tilting angle (degrees)']
    """

    def __init__(self, strengths, curves, *, errors=None, parameter="alpha", name=None):
        self.name = name
        self.strengths = strengths
        self.curves = curves
        self.errors = errors
        self.parameter = parameter

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
        parameter="alpha",
        name=None,
        axes=None,
        curve_kwargs=None,
    ):
        """Fit a clone at each strength and draw; distance and angle are those of linear classifiers of two classes.

        Parameters
        ----------
        estimator : object
            Classifier; not changed.
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
        parameter : str, default="alpha"
            Name of the parameter.
        name : str, default=None
            Name for the title; ``None`` is that of the estimator.
        axes : array of matplotlib axes of shape (n_panels,), default=None
            Where to draw; ``None`` makes new ones.
        curve_kwargs : dict, default=None
            Options of all curves, as in ``Axes.plot``.

        Returns
        -------
        display : RegularizationPathDisplay
            The display, drawn.
        """
        from sklearn.base import clone

        models = [clone(estimator).set_params(**{parameter: strength}).fit(X, y) for strength in strengths]
        curves = {"error, training": np.array([1 - model.score(X, y) for model in models])}
        if X_test is not None:
            curves["error, test"] = np.array([1 - model.score(X_test, y_test) for model in models])
        geometries = [_geometry(model, X, y) for model in models]
        if any(geometries):
            missing = float("nan")
            curves["adversarial distance"] = np.array([g.adversarial_distance if g else missing for g in geometries])
            curves["tilting angle (degrees)"] = np.degrees([g.tilting_angle if g else missing for g in geometries])
        else:
            curves["adversarial distance"] = np.array([_finite_mean(signed_distance(model, X, y)) for model in models])
        name = name_of(models[0]) if name is None else name
        display = cls(np.asarray(strengths, dtype=float), curves, parameter=parameter, name=name)
        return display.plot(axes=axes, curve_kwargs=curve_kwargs)

    @classmethod
    def from_cv_results(cls, search, *, parameter=None, name=None, axes=None, curve_kwargs=None):
        """Draw a fitted ``GridSearchCV`` over one parameter: an error per accuracy-like scorer, other scores as they are.

        Parameters
        ----------
        search : GridSearchCV
            Fitted.
        parameter : str, default=None
            Which parameter, if there are several.
        name : str, default=None
            Name for the title; ``None`` is that of the estimator searched over.
        axes : array of matplotlib axes, default=None
            Where to draw.
        curve_kwargs : dict, default=None
            Options of all curves, as in ``Axes.plot``.

        Returns
        -------
        display : RegularizationPathDisplay
            The display, drawn.
        """
        results = search.cv_results_
        names = [key.removeprefix("param_") for key in results if key.startswith("param_")]
        if parameter is None and len(names) != 1:
            raise ValueError(f"parameter must say which of {', '.join(names)} to draw.")
        parameter = names[0] if parameter is None else parameter
        if parameter not in names:
            raise ValueError(f"parameter must be one of {', '.join(names)}; got {parameter!r}.")
        values = np.asarray(results[f"param_{parameter}"], dtype=float)
        strengths, position = np.unique(values, return_inverse=True)

        def over_others(column):  # the mean over all other parameters
            return np.bincount(position, results[column]) / np.bincount(position)

        curves, errors = {}, {}
        for kind, label in (("test", "held-out"), ("train", "training")):
            for key in [key for key in results if key.startswith(f"mean_{kind}_")]:
                scorer = key.removeprefix(f"mean_{kind}_")
                measure = (search.scoring or "accuracy") if scorer == "score" else scorer
                is_error = isinstance(measure, str) and "accuracy" in measure and is_classifier(search)
                curve = f"error, {label}" if is_error else f"{label} {measure if isinstance(measure, str) else 'score'}"
                curve += f" {scorer}" if is_error and scorer not in ("score", "accuracy") else ""
                curves[curve] = 1 - over_others(key) if is_error else over_others(key)
                errors[curve] = over_others(f"std_{kind}_{scorer}") / np.sqrt(max(search.n_splits_ - 1, 1))
        name = name_of(search.estimator) if name is None else name
        display = cls(strengths, curves, errors=errors, parameter=parameter, name=name)
        return display.plot(axes=axes, curve_kwargs=curve_kwargs)

    def plot(self, axes=None, *, curve_kwargs=None):
        """Draw, on as many given axes as are needed or on new ones.

        Parameters
        ----------
        axes : array of matplotlib axes of shape (n_panels,), default=None
            Where to draw; ``None`` makes new ones.
        curve_kwargs : dict, default=None
            Options of all curves, as in ``Axes.plot``.

        Returns
        -------
        display : RegularizationPathDisplay
            The display, drawn.
        """
        errors = [label for label in self.curves if label.startswith("error")]
        groups = ([errors] if errors else []) + [[label] for label in self.curves if label not in errors]
        if axes is None:
            import matplotlib.pyplot as plt

            size = (6.4, 1.2 + 2.2 * len(groups))
            _, axes = plt.subplots(len(groups), 1, sharex=True, squeeze=False, figsize=size, layout="constrained")
        axes = np.ravel(axes)
        if len(axes) != len(groups):
            raise ValueError(f"axes must be {len(groups)}, one for {' and one for '.join(map(', '.join, groups))}.")
        looks = iter(styles(len(self.curves)))
        for ax, group in zip(axes, groups, strict=True):
            for label in group:
                self._draw_curve(ax, label, {**next(looks), **(curve_kwargs or {})})
            ax.set_ylabel("error" if group is errors else group[0])
            if group is errors:
                ax.legend(loc="best")
            positive = self.strengths[self.strengths > 0]
            if len(positive) == len(self.strengths):
                ax.set_xscale("log")
            else:  # a strength of zero has a place too
                ax.set_xscale("symlog", linthresh=positive.min() if len(positive) else 1.0)
        axes[-1].set_xlabel(self.parameter)
        axes[0].set_title(self.name or "")
        return self._drawn_on_grid(axes)

    def _draw_curve(self, ax, label, look):
        order = np.argsort(self.strengths)
        x, y = self.strengths[order], np.asarray(self.curves[label], dtype=float)[order]
        ax.plot(x, y, label=label.removeprefix("error, "), **look)
        error = (self.errors or {}).get(label)
        if error is not None:
            ax.fill_between(x, y - error[order], y + error[order], color=look["color"], alpha=0.15, linewidth=0)


def _geometry(model, X, y):
    try:
        return linear_geometry(model, X, y)
    except (TypeError, ValueError):  # not linear, not two classes, or weights of zero
        return None


def _finite_mean(values):
    return values[np.isfinite(values)].mean() if np.isfinite(values).any() else np.inf
