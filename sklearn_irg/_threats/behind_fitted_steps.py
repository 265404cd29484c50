"""Perturbation set of the inputs of a pipeline's last step, for adversarial training."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from sklearn_irg._checks import InvalidParameterError
from sklearn_irg._fitted.steps import NotNumbersError, Steps
from sklearn_irg._perturbations.input_perturbations import InputPerturbations
from sklearn_irg._threats.attack_problem import AttackProblem

__all__ = ["perturbations_behind"]

_WAY_ROUND = (
    'Use method="rounds", which needs to know nothing of the steps; or steps that act on each '
    "column by itself and are affine in numbers, such as scalers, SimpleImputer and OneHotEncoder."
)


def perturbations_behind(steps, X, inputs, threat):
    """Perturbation set of a fitted threat model behind fitted steps, at its radius.

    Parameters
    ----------
    steps : list of (str, transformer)
        Fitted; all but the last of a pipeline.
    X : DataFrame or array of shape (n_samples, n_columns)
        Rows, as the first step takes them.
    inputs : DataFrame or array-like of shape (n_samples, n_inputs)
        Output of the steps on these rows.
    threat : ThreatModel
        Fitted on rows like these, with a single radius.

    Returns
    -------
    perturbations : InputPerturbations
        Around the inputs.

    Raises
    ------
    ValueError
        Where the steps are not affine in all numbers that rows may become, or do not act on levels
        column by column.
    """
    pipeline = Pipeline([*steps, ("stand_in", _linear_stand_in(inputs))])
    try:
        Steps(pipeline)(threat.read(X).take([0]).X)
    except NotNumbersError as error:
        raise InvalidParameterError(
            f"the steps before the last do not end in numbers. {_WAY_ROUND}"
        ) from error
    problem = AttackProblem(pipeline, X, None, threat)
    radius, arrays = float(threat.epsilon), problem.perturbations
    if arrays.columns and problem.effects is None:
        raise InvalidParameterError(
            f"the steps before the last do not act on categories column by column. {_WAY_ROUND}"
        )
    problem.find_limits([radius])
    if (problem.limits <= radius).any():
        raise InvalidParameterError(
            "the steps before the last are not affine in all that "
            f"{np.count_nonzero(problem.limits <= radius)} of {len(problem)} rows may "
            f"become{_of_columns(problem)}. {_WAY_ROUND}"
        )
    slopes = np.eye(inputs.shape[1]) if problem.before is None else problem.before[0]
    levels = problem.effects or []
    return InputPerturbations.of(
        arrays, arrays.scales[:, None] * slopes, levels, np.full(len(problem), radius)
    )


def _linear_stand_in(inputs):
    """Linear model with fitted attributes in place of the last step, which is not fitted yet."""
    model, n_inputs = LogisticRegression(), inputs.shape[1]
    names = list(getattr(inputs, "columns", ()))
    if names and all(isinstance(name, str) for name in names):
        model.feature_names_in_ = np.array(names, dtype=object)
    model.classes_, model.n_features_in_ = np.array([0, 1]), n_inputs
    model.coef_, model.intercept_, model.n_iter_ = (
        np.zeros((1, n_inputs)),
        np.zeros(1),
        np.zeros(1, dtype=np.int32),
    )
    return model


def _of_columns(problem):
    """Names of the columns where the steps bend or jump, as part of a message."""
    reading, table = problem.reading, problem.table
    columns = [
        j for j in range(table.n_columns) if j in reading.landmarks or reading.unknown[j].any()
    ]
    movable = problem.perturbations.movable_columns
    names = [
        repr(table.name_of(j)) for j in columns if movable[j] or j in problem.perturbations.columns
    ]
    return f", in {', '.join(names[:5])}" if names else ""
