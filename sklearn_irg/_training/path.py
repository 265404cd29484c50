"""Training at several strengths.

Models are trained together, or from strong to weak each from the last, or each from scratch.
"""

import numpy as np

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
    has_epochs = first.solver.has_epochs
    if (
        len(settings) == 1
        or has_epochs == warm_start
        or (first.hidden_layers and not has_epochs)
        or isinstance(first.random_state, np.random.RandomState)  # each draws on from the last
        or data.perturbations is not None
        or first.validation_fraction is not None
        or first.n_ramp_up_epochs
        or first.network_kind is not None
        or first.scaling is not None
        or first.objective is not None
    ):
        return nothing
    random_state = start.generator(first.random_state)
    task = start.task(task, data.y)
    rows, network = data.encoded(task, first)
    terms = terms_of(first, rows)
    task.check_terms(rows, terms, first.parametrization)
    objective = objective_of(network, rows, first, [(1.0, term) for _, term in terms])
    strengths = np.array([[strength for strength, _ in terms_of(one, rows)] for one in settings]).T
    schedule = Schedule(random_state=random_state, **first.schedule(rows.n_samples))
    if schedule.verbose or not schedule.max_iter:
        return nothing
    if has_epochs:
        stack = objective.minibatch_stack(strengths, schedule.batch_size)
    else:
        stack = objective.stack(strengths)
    if stack is None:
        return nothing
    theta = start.theta(network, first, random_state, rows.columns.dtype)
    solutions = first.solver.minimize_stack(stack, np.array([theta] * len(settings)), schedule)
    if solutions is None:
        return nothing
    return [
        require_finite(
            finish(task, data, objective, start, random_state, first.solver, None, solution), rows
        )
        if solution.converged or has_epochs
        else None
        for solution in solutions
    ]
