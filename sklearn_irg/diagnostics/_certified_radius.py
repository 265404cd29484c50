"""Certified distances to the decision boundary: lower bounds, and intervals with attacks."""

import numpy as np

from sklearn_irg._threats.arguments import checked_budget
from sklearn_irg._threats.distances import bounds, distance_problem, lower_bounds
from sklearn_irg._threats.methods import check_method


def certified_radius(
    estimator,
    X,
    y=None,
    *,
    threat=None,
    norm=None,
    units="raw",
    method="auto",
    max_nodes=10_000,
    time_limit=10.0,
):
    r"""Radius within which no change of a row can change its prediction.

    It is a lower bound on the distance to the boundary.

    Parameters
    ----------
    estimator : classifier
        A fitted linear model, MLP, decision tree, forest or gradient boosting,
        or a pipeline with one of these behind steps that are affine in what rows may become (see
        Notes).
    X : DataFrame or array-like of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,), default=None
        Labels; misclassified rows have radius zero. ``None`` means the predicted ones.
    threat : ThreatModel, default=None
        Changes that rows may undergo; its radius is ignored.
    norm : {"l2", "linf", "l1"}, default=None
        Norm of the distance; ``None`` is "l2". A threat model has its own.
    units : {"raw", "std"}, default="raw"
        Units of the columns: their own, or their standard deviation over the rows given. A threat
        model has its own.
    method : str, default="auto"
        "auto" takes the first of these that applies, but "mixed_integer" only if it is named;
        "exact" takes exact methods only. Exact are "scorecard" and "linear" for linear models,
        "tree" and "additive_trees" for trees, forests and gradient boosting [4]_, and
        "mixed_integer" for ReLU networks in "linf" and "l1" [3]_. "linear_bounds" bounds the
        activations of a network by lines [2]_, to within 0.2% of the largest radius that this
        certifies; "lipschitz" divides its margins by the product of the spectral norms of its
        weights, in "l2" only [1]_.
    max_nodes : int, default=10_000
        Boxes that a branch and bound may look at, for each row, radius, way to swap and other
        class; what is proved by then counts.
    time_limit : float, default=10.0
        Seconds for each row of a mixed-integer program. When it runs out, the radius is the largest
        one proved so far.

    Returns
    -------
    radii : ndarray of shape (n_samples,)
        In these units, or those of the threat model. Infinite where nothing within reach changes
        the prediction.

    Raises
    ------
    TypeError
        For a model about which nothing can be certified, or not by this method, or steps before it
        that are unknown and not affine, or act on columns without bounds.

    See Also
    --------
    attack_distance : An upper bound.
    distance_interval : Both bounds.

    Notes
    -----
    In a pipeline no radius is larger than the one within which the steps before the last are
    affine, but for linear models behind steps with kinks in one column each ("scorecard"). Steps of
    scikit-learn that are known to be affine, such as imputers, scalers, encoders and principal
    components, are read by their type and parameters; edges of bins, thresholds, ends of clipping
    and markers of missing values end the radius of each row that can reach them. Other steps are
    tested numerically at several hundred points within reach of each row, which is evidence and no
    proof. On columns without bounds (no ``threat``, or one with ``bounds=None``) they certify
    nothing.

    The rounding of ``predict``, in its own precision, is counted.

    References
    ----------
    .. [1] Tsuzuku, Sato and Sugiyama (2018), "Lipschitz-margin training: scalable certification of
       perturbation invariance for deep neural networks".
    .. [2] Zhang, Weng, Chen, Hsieh and Daniel (2018), "Efficient neural network robustness
       certification with general activation functions".
    .. [3] Tjeng, Xiao and Tedrake (2019), "Evaluating robustness of neural networks with mixed
       integer programming".
    .. [4] Kantchelian, Tygar and Joseph (2016), "Evasion and hardening of tree ensemble
       classifiers".

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
    check_method(method, "lower")
    budget = checked_budget(max_nodes, time_limit)
    problem = distance_problem(estimator, X, y, norm=norm, threat=threat, units=units)
    return lower_bounds(problem, method, budget)


def distance_interval(
    estimator,
    X,
    y=None,
    *,
    threat=None,
    norm=None,
    units="raw",
    method="auto",
    max_nodes=10_000,
    time_limit=10.0,
):
    """Lower and upper bound on the distance of each row to the decision boundary.

    The lower bound is by a certificate, the upper one by an attack.

    Parameters
    ----------
    estimator : classifier
        Fitted; where nothing can be certified, the lower bound is zero.
    X : DataFrame or array-like of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,), default=None
        Labels; misclassified rows have distance zero. ``None`` means the predicted ones.
    threat : ThreatModel, default=None
        Changes that rows may undergo; its radius is ignored.
    norm : {"l2", "linf", "l1"}, default=None
        Norm of the distance; ``None`` is "l2". A threat model has its own.
    units : {"raw", "std"}, default="raw"
        Units of the columns: their own, or their standard deviation over the rows given. A threat
        model has its own.
    method : str, default="auto"
        How the lower bound is found, as in `certified_radius`; exact methods give the upper one as
        well, so that both meet.
    max_nodes : int, default=10_000
        Boxes that a branch and bound may look at, for each row, radius, way to swap and other
        class; what is proved by then counts.
    time_limit : float, default=10.0
        Seconds for each row of a mixed-integer program. When it runs out, the two ends may differ.

    Returns
    -------
    lower, upper : ndarray of shape (n_samples,)
        In these units, or those of the threat model.

    Raises
    ------
    TypeError
        For a method that does not apply, and for "exact" where no exact method does.

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
    check_method(method, "lower")
    budget = checked_budget(max_nodes, time_limit)
    problem = distance_problem(estimator, X, y, norm=norm, threat=threat, units=units)
    lower, upper = bounds(problem, method, budget)
    lower, upper = (np.where(problem.misclassified, 0, side) for side in (lower, upper))
    return np.minimum(lower, upper), upper  # where both are exact, rounding may turn them round
