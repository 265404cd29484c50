"""Displays, after scikit-learn's: ``from_estimator`` computes, ``plot`` draws on any axes and returns the display.

Arrays are stored, so a display can be drawn again elsewhere. matplotlib is imported when something is drawn. Colours are
those of Okabe and Ito, told apart with any colour vision; lines also differ in their markers.
"""

import numpy as np
from sklearn.utils import check_scalar

from sklearn_irg.attacks import adversarial_accuracy, fast_gradient
from sklearn_irg.diagnostics import (
    certified_radius,
    feature_sensitivity,
    input_gradients,
    linear_geometry,
    scaled_loss,
    signed_distance,
    tilting_plane,
)

__all__ = [
    "AdversarialExamplesDisplay",
    "FeatureSensitivityDisplay",
    "InputGradientDisplay",
    "MarginHistogramDisplay",
    "RegularizationPathDisplay",
    "RobustnessCurveDisplay",
    "TiltingPlaneDisplay",
]

_COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"]
_MARKERS = "os^vDP"


def _axes(ax, **size):
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(layout="constrained", **size)[1]


class _Display:
    """What all displays share: remembering where they were drawn."""

    def _drawn_on(self, ax):
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _drawn_on_grid(self, axes):
        self.axes_, self.figure_ = axes, axes.flat[0].figure
        return self


class TiltingPlaneDisplay(_Display):
    """The data and the boundary of a linear classifier in the plane of the centroids' line and the weights.

    Parameters
    ----------
    plane : TiltingPlane
        From `sklearn_irg.diagnostics.tilting_plane`.
    name : str, default=None
        Name of the estimator, for the title.

    Attributes
    ----------
    ax_, figure_ : matplotlib axes and figure
        Where it was drawn last.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_irg.displays import TiltingPlaneDisplay
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> display = TiltingPlaneDisplay.from_estimator(LogisticRegression().fit(scale(X), y), scale(X), y)
    >>> display.ax_.get_xlabel()
    'along the line between the centroids'
    """

    def __init__(self, plane, *, name=None):
        self.plane = plane
        self.name = name

    @classmethod
    def from_estimator(cls, estimator, X, y, *, classes=None, name=None, ax=None, scatter_kwargs=None):
        """Compute and draw; see `sklearn_irg.diagnostics.tilting_plane` for the arguments."""
        plane = tilting_plane(estimator, X, y, classes=classes)
        name = type(estimator).__name__ if name is None else name
        return cls(plane, name=name).plot(ax=ax, scatter_kwargs=scatter_kwargs)

    def plot(self, ax=None, *, scatter_kwargs=None):
        """Draw, on given axes or new ones."""
        ax, plane = _axes(ax), self.plane
        for sign, color, marker, label in zip((-1, 1), _COLORS, _MARKERS, plane.classes, strict=False):
            points = plane.coordinates[plane.labels == sign]
            options = {"color": color, "marker": marker, "s": 12, "alpha": 0.5, "linewidths": 0, "label": str(label)}
            ax.scatter(*points.T, **{**options, **(scatter_kwargs or {})})
            ax.scatter(*points.mean(axis=0), color=color, marker="X", s=120, edgecolor="k", zorder=3)
        ax.autoscale(False)
        a, b, c = plane.boundary
        foot, along = -c * np.array([a, b]), np.array([-b, a])
        ax.axline(foot, foot + along, color="k", label="boundary")
        angle = np.degrees(np.arctan2(abs(b), a))
        title = f"tilting angle {angle:.1f}°"
        ax.set(
            xlabel="along the line between the centroids",
            ylabel="along the weights' orthogonal part",
            title=title if self.name is None else f"{self.name}: {title}",
            aspect="equal",
        )
        ax.legend(loc="best")
        return self._drawn_on(ax)


