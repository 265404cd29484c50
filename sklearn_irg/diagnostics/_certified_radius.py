"""Distances to the decision boundary that are certain: lower ends, and intervals with what was reached."""

import numpy as np

from sklearn_irg._checks import InvalidParameterError, check_choice, check_real
from sklearn_irg._fitted.affine import predictions
from sklearn_irg._fitted.boundary import margin_over_norm
from sklearn_irg._threats import exact_network
from sklearn_irg._threats.additive_trees import method_of
from sklearn_irg._threats.certificates import can_certify, certified_radii
from sklearn_irg._threats.nearest import nearest_falls
from sklearn_irg._threats.radii import rungs
from sklearn_irg._threats.reach import DUAL
from sklearn_irg._threats.rounding import distance_slack, margin_slack
from sklearn_irg._threats.tree_worst_case import acts_by_column, tree_worst_case
from sklearn_irg._threats.worst_case import has_exact_minimum, require_known_steps
from sklearn_irg.diagnostics._distances import _attacked, _classifier, attack_distance
from sklearn_irg.diagnostics._lipschitz import margin_bounds


def certified_radius(estimator, X, y=None, *, norm=None, method="auto", threat=None, units="raw", time_limit=10.0):
    r"""Radius within which no change of a row can change its prediction: a lower bound on the distance to the boundary.

    Parameters
    ----------
    estimator : classifier
        A fitted linear model, multi-layer perceptron or decision tree, or a pipeline with one of these behind steps that
        are affine in what rows may become (see Notes).
    X : DataFrame or array-like of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,), default=None
        Labels; misclassified rows have radius zero. ``None`` means the predicted ones.
    norm : {"l2", "linf", "l1"}, default=None
        Norm of the distance; ``None`` is "l2". A threat model has its own.
    method : {"auto", "lipschitz", "linear_bounds", "exact"}, default="auto"
        "lipschitz" divides the margins of a network by the product of the spectral norms of its weights, in "l2" only [1]_;
        "linear_bounds" bounds its activations by lines [2]_, to within 0.2% of the largest radius that this certifies;
        "exact" is for linear models, trees, forests and gradient boosting [4]_, and, by mixed-integer programming, ReLU
        networks in "linf" and "l1" [3]_. "auto" is exact for these but networks, for which it is "linear_bounds"; integers in
        "l2" and "l1" are treated as fractions by linear models.
    threat : ThreatModel, default=None
        Changes that rows may undergo; its radius is ignored.
    units : {"raw", "std"}, default="raw"
        Units of the columns: their own, or their standard deviation over the rows given. A threat model has its own.
    time_limit : float, default=10.0
        Seconds for each row of a mixed-integer program. When it runs out, the radius is the largest one proved so far.

    Returns
    -------
    radii : ndarray of shape (n_samples,)
        In these units, or those of the threat model. Infinite where nothing within reach changes the prediction.

    Raises
    ------
    TypeError
        For a model about which nothing can be certified, or not by this method, or steps before it that are unknown and
        not affine, or act on columns without bounds.

    See Also
    --------
    attack_distance : An upper bound.
    distance_interval : Both bounds.

    Notes
    -----
    In a pipeline no radius is larger than the one within which the steps before the last are affine. Steps of scikit-learn
    that are known to be affine, such as imputers, scalers, encoders and principal components, are read by their type and
    parameters; edges of bins, thresholds, ends of clipping and markers of missing values end the radius of each row that
    can reach them. Other steps are tested numerically at several hundred points within reach of each row, which is
    evidence and no proof. On columns without bounds (no ``threat``, or one with ``bounds=None``) they certify nothing.

    The rounding of ``predict``, in its own precision, is counted.

    References
    ----------
    .. [1] Tsuzuku, Sato and Sugiyama (2018), "Lipschitz-margin training: scalable certification of perturbation
       invariance for deep neural networks".
    .. [2] Zhang, Weng, Chen, Hsieh and Daniel (2018), "Efficient neural network robustness certification with general
       activation functions".
    .. [3] Tjeng, Xiao and Tedrake (2019), "Evaluating robustness of neural networks with mixed integer programming".
    .. [4] Kantchelian, Tygar and Joseph (2016), "Evasion and hardening of tree ensemble classifiers".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neural_network import MLPClassifier
    >>> from sklearn_irg.diagnostics import attack_distance, certified_radius
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier((10,), learning_rate_init=0.01, tol=0.002, random_state=0).fit(X, y)
    >>> for method in "lipschitz", "linear_bounds":
    ...     print(method, certified_radius(model, X[::50], method=method).round(2))
    lipschitz [0.75 0.42 0.63]
    linear_bounds [1.41 0.64 0.98]
    >>> attack_distance(model, X[::50]).round(2)
    array([1.43, 0.64, 1.19])
    """
    check_choice(method, "method", ("auto", "lipschitz", "linear_bounds", "exact"))
    check_real(time_limit, "time_limit", 0, open_low=True)
    if method == "lipschitz":
        return _lipschitz_radius(estimator, X, y, norm, threat, units)
    attacked = _attacked(estimator, X, y, norm, threat, units)
    right = predictions(estimator, X) == attacked.model.classes[attacked.own]
    ladder = [*(radius for radius, _ in rungs(attacked, [])), np.inf]
    attacked.find_limits(ladder)
    require_known_steps(attacked, ladder)
    radii = _radii_of_model(estimator, X, y, attacked, norm, method, threat, units, time_limit)
    return np.where(right, np.minimum(radii, attacked.limits), 0)


