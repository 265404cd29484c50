from copy import copy

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.metadata_routing import MetadataRequest

from sklearn_irg._checks import check_choice, check_radii, check_sample_weight
from sklearn_irg._fitted.affine import predictions
from sklearn_irg._fitted.extraction import model_and_rows
from sklearn_irg._threats.arguments import (
    as_threat,
    check_alone,
    checked_budget,
    one_radius,
    with_radius,
)
from sklearn_irg._threats.attack_problem import AttackProblem
from sklearn_irg._threats.evaluation import certify, find_attacks
from sklearn_irg._threats.methods import check_method
from sklearn_irg._threats.robust_scores import ROBUST_SCORINGS, robust_score
from sklearn_irg._threats.threat_model import NORMS, ThreatModel, check_fitted
from sklearn_irg.attacks._problem import as_frame_like


def adversarial_accuracy(
    estimator, X, y, threat, *, norm=None, method="auto", max_nodes=10_000, sample_weight=None
):
    """Accuracy when every row may move within a radius, or as a threat model allows.

    An upper bound, found by an attack: a row misclassified at one radius counts as misclassified at
    all larger ones. Exact for linear models, decision trees, forests and gradient boosting, alone
    or in a pipeline as far as the steps before them act column by column and are affine, or for
    linear models linear between kinks, except for `ThreatModel.valid`. Elsewhere the pipeline is
    attacked as a whole. `evaluate_robustness` says which rows are settled, and by which method.

    Parameters
    ----------
    estimator : classifier
        Fitted.
    X : DataFrame or array-like of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,)
        Their labels.
    threat : float, array-like of shape (n_radii,) or ThreatModel
        Radius, or several, in units of X; or the changes that rows of a table may undergo.
    norm : {"l2", "linf", "l1"}, default=None
        Norm of the perturbation for a radius; ``None`` is "l2". A threat model has its own.
    method : str or callable, default="auto"
        "auto" takes the first of these that applies, and any of them can be named: "scorecard"
        (linear behind steps with kinks), "linear" (closed form), "tree" (one decision tree),
        "additive_trees" (branch and bound for forests and boosting), "gradient" (linearized minima
        and projected gradients) and "search". "exact" takes the first four only. A callable
        ``method(estimator, X, y, threat)`` returns moved rows; it is called for each radius, with a
        threat model of that radius where one is given.
    max_nodes : int, default=10_000
        Boxes that a branch and bound may search, for each row, way to swap and other class. Rows
        that it leaves open count as correctly classified under attack, and not as certified.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    accuracy : float or ndarray of shape (n_radii,)
        Between 0 and 1, for each radius.

    Raises
    ------
    ValueError
        For a negative radius, a label unseen in ``fit``, X of the wrong width, or a threat model
        that has not been fitted or does not fit X.
    TypeError
        For an estimator that is not a classifier, and for a method that does not apply to it.

    See Also
    --------
    certified_accuracy : A lower bound.
    evaluate_robustness : Both, for each row.
    adversarial_examples : The rows that were found.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_irg.attacks import adversarial_accuracy
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = LogisticRegression().fit(scale(X), y)
    >>> adversarial_accuracy(model, scale(X), y, [0, 0.1, 0.5]).round(2)
    array([0.99, 0.98, 0.92])
    """
    fitted = as_threat(threat, X, norm=norm)
    weights = check_sample_weight(sample_weight, len(X) if hasattr(X, "__len__") else X.shape[0])
    misclassified = _misclassified(estimator, X, y, threat, fitted, method, max_nodes)
    accuracies = np.average(~misclassified, axis=1, weights=weights)
    return accuracies if np.ndim(fitted.epsilon) else float(accuracies[0])


def _misclassified(estimator, X, y, threat, fitted, method, max_nodes):
    """Rows that are misclassified at each radius, shape (n_radii, n_samples).

    Both the threat as it was given and the fitted threat model are passed.
    """
    radii = check_radii(fitted.epsilon)
    if callable(method):
        return _misclassified_by(
            method, estimator, X, y, fitted if isinstance(threat, ThreatModel) else None, radii
        )
    check_method(method, "attack")
    problem = AttackProblem(estimator, X, column_or_1d(y), fitted)
    return find_attacks(problem, radii, method, checked_budget(max_nodes)).misclassified


