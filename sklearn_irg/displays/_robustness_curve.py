import numpy as np

from sklearn_irg._threats.arguments import fitted_threat
from sklearn_irg.attacks import ThreatModel, adversarial_accuracy, certified_accuracy
from sklearn_irg.diagnostics import certified_radius
from sklearn_irg.displays._base import Display, axes_or_new, name_of, styles


class RobustnessCurveDisplay(Display):
    """Accuracy against the radius of the perturbation, for one or several models.

    Parameters
    ----------
    epsilon : ndarray of shape (n_radii,)
        Radii.
    attacked : dict of str to ndarray of shape (n_radii,)
        Accuracy under attack by model: exact for linear ones, an upper bound otherwise.
    certified : dict of str to ndarray of shape (n_radii,), default=None
        Accuracy that no attack can go below, where it is known.
    norm : str, default="l2"
        Norm of the perturbations.
    units : str, default="units of X"
        Of the radii.

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

    def __init__(self, epsilon, attacked, *, certified=None, norm="l2", units="units of X"):
        self.epsilon = epsilon
        self.attacked = attacked
        self.certified = certified
        self.norm = norm
        self.units = units

    @classmethod
    def from_estimator(
        cls, estimator, X, y, *, epsilon, norm=None, attack="auto", name=None, ax=None, curve_kwargs=None
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
        epsilon : array-like of shape (n_radii,) or ThreatModel
            Radii, in units of X; or a threat model with several radii.
        norm : {"l2", "linf", "l1"}, default=None
            Norm of the perturbations for radii; ``None`` is "l2".
        attack : "auto" or callable, default="auto"
            As in `sklearn_irg.attacks.adversarial_accuracy`.
        name : str, default=None
            Name for the legend; ``None`` is that of the estimator.
        ax : matplotlib axes, default=None
            Where to draw; ``None`` makes new ones.
        curve_kwargs : dict, default=None
            Options of all curves, as in ``Axes.plot``.

        Returns
        -------
        display : RobustnessCurveDisplay
            The display, drawn.
        """
        name = name_of(estimator) if name is None else name
        return cls.from_estimators(
            {name: estimator}, X, y, epsilon=epsilon, norm=norm, attack=attack, ax=ax, curve_kwargs=curve_kwargs
        )

    @classmethod
    def from_estimators(cls, estimators, X, y, *, epsilon, norm=None, attack="auto", ax=None, curve_kwargs=None):
        """Compute and draw for several models; certified accuracy too where it is known.

        Parameters
        ----------
        estimators : dict of str to object
            Fitted classifiers by name.
        X : array-like of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,)
            Classes.
        epsilon : array-like of shape (n_radii,) or ThreatModel
            Radii, in units of X; or a threat model with several radii.
        norm : {"l2", "linf", "l1"}, default=None
            Norm of the perturbations for radii; ``None`` is "l2".
        attack : "auto" or callable, default="auto"
            As in `sklearn_irg.attacks.adversarial_accuracy`.
        ax : matplotlib axes, default=None
            Where to draw; ``None`` makes new ones.
        curve_kwargs : dict, default=None
            Options of all curves, as in ``Axes.plot``.

        Returns
        -------
        display : RobustnessCurveDisplay
            The display, drawn.
        """
        attacked, certified = {}, {}
        if isinstance(epsilon, ThreatModel):
            epsilon = fitted_threat(epsilon, X)
        for name, estimator in estimators.items():
            attacked[name] = np.atleast_1d(adversarial_accuracy(estimator, X, y, epsilon, norm=norm, attack=attack))
            try:
                certified[name] = _certified(estimator, X, y, epsilon, norm)
            except TypeError:
                continue
        if isinstance(epsilon, ThreatModel):
            threat, units = epsilon, _units(epsilon)
            epsilon, norm = threat.epsilon, threat.norm + _swaps(threat.n_swaps)
        else:
            units = "units of X"
        radii = np.atleast_1d(np.asarray(epsilon, dtype=float))
        display = cls(radii, attacked, certified=certified, norm="l2" if norm is None else norm, units=units)
        return display.plot(ax=ax, curve_kwargs=curve_kwargs)

    def plot(self, ax=None, *, curve_kwargs=None):
        """Draw, on given axes or new ones; the band reaches from certified to attacked accuracy.

        Parameters
        ----------
        ax : matplotlib axes, default=None
            Where to draw; ``None`` makes new ones.
        curve_kwargs : dict, default=None
            Options of all curves, as in ``Axes.plot``.

        Returns
        -------
        display : RobustnessCurveDisplay
            The display, drawn.
        """
        ax = axes_or_new(ax)
        for (name, attacked), look in zip(self.attacked.items(), styles(len(self.attacked)), strict=True):
            color = look["color"]
            ax.plot(self.epsilon, attacked, **{**look, "label": name, **(curve_kwargs or {})})
            certified = (self.certified or {}).get(name)
            if certified is not None and not np.allclose(certified, attacked):
                ax.plot(self.epsilon, certified, color=color, linestyle=":")
                ax.fill_between(self.epsilon, certified, attacked, color=color, alpha=0.12, linewidth=0)
        ax.set(xlabel=f"radius of the perturbation ({self.norm}, {self.units})", ylabel="accuracy", ylim=(-0.02, 1.02))
        ax.legend(loc="best", title="attacked; dotted: certified" if self.certified else None)
        return self._drawn_on(ax)


def _certified(estimator, X, y, epsilon, norm):
    """Certified accuracy, by what is known of the model and, for radii in "l2", by the slope of a network."""
    try:
        return np.atleast_1d(certified_accuracy(estimator, X, y, epsilon, norm=norm))
    except TypeError:
        if isinstance(epsilon, ThreatModel) or norm not in (None, "l2"):
            raise
        radii = certified_radius(estimator, X, y, method="lipschitz")
        return np.array([np.mean(radii > radius) for radius in np.ravel(epsilon)])


def _units(threat):
    """What a radius of one is."""
    names = {"std": "standard deviations", "iqr": "interquartile ranges", None: "units of X"}
    return "units of scale" if isinstance(threat.scale, dict) else names[threat.scale]


def _swaps(n):
    return "" if n == 0 else f", {n} swap{'s' if n > 1 else ''}"
