"""Solvers: minimize any objective, independently of networks, terms and estimators.

An objective offers

* ``full_batch()`` and ``minibatches(batch_size, shuffle, random_state)``: batches of rows, with
  ``n_samples`` each;
* ``value_and_grad(theta, batch, random_state)`` and ``value(theta, batch, random_state)``;
* ``on_all_rows()``: value and gradient on all rows as a function of θ, and
  ``hessian_on_all_rows()`` with the Hessian, where there are no ``obstacles_to_hessian``;
* ``at_epoch(epoch)``: the same objective with the strengths that its terms have in an epoch, where
  it ``depends_on_epoch``;
* ``project(theta)``, in place after a step, where it ``projects``;
* ``obstacles_to_line_search``: why values and gradients are not those of one function, as a list of
  sentences;
* ``bounded()``: the same objective in parameters with ``bounds``, in which some kinks lie at
  bounds, with ``from_network(theta, tol=0.0)`` and ``to_network(theta)`` between the two;
  ``has_kinks``, and ``smoothed(sharpness)`` without them.
"""

from sklearn_irg._checks import InvalidParameterError
from sklearn_irg.solvers._adam_and_sgd import SGD, Adam
from sklearn_irg.solvers._base import Schedule, Solution, Solver
from sklearn_irg.solvers._epochs import EpochSolver
from sklearn_irg.solvers._lbfgs import LBFGS
from sklearn_irg.solvers._newton_cholesky import NewtonCholesky

__all__ = [
    "LBFGS",
    "SGD",
    "Adam",
    "EpochSolver",
    "NewtonCholesky",
    "Schedule",
    "Solution",
    "Solver",
    "check_solver",
]

_BY_NAME = {"adam": Adam, "lbfgs": LBFGS, "newton-cholesky": NewtonCholesky, "sgd": SGD}


def check_solver(solver):
    """Solver object for a name or an object.

    Parameters
    ----------
    solver : {"adam", "lbfgs", "newton-cholesky", "sgd"} or Solver
        A name stands for its class with default options.

    Returns
    -------
    solver : Solver
        The corresponding object.

    Raises
    ------
    ValueError
        If it is neither, or has a parameter out of range.

    Examples
    --------
    >>> from sklearn_irg.solvers import check_solver
    >>> check_solver("adam")
    Adam()
    """
    if isinstance(solver, str) and solver in _BY_NAME:
        return _BY_NAME[solver]()
    if not isinstance(solver, Solver):
        names = ", ".join(map(repr, sorted(_BY_NAME)))
        raise InvalidParameterError(
            f"solver must be one of {names}, or a Solver such as Adam(beta_1=0.8); got {solver!r}."
        )
    solver.check_parameters()
    return solver