class MarginHistogramDisplay(_Display):
    """Histogram of the signed distances to the boundary, with the loss as a function of distance on top.

    Parameters
    ----------
    distances : ndarray of shape (n_samples,)
        y · d(x), positive where the prediction is right.
    weight_norm : float, default=None
        What the loss is scaled by; ``None`` draws no loss.
    loss : {"zero_one", "hinge", "softplus"}, default="softplus"
        Which loss.
    name : str, default=None
        Name of the estimator, for the title.

    Attributes
    ----------
    ax_, figure_ : matplotlib axes and figure
        Where it was drawn last.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_irg.displays import MarginHistogramDisplay
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> display = MarginHistogramDisplay.from_estimator(LogisticRegression().fit(scale(X), y), scale(X), y)
    >>> display.distances.shape
    (569,)
    """

    def __init__(self, distances, *, weight_norm=None, loss="softplus", name=None):
        self.distances = distances
        self.weight_norm = weight_norm
        self.loss = loss
        self.name = name

    @classmethod
    def from_estimator(cls, estimator, X, y, *, loss="softplus", name=None, ax=None, bins=40):
        """Compute and draw; the loss is drawn for linear classifiers of two classes."""
        distances = signed_distance(estimator, X, y)
        try:
            weight_norm = linear_geometry(estimator, X, y).weight_norm
        except (TypeError, ValueError):
            weight_norm = None
        name = type(estimator).__name__ if name is None else name
        return cls(distances, weight_norm=weight_norm, loss=loss, name=name).plot(ax=ax, bins=bins)

    def plot(self, ax=None, *, bins=40):
        """Draw, on given axes or new ones."""
        ax, finite = _axes(ax), self.distances[np.isfinite(self.distances)]
        ax.hist(finite, bins=bins, color=_COLORS[5], edgecolor="white", linewidth=0.4, label="rows")
        ax.axvline(0, color="k", linewidth=0.8)
        ax.axvline(finite.mean(), color=_COLORS[0], linestyle="--", label=f"mean {finite.mean():.2f}")
        ax.set(
            xlabel="y · d(x), signed distance to the boundary (units of X)", ylabel="number of rows", title=self.name
        )
        handles, labels = ax.get_legend_handles_labels()
        if self.weight_norm is not None:
            grid = np.linspace(*ax.get_xlim(), 400)
            right = ax.twinx()
            values = scaled_loss(grid, self.weight_norm, self.loss)
            handles += right.plot(grid, values, color=_COLORS[1])
            labels.append(f"{self.loss.replace('_', '-')} loss at ‖w‖ = {self.weight_norm:.3g}")
            right.set_ylabel("loss", color=_COLORS[1])
            right.tick_params(axis="y", colors=_COLORS[1])
            right.set_ylim(0, 1.05 * values.max())
        ax.legend(handles, labels, loc="upper right")
        return self._drawn_on(ax)


class RegularizationPathDisplay(_Display):
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
        styles = iter(zip(_COLORS * 3, _MARKERS * 3, strict=True))
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


class RobustnessCurveDisplay(_Display):
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
        ax = _axes(ax)
        for (name, attacked), color, marker in zip(self.attacked.items(), _COLORS * 3, _MARKERS * 3, strict=False):
            ax.plot(self.epsilon, attacked, **{"color": color, "marker": marker, "label": name, **(curve_kwargs or {})})
            certified = (self.certified or {}).get(name)
            if certified is not None and not np.allclose(certified, attacked):
                ax.plot(self.epsilon, certified, color=color, linestyle=":")
                ax.fill_between(self.epsilon, certified, attacked, color=color, alpha=0.12, linewidth=0)
        ax.set(xlabel=f"radius of the perturbation ({self.norm}, units of X)", ylabel="accuracy", ylim=(-0.02, 1.02))
        ax.legend(loc="best", title="attacked; dotted: certified" if self.certified else None)
        return self._drawn_on(ax)


