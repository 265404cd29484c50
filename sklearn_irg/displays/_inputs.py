import numpy as np

from sklearn_irg._checks import check_integer
from sklearn_irg._text import plain, wrap_text
from sklearn_irg.diagnostics import feature_sensitivity, input_gradients
from sklearn_irg.displays._base import COLORS, Display, axes_or_new, grid_of_axes, name_of, styles


class FeatureSensitivityDisplay(Display):
    """Mean absolute gradients for numeric columns, and flip rates of categories, as bars.

    Gradients are those of the loss or another function. Flip rates have an axis of their own.

    Parameters
    ----------
    sensitivity : FeatureSensitivity
        From `sklearn_irg.diagnostics.feature_sensitivity`.
    name : str, default=None
        Name of the estimator, for the title.

    Attributes
    ----------
    ax_, figure_ : matplotlib axes and figure
        Axes and figure of the last plot.
    flips_ax_ : matplotlib axes or None
        Axes of the flip rates of categories, which share the vertical axis; ``None`` where no
        category is drawn.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_irg import GradRegLogisticRegression
    >>> from sklearn_irg.displays import FeatureSensitivityDisplay
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> display = FeatureSensitivityDisplay.from_estimator(GradRegLogisticRegression(max_iter=500).fit(X, y), X, y)
    >>> len(display.ax_.patches)
    4
    """

    def __init__(self, sensitivity, *, name=None):
        self.sensitivity = sensitivity
        self.name = name

    @classmethod
    def from_estimator(
        cls, estimator, X, y=None, *, of="loss", units="std", name=None, ax=None, max_features=20
    ):
        """Compute and draw.

        Parameters
        ----------
        estimator : object
            Fitted classifier or regressor.
        X : array-like of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,), default=None
            Targets; needed for the loss.
        of : {"loss", "score", "log_proba"}, default="loss"
            Function to differentiate: the loss of each row's target, the score of the target, or
            the sum of the log-probabilities of all classes.
        units : {"raw", "std"}, default="std"
            Whether gradients are per unit of each column, or per standard deviation, which makes
            columns comparable.
        name : str, default=None
            Name for the title; ``None`` is that of the estimator.
        ax : matplotlib axes, default=None
            Axes to draw on; ``None`` creates new ones.
        max_features : int, default=20
            Largest number of features to draw.

        Returns
        -------
        display : FeatureSensitivityDisplay
            The display, drawn.
        """
        name = name_of(estimator) if name is None else name
        return cls(feature_sensitivity(estimator, X, y, of, units=units), name=name).plot(
            ax=ax, max_features=max_features
        )

    def plot(self, ax=None, *, max_features=20):
        """Draw the most sensitive features, on given axes or new ones.

        Parameters
        ----------
        ax : matplotlib axes, default=None
            Axes to draw on; ``None`` creates new ones.
        max_features : int, default=20
            Largest number of features to draw.

        Returns
        -------
        display : FeatureSensitivityDisplay
            The display, drawn.
        """
        max_features = check_integer(max_features, "max_features", 1)
        numbers, categories = self._largest(max_features)
        n_drawn = len(numbers) + len(categories)
        ax = axes_or_new(ax, figsize=(6.4, 1.2 + 0.28 * n_drawn + 0.5 * (len(categories) > 0)))
        names = self.sensitivity.names[np.concatenate([numbers, categories])]
        ax.set_yticks(np.arange(n_drawn), [wrap_text(name, 28) for name in names])
        self._draw_gradients(ax, numbers)
        self.flips_ax_ = None
        if len(categories):
            self._draw_flips(ax, categories, len(numbers))
        ax.set_title(wrap_text(self.name or ""))
        return self._drawn_on(ax)

    def _largest(self, max_features):
        """Positions of the numbers and of the categories to draw, the largest of each last.

        Up to half of them are categories, more if there are few numbers.
        """
        mean, flips = self.sensitivity.mean, self.sensitivity.flip_rate
        flips = np.full(len(mean), np.nan) if flips is None else flips
        numbers, categories = (
            np.argsort(v)[: np.sum(~np.isnan(v))] for v in (mean, flips)
        )  # NaN comes last
        n_categories = min(len(categories), max(max_features // 2, max_features - len(numbers)))
        n_numbers = min(len(numbers), max_features - n_categories)
        return numbers[len(numbers) - n_numbers :], categories[len(categories) - n_categories :]

    def _draw_gradients(self, ax, numbers):
        mean, std = self.sensitivity.mean[numbers], self.sensitivity.std[numbers]
        positions = np.arange(len(numbers))
        ax.barh(positions, mean, color=COLORS[0])
        low = np.minimum(std, mean)  # absolute gradients are not negative
        errors = [low.tolist(), std.tolist()]  # matplotlib 3.9 stumbles over arrays of one number
        ax.errorbar(
            mean, positions, xerr=errors, fmt="none", ecolor="0.35", elinewidth=1, capsize=2
        )
        unit = "standard deviation" if self.sensitivity.units == "std" else "unit of X"
        ax.set_xlabel(f"mean absolute gradient per {unit} (± 1 s.d. over rows)")

    def _draw_flips(self, ax, categories, start):
        rates = self.sensitivity.flip_rate[categories]
        self.flips_ax_ = ax.twiny()
        self.flips_ax_.barh(start + np.arange(len(rates)), rates, color=COLORS[1])
        self.flips_ax_.set_xlim(0, max(1.05 * rates.max(), 0.05))
        self.flips_ax_.set_xlabel(
            "proportion of rows that a change of this category alone flips", color=COLORS[1]
        )
        self.flips_ax_.tick_params(axis="x", colors=COLORS[1])


class InputGradientDisplay(Display):
    """Gradients of rows: arrows in the plane, or images.

    Where the two columns of a plane have similar ranges, axes are equal and arrows are gradients.
    Where the ranges differ by more than a factor of two, axes are scaled independently, and arrows
    are gradients per standard deviation of each column. The title gives the length of the longest
    arrow. Each image has its own color scale, whose ends are printed below it, in loss or score per
    unit of X.

    Parameters
    ----------
    X, gradients : ndarray of shape (n_samples, n_features)
        Rows and their gradients.
    labels : ndarray of shape (n_samples,), default=None
        For colors or titles.
    image_shape : tuple of int, default=None
        Draw each gradient as an image of this shape; otherwise there must be two features.
    names : tuple of two str, default=None
        Names of two features.

    Attributes
    ----------
    ax_ or axes_, figure_ : matplotlib axes and figure
        Axes and figure of the last plot.

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

    def __init__(self, X, gradients, *, labels=None, image_shape=None, names=None):
        self.X = X
        self.names = names
        self.gradients = gradients
        self.labels = labels
        self.image_shape = image_shape

    @classmethod
    def from_estimator(
        cls, estimator, X, y=None, *, of="loss", image_shape=None, n_images=10, ax=None
    ):
        """Compute and draw.

        Parameters
        ----------
        estimator : object
            Fitted classifier or regressor.
        X : array-like of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,), default=None
            Targets; needed for the loss.
        of : {"loss", "score", "log_proba"}, default="loss"
            Function to differentiate: the loss of each row's target, the score of the target, or
            the sum of the log-probabilities of all classes.
        image_shape : tuple of int, default=None
            Draw each gradient as an image of this shape; otherwise there must be two features.
        n_images : int, default=10
            Number of rows to show as images, from the first.
        ax : matplotlib axes, or array of them of shape (2, n_images), default=None
            Axes to draw on. Arrows need a single axes; for images a single axes is divided.
            ``None`` creates a new figure.

        Returns
        -------
        display : InputGradientDisplay
            The display, drawn.
        """
        rows = slice(None) if image_shape is None else slice(n_images)
        names = tuple(X.columns) if hasattr(X, "columns") else None
        X = X[rows]
        y = None if y is None else np.asarray(y)[rows]
        gradients = input_gradients(estimator, X, y, of)
        display = cls(
            np.asarray(X, dtype=float), gradients, labels=y, image_shape=image_shape, names=names
        )
        return display.plot(ax=ax)

    def plot(self, ax=None):
        """Draw arrows or images.

        Parameters
        ----------
        ax : matplotlib axes, or array of them of shape (2, n_images), default=None
            Axes to draw on. Arrows need a single axes; for images a single axes is divided.
            ``None`` creates a new figure.

        Returns
        -------
        display : InputGradientDisplay
            The display, drawn.
        """
        if self.image_shape is not None:
            return self._plot_images(ax)
        if self.X.shape[1] != 2:
            raise ValueError(
                f"arrows need two features; got {self.X.shape[1]}. Give image_shape for images."
            )
        ax = axes_or_new(ax)
        self._draw_rows(ax)
        self._draw_arrows(ax)
        first, second = map(wrap_text, self.names) if self.names else ("$x_1$", "$x_2$")
        ax.set(xlabel=first, ylabel=second)
        return self._drawn_on(ax)

    def _draw_rows(self, ax):
        """Points, colored by class, or by value where the labels are numbers of many values."""
        labels = np.zeros(len(self.X)) if self.labels is None else self.labels
        found = np.unique(labels)
        if labels.dtype.kind == "f" and len(found) > 10:
            points = ax.scatter(*self.X.T, c=labels, s=18, zorder=3)
            ax.figure.colorbar(points, ax=ax, label="target")
            return
        for label, look in zip(found, styles(len(found)), strict=True):
            points = self.X[labels == label].T
            ax.scatter(
                *points,
                color=look["color"],
                marker=look["marker"],
                s=18,
                label=wrap_text(label),
                zorder=3,
            )
        if self.labels is not None:
            ax.legend(loc="best")

    def _draw_arrows(self, ax):
        """Arrows whose longest is a fifth of the plot, with their tips inside the axes."""
        spans, scales = np.ptp(self.X, axis=0), self.X.std(axis=0)
        is_square = spans.max() <= 2 * spans.min() or spans.max() == 0
        spans = np.where(spans > 0, spans, 1.0)
        scales = np.ones(2) if is_square else np.where(scales > 0, scales, 1.0)
        arrows = self.gradients * scales  # per standard deviation where the scales differ
        moves = arrows * scales  # in units of the plane
        longest = np.nanmax(np.linalg.norm(arrows, axis=1), initial=0.0)
        reach = np.max(spans / scales) / 5 / (longest or 1.0)
        tips = self.X + reach * moves
        ax.quiver(
            *self.X.T,
            *(reach * moves).T,
            angles="xy",
            scale_units="xy",
            scale=1,
            color="0.35",
            width=0.004,
        )
        ax.update_datalim(np.vstack([self.X, tips]))
        ax.autoscale_view()
        if is_square:
            ax.set_aspect("equal")
        unit = "unit of X" if is_square else "standard deviation"
        ax.set_title(f"input gradients; longest arrow: {longest:.2g} per {unit}", fontsize=10)

    def _plot_images(self, ax):
        axes = grid_of_axes(ax, 2, len(self.X), figsize=(1.2 * len(self.X), 2.8))
        for column, (row, gradient) in enumerate(zip(self.X, self.gradients, strict=True)):
            axes[0, column].imshow(row.reshape(self.image_shape), cmap="gray_r")
            largest = np.abs(gradient).max() or 1.0
            axes[1, column].imshow(
                gradient.reshape(self.image_shape), cmap="PuOr", vmin=-largest, vmax=largest
            )
            axes[1, column].set_xlabel(f"±{largest:.2g}", fontsize=9)
            if self.labels is not None:
                axes[0, column].set_title(plain(self.labels[column]), fontsize=10)
        for panel in axes.flat:
            panel.set(xticks=[], yticks=[])
        axes[0, 0].set_ylabel("row")
        axes[1, 0].set_ylabel("gradient")
        return self._drawn_on_grid(axes)
