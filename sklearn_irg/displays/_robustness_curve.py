import numpy as np

from sklearn_irg._text import plain, wrap_text
from sklearn_irg._threats.arguments import fitted_threat
from sklearn_irg._threats.errors import NotCertifiableError
from sklearn_irg.attacks import (
    ThreatModel,
    adversarial_accuracy,
    certified_accuracy,
    evaluate_robustness,
)
from sklearn_irg.displays._base import Display, axes_or_new, by_name, name_of, styles


class RobustnessCurveDisplay(Display):
    """Accuracy against the radius of the perturbation, for one or several models.

    A solid line is accuracy under attack, which is an upper bound; a dotted line of the same color
    is certified accuracy, a lower bound. Where both are equal, accuracy under attack is exact, and
    the legend says so.

    Parameters
    ----------
    epsilon : ndarray of shape (n_radii,)
        Radii.
    attacked : dict of str to ndarray of shape (n_radii,)
        Accuracy under attack by model: exact where it equals certified accuracy, an upper bound
        otherwise.
    certified : dict of str to ndarray of shape (n_radii,), default=None
        Accuracy that no attack can go below, where it is known.
    norm : str, default="l2"
        Norm of the perturbations.
    units : str, default="units of X"
        Units of the radii.

    Attributes
    ----------
    ax_, figure_ : matplotlib axes and figure
        Axes and figure of the last plot.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_irg.displays import RobustnessCurveDisplay
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> models = {f"C={C}": LogisticRegression(C=C).fit(scale(X), y) for C in (0.01, 1)}
    >>> display = RobustnessCurveDisplay.from_estimators(models, scale(X), y, threat=[0, 0.5, 1.0])
    >>> display.attacked["C=0.01"].shape
    (3,)
    """

    def __init__(self, epsilon, attacked, *, certified=None, norm="l2", units="units of X"):
        self.epsilon = epsilon
        self.attacked = attacked
        self.certified = certified
        self.norm = norm
        self.units = units

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        threat,
        norm=None,
        method="auto",
        max_nodes=10_000,
        name=None,
        ax=None,
        curve_kwargs=None,
    ):
        """Compute and draw for one model.

        Parameters
        ----------
        estimator : object
            Fitted classifier.
        X : array-like of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,)
            Classes.
        threat : array-like of shape (n_radii,) or ThreatModel
            Radii, in units of X; or a threat model with several radii.
        norm : {"l2", "linf", "l1"}, default=None
            Norm of the perturbations for radii; ``None`` is "l2".
        method : str or callable, default="auto"
            As in `sklearn_irg.attacks.adversarial_accuracy`.
        max_nodes : int, default=10_000
            As in `sklearn_irg.attacks.adversarial_accuracy`.
        name : str, default=None
            Name for the legend; ``None`` is that of the estimator.
        ax : matplotlib axes, default=None
            Axes to draw on; ``None`` creates new ones.
        curve_kwargs : dict, default=None
            Keyword arguments of ``Axes.plot`` for all curves.

        Returns
        -------
        display : RobustnessCurveDisplay
            The display, drawn.
        """
        name = name_of(estimator) if name is None else name
        return cls.from_estimators(
            {name: estimator},
            X,
            y,
            threat=threat,
            norm=norm,
            method=method,
            max_nodes=max_nodes,
            ax=ax,
            curve_kwargs=curve_kwargs,
        )

    @classmethod
    def from_estimators(
        cls,
        estimators,
        X,
        y,
        *,
        threat,
        norm=None,
        method="auto",
        max_nodes=10_000,
        ax=None,
        curve_kwargs=None,
    ):
        """Compute and draw for several models; certified accuracy too where it is known.

        Parameters
        ----------
        estimators : list of objects, or dict of str to object
            Fitted classifiers, or these by name. Those of a list are named by their classes, with
            numbers where several share a class name.
        X : array-like of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,)
            Classes.
        threat : array-like of shape (n_radii,) or ThreatModel
            Radii, in units of X; or a threat model with several radii.
        norm : {"l2", "linf", "l1"}, default=None
            Norm of the perturbations for radii; ``None`` is "l2".
        method : str or callable, default="auto"
            As in `sklearn_irg.attacks.adversarial_accuracy`.
        max_nodes : int, default=10_000
            As in `sklearn_irg.attacks.adversarial_accuracy`.
        ax : matplotlib axes, default=None
            Axes to draw on; ``None`` creates new ones.
        curve_kwargs : dict, default=None
            Keyword arguments of ``Axes.plot`` for all curves.

        Returns
        -------
        display : RobustnessCurveDisplay
            The display, drawn.
        """
        attacked, certified = {}, {}
        units, radii = "units of X", threat
        if isinstance(threat, ThreatModel):
            fitted_threat(threat, X)
            units, radii = _units(threat), threat.epsilon
        for name, estimator in by_name(estimators).items():
            attacked[name], bound = _accuracies(estimator, X, y, threat, norm, method, max_nodes)
            if bound is not None:
                certified[name] = bound
        if isinstance(threat, ThreatModel):
            norm = threat.norm + _swaps(threat.n_swaps)
        radii = np.atleast_1d(np.asarray(radii, dtype=float))
        display = cls(
            radii, attacked, certified=certified, norm="l2" if norm is None else norm, units=units
        )
        return display.plot(ax=ax, curve_kwargs=curve_kwargs)

    def plot(self, ax=None, *, curve_kwargs=None):
        """Draw, on given axes or new ones; a band spans certified to attacked accuracy.

        Parameters
        ----------
        ax : matplotlib axes, default=None
            Axes to draw on; ``None`` creates new ones.
        curve_kwargs : dict, default=None
            Keyword arguments of ``Axes.plot`` for all curves.

        Returns
        -------
        display : RobustnessCurveDisplay
            The display, drawn.
        """
        ax = axes_or_new(ax)
        order = np.argsort(self.epsilon)
        radii = np.asarray(self.epsilon)[order]
        has_bounds = False
        for (name, attacked), look in zip(
            self.attacked.items(), styles(len(self.attacked)), strict=True
        ):
            certified = (self.certified or {}).get(name)
            is_exact = (
                certified is not None and np.any(radii > 0) and np.allclose(certified, attacked)
            )
            label = wrap_text(f"{name} (exact)" if is_exact else name)
            (line,) = ax.plot(
                radii,
                np.asarray(attacked)[order],
                **{**look, "label": label, **(curve_kwargs or {})},
            )
            if certified is not None and not is_exact:
                ax.plot(
                    radii,
                    np.asarray(certified)[order],
                    color=line.get_color(),
                    linestyle=":",
                    label="_certified",
                )
                band = {"color": line.get_color(), "alpha": 0.1, "linewidth": 0, "zorder": 0}
                ax.fill_between(
                    radii, np.asarray(certified)[order], np.asarray(attacked)[order], **band
                )
                has_bounds = True
        ax.set(
            xlabel=f"radius of the perturbation ({plain(self.norm)}, {plain(self.units)})",
            ylabel="accuracy",
            ylim=(-0.02, 1.02),
        )
        handles, _ = ax.get_legend_handles_labels()
        ax.legend(handles=[*handles, *(_bounds() if has_bounds else ())], loc="best")
        return self._drawn_on(ax)


