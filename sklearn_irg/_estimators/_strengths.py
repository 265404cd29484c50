"""One fit at each of several strengths: together, from strong to weak each from the last, or each by itself."""

import numpy as np
from sklearn.base import clone

from sklearn_irg._callbacks import has_callbacks
from sklearn_irg.solvers import Schedule, check_solver

__all__ = ["fit_strengths"]


def fit_strengths(estimator, X, y, alphas, sample_weight=None, mask=None, *, perturbations=None, warm_start=None):
    """Fitted clones, one for each strength, in the order of ``alphas``.

    Each meets the estimator's ``tol``, or warns that it does not. With ``warm_start`` a fit starts from the weights of the
    next stronger one; ``None`` is as `follows_path` says. ``perturbations`` are what rows may become, for `fit_against`.
    """
    warm_start = follows_path(estimator) if warm_start is None else warm_start
    models = [clone(estimator).set_params(alpha=float(alpha)) for alpha in alphas]
    together = warm_start and perturbations is None
    ended = _fit_together(models, X, y, sample_weight, mask) if together else [False] * len(models)
    given = {"sample_weight": sample_weight, "mask": mask, "perturbations": perturbations}
    given = {name: value for name, value in given.items() if value is not None}
    last = None
    for i in np.argsort(alphas)[::-1]:
        if not ended[i]:
            _fit_from(models[i], last, X, y, given)
        last = models[i] if warm_start else None
    return models


def follows_path(estimator):
    """Whether what an estimator ends with does not depend on where it starts, but for ``tol`` and local minima.

    Solvers that go by epochs stop early, and then keep some of the smoothness of a stronger penalty that they come from.
    """
    return not check_solver(estimator.solver).has_epochs


def _fit_from(model, start, X, y, given):
    """Fit a model, from the weights of another if there is one."""
    fit = model.fit_against if "perturbations" in given else model.fit
    if start is None:
        fit(X, y, **given)
        return
    parameters = model.get_params(deep=False)
    vars(model).update({name: value for name, value in vars(start).items() if name not in parameters})
    vars(model).update({name: nothing for name, nothing in (("loss_curve_", []), ("t_", 0)) if hasattr(model, name)})
    model.set_params(warm_start=True)
    fit(X, y, **given)
    model.set_params(warm_start=parameters["warm_start"])


def _fit_together(models, X, y, sample_weight, mask):
    """Fit linear models as one stack, where their terms and their solver allow it; for each whether it has converged."""
    first = clone(models[0])
    if len(models) == 1 or first._hidden_layers() or first.verbose or has_callbacks(first):
        return [False] * len(models)
    for model in models:
        model._check_parameters()
    solver, loss = check_solver(first.solver), first._loss()
    rows, network = first._prepare(X, y, sample_weight, mask, loss, None, False, False)
    terms = first._terms(loss, rows)
    objective = first._objective(network, rows, loss, [(1.0, term) for _, term in terms])
    strengths = np.array([[strength for strength, _ in model._terms(loss, rows)] for model in models]).T
    first._store_likelihood(network.likelihood)
    prepared = {name: value for name, value in vars(first).items() if name not in first.get_params(deep=False)}
    random_state = first._generator(go_on=False)
    schedule = Schedule(max_iter=int(first.max_iter), tol=float(first.tol), random_state=random_state)
    stack = objective.stack(strengths)
    thetas = np.zeros((len(models), network.n_parameters), dtype=rows.columns.dtype)  # where all stackable models start
    solutions = None if stack is None else solver.minimize_stack(stack, thetas, schedule)
    if solutions is None:
        return [False] * len(models)
    for model, solution in zip(models, solutions, strict=True):
        if solution.converged:
            vars(model).update(prepared)
            model._finish(objective, solution, solver, random_state)
    return [solution.converged for solution in solutions]