def _misclassified_by(method, estimator, X, y, threat, radii):
    """Rows that are misclassified by a user's attack at each radius, or at a smaller one."""
    model_and_rows(estimator, X)[0].require_classes()
    labels = np.ravel(y)
    misclassified = predictions(estimator, X) != labels
    found = {}
    for radius in sorted(radii):
        moved = method(estimator, X, y, radius if threat is None else with_radius(threat, radius))
        if np.shape(moved)[:1] != (len(labels),):
            raise ValueError(
                f"method must return a row for each of the {len(labels)} rows of X; got an array "
                f"of shape {np.shape(moved)}."
            )
        misclassified = misclassified | (predictions(estimator, as_frame_like(X, moved)) != labels)
        found[radius] = misclassified
    return np.array([found[radius] for radius in radii])


def certified_accuracy(
    estimator, X, y, threat, *, norm=None, method="auto", max_nodes=10_000, sample_weight=None
):
    """Guaranteed accuracy when every row may move within a radius, or as a threat model allows.

    A lower bound. Exact where `adversarial_accuracy` is exact, so that both are equal there unless
    a budget is spent. For neural networks it uses linear bound propagation [1]_, for boxes,
    directions and swaps, which treats integers as fractions.

    Parameters
    ----------
    estimator : classifier
        Fitted: a linear model, a decision tree, a forest, gradient boosting or an MLP, or a
        pipeline with one of these behind steps that are affine within the perturbation set (see
        Notes).
    X : DataFrame or array-like of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,)
        Their labels.
    threat : float, array-like of shape (n_radii,) or ThreatModel
        Radius, or several, in units of X; or the changes that rows of a table may undergo.
    norm : {"l2", "linf", "l1"}, default=None
        Norm of the perturbation for a radius; ``None`` is "l2". A threat model has its own.
    method : str, default="auto"
        "auto" takes the first of these that applies: "scorecard", "linear", "tree",
        "additive_trees", "linear_bounds" and "lipschitz"; "exact" takes the first four only.
    max_nodes : int, default=10_000
        As in `adversarial_accuracy`.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    accuracy : float or ndarray of shape (n_radii,)
        Between 0 and 1, for each radius.

    Raises
    ------
    TypeError
        For a model about which nothing can be certified, or steps before it that are unknown and
        not affine, or act on columns without bounds.

    Notes
    -----
    A row is certified up to the radius within which the steps before the last are affine. Steps of
    scikit-learn that are known to be affine, such as imputers, scalers, encoders and principal
    components, are read by their type and parameters; edges of bins, thresholds, ends of clipping
    and markers of missing values end the radius of each row that can reach them. Other steps are
    tested numerically at several hundred points within reach of each row, which is evidence and no
    proof. On columns without bounds (a plain radius, or ``bounds=None``) they certify nothing.

    Certificates take the rounding of ``predict``, in its own precision, into account.

    References
    ----------
    .. [1] Zhang, Weng, Chen, Hsieh and Daniel (2018), "Efficient neural network robustness
       certification with general activation functions".

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from sklearn_irg.attacks import ThreatModel, adversarial_accuracy, certified_accuracy
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> tree = DecisionTreeClassifier(max_depth=4, random_state=0).fit(X, y)
    >>> threat = ThreatModel([0, 0.1, 0.2], norm="linf").fit(X)
    >>> certified_accuracy(tree, X, y, threat).round(3), adversarial_accuracy(tree, X, y, threat).round(3)
    (array([0.982, 0.923, 0.873]), array([0.982, 0.923, 0.873]))
    """
    fitted = as_threat(threat, X, norm=norm)
    check_method(method, "certify")
    weights = check_sample_weight(sample_weight, len(X) if hasattr(X, "__len__") else X.shape[0])
    problem = AttackProblem(estimator, X, column_or_1d(y), fitted)
    certified, _ = certify(problem, check_radii(fitted.epsilon), method, checked_budget(max_nodes))
    accuracies = np.average(certified, axis=1, weights=weights)
    return accuracies if np.ndim(fitted.epsilon) else float(accuracies[0])


