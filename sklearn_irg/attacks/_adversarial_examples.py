from sklearn.utils import column_or_1d

from sklearn_irg._threats.arguments import as_threat, checked_budget, one_radius
from sklearn_irg._threats.attack_problem import AttackProblem
from sklearn_irg._threats.evaluation import find_attacks
from sklearn_irg._threats.methods import check_method


def adversarial_examples(
    estimator, X, y, threat, *, norm=None, clip=None, features=None, method="auto", max_nodes=10_000
):
    """Worst rows that the given rows may become; misclassified ones where such rows were found.

    They are found by the attack of `adversarial_accuracy`.

    Parameters
    ----------
    estimator : classifier
        Fitted; a pipeline of any steps, or anything else with ``predict``.
    X : DataFrame or array-like of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,)
        Their labels.
    threat : float or ThreatModel
        Radius, in units of X; or the changes that rows of a table may undergo.
    norm : {"l2", "linf", "l1"}, default=None
        Norm of the perturbation for a radius; ``None`` is "l2".
    clip : tuple of two floats or arrays of shape (n_features,), default=None
        Bounds for a radius; a threat model has its own.
    features : sequence of str, int or bool, default=None
        Columns that may move for a radius; ``None`` means all.
    method : str, default="auto"
        As in `adversarial_accuracy`, without callables.
    max_nodes : int, default=10_000
        As in `adversarial_accuracy`.

    Returns
    -------
    X_adversarial : DataFrame or ndarray of shape (n_samples, n_features)
        Rows like those of X, with its columns, index and types. Rows that are already misclassified
        stay unchanged; the others are at the point tried at which the odds against their class are
        largest.

    Raises
    ------
    ValueError
        As `adversarial_accuracy`, and for several radii.

    See Also
    --------
    ThreatModel : Changes that rows of a table may undergo.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.compose import make_column_transformer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import OneHotEncoder, StandardScaler
    >>> from sklearn_irg.attacks import ThreatModel, adversarial_examples
    >>> table = pd.DataFrame({"age": [23, 45, 31, 60, 52, 38], "job": list("abacbc")})
    >>> bought = [0, 1, 0, 1, 1, 0]
    >>> prepare = make_column_transformer((StandardScaler(), ["age"]), (OneHotEncoder(), ["job"]))
    >>> model = make_pipeline(prepare, LogisticRegression()).fit(table, bought)
    >>> threat = ThreatModel(epsilon=0.3, n_swaps=1).fit(table)
    >>> adversarial_examples(model, table, bought, threat)
       age job
    0   26   b
    1   42   a
    2   34   b
    3   57   a
    4   49   a
    5   41   b
    """
    threat = as_threat(threat, X, norm=norm, clip=clip, features=features)
    radius = one_radius(threat)
    check_method(method, "attack")
    problem = AttackProblem(estimator, X, column_or_1d(y), threat)
    return find_attacks(problem, [radius], method, checked_budget(max_nodes)).rows()
