"""Common parts of all displays: colors, axes, names, and memory of where they were drawn."""

import numpy as np

# of Okabe and Ito, who chose them for any color vision
COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"]
MARKERS = "os^vDP"


def axes_or_new(ax, **size):
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(layout="constrained", **size)[1]


def grid_of_axes(ax, n_rows, n_columns, **options):
    """An array of axes: those given, parts of the one given, or new ones."""
    import matplotlib.pyplot as plt

    if ax is None:
        return plt.subplots(n_rows, n_columns, squeeze=False, layout="constrained", **options)[1]
    given = np.asarray(ax, dtype=object)
    if given.size == 1 and n_rows * n_columns > 1:
        (whole,) = given.flat
        if whole.get_subplotspec() is None:
            raise ValueError(
                "ax has no place in a grid that could be divided. Make it with plt.subplots."
            )
        inner = whole.get_subplotspec().subgridspec(n_rows, n_columns)
        whole.set_axis_off()
        return inner.subplots(squeeze=False, sharex=options.get("sharex", False))
    if given.size != n_rows * n_columns or (
        given.ndim == 2 and n_columns > 1 and given.shape != (n_rows, n_columns)
    ):
        raise ValueError(
            f"ax must be one axes, which is then divided, or {n_rows * n_columns} of them "
            f"({n_rows} × {n_columns}); got {given.shape or 1}."
        )
    return given.reshape(n_rows, n_columns)


class Display:
    """Base class of displays, which remember where they were drawn."""

    def _drawn_on(self, ax):
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _drawn_on_grid(self, axes):
        self.axes_, self.ax_, self.figure_ = axes, axes.flat[0], axes.flat[0].figure
        return self


def name_of(estimator):
    """Class name, of the last step for a pipeline and of the best estimator for a search."""
    estimator = getattr(estimator, "best_estimator_", estimator)
    return type(estimator[-1] if hasattr(estimator, "named_steps") else estimator).__name__


def as_given(moved, X):
    """Moved rows with the columns of a DataFrame X."""
    if hasattr(X, "with_columns"):  # of polars
        return type(X)(np.asarray(moved), schema=X.columns)
    return (
        X.assign(**dict(zip(X.columns, np.asarray(moved).T, strict=True)))
        if hasattr(X, "assign")
        else moved
    )


def by_name(estimators):
    """Estimators by name; those of a list by their classes, numbered where these repeat."""
    if hasattr(estimators, "predict") or not len(estimators):
        raise ValueError(
            "estimators must be a list or a dict of at least one fitted classifier; got "
            f"{estimators!r}."
        )
    if isinstance(estimators, dict):
        return estimators
    names = [name_of(estimator) for estimator in estimators]
    numbered = (
        f"{name} {names[: k + 1].count(name)}" if names.count(name) > 1 else name
        for k, name in enumerate(names)
    )
    return dict(zip(numbered, estimators, strict=True))


def styles(n_curves):
    """A color, a marker and a line style for each curve, no two alike."""
    return [
        {
            "color": COLORS[i % 6],
            "marker": MARKERS[(i + i // 6) % 6],
            "linestyle": ["-", "--", "-."][i // 6 % 3],
        }
        for i in range(n_curves)
    ]