class _AdversarialScorer:
    def __init__(self, threat, scoring, norm, method, max_nodes):
        self.threat = threat
        self.scoring = scoring
        self.norm = norm
        self.method = method
        self.max_nodes = max_nodes
        self._requests_weight = None

    def __call__(self, estimator, X, y, sample_weight=None):
        fitted, labels = as_threat(self.threat, X, norm=self.norm), np.asarray(y)
        weights = check_sample_weight(sample_weight, len(labels))
        classes = getattr(estimator, "classes_", None)
        if classes is None or labels.ndim != 1:
            known, tried = np.ones(len(labels), dtype=bool), y
        else:
            # rows of a class that the training rows of a fold lack are misclassified without an
            # attack
            known = np.isin(labels, classes)
            tried = np.where(known, labels, classes[0]) if not known.all() else y
        if not known.any():
            return 0.0
        misclassified = _misclassified(
            estimator, X, tried, self.threat, fitted, self.method, self.max_nodes
        )[0]
        return robust_score(misclassified | ~known, labels, self.scoring, weights)

    def set_score_request(self, *, sample_weight=None):
        """Request sample weights, or not, where metadata routing is enabled.

        Parameters
        ----------
        sample_weight : bool or str, default=None
            True requests ``sample_weight`` and passes it on if given, False does not pass it on,
            ``None`` raises an error if it is given, and a str requests it under that name.

        Returns
        -------
        scorer : callable
            A copy with this request.
        """
        scorer = copy(self)
        scorer._requests_weight = sample_weight
        return scorer

    def get_metadata_routing(self):
        """Metadata that the scorer requests, as a scikit-learn `MetadataRequest`."""
        request = MetadataRequest(owner=repr(self))
        request.score.add_request(param="sample_weight", alias=self._requests_weight)
        return request

    def __repr__(self):
        options = f"scoring={self.scoring!r}, norm={self.norm!r}, method={self.method!r}"
        return f"make_adversarial_scorer({self.threat!r}, {options})"


def make_adversarial_scorer(
    threat, *, scoring="accuracy", norm=None, method="auto", max_nodes=10_000
):
    """Scorer for ``GridSearchCV(scoring=…)``: accuracy under attack.

    Rows may move within a radius, or as a threat model allows.

    Parameters
    ----------
    threat : float or ThreatModel
        Radius, in units of X; or the changes that rows of a table may undergo, a threat model that
        was fitted on the whole table, whose scales and levels are those of all folds.
    scoring : {"accuracy", "balanced_accuracy"}, default="accuracy"
        Score of the rows that stay correctly classified: their share, or the mean of their shares
        by class, which does not favor a model that predicts the most frequent class.
    norm : {"l2", "linf", "l1"}, default=None
        Norm of the perturbation for a radius; ``None`` is "l2".
    method : str or callable, default="auto"
        As in `adversarial_accuracy`.
    max_nodes : int, default=10_000
        As in `adversarial_accuracy`.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y)``; larger is better. Rows of a class that the training rows of a
        fold lack count as misclassified, as they do in accuracy. It pickles.

    Raises
    ------
    ValueError
        For a negative radius, several radii, an unknown ``scoring``, or a threat model that has not
        been fitted.

    See Also
    --------
    sklearn_irg.model_selection.refit_most_robust : Chooses by it among models that are as good as
        the best.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_irg import GradRegLogisticRegression
    >>> from sklearn_irg.attacks import make_adversarial_scorer
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = GradRegLogisticRegression(max_iter=500)
    >>> for epsilon in (0, 0.5):
    ...     scores = cross_val_score(model, scale(X), y, scoring=make_adversarial_scorer(epsilon))
    ...     print(epsilon, scores.mean().round(2))
    0 0.98
    0.5 0.91
    """
    if isinstance(threat, ThreatModel):
        check_alone(norm=norm)
        one_radius(threat)
        check_fitted(threat)
    else:
        threat = one_radius(threat)
        check_choice("l2" if norm is None else norm, "norm", NORMS)
    if not callable(method):
        check_method(method, "attack")
    check_choice(scoring, "scoring", ROBUST_SCORINGS)
    return _AdversarialScorer(threat, scoring, norm, method, checked_budget(max_nodes).max_nodes)