def _radii_of_model(estimator, X, y, attacked, norm, method, threat, units, time_limit):
    """Radii as far as the model behind the steps is concerned."""
    if acts_by_column(attacked) and method != "linear_bounds":
        _require(method == "auto" or attacked.reach.threat.valid is None, attacked, _EXACT)
        return np.maximum(tree_worst_case(attacked)[0] - distance_slack(attacked), 0)
    if attacked.model.is_linear and not attacked.binds and method != "linear_bounds":
        margins, gradients = attacked.model.margins(attacked.rows, attacked.own)
        slopes = gradients[:, :, : attacked.reach.numbers.shape[1]] * attacked.reach.scales
        norms = np.linalg.norm(slopes, ord=DUAL[attacked.reach.norm], axis=2)
        # rounding grows with the way that rows go, too, but no faster than the margin falls
        slack = margin_slack(attacked, np.zeros(attacked.reach.numbers.shape))
        share = 1 - 64 * len(slopes.T) * attacked.precision
        return np.maximum(share * margin_over_norm(margins - slack, norms).min(axis=1), 0)
    if has_exact_minimum(attacked):
        return certified_radii(attacked, n_bisections=45)[0]
    if method != "linear_bounds" and (trees := method_of(attacked)) is not None:
        return trees.distances(attacked)[0]
    if method == "exact":
        return _exact_interval(attacked, time_limit)[0]
    is_plain = norm in (None, "l2") and threat is None
    if method == "auto" and attacked.model.has_weights and is_plain and not can_certify(attacked):
        return _lipschitz_radius(estimator, X, y, norm, threat, units)  # an activation without linear bounds
    _require(
        can_certify(attacked), attacked, "certain: a linear model, a decision tree, or a network of known activations"
    )
    return certified_radii(attacked)[0]


_EXACT = 'exact: a linear model, trees, or a network of relu in "linf" or "l1", without `valid`,'


def _has_exact_interval(attacked):
    """Whether `_exact_interval` serves, and nothing in closed form does."""
    if attacked.model.is_linear or acts_by_column(attacked) or attacked.reach.threat.valid is not None:
        return False
    return method_of(attacked) is not None or exact_network.can_be_exact(attacked)


def _exact_interval(attacked, time_limit):
    """Both ends of the distances of several trees or of a relu network, which meet if time allows."""
    trees = None if attacked.reach.threat.valid is not None else method_of(attacked)
    if trees is not None:
        return trees.distances(attacked)
    _require(exact_network.can_be_exact(attacked), attacked, _EXACT)
    upper = nearest_falls(attacked)
    return exact_network.distance_intervals(attacked, certified_radii(attacked)[0], upper, time_limit)


