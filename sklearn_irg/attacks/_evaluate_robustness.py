from dataclasses import dataclass

import numpy as np
from sklearn.utils import column_or_1d

from sklearn_irg._checks import check_radii
from sklearn_irg._threats.arguments import as_threat, checked_budget
from sklearn_irg._threats.attack_problem import AttackProblem
from sklearn_irg._threats.errors import NotCertifiableError
from sklearn_irg._threats.evaluation import certify, find_attacks, require_known_steps
from sklearn_irg._threats.methods import check_method


@dataclass(frozen=True, eq=False)
class RobustnessEvaluation:
    """Results of attacks and certificates for each row and radius, with their methods.

    Attributes
    ----------
    radii : ndarray of shape (n_radii,)
        Radii, in units of the threat model.
    misclassified : ndarray of bool of shape (n_radii, n_samples)
        Rows that are misclassified as they are, or at a point within the radius that was found.
    certified : ndarray of bool of shape (n_radii, n_samples)
        Rows that are certified: no point within the radius is misclassified.
    attacked_by, certified_by : ndarray of str of shape (n_radii, n_samples)
        Name of the method that searched for a misclassified point, and of the one that proves there
        is none; empty where nothing is proved.
    is_certifiable : bool
        Whether any method can certify this model; if not, no row is certified.
    X_adversarial : DataFrame or ndarray of shape (n_samples, n_features)
        Rows like those of X: where they are misclassified at the smallest radius; the others at the
        point tried at which the odds against their class are largest.
    """

    radii: np.ndarray
    misclassified: np.ndarray
    certified: np.ndarray
    attacked_by: np.ndarray
    certified_by: np.ndarray
    is_certifiable: bool
    X_adversarial: object

    @property
    def is_exact(self):
        """Rows that are misclassified or certified at a radius, shape (n_radii, n_samples)."""
        return self.misclassified | self.certified

    @property
    def adversarial_accuracy(self):
        """Upper bound on the accuracy under attack, shape (n_radii,)."""
        return (~self.misclassified).mean(axis=1)

    @property
    def certified_accuracy(self):
        """Lower bound on the accuracy under attack, shape (n_radii,)."""
        return self.certified.mean(axis=1)

    def to_frame(self):
        """A pandas DataFrame with one row for each radius and sample."""
        import pandas as pd

        columns = ("misclassified", "certified", "is_exact", "attacked_by", "certified_by")
        index = pd.MultiIndex.from_product(
            [self.radii, range(self.misclassified.shape[1])], names=["radius", "sample"]
        )
        return pd.DataFrame({name: getattr(self, name).ravel() for name in columns}, index=index)


def evaluate_robustness(estimator, X, y, threat, *, norm=None, method="auto", max_nodes=10_000):
    """Attack and certify each row at each radius.

    The averages are `adversarial_accuracy` and `certified_accuracy`.

    Parameters
    ----------
    estimator : classifier
        Fitted; a pipeline of any steps, or anything else with ``predict``.
    X : DataFrame or array-like of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,)
        Their labels.
    threat : float, array-like of shape (n_radii,) or ThreatModel
        Radius, or several, in units of X; or the changes that rows of a table may undergo.
    norm : {"l2", "linf", "l1"}, default=None
        Norm of the perturbation for a radius; ``None`` is "l2". A threat model has its own.
    method : str, default="auto"
        Method that attacks, as in `adversarial_accuracy`. Certificates are by the same method where
        it gives them, otherwise by the first that applies.
    max_nodes : int, default=10_000
        As in `adversarial_accuracy`.

    Returns
    -------
    evaluation : RobustnessEvaluation
        Rows that are misclassified, certified or neither at each radius.

    Raises
    ------
    ValueError, TypeError
        As `adversarial_accuracy`.

    See Also
    --------
    adversarial_accuracy : The upper bound alone.
    certified_accuracy : The lower bound alone.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.ensemble import HistGradientBoostingClassifier
    >>> from sklearn_irg.attacks import ThreatModel, evaluate_robustness
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = HistGradientBoostingClassifier(max_iter=20, random_state=0).fit(X[:400], y[:400])
    >>> threat = ThreatModel([0.1, 0.3], norm="linf").fit(X)
    >>> evaluation = evaluate_robustness(model, X[400:440], y[400:440], threat)
    >>> evaluation.adversarial_accuracy, evaluation.certified_accuracy
    (array([0.875, 0.875]), array([0.875, 0.875]))
    >>> evaluation.is_exact.all(), evaluation.attacked_by[0, 0]
    (np.True_, np.str_('additive_trees'))
    """
    threat = as_threat(threat, X, norm=norm)
    radii = check_radii(threat.epsilon)
    check_method(method, "attack")
    budget = checked_budget(max_nodes)
    problem = AttackProblem(estimator, X, column_or_1d(y), threat)
    attacks = find_attacks(problem, radii, method, budget)
    certified, name = _certificates(problem, attacks, radii, budget)
    return RobustnessEvaluation(
        radii=np.array(radii),
        misclassified=attacks.misclassified,
        certified=certified,
        attacked_by=attacks.methods,
        certified_by=np.where(certified, name, ""),
        is_certifiable=bool(name),
        X_adversarial=attacks.rows(),
    )


def _certificates(problem, attacks, radii, budget):
    """Rows certified by the attack itself or another method, and the method's name.

    The name is empty where there is none.
    """
    try:
        if not attacks.method.is_exact:
            return certify(problem, radii, budget=budget)
        if attacks.method.needs_affine_steps:
            require_known_steps(problem, sorted(radii))
    except NotCertifiableError:
        return np.zeros_like(attacks.certified), ""
    return attacks.certified, attacks.method.name
