"""Networks of one shape at several strengths of their terms, trained on the same minibatches."""

from copy import copy

__all__ = ["NetworkStack"]


class NetworkStack:
    """Values and gradients of an objective at several strengths, each at separate parameters.

    A small step costs mostly the calls of NumPy, of which there are as many for several networks as
    for one.

    Parameters
    ----------
    objective : Objective
        Terms, whose strengths do not count, and rows.
    strengths : ndarray of shape (n_terms, n_models)
        Strengths of the terms.
    n_together : int
        Number of models whose arrays fit in the cache together.
    """

    def __init__(self, objective, strengths, n_together):
        self._objective = copy(objective)
        self._objective.rows = objective.rows.in_first_order()
        self._strengths = strengths
        self._n_together = n_together

    def parts(self):
        """Stacks of models that fit in the cache together, as slices and `NetworkStack`."""
        for start in range(0, self._strengths.shape[1], self._n_together):
            part = slice(start, start + self._n_together)
            yield part, NetworkStack(self._objective, self._strengths[:, part], self._n_together)

    def minibatches(self, *options):
        """One epoch of batches."""
        return self._objective.minibatches(*options)

    def values_and_gradients(self, thetas, models, batch, random_state):
        """Values (n,) and gradients (n, n_parameters) of some of the models on a batch.

        ``models`` are their positions, and ``thetas``, of shape (n, n_parameters), their
        parameters.
        """
        strengths = self._strengths[:, models].astype(thetas.dtype)
        return self._objective.fused_value_and_grad(batch, strengths, random_state, thetas)
