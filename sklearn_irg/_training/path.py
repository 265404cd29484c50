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
    together = warm_start and data.perturbations is None
    found = _train_together(task, data, settings) if together else [None] * len(settings)
    last = None
    for i in np.argsort([one.alpha for one in settings])[::-1]:
        if found[i] is None:
            start = Fresh() if last is None else Warm(last.weights, last.task)
            found[i] = train(task, data, settings[i], start)
        last = found[i] if warm_start else None
    return found


def _train_together(task, data, settings):
    """Linear models trained as one stack, where their terms and their solver allow it.

    An entry is None for a model that has not converged.
    """
    first, start, nothing = settings[0], Fresh(), [None] * len(settings)
    is_held_out = first.validation_fraction is not None
    if len(settings) == 1 or first.hidden_layers or is_held_out or first.n_ramp_up_epochs:
        return nothing
    random_state = start.generator(first.random_state)
    task = start.task(task, data.y)
    rows, network = data.encoded(task, first)
    terms = terms_of(first, rows)
    task.check_terms(rows, terms, first.parametrization)
    objective = objective_of(network, rows, first, [(1.0, term) for _, term in terms])
    strengths = np.array([[strength for strength, _ in terms_of(one, rows)] for one in settings]).T
    options = first.schedule(rows.n_samples)
    if options["verbose"]:
        return nothing
    stack = objective.stack(strengths)
    schedule = Schedule(max_iter=options["max_iter"], tol=options["tol"], random_state=random_state)
    thetas = np.zeros(
        (len(settings), network.n_parameters), dtype=rows.columns.dtype
    )  # where all of them start
    solutions = None if stack is None else first.solver.minimize_stack(stack, thetas, schedule)
    if solutions is None:
        return nothing
    return [
        require_finite(
            finish(task, data, objective, start, random_state, first.solver, None, solution), rows
        )
        if solution.converged
        else None
        for solution in solutions
    ]