class FeatureSensitivityDisplay(_Display):
    """Mean absolute gradient of the loss with respect to each feature, as bars.

    Parameters
    ----------
    sensitivity : FeatureSensitivity
        From `sklearn_irg.diagnostics.feature_sensitivity`.
    name : str, default=None
        Name of the estimator, for the title.

    Attributes
    ----------
    ax_, figure_ : matplotlib axes and figure
        Where it was drawn last.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_irg import GradRegLogisticRegression
    >>> from sklearn_irg.displays import FeatureSensitivityDisplay
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> display = FeatureSensitivityDisplay.from_estimator(GradRegLogisticRegression().fit(X, y), X, y)
    >>> len(display.ax_.patches)
    4
    """

    def __init__(self, sensitivity, *, name=None):
        self.sensitivity = sensitivity
        self.name = name

    @classmethod
    def from_estimator(cls, estimator, X, y=None, *, of="loss", name=None, ax=None, max_features=20):
        """Compute and draw; see `sklearn_irg.diagnostics.feature_sensitivity` for the arguments."""
        name = type(estimator).__name__ if name is None else name
        return cls(feature_sensitivity(estimator, X, y, of), name=name).plot(ax=ax, max_features=max_features)

    def plot(self, ax=None, *, max_features=20):
        """Draw the most sensitive features, on given axes or new ones."""
        check_scalar(max_features, "max_features", (int, np.integer), min_val=1)
        order = np.argsort(self.sensitivity.mean)[::-1][:max_features][::-1]
        ax = _axes(ax, figsize=(6.4, 1.2 + 0.28 * len(order)))
        mean, std = self.sensitivity.mean[order], self.sensitivity.std[order]
        ax.barh([str(n) for n in self.sensitivity.names[order]], mean, color=_COLORS[0])
        low = np.minimum(std, mean)  # absolute gradients are not negative
        ax.errorbar(mean, np.arange(len(order)), xerr=[low, std], fmt="none", ecolor="0.35", elinewidth=1, capsize=2)
        ax.set(xlabel="mean absolute gradient (± 1 s.d. over rows)", title=self.name)
        return self._drawn_on(ax)


class InputGradientDisplay(_Display):
    """Gradients of rows: arrows in the plane, or images.

    Each image has a colour scale of its own, whose ends stand below it, in loss or score per unit of X.

    Parameters
    ----------
    X, gradients : ndarray of shape (n_samples, n_features)
        Rows and their gradients.
    labels : ndarray of shape (n_samples,), default=None
        For colours or titles.
    image_shape : tuple of int, default=None
        Draw each gradient as an image of this shape; otherwise there must be two features.

    Attributes
    ----------
    ax_ or axes_, figure_ : matplotlib axes and figure
        Where it was drawn last.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from sklearn_irg import GradRegMLPClassifier
    >>> from sklearn_irg.displays import InputGradientDisplay
    >>> X, y = make_moons(60, random_state=0)
    >>> model = GradRegMLPClassifier(learning_rate_init=0.05, tol=1e-3, random_state=0).fit(X, y)
    >>> InputGradientDisplay.from_estimator(model, X, y).gradients.shape
    (60, 2)
    """

    def __init__(self, X, gradients, *, labels=None, image_shape=None):
        self.X = X
        self.gradients = gradients
        self.labels = labels
        self.image_shape = image_shape

    @classmethod
    def from_estimator(cls, estimator, X, y=None, *, of="loss", image_shape=None, n_images=10, ax=None, axes=None):
        """Compute and draw; images show the first ``n_images`` rows."""
        rows = slice(None) if image_shape is None else slice(n_images)
        X = np.asarray(X, dtype=float)[rows]
        y = None if y is None else np.asarray(y)[rows]
        display = cls(X, input_gradients(estimator, X, y, of), labels=y, image_shape=image_shape)
        return display.plot(ax=ax, axes=axes)

    def plot(self, ax=None, *, axes=None):
        """Draw arrows on given axes, or images on an array of them; new ones otherwise."""
        if self.image_shape is not None:
            return self._plot_images(axes)
        if self.X.shape[1] != 2:
            raise ValueError(f"arrows need two features; got {self.X.shape[1]}. Give image_shape for images.")
        ax, labels = _axes(ax), np.zeros(len(self.X)) if self.labels is None else self.labels
        for label, color, marker in zip(np.unique(labels), _COLORS, _MARKERS, strict=False):
            rows = labels == label
            ax.scatter(*self.X[rows].T, color=color, marker=marker, s=18, label=str(label), zorder=3)
        ax.quiver(*self.X.T, *self.gradients.T, angles="xy", color="0.35", width=0.004)
        ax.set(xlabel="$x_1$", ylabel="$x_2$", title="input gradients", aspect="equal")
        if self.labels is not None:
            ax.legend(loc="best")
        return self._drawn_on(ax)

    def _plot_images(self, axes):
        if axes is None:
            import matplotlib.pyplot as plt

            _, axes = plt.subplots(
                2, len(self.X), squeeze=False, figsize=(1.2 * len(self.X), 2.8), layout="constrained"
            )
        axes = np.asarray(axes).reshape(2, -1)
        for column, (row, gradient) in enumerate(zip(self.X, self.gradients, strict=True)):
            axes[0, column].imshow(row.reshape(self.image_shape), cmap="gray_r")
            largest = np.abs(gradient).max() or 1.0
            axes[1, column].imshow(gradient.reshape(self.image_shape), cmap="PuOr", vmin=-largest, vmax=largest)
            axes[1, column].set_xlabel(f"±{largest:.2g}", fontsize=9)
            if self.labels is not None:
                axes[0, column].set_title(str(self.labels[column]), fontsize=10)
        for ax in axes.flat:
            ax.set(xticks=[], yticks=[])
        axes[0, 0].set_ylabel("row")
        axes[1, 0].set_ylabel("gradient")
        return self._drawn_on_grid(axes)


