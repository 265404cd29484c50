import numpy as np

from sklearn_irg._checks import check_integer
from sklearn_irg.diagnostics import feature_sensitivity, input_gradients
from sklearn_irg.displays._base import COLORS, Display, axes_or_new, name_of, styles


class FeatureSensitivityDisplay(Display):
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
    >>> display = FeatureSensitivityDisplay.from_estimator(GradRegLogisticRegression(max_iter=500).fit(X, y), X, y)
    >>> len(display.ax_.patches)
    4
    """

    def __init__(self, sensitivity, *, name=None):
        self.sensitivity = sensitivity
        self.name = name

    @classmethod
    def from_estimator(cls, estimator, X, y=None, *, of="loss", units="std", name=None, ax=None, max_features=20):
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
            What is differentiated, as in `sklearn_irg.diagnostics.input_gradients`.
        units : {"raw", "std"}, default="std"
            Gradients per unit of each column, or per standard deviation of it, which makes columns comparable.
        name : str, default=None
            Name for the title; ``None`` is that of the estimator.
        ax : matplotlib axes, default=None
            Where to draw; ``None`` makes new ones.
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
            Where to draw; ``None`` makes new ones.
        max_features : int, default=20
            Largest number of features to draw.

        Returns
        -------
        display : FeatureSensitivityDisplay
            The display, drawn.
        """
        max_features = check_integer(max_features, "max_features", 1)
        order = np.argsort(self.sensitivity.mean)[::-1][:max_features][::-1]
        ax = axes_or_new(ax, figsize=(6.4, 1.2 + 0.28 * len(order)))
        mean, std = self.sensitivity.mean[order], self.sensitivity.std[order]
        ax.barh([str(n) for n in self.sensitivity.names[order]], mean, color=COLORS[0])
        low = np.minimum(std, mean)  # absolute gradients are not negative
        ax.errorbar(mean, np.arange(len(order)), xerr=[low, std], fmt="none", ecolor="0.35", elinewidth=1, capsize=2)
        unit = "standard deviation" if self.sensitivity.units == "std" else "unit of X"
        ax.set(xlabel=f"mean absolute gradient per {unit} (± 1 s.d. over rows)", title=self.name)
        return self._drawn_on(ax)


class InputGradientDisplay(Display):
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
    names : tuple of two str, default=None
        Names of two features.

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

    def __init__(self, X, gradients, *, labels=None, image_shape=None, names=None):
        self.X = X
        self.names = names
        self.gradients = gradients
        self.labels = labels
        self.image_shape = image_shape

    @classmethod
    def from_estimator(cls, estimator, X, y=None, *, of="loss", image_shape=None, n_images=10, ax=None, axes=None):
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
            What is differentiated, as in `sklearn_irg.diagnostics.input_gradients`.
        image_shape : tuple of int, default=None
            Draw each gradient as an image of this shape; otherwise there must be two features.
        n_images : int, default=10
            Number of rows, from the first, that images show.
        ax : matplotlib axes, default=None
            Where to draw arrows; ``None`` makes new ones.
        axes : array of matplotlib axes of shape (2, n_images), default=None
            Where to draw images; ``None`` makes new ones.

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
        display = cls(np.asarray(X, dtype=float), gradients, labels=y, image_shape=image_shape, names=names)
        return display.plot(ax=ax, axes=axes)

    def plot(self, ax=None, *, axes=None):
        """Draw arrows on given axes, or images on an array of them; new ones otherwise.

        Parameters
        ----------
        ax : matplotlib axes, default=None
            Where to draw arrows; ``None`` makes new ones.
        axes : array of matplotlib axes of shape (2, n_images), default=None
            Where to draw images; ``None`` makes new ones.

        Returns
        -------
        display : InputGradientDisplay
            The display, drawn.
        """
        if self.image_shape is not None:
            return self._plot_images(axes)
        if self.X.shape[1] != 2:
            raise ValueError(f"arrows need two features; got {self.X.shape[1]}. Give image_shape for images.")
        ax = axes_or_new(ax)
        labels = np.zeros(len(self.X)) if self.labels is None else self.labels
        found = np.unique(labels)
        for label, look in zip(found, styles(len(found)), strict=True):
            points = self.X[labels == label].T
            ax.scatter(*points, color=look["color"], marker=look["marker"], s=18, label=str(label), zorder=3)
        ax.quiver(*self.X.T, *self.gradients.T, angles="xy", color="0.35", width=0.004)
        first, second = self.names or ("$x_1$", "$x_2$")
        ax.set(xlabel=first, ylabel=second, title="input gradients", aspect="equal")
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