def _bounds():
    """Entries of the legend for solid and dotted lines."""
    from matplotlib.lines import Line2D

    return [
        Line2D([], [], color="0.35", label="with markers: attacked, at most this accurate"),
        Line2D(
            [], [], color="0.35", linestyle=":", label="dotted: certified, at least this accurate"
        ),
    ]


def _accuracies(estimator, X, y, threat, norm, method, max_nodes):
    """Accuracy under attack, and certified accuracy or None."""
    if not callable(method):
        found = evaluate_robustness(
            estimator, X, y, threat, norm=norm, method=method, max_nodes=max_nodes
        )
        return (
            found.adversarial_accuracy,
            found.certified_accuracy if found.is_certifiable else None,
        )
    attacked = np.atleast_1d(
        adversarial_accuracy(estimator, X, y, threat, norm=norm, method=method)
    )
    try:
        return attacked, np.atleast_1d(
            certified_accuracy(estimator, X, y, threat, norm=norm, max_nodes=max_nodes)
        )
    except NotCertifiableError:
        return attacked, None


def _units(threat):
    """Unit of the radius of a threat model."""
    names = {"std": "standard deviations", "iqr": "interquartile ranges", None: "units of X"}
    return "units of scale" if isinstance(threat.scale, dict) else names[threat.scale]


def _swaps(n):
    return "" if n == 0 else f", {n} swap{'s' if n > 1 else ''}"
