import numpy as np

from sklearn_irg._text import plain
from sklearn_irg.attacks import fast_gradient
from sklearn_irg.displays._base import COLORS, Display, as_given, grid_of_axes


class AdversarialExamplesDisplay(Display):
    """Rows as images: the original, the perturbation, and the result.

    True labels and predictions are written next to them.

    Parameters
    ----------
    X, X_adversarial : ndarray of shape (n_samples, n_features)
        Rows before and after the attack.
    before, after : ndarray of shape (n_samples,)
        Predictions for these rows.
    image_shape : tuple of int
        Shape of the images.
    labels : ndarray of shape (n_samples,), default=None
        True classes.

    Attributes
    ----------
    axes_ : ndarray of matplotlib axes of shape (3, n_samples)
        Axes of the last plot.
    figure_ : matplotlib figure
        Figure of the last plot.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_irg.displays import AdversarialExamplesDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> model = LogisticRegression(max_iter=1000).fit(X / 16, y)
    >>> display = AdversarialExamplesDisplay.from_estimator(model, X[:4] / 16, y[:4], threat=1.0, image_shape=(8, 8))
    >>> display.axes_.shape
    (3, 4)
    """

    def __init__(self, X, X_adversarial, before, after, *, image_shape, labels=None):
        self.X = X
        self.X_adversarial = X_adversarial
        self.before = before
        self.after = after
        self.image_shape = image_shape
        self.labels = labels

    @classmethod
    def from_estimator(
        cls, estimator, X, y, *, threat, image_shape, method=None, n_images=10, ax=None
    ):
        """Attack some rows and draw.

        Parameters
        ----------
        estimator : object
            Fitted classifier.
        X : array-like of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,)
            Classes.
        threat : float or ThreatModel
            Radius, in units of X; or what else the method takes.
        image_shape : tuple of int
            Shape of the images.
        method : callable, default=None
            ``method(estimator, X, y, threat)`` that returns moved rows; ``None`` is
            `sklearn_irg.attacks.fast_gradient`.
        n_images : int, default=10
            Number of rows, from the first.
        ax : matplotlib axes, or array of them of shape (3, n_images), default=None
            Axes to draw on; a single axes is divided, and ``None`` creates a new figure.

        Returns
        -------
        display : AdversarialExamplesDisplay
            The display, drawn.
        """
        X, y = X[:n_images], np.asarray(y)[:n_images]
        moved = (fast_gradient if method is None else method)(estimator, X, y, threat)
        before, after = (
            np.ravel(estimator.predict(X)),
            np.ravel(estimator.predict(as_given(moved, X))),
        )
        X, moved = np.asarray(X, dtype=float), np.asarray(moved, dtype=float)
        return cls(X, moved, before, after, image_shape=image_shape, labels=y).plot(ax=ax)

    def plot(self, ax=None):
        """Draw three images of each row.

        The true class and the prediction stand above the first, the prediction after the attack
        below the last.

        Parameters
        ----------
        ax : matplotlib axes, or array of them of shape (3, n_images), default=None
            Axes to draw on; a single axes is divided, and ``None`` creates a new figure.

        Returns
        -------
        display : AdversarialExamplesDisplay
            The display, drawn.
        """
        n = len(self.X)
        axes = grid_of_axes(ax, 3, n, figsize=(1 + 1.2 * n, 4.8))
        difference = self.X_adversarial - self.X
        largest = np.abs(difference).max() or 1.0
        pixels = {"cmap": "gray_r", "vmin": self.X.min(), "vmax": self.X.max()}
        for column in range(n):
            axes[0, column].imshow(self.X[column].reshape(self.image_shape), **pixels)
            perturbation = axes[1, column].imshow(
                difference[column].reshape(self.image_shape),
                cmap="PuOr",
                vmin=-largest,
                vmax=largest,
            )
            axes[2, column].imshow(self.X_adversarial[column].reshape(self.image_shape), **pixels)
            true = "" if self.labels is None else f"true: {plain(self.labels[column])}\n"
            axes[0, column].set_title(f"{true}before: {plain(self.before[column])}", fontsize=9)
            fooled = (
                self.after[column] != (self.before if self.labels is None else self.labels)[column]
            )
            color = COLORS[1] if fooled else "k"
            axes[2, column].set_xlabel(
                f"after: {plain(self.after[column])}", fontsize=9, color=color
            )
        for ax_ in axes.flat:
            ax_.set(xticks=[], yticks=[])
        for ax_, label in zip(axes[:, 0], ("original", "perturbation", "result"), strict=True):
            ax_.set_ylabel(label)
        axes[0, 0].figure.colorbar(perturbation, ax=list(axes[1]), shrink=0.8, label="units of X")
        return self._drawn_on_grid(axes)