def _require(condition, attacked, what):
    if not condition:
        raise TypeError(
            f"the distance for {attacked.model.name} is not {what} is needed, alone or behind steps that act column by column. "
            "Behind others, pass pipe[-1] with pipe[:-1].transform(X); attack_distance is an upper bound."
        )


def _lipschitz_radius(estimator, X, y, norm, threat, units):
    if norm not in (None, "l2") or threat is not None:
        raise InvalidParameterError(
            'method="lipschitz" is for norm="l2" without a threat model. Use method="linear_bounds".'
        )
    attacked = _attacked(estimator, X, y, norm, threat, units)
    if attacked.reading is not None and not attacked.reading.is_affine:
        raise TypeError(
            f"the steps before the last of {attacked.model.name} are not affine, or cannot be read, so its slope has no bound. "
            'Use method="auto" under a ThreatModel with bounds, or pass pipe[-1] with pipe[:-1].transform(X).'
        )
    model, X = _classifier(estimator, X, units)
    margins, gradients = model.margins(X, attacked.own)
    bounds = np.linalg.norm(gradients, axis=2) if model.is_linear else margin_bounds(model, attacked.own)
    slack = margin_slack(attacked, np.zeros(attacked.reach.numbers.shape)) if model.has_weights else 0.0
    return np.maximum(margin_over_norm(margins - slack, bounds).min(axis=1), 0)


def distance_interval(estimator, X, y=None, *, norm=None, method="auto", threat=None, units="raw", time_limit=10.0):
    """Lower and upper bound on the distance of each row to the decision boundary, by a certificate and by an attack.

    Parameters
    ----------
    estimator : classifier
        Fitted; where nothing can be certified, the lower bound is zero.
    X : DataFrame or array-like of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,), default=None
        Labels; misclassified rows have distance zero. ``None`` means the predicted ones.
    norm : {"l2", "linf", "l1"}, default=None
        Norm of the distance; ``None`` is "l2". A threat model has its own.
    method : {"auto", "lipschitz", "linear_bounds", "exact"}, default="auto"
        How the lower bound is found. "lipschitz" divides the margins of a network by the product of the spectral norms
        of its weights, in "l2" only; "linear_bounds" bounds its activations by lines; "exact" makes both bounds meet: for
        trees, forests and gradient boosting, and by mixed-integer programming for ReLU networks in "linf" and "l1". "auto" is
        exact for these but networks, for which it is "linear_bounds"; integers in "l2" and "l1" are treated as fractions by
        linear models.
    threat : ThreatModel, default=None
        Changes that rows may undergo; its radius is ignored.
    units : {"raw", "std"}, default="raw"
        Units of the columns: their own, or their standard deviation over the rows given.
    time_limit : float, default=10.0
        Seconds for each row of a mixed-integer program. When it runs out, the two ends may differ.

    Returns
    -------
    lower, upper : ndarray of shape (n_samples,)
        In these units, or those of the threat model.

    Raises
    ------
    TypeError
        For ``method="exact"`` where no exact method exists.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neural_network import MLPClassifier
    >>> from sklearn_irg.diagnostics import distance_interval
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier((10,), learning_rate_init=0.01, tol=0.002, random_state=0).fit(X, y)
    >>> lower, upper = distance_interval(model, X[::50], norm="linf", method="exact")
    >>> lower.round(3), upper.round(3)
    (array([0.859, 0.335, 0.533]), array([0.859, 0.335, 0.533]))
    """
    arguments = {"norm": norm, "threat": threat, "units": units}
    attacked = None
    if method == "exact":
        check_real(time_limit, "time_limit", 0, open_low=True)
        attacked = _attacked(estimator, X, y, **arguments)
    if attacked is not None and _has_exact_interval(attacked):
        lower, upper = _exact_interval(attacked, time_limit)
    else:
        upper = attack_distance(estimator, X, **arguments)
        try:
            lower = certified_radius(estimator, X, y, method=method, **arguments)
        except TypeError:
            if method != "auto":
                raise
            lower = np.zeros(len(upper))
    if y is not None:
        right = predictions(estimator, X) == np.ravel(y)
        lower, upper = np.where(right, lower, 0), np.where(right, upper, 0)
    return np.minimum(lower, upper), upper  # where both are exact, rounding may turn them round
