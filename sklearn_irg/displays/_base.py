"""What all displays share: colours, axes, and remembering where they were drawn."""

COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"]
MARKERS = "os^vDP"


def axes_or_new(ax, **size):
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(layout="constrained", **size)[1]


class Display:
    """What all displays share: remembering where they were drawn."""

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


def styles(n_curves):
    """A colour, a marker and a line style for each curve, no two alike."""
    return [
        {"color": COLORS[i % 6], "marker": MARKERS[(i + i // 6) % 6], "linestyle": ["-", "--", "-."][i // 6 % 3]}
        for i in range(n_curves)
    ]
