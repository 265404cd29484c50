"""Going on from an earlier fit: its weights, the solver's moments and parameters, and its random numbers."""

import numpy as np
from sklearn.utils import check_random_state


def _kind_of(solver):
    """Name of a solver's class, by which its state is kept; our own without their modules, which may move."""
    kind = type(solver)
    return kind.__name__ if kind.__module__.startswith("sklearn_irg.") else f"{kind.__module__}.{kind.__qualname__}"


class Resuming:
    """What ``warm_start`` and ``partial_fit`` continue from."""

    def _resume(self, network, random_state, dtype):
        coefs, intercepts = self._layers()
        if [W.shape for W in coefs] != network.shapes:
            raise ValueError(
                f"cannot continue a fit whose weights have shapes {[W.shape for W in coefs]} with {network.shapes}. "
                "Use a fresh clone, or warm_start=False in fit."
            )
        if self.constraint is not None and not self.constraint.allows_zero and any(not W.any() for W in coefs):
            return self._start(network, random_state, dtype)
        return network.pack(coefs, intercepts, dtype)

    def _enter(self, objective, theta, resume, go_on):
        """The solver's θ: where it was, if the fitted weights are still those it ended with."""
        if go_on and self._solver_theta is not None:
            last, kept = (np.array(array) for array in self._solver_theta)  # they may be memory-mapped
            if last.dtype == theta.dtype and np.array_equal(kept, theta):
                return last
        if resume:
            theta = objective.unsettled(theta)
        objective.project(theta)
        return theta

    def _generator(self, go_on):
        """The random generator; going on, where the last call left it, so that a seed does not mean the same noise again."""
        random_state = check_random_state(self.random_state)
        if go_on and self._random_state is not None and not isinstance(self.random_state, np.random.RandomState):
            random_state.set_state(tuple(self._random_state))
        return random_state

    def _moments(self, solver):
        """State to resume from, if it is one of this solver's."""
        return self._solver_state["moments"] if self._solver_state["solver"] == _kind_of(solver) else None

    def _store_state(self, objective, solution, solver, random_state, incremental):
        """What the next partial_fit resumes from, beside the weights; a fit leaves nothing of an earlier one."""
        self._solver_state = {"solver": _kind_of(solver), "moments": solution.state}
        self._random_state = list(random_state.get_state()) if incremental else None
        self._solver_theta = None
        if incremental and not objective.parametrisation.is_identity:
            self._solver_theta = [solution.theta, self._resume(objective.network, random_state, solution.theta.dtype)]
