"""One training from start to end: rows, a start, an objective, a solver, and the result."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state

from sklearn_irg._checks import InvalidParameterError
from sklearn_irg._engine.networks import Network, stays_finite
from sklearn_irg._engine.objective import Objective, RampUp
from sklearn_irg._engine.partitions import DistributedObjective
from sklearn_irg._training.starts import kind_of
from sklearn_irg.solvers import Schedule, Solution

__all__ = ["Fitted", "finish", "initial_values", "objective_of", "terms_of", "train"]


@dataclass(frozen=True)
class Fitted:
    """Result of training, for an estimator to adopt.

    Parameters
    ----------
    task : Task
        Kind of y.
    columns : dict
        ``n_features_in_``, and ``feature_names_in_`` where columns have names.
    network : Network
        Network that predicts.
    weights : tuple of (list, list)
        Its weights and biases.
    solution : Solution
        Solution of the solver.
    n_samples : int
        Number of rows that were trained on.
    history : tuple of (list, int)
        Losses of earlier iterations, and the number of rows that they saw.
    kept : dict
        Attributes from which a later call of ``partial_fit`` continues.
    scaling : Scaling or None
        Scaling of the rows.
    """

    task: object
    columns: dict
    network: Network
    weights: tuple
    solution: Solution
    n_samples: int
    history: tuple
    kept: dict
    scaling: object = None


def train(task, data, settings, start, follow=None):
    """Train on rows and return a `Fitted`; nothing is written to an estimator.

    Parameters
    ----------
    task : Task
        Kind of y.
    data : Data or Partitions
        The rows.
    settings : Settings
        Settings of the estimator.
    start : Fresh, Warm or Continued
        Where to start.
    follow : callable, default=None
        Called after each iteration with a function that gives what would be returned; a true return
        value stops.
    """
    random_state = start.generator(settings.random_state)
    task = start.task(task, data.y)
    all_rows, network = data.encoded(task, settings)
    scaling = None if settings.scaling is None else settings.scaling(all_rows)
    rows = all_rows if scaling is None else scaling.scaled(all_rows)
    theta = start.theta(network, settings, random_state, rows.columns.dtype)
    start.check(settings)
    rows, score = hold_out(task, network, rows, settings, random_state)
    terms = terms_of(settings, rows)
    task.check_terms(rows, terms, settings.parametrization)
    objective = objective_of(network, rows, settings, terms)
    start.check_objective(objective)
    theta = start.solver_parameters(objective, theta)
    options = settings.schedule(rows.n_samples)
    max_iter = start.n_epochs(options.pop("max_iter"))
    fitted = partial(finish, task, data, objective, start, random_state, settings.solver, scaling)
    schedule = Schedule(
        max_iter=max_iter,
        random_state=random_state,
        validation_score=None if score is None else lambda theta: score(objective.effective(theta)),
        on_iteration=follow
        and (lambda theta: follow(lambda: fitted(Solution(theta.copy(), 0, np.nan, False)))),
        **options,
    )
    solution = minimize(objective, theta, schedule, settings.solver, start)
    return require_finite(fitted(solution), all_rows)


def minimize(objective, theta, schedule, solver, start):
    """Solution of the solver; without iterations, the start."""
    solver.check_objective(objective, schedule)
    if schedule.max_iter:
        solution = solver.minimize(objective, theta, schedule, start.moments_of(solver))
    else:
        value = objective.value(theta, objective.full_batch(), schedule.random_state)
        solution = Solution(theta, 0, value, False)
    return replace(solution, theta=solver.check_solution(objective, solution, theta))


# -- the objective ---------------------------------------------------------------------------------


def terms_of(settings, rows):
    """Strengths and terms: the loss, weight decay, and the penalty."""
    penalty, alpha, n_epochs = settings.penalty(rows), settings.alpha, settings.n_ramp_up_epochs
    terms = [] if penalty is None else penalty.terms()
    penalties = [
        (RampUp(alpha * weight, n_epochs) if n_epochs else alpha * weight, term)
        for weight, term in terms
    ]
    return [(1.0, settings.loss), settings.decay, *penalties]


def objective_of(network, rows, settings, terms, *, dropout=None):
    """The sum of terms over rows, in the parameters that the solver moves."""
    if settings.objective is not None:
        return settings.objective(network, rows, terms)
    if rows.targets is not None:
        rows = rows.with_targets(settings.loss.transform_targets(rows.targets, network.likelihood))
    dropout = settings.dropout if dropout is None else dropout
    kind = DistributedObjective if rows.are_partitioned else Objective
    return kind(network, rows, terms, parametrization=settings.parametrization, dropout=dropout)


def initial_values(task, data, settings):
    """Mean loss, and penalty without its strength and dropout, at a fresh start.

    Weight decay is in neither.
    """
    random_state = check_random_state(settings.random_state)
    task = task.first(data.y)
    rows, network = data.encoded(task, settings)
    rows = rows if settings.scaling is None else settings.scaling(rows).scaled(rows)
    penalty = settings.penalty(rows)
    theta = settings.initialize(network, random_state, rows.columns.dtype).astype(np.float64)
    terms = [(1.0, settings.loss)] + ([] if penalty is None else penalty.terms())
    objective = objective_of(network, rows.astype(np.float64), settings, terms, dropout=0.0)
    objective.project(theta)
    batch = objective.full_batch()
    return [
        objective.value(theta, batch, random_state, some)
        for some in (objective.terms[:1], objective.terms[1:])
    ]


def hold_out(task, network, rows, settings, random_state):
    """Rows to train on, and the score on the others as a function of θ, or None."""
    share = settings.validation_fraction
    if share is None:
        return rows, None
    if rows.targets is None:
        raise InvalidParameterError(
            f"early_stopping scores held-out labels, but loss={settings.loss!r} uses none. Use "
            "early_stopping=False."
        )
    labeled = rows.groups["labeled"]
    strata = task.strata(rows.targets[labeled])
    try:
        if strata is not None:
            _check_strata(strata)
        train, held_out = train_test_split(
            labeled, test_size=share, random_state=random_state, stratify=strata
        )
        if len(held_out) < 2:
            raise ValueError("the validation set is too small.")
    except ValueError as error:
        raise ValueError(
            f"early_stopping cannot hold out validation_fraction={share} of {len(labeled)} rows: "
            f"{error} Raise validation_fraction, or set early_stopping=False."
        ) from None
    train = np.append(train, rows.groups.get("unlabeled", [])).astype(int)
    held_out, train = rows.take(held_out), rows.take(train)
    return train, lambda theta: task.score(network, theta, held_out)


def _check_strata(strata):
    labels, counts = np.unique(strata, return_counts=True)
    if counts.min() < 2:
        raise ValueError(f"the class {labels.tolist()[counts.argmin()]!r} has one row only.")


# -- what came out ---------------------------------------------------------------------------------


def finish(task, data, objective, start, random_state, solver, scaling, solution):
    """A solution as the weights of the network that predicts."""
    if scaling is None:
        layers = objective.network.unpack(objective.effective(solution.theta))
    else:
        layers = scaling.layers(objective, solution.theta)
    coefs = [W for W, _ in layers]
    intercepts = [np.zeros(W.shape[1], dtype=W.dtype) if b is None else b for W, b in layers]
    sizes = (coefs[0].shape[0], *(W.shape[1] for W in coefs))
    network = Network(sizes, objective.network.activation, objective.network.likelihood)
    kept = {
        "_solver_state": {"solver": kind_of(solver), "moments": solution.state},
        **start.kept(objective, solution, random_state, (coefs, intercepts)),
    }
    n_samples = objective.rows.n_samples
    return Fitted(
        task,
        data.columns,
        network,
        (coefs, intercepts),
        solution,
        n_samples,
        start.history,
        kept,
        scaling,
    )


def require_finite(fitted, rows):
    """Return what was fitted, or raise an error unless its weights and predictions are finite."""
    if not all(np.isfinite(array).all() for layers in fitted.weights for array in layers):
        # folding in what is known of the rows can overflow where the solver's parameters did not
        raise ValueError("training diverged: the fitted weights are not finite. Standardize X.")
    if rows.are_partitioned:
        if not np.isfinite(fitted.solution.loss):
            raise ValueError(
                f"training diverged: the objective is {fitted.solution.loss} at the end. "
                "Standardize X."
            )
        return fitted
    X = rows.X if fitted.scaling is None else fitted.scaling.examples(rows)
    network, (coefs, intercepts) = fitted.network, fitted.weights
    theta = network.pack(coefs, intercepts, coefs[0].dtype)
    if stays_finite(network, theta, X):
        return fitted
    with np.errstate(over="ignore", invalid="ignore"):
        finite = network.outputs(theta, X, partial(_are_finite, network.likelihood))
    if not finite.all():
        raise ValueError(
            f"training diverged: the predictions of {np.count_nonzero(~finite)} of {len(finite)} "
            "rows of the fit are not finite. Standardize X, or lower the learning rate or alpha."
        )
    return fitted


def _are_finite(likelihood, outputs):
    """Whether each row's outputs and mean are finite."""
    return np.isfinite(outputs).all(axis=1) & np.isfinite(likelihood.mean(outputs)).all(axis=1)
