import numpy as np

from sklearn_irg._checks import check_choice
from sklearn_irg._text import wrap_text
from sklearn_irg._threats.arguments import check_alone
from sklearn_irg.diagnostics import scaled_loss, tilting_plane
from sklearn_irg.diagnostics._distances import _distances_and_weight_norm
from sklearn_irg.displays._base import COLORS, MARKERS, Display, axes_or_new, name_of

_UNITS = {
    "raw": "units of X",
    "std": "standard deviations of the columns",
    "threat": "scales of the threat model",
}


class TiltingPlaneDisplay(Display):
    """Data and boundary of a linear classifier in the plane of centroids and weights.

    The plane is spanned by the line between the centroids and the weights.

    Parameters
    ----------
    plane : TiltingPlane
        From `sklearn_irg.diagnostics.tilting_plane`.
    name : str, default=None
        Name of the estimator, for the title.

    Attributes
    ----------
    ax_, figure_ : matplotlib axes and figure
        Axes and figure of the last plot.

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
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        classes=None,
        name=None,
        ax=None,
        scatter_kwargs=None,
        mirror_images="centroids",
    ):
        """Compute and draw.

        Parameters
        ----------
        estimator : object
            Fitted linear classifier.
        X : array-like of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,)
            Classes.
        classes : tuple of two labels, default=None
            The two classes to draw, if there are more.
        name : str, default=None
            Name for the title; ``None`` is that of the estimator.
        ax : matplotlib axes, default=None
            Axes to draw on; ``None`` creates new ones.
        scatter_kwargs : dict, default=None
            Keyword arguments of ``Axes.scatter`` for the points.
        mirror_images : "centroids", sequence of int or None, default="centroids"
            Points to draw mirror images of, joined by dotted lines: the centroids, or rows by
            position among those of the two classes.

        Returns
        -------
        display : TiltingPlaneDisplay
            The display, drawn.
        """
        plane = tilting_plane(estimator, X, y, classes=classes)
        name = name_of(estimator) if name is None else name
        return cls(plane, name=name).plot(
            ax=ax, scatter_kwargs=scatter_kwargs, mirror_images=mirror_images
        )

    def plot(self, ax=None, *, scatter_kwargs=None, mirror_images="centroids"):
        """Draw, on given axes or new ones.

        Parameters
        ----------
        ax : matplotlib axes, default=None
            Axes to draw on; ``None`` creates new ones.
        scatter_kwargs : dict, default=None
            Keyword arguments of ``Axes.scatter`` for the points.
        mirror_images : "centroids", sequence of int or None, default="centroids"
            Points to draw mirror images of, joined by dotted lines: the centroids, or rows by
            position among those of the two classes.

        Returns
        -------
        display : TiltingPlaneDisplay
            The display, drawn.
        """
        plane = self.plane
        mirrored = self._to_mirror(mirror_images)
        ax = axes_or_new(ax)
        for sign, color, marker, label in zip(
            (-1, 1), COLORS, MARKERS, plane.classes, strict=False
        ):
            points = plane.coordinates[plane.labels == sign]
            options = {
                "color": color,
                "marker": marker,
                "s": 12,
                "alpha": 0.5,
                "linewidths": 0,
                "label": wrap_text(label),
            }
            ax.scatter(*points.T, **{**options, **(scatter_kwargs or {})})
            ax.scatter(
                *points.mean(axis=0), color=color, marker="X", s=120, edgecolor="k", zorder=3
            )
        a, b, c = plane.boundary
        for start, color in mirrored:
            image = start - 2 * (start @ [a, b] + c) * np.array([a, b])
            ax.plot(
                *np.transpose([start, image]), color=color, linestyle=":", linewidth=1, zorder=2
            )
            ax.scatter(*image, facecolor="none", edgecolor=color, marker="X", s=90, zorder=3)
        # limits of equal length, so that the angle looks like itself
        middle = np.mean([ax.get_xlim(), ax.get_ylim()], axis=1)
        half = np.ptp([ax.get_xlim(), ax.get_ylim()], axis=1).max() / 2
        foot, along = -c * np.array([a, b]), np.array([-b, a])
        ax.axline(foot, foot + along, color="k", label="boundary")
        angle = np.degrees(np.arctan2(abs(b), a))
        title = f"tilting angle {angle:.1f}°"
        ax.set(
            xlabel="along the line between the centroids",
            ylabel="along the weights' orthogonal part",
            title=title if self.name is None else f"{wrap_text(self.name)}: {title}",
        )
        ax.set(xlim=middle[0] + [-half, half], ylim=middle[1] + [-half, half], aspect="equal")
        ax.legend(loc="best")
        return self._drawn_on(ax)

    def _to_mirror(self, mirror_images):
        """Points of the plane, and the colors of their classes."""
        labels, coordinates = self.plane.labels, self.plane.coordinates
        if mirror_images is None:
            return []
        if isinstance(mirror_images, str):
            check_choice(mirror_images, "mirror_images", ("centroids",))
            return [
                (coordinates[labels == sign].mean(axis=0), color)
                for sign, color in zip((-1, 1), COLORS, strict=False)
            ]
        rows = np.asarray(mirror_images)
        if (
            rows.ndim != 1
            or rows.dtype.kind not in "iu"
            or not np.all((rows >= 0) & (rows < len(labels)))
        ):
            raise ValueError(
                'mirror_images must be None, "centroids", or positions from 0 to '
                f"{len(labels) - 1}; got {mirror_images!r}."
            )
        return [(coordinates[row], COLORS[int(labels[row] > 0)]) for row in rows]


class MarginHistogramDisplay(Display):
    """Histogram of signed distances to the boundary, with the loss as a function of distance.

    Parameters
    ----------
    distances : ndarray of shape (n_samples,)
        y · d(x), positive where the row is classified correctly.
    weight_norm : float, default=None
        Norm of the weights, by which the loss is scaled; ``None`` draws no loss.
    loss : {"zero_one", "hinge", "softplus"}, default="softplus"
        Loss to draw.
    name : str, default=None
        Name of the estimator, for the title.
    units : {"raw", "std", "threat"}, default="raw"
        Units of the distances: those of X, standard deviations of its columns, or scales of a
        threat model.

    Attributes
    ----------
    ax_, figure_ : matplotlib axes and figure
        Axes and figure of the last plot.

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

    def __init__(self, distances, *, weight_norm=None, loss="softplus", name=None, units="raw"):
        self.distances = distances
        self.weight_norm = weight_norm
        self.loss = loss
        self.name = name
        self.units = units

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        threat=None,
        units=None,
        loss="softplus",
        name=None,
        ax=None,
        bins=40,
    ):
        """Compute and draw.

        Parameters
        ----------
        estimator : object
            Fitted classifier.
        X : array-like of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,)
            Classes.
        threat : ThreatModel, default=None
            Its scales are the units of the columns. Columns of scale zero, which cannot move, keep
            their values.
        units : {"raw", "std"}, default=None
            Units of the columns without a threat model: their own, which have to be comparable, or
            their standard deviation over the rows given. ``None`` is "std".
        loss : {"zero_one", "hinge", "softplus"}, default="softplus"
            Which loss to draw, for linear classifiers.
        name : str, default=None
            Name for the title; ``None`` is that of the estimator.
        ax : matplotlib axes, default=None
            Axes to draw on; ``None`` creates new ones.
        bins : int, default=40
            Number of bars.

        Returns
        -------
        display : MarginHistogramDisplay
            The display, drawn.
        """
        check_alone(units=None if threat is None else units)
        units = "std" if units is None else check_choice(units, "units", ("raw", "std"))
        distances, weight_norm = _distances_and_weight_norm(estimator, X, y, units, threat)
        units = units if threat is None else "threat"
        name = name_of(estimator) if name is None else name
        display = cls(distances, weight_norm=weight_norm, loss=loss, name=name, units=units)
        return display.plot(ax=ax, bins=bins)

    def plot(self, ax=None, *, bins=40):
        """Draw, on given axes or new ones.

        Parameters
        ----------
        ax : matplotlib axes, default=None
            Axes to draw on; ``None`` creates new ones.
        bins : int, default=40
            Number of bars.

        Returns
        -------
        display : MarginHistogramDisplay
            The display, drawn.
        """
        check_choice(self.loss, "loss", ("zero_one", "hinge", "softplus"))
        ax = axes_or_new(ax)
        finite = self.distances[np.isfinite(self.distances)]
        ax.hist(finite, bins=bins, color=COLORS[5], edgecolor="white", linewidth=0.4, label="rows")
        ax.axvline(0, color="k", linewidth=0.8)
        if len(finite):
            ax.axvline(
                finite.mean(), color=COLORS[0], linestyle="--", label=f"mean {finite.mean():.2f}"
            )
        left_out = len(self.distances) - len(finite)
        notes = [wrap_text(self.name)] if self.name else []
        notes += [f"{left_out} rows at infinite distance left out"] if left_out else []
        ax.set(
            xlabel=f"y · d(x), signed distance to the boundary ({_UNITS[self.units]})",
            ylabel="number of rows",
            title=": ".join(notes) or None,
        )
        handles, labels = ax.get_legend_handles_labels()
        if self.weight_norm is not None:
            grid = np.linspace(*ax.get_xlim(), 400)
            right = ax.twinx()
            values = scaled_loss(grid, self.weight_norm, self.loss)
            handles += right.plot(grid, values, color=COLORS[1])
            labels.append(f"{self.loss.replace('_', '-')} loss at ‖w‖ = {self.weight_norm:.3g}")
            right.set_ylabel("loss", color=COLORS[1])
            right.tick_params(axis="y", colors=COLORS[1])
            right.set_ylim(0, 1.05 * values.max())
        ax.legend(handles, labels, loc="upper right")
        return self._drawn_on(ax)
