import numpy as np

from sklearn_irg.attacks import fast_gradient
from sklearn_irg.displays._base import COLORS, Display


class AdversarialExamplesDisplay(Display):
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
        """Attack some rows and draw.

        Parameters
        ----------
        estimator : object
            Fitted classifier.
        X : array-like of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,)
            Classes.
        epsilon : float
            Radius, in units of X.
        image_shape : tuple of int
            Shape of the images.
        attack : callable, default=None
            ``attack(estimator, X, y, epsilon)``; ``None`` is `sklearn_irg.attacks.fast_gradient`.
        n_images : int, default=10
            Number of rows, from the first.
        axes : array of matplotlib axes of shape (3, n_images), default=None
            Where to draw; ``None`` makes new ones.

        Returns
        -------
        display : AdversarialExamplesDisplay
            The display, drawn.
        """
        X, y = np.asarray(X, dtype=float)[:n_images], np.asarray(y)[:n_images]
        moved = (fast_gradient if attack is None else attack)(estimator, X, y, epsilon)
        return cls(X, moved, estimator.predict(X), estimator.predict(moved), image_shape=image_shape).plot(axes=axes)

    def plot(self, axes=None):
        """Draw, on an array of given axes with three rows or on new ones.

        Parameters
        ----------
        axes : array of matplotlib axes of shape (3, n_images), default=None
            Where to draw; ``None`` makes new ones.

        Returns
        -------
        display : AdversarialExamplesDisplay
            The display, drawn.
        """
        if axes is None:
            import matplotlib.pyplot as plt

            _, axes = plt.subplots(
                3, len(self.X), squeeze=False, figsize=(1.2 * len(self.X), 4.4), layout="constrained"
            )
        axes = np.asarray(axes).reshape(3, -1)
        difference = self.X_adversarial - self.X
        largest = np.abs(difference).max() or 1.0
        low, high = self.X.min(), self.X.max()
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
            axes[2, column].set_xlabel(f"{self.after[column]}", color=COLORS[1] if changed else "k")
        for ax, label in zip(axes[:, 0], ("original", "perturbation", "result"), strict=True):
            ax.set_ylabel(label)
        axes[0, 0].figure.colorbar(perturbation, ax=list(axes[1]), shrink=0.8, label="units of X")
        return self._drawn_on_grid(axes)
