"""Distances to the decision boundary: estimated and reached."""

import numpy as np

from sklearn_irg._checks import check_integer
from sklearn_irg._fitted.boundary import margin_over_norm
from sklearn_irg._fitted.extraction import model_and_rows
from sklearn_irg._fitted.units import column_scales
from sklearn_irg._threats.arguments import checked_budget, fitted_threat
from sklearn_irg._threats.distances import distance_problem, upper_bounds
from sklearn_irg._threats.methods import check_method


def signed_distance(estimator, X, y=None, *, units="raw"):
    r"""Distance of each row to the decision boundary, positive where it is classified correctly.

    .. math:: \min_{k \ne y} \frac{z_y - z_k}{\lVert \nabla (z_y - z_k) \rVert_2}

    which is exact for linear models and a first-order estimate otherwise.

    Parameters
    ----------
    estimator : classifier
        Fitted: linear, an MLP, anything with ``decision_function`` or ``predict_proba`` (by 4 to
        8 · n_features calls of it), or a pipeline of affine steps and one of these.
    X : array-like of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,), default=None
        True labels. Without them, distances of two classes are positive where ``classes_[1]`` is
        predicted, and those of more classes are to the boundary of the predicted class, hence never
        negative.
    units : {"raw", "std"}, default="raw"
        Units of the columns: their own, or their standard deviation over the rows given.

    Returns
    -------
    distances : ndarray of shape (n_samples,)
        An L2 distance in these units. Infinite where the gradient vanishes.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_irg.diagnostics import signed_distance
    >>> model = LogisticRegression(C=1e6).fit([[-1.0, 0.0], [1.0, 0.0]], [0, 1])
    >>> np.round(signed_distance(model, [[2.0, 5.0], [-3.0, 5.0]], [1, 1]), 3)
    array([ 2., -3.])
    """
    return _distances_and_weight_norm(estimator, X, y, units)[0]


def _distances_and_weight_norm(estimator, X, y=None, units="raw", threat=None):
    """Signed distances, and the norm of linear weights, in the same units.

    They are units of the columns, or the scales of a threat model. The norm is None for models
    that are not linear, and for three classes or more.
    """
    model, rows = model_and_rows(estimator, X)
    model.require_classes()
    model.require_gradients(rows)
    if model.is_voting:
        raise TypeError(
            f"{model.name} decides by votes of pairs of classes, so slopes of scores say nothing "
            "about the distance to where a vote changes. Use attack_distance, or "
            "OneVsRestClassifier around it."
        )
    scales = (
        column_scales(model, rows, units) if threat is None else fitted_threat(threat, X).scales_
    )
    label = _positions(model, rows, y)
    if y is None and model.n_outputs == 1:
        label = np.ones(len(rows), dtype=int)
    margins, gradients = model.margins(rows, label)
    slopes = np.linalg.norm(gradients * scales.astype(model.dtype), axis=2)
    is_linear = model.is_linear and model.n_outputs == 1 and len(rows) > 0
    return margin_over_norm(margins, slopes).min(axis=1), float(slopes[0, 0]) if is_linear else None


def attack_distance(
    estimator,
    X,
    *,
    threat=None,
    norm=None,
    units="raw",
    method="auto",
    max_nodes=10_000,
    max_iter=50,
):
    """Distance at which the prediction of each row is found to change.

    This is an upper bound on the distance to the boundary.

    Exact for linear models, decision trees, forests and gradient boosting, alone or in a pipeline
    as far as the steps before them act column by column and are affine or linear between kinks,
    except for `ThreatModel.valid`. Exact values are infima, which need not be reached. For models
    with gradients, `sklearn_irg.attacks.deepfool` finds a row with another prediction, and
    bisection the boundary on the line to it; in norms other than "l2", or with bounds, projected
    gradients at growing radii are used instead. For other models a search finds such a row and
    moves it back while the prediction differs.

    Parameters
    ----------
    estimator : classifier
        Fitted; a pipeline of any steps, or anything else with ``predict``.
    X : DataFrame or array-like of shape (n_samples, n_features)
        Samples.
    threat : ThreatModel, default=None
        Changes that rows may undergo; its radius is ignored.
    norm : {"l2", "linf", "l1"}, default=None
        Norm of the distance; ``None`` is "l2". A threat model has its own.
    units : {"raw", "std"}, default="raw"
        Units of the columns: their own, or their standard deviation over the rows given. A threat
        model has its own.
    method : str, default="auto"
        "auto" takes the first of these that applies: "scorecard", "linear", "tree",
        "additive_trees", "deepfool", "gradient" and "search"; "exact" takes the first four only,
        and "mixed_integer".
    max_nodes : int, default=10_000
        As in `certified_radius`.
    max_iter : int, default=50
        Maximum number of linearizations of "deepfool".

    Returns
    -------
    distances : ndarray of shape (n_samples,)
        In these units, or those of the threat model. Infinite where no other prediction was found.

    Raises
    ------
    TypeError
        For an estimator that is not a classifier, and for a method that does not apply to it.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from sklearn_irg.diagnostics import attack_distance
    >>> X, y = load_iris(return_X_y=True)
    >>> tree = DecisionTreeClassifier(max_leaf_nodes=3, random_state=0).fit(X, y)
    >>> attack_distance(tree, X[::30]).round(2)  # from petal widths of 0.2, 0.2, 1, 1.2 and 2.3 cm to 0.8 and 1.75
    array([0.6 , 0.6 , 0.2 , 0.4 , 0.55])
    """
    check_method(method, "upper")
    budget = checked_budget(max_nodes, max_linearizations=check_integer(max_iter, "max_iter", 1))
    problem = distance_problem(estimator, X, None, norm=norm, threat=threat, units=units)
    return upper_bounds(problem, method, budget)


def _positions(model, X, y):
    if y is None:
        return model.predicted(model.scores(X))
    targets = model.encode(y, len(X))
    return targets[:, 0].astype(int) if model.n_outputs == 1 else targets.argmax(axis=1)