class AdversarialExamplesDisplay(_Display):
    """Rows as images: the original, the perturbation, and the result, with what the model makes of them.

    Parameters
    ----------
    X, X_adversarial : ndarray of shape (n_samples, n_features)
        Rows before and after.
    before, after : ndarray of shape (n_samples,)
        Predictions for them.
    image_shape : tuple of int
        Shape of the images.

    Attributes
    ----------
    axes_ : ndarray of matplotlib axes of shape (3, n_samples)
        Where it was drawn last.
    figure_ : matplotlib figure
        Its figure.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_irg.displays import AdversarialExamplesDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> model = LogisticRegression(max_iter=1000).fit(X / 16, y)
    >>> display = AdversarialExamplesDisplay.from_estimator(model, X[:4] / 16, y[:4], epsilon=1.0, image_shape=(8, 8))
    >>> display.axes_.shape
    (3, 4)
    """

    def __init__(self, X, X_adversarial, before, after, *, image_shape):
        self.X = X
        self.X_adversarial = X_adversarial
        self.before = before
        self.after = after
        self.image_shape = image_shape

    @classmethod
    def from_estimator(cls, estimator, X, y, *, epsilon, image_shape, attack=None, n_images=10, axes=None):
        """Attack the first ``n_images`` rows, by `fast_gradient` or ``attack(estimator, X, y, epsilon)``, and draw."""
        X, y = np.asarray(X, dtype=float)[:n_images], np.asarray(y)[:n_images]
        moved = (fast_gradient if attack is None else attack)(estimator, X, y, epsilon)
        return cls(X, moved, estimator.predict(X), estimator.predict(moved), image_shape=image_shape).plot(axes=axes)

    def plot(self, axes=None):
        """Draw, on an array of given axes with three rows or on new ones."""
        if axes is None:
            import matplotlib.pyplot as plt

            _, axes = plt.subplots(
                3, len(self.X), squeeze=False, figsize=(1.2 * len(self.X), 4.4), layout="constrained"
            )
        axes = np.asarray(axes).reshape(3, -1)
        difference = self.X_adversarial - self.X
        largest, low, high = np.abs(difference).max() or 1.0, self.X.min(), self.X.max()
        for column in range(len(self.X)):
            for ax, image, options in zip(
                axes[:, column],
                (self.X[column], difference[column], self.X_adversarial[column]),
                (
                    {"cmap": "gray_r", "vmin": low, "vmax": high},
                    {"cmap": "PuOr", "vmin": -largest, "vmax": largest},
                    {"cmap": "gray_r", "vmin": low, "vmax": high},
                ),
                strict=True,
            ):
                shown = ax.imshow(np.reshape(image, self.image_shape), **options)
                ax.set(xticks=[], yticks=[])
                if ax is axes[1, column]:
                    perturbation = shown
            axes[0, column].set_title(f"{self.before[column]}", fontsize=10)
            changed = self.after[column] != self.before[column]
            axes[2, column].set_xlabel(f"{self.after[column]}", color=_COLORS[1] if changed else "k")
        for ax, label in zip(axes[:, 0], ("original", "perturbation", "result"), strict=True):
            ax.set_ylabel(label)
        axes[0, 0].figure.colorbar(perturbation, ax=list(axes[1]), shrink=0.8, label="units of X")
        return self._drawn_on_grid(axes)
