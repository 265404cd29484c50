import numpy as np

from sklearn_irg.attacks import adversarial_accuracy
from sklearn_irg.diagnostics import certified_radius, linear_geometry, signed_distance
from sklearn_irg.displays._base import COLORS, MARKERS, Display, axes_or_new


class RegularizationPathDisplay(Display):
    """Errors and, for linear classifiers, distance and angle over the strength of a penalty.

    Parameters
    ----------
    strengths : ndarray of shape (n_strengths,)
        Values of the parameter.
    curves : dict of str to ndarray of shape (n_strengths,)
        What is drawn against them, by label. Labels that begin with "error" share the upper axes.
    errors : dict of str to ndarray, default=None
        Standard errors of some of the curves.
    parameter : str, default="alpha"
        Name of the parameter.

    Attributes
    ----------
    axes_ : ndarray of matplotlib axes
        Where it was drawn last: errors above, all else below.
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

    def __init__(self, strengths, curves, *, errors=None, parameter="alpha"):
        self.strengths = strengths
        self.curves = curves
        self.errors = errors
        self.parameter = parameter

    @classmethod
    def from_estimator(cls, estimator, X, y, X_test=None, y_test=None, *, strengths, parameter="alpha", axes=None):
        """Fit a clone at each strength and draw; distance and angle are those of linear classifiers of two classes."""
        from sklearn.base import clone

        models = [clone(estimator).set_params(**{parameter: strength}).fit(X, y) for strength in strengths]
        curves = {"error, training": np.array([1 - model.score(X, y) for model in models])}
        if X_test is not None:
            curves["error, test"] = np.array([1 - model.score(X_test, y_test) for model in models])
        try:
            geometries = [linear_geometry(model, X, y) for model in models]
            curves["adversarial distance"] = np.array([g.adversarial_distance for g in geometries])
            curves["tilting angle (degrees)"] = np.degrees([g.tilting_angle for g in geometries])
        except (TypeError, ValueError):
            curves["adversarial distance"] = np.array([_finite_mean(signed_distance(model, X, y)) for model in models])
        return cls(np.asarray(strengths, dtype=float), curves, parameter=parameter).plot(axes=axes)

    @classmethod
    def from_cv_results(cls, search, *, parameter=None, axes=None):
        """Draw a fitted ``GridSearchCV`` over one parameter: an error per accuracy-like scorer, other scores as they are.

        Parameters
        ----------
        search : GridSearchCV
            Fitted.
        parameter : str, default=None
            Which parameter, if there are several.
        axes : array of two matplotlib axes, default=None
            Where to draw.
        """
        results = search.cv_results_
        names = [key.removeprefix("param_") for key in results if key.startswith("param_")]
        if parameter is None and len(names) != 1:
            raise ValueError(f"parameter must say which of {', '.join(names)} to draw.")
        parameter = names[0] if parameter is None else parameter
        if parameter not in names:
            raise ValueError(f"parameter must be one of {', '.join(names)}; got {parameter!r}.")
        strengths = np.asarray(results[f"param_{parameter}"], dtype=float)
        curves, errors, n_splits = {}, {}, search.n_splits_
        for kind in ("test", "train"):
            for key in [key for key in results if key.startswith(f"mean_{kind}_")]:
                scorer = key.removeprefix(f"mean_{kind}_")
                is_error = scorer == "score" or "accuracy" in scorer
                label = {"test": "held-out", "train": "training"}[kind]
                label = f"{'error, ' if is_error else ''}{label}{'' if scorer == 'score' else ' ' + scorer}"
                curves[label] = 1 - results[key] if is_error else results[key]
                errors[label] = results[f"std_{kind}_{scorer}"] / np.sqrt(max(n_splits - 1, 1))
        return cls(strengths, curves, errors=errors, parameter=parameter).plot(axes=axes)

    def plot(self, axes=None):
        """Draw, on two given axes or new ones."""
        above = {k: v for k, v in self.curves.items() if k.startswith("error")}
        below = {k: v for k, v in self.curves.items() if k not in above}
        if axes is None:
            import matplotlib.pyplot as plt

            n_rows = 1 + (len(below) > 0)
            _, axes = plt.subplots(
                n_rows, 1, sharex=True, squeeze=False, figsize=(6.4, 3.2 * n_rows), layout="constrained"
            )
        axes = np.ravel(axes)
        styles = iter(zip(COLORS * 3, MARKERS * 3, strict=True))
        order = np.argsort(self.strengths)
        for label, values in above.items():
            self._line(
                axes[0], label.removeprefix("error, "), values, order, next(styles), (self.errors or {}).get(label)
            )
        axes[0].set(ylabel="error", xscale="log")
        axes[0].legend(loc="best")
        target = axes[-1]
        for i, (label, values) in enumerate(below.items()):
            color, marker = next(styles)
            target = axes[1] if i == 0 else axes[1].twinx()
            if i > 1:
                target.spines["right"].set_position(("axes", 1 + 0.18 * (i - 1)))
            self._line(target, label, values, order, (color, marker), (self.errors or {}).get(label))
            target.set_ylabel(label, color=color)
            target.tick_params(axis="y", colors=color)
        axes[-1].set_xlabel(self.parameter)
        return self._drawn_on_grid(axes)

    def _line(self, ax, label, values, order, style, error):
        color, marker = style
        x, y = self.strengths[order], np.asarray(values)[order]
        ax.plot(x, y, color=color, marker=marker, label=label)
        if error is not None:
            ax.fill_between(x, y - error[order], y + error[order], color=color, alpha=0.15, linewidth=0)


def _finite_mean(values):
    return values[np.isfinite(values)].mean() if np.isfinite(values).any() else np.inf


class RobustnessCurveDisplay(Display):
    """Accuracy against the radius of the perturbation, for one or several models.

    Parameters
    ----------
    epsilon : ndarray of shape (n_radii,)
        Radii, in units of X.
    attacked : dict of str to ndarray of shape (n_radii,)
        Accuracy under attack by model: exact for linear ones, an upper bound otherwise.
    certified : dict of str to ndarray of shape (n_radii,), default=None
        Accuracy that no attack can go below, where it is known.
    norm : str, default="l2"
        Norm of the perturbations.

    Attributes
    ----------
    ax_, figure_ : matplotlib axes and figure
        Where it was drawn last.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_irg.displays import RobustnessCurveDisplay
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> models = {f"C={C}": LogisticRegression(C=C).fit(scale(X), y) for C in (0.01, 1)}
    >>> display = RobustnessCurveDisplay.from_estimators(models, scale(X), y, epsilon=[0, 0.5, 1.0])
    >>> display.attacked["C=0.01"].shape
    (3,)
    """

    def __init__(self, epsilon, attacked, *, certified=None, norm="l2"):
        self.epsilon = epsilon
        self.attacked = attacked
        self.certified = certified
        self.norm = norm

    @classmethod
    def from_estimator(cls, estimator, X, y, *, epsilon, norm="l2", attack=None, name=None, ax=None, curve_kwargs=None):
        """Compute and draw for one model."""
        name = type(estimator).__name__ if name is None else name
        return cls.from_estimators(
            {name: estimator}, X, y, epsilon=epsilon, norm=norm, attack=attack, ax=ax, curve_kwargs=curve_kwargs
        )

    @classmethod
    def from_estimators(cls, estimators, X, y, *, epsilon, norm="l2", attack=None, ax=None, curve_kwargs=None):
        """Compute and draw for a dict of name to fitted classifier; certified accuracy where the norm is "l2"."""
        attacked, certified = {}, {}
        for name, estimator in estimators.items():
            attacked[name] = np.array(
                [adversarial_accuracy(estimator, X, y, e, norm=norm, attack=attack) for e in epsilon]
            )
            if norm != "l2":
                continue
            try:
                radii = certified_radius(estimator, X, y)
            except TypeError:
                continue
            certified[name] = np.array([np.mean(radii > e) for e in epsilon])
        display = cls(np.asarray(epsilon, dtype=float), attacked, certified=certified, norm=norm)
        return display.plot(ax=ax, curve_kwargs=curve_kwargs)

    def plot(self, ax=None, *, curve_kwargs=None):
        """Draw, on given axes or new ones; the band reaches from certified to attacked accuracy."""
        ax = axes_or_new(ax)
        for (name, attacked), color, marker in zip(self.attacked.items(), COLORS * 3, MARKERS * 3, strict=False):
            ax.plot(self.epsilon, attacked, **{"color": color, "marker": marker, "label": name, **(curve_kwargs or {})})
            certified = (self.certified or {}).get(name)
            if certified is not None and not np.allclose(certified, attacked):
                ax.plot(self.epsilon, certified, color=color, linestyle=":")
                ax.fill_between(self.epsilon, certified, attacked, color=color, alpha=0.12, linewidth=0)
        ax.set(xlabel=f"radius of the perturbation ({self.norm}, units of X)", ylabel="accuracy", ylim=(-0.02, 1.02))
        ax.legend(loc="best", title="attacked; dotted: certified" if self.certified else None)
        return self._drawn_on(ax)
