"""Solvers: minimise any objective, knowing nothing of networks, penalties or estimators.

An objective offers ``everything()``, ``minibatches(batch_size, shuffle, random_state)``, ``project(theta)``,
``obstacles_to_line_search``, ``projects``, ``bounds`` and ``value_and_grad(theta, batch, random_state)``.
"""

from sklearn_irg.solvers._base import Schedule, Solution, Solver
from sklearn_irg.solvers._lbfgs import LBFGS
from sklearn_irg.solvers._stochastic import SGD, Adam

__all__ = ["LBFGS", "SGD", "Adam", "Schedule", "Solution", "Solver", "check_solver"]

_BY_NAME = {"adam": Adam, "lbfgs": LBFGS, "sgd": SGD}


def check_solver(solver):
    """The solver object meant by a name or an object.

    Parameters
    ----------
    solver : {"adam", "lbfgs", "sgd"} or Solver

    Returns
    -------
    solver : Solver

    Raises
    ------
    ValueError
        If it is neither.

    Examples
    --------
    >>> from sklearn_irg.solvers import check_solver
    >>> check_solver("adam")
    Adam()
    """
    if isinstance(solver, Solver):
        return solver
    if isinstance(solver, str) and solver in _BY_NAME:
        return _BY_NAME[solver]()
    names = ", ".join(map(repr, sorted(_BY_NAME)))
    raise ValueError(f"solver must be one of {names}, or a Solver such as Adam(beta_1=0.8); got {solver!r}.")
