"""Training at several strengths.

Models are trained together, or from strong to weak each from the last, or each from scratch.
"""

from dataclasses import replace

import numpy as np
from sklearn.utils import check_random_state

from sklearn_irg._training.starts import Fresh, Warm
from sklearn_irg._training.train import finish, objective_of, require_finite, terms_of, train
from sklearn_irg.solvers import Schedule

__all__ = ["train_path"]


def train_path(task, data, settings, *, warm_start):
    """Fitted weights at each of several strengths.

    Parameters
    ----------
    task, data
        As `train` takes them.
    settings : list of Settings
        Settings that differ in ``alpha`` only.
    warm_start : bool
        Whether each starts from the weights of the next stronger one.

    Returns
    -------
    fitted : list of Fitted
        One for each strength, in their order.
    """
    found = _train_together(task, data, settings, warm_start)
    last = None
    for i in np.argsort([one.alpha for one in settings])[::-1]:
        if found[i] is None:
            start = Fresh() if last is None else Warm(last.weights, last.task)
            found[i] = train(task, data, settings[i], start)
        last = found[i] if warm_start else None
    return found


def _train_together(task, data, settings, warm_start):
    """Models trained as one stack, where their terms and their solver allow it.

    Those are linear models that are minimized to a tolerance, in place of warm starts, and networks
    that go by epochs, in place of the same fresh start each. An entry is None for a linear model
    that has not converged.
    """
    first, start, nothing = settings[0], Fresh(), [None] * len(settings)
    if len(settings) == 1 or not _shares(first, data, warm_start):
        return nothing
    solver, random_state = first.solver, _shared_generator(first.random_state)
    task = start.task(task, data.y)
    rows, network = data.encoded(task, first)
    terms = terms_of(first, rows)
    strengths = np.array([[strength for strength, _ in terms_of(one, rows)] for one in settings]).T
    counts = strengths.any(axis=1)
    counted = [
        (1.0, term) for (_, term), is_counted in zip(terms, counts, strict=True) if is_counted
    ]
    objective = objective_of(network, rows, first, counted)
    schedule = Schedule(random_state=random_state, **first.schedule(rows.n_samples))
    if schedule.verbose or not schedule.max_iter:
        return nothing
    if solver.has_epochs:
        stack = objective.minibatch_stack(strengths[counts], schedule.batch_size)
    else:
        stack = objective.stack(strengths[counts])
    if stack is None:
        return nothing
    task.check_terms(rows, terms, first.parametrization)
    solver.check_objective(objective, schedule)
    theta = start.theta(network, first, random_state, rows.columns.dtype)
    found = []
    for solution in solver.minimize_stack(stack, np.array([theta] * len(settings)), schedule):
        if not (solution.converged or solver.has_epochs):
            found.append(None)
            continue
        solution = replace(solution, theta=solver.check_solution(objective, solution, theta))
        fitted = finish(task, data, objective, start, random_state, solver, None, solution)
        found.append(require_finite(fitted, rows))
    return found


def _shares(settings, data, warm_start):
    """Whether the models of a path may share rows, start and random numbers."""
    has_epochs = settings.solver.has_epochs
    return (
        settings.solver.minimizes_stacks
        and has_epochs != warm_start
        and (has_epochs or not settings.hidden_layers)
        # of which each would draw on from the last
        and not isinstance(settings.random_state, np.random.RandomState)
        and data.perturbations is None
        and settings.validation_fraction is None
        and not settings.n_ramp_up_epochs
        and settings.network_kind is None
        and settings.scaling is None
        and settings.objective is None
    )


def _shared_generator(seed):
    """The generator that each model would have; without a seed, one drawn for all of them."""
    if seed is None:
        seed = check_random_state(None).randint(np.iinfo(np.int32).max)
    return check_random_state(seed)
