"""The points found so far that come closest to another class, by row."""

from copy import copy

import numpy as np

__all__ = ["BestFound"]


class BestFound:
    """The worst point of each row, of those that it was updated with.

    Attributes
    ----------
    problem : AttackProblem
        The rows.
    delta, codes : ndarray
        The points; zero, and the levels of the row itself, where none was worse.
    wrong : ndarray of bool of shape (n_samples,)
        Whether the row is misclassified there.
    loss : ndarray of shape (n_samples,)
        Log-odds against its label there.
    """

    def __init__(self, problem):
        self.problem = problem
        self.delta = np.zeros(problem.perturbations.numbers.shape)
        self.codes = problem.perturbations.codes.copy()
        self.wrong, self.loss = problem.adversarial_margin(
            problem.model, problem.model.scores(problem.rows)
        )

    def restart(self, codes):
        """Forget all points and restart at other levels."""
        problem = self.problem
        self.delta, self.codes = np.zeros(problem.perturbations.numbers.shape), codes.copy()
        self.wrong, self.loss = problem.margins_at(problem.at(codes), self.delta)

    def take(self, rows):
        """Points found for some rows."""
        return self._part(rows, self.problem.take(rows))

    def as_whole(self):
        """Points found, with all steps in the model of the problem."""
        return self._part(slice(None), self.problem.as_whole())

    def _part(self, rows, problem):
        some = copy(self)
        some.problem = problem
        some.delta, some.codes, some.wrong, some.loss = (
            a[rows] for a in (self.delta, self.codes, self.wrong, self.loss)
        )
        return some

    def scatter(self, rows, some):
        """Write back the points found for some rows."""
        self.delta[rows], self.codes[rows] = some.delta, some.codes
        self.wrong[rows], self.loss[rows] = some.wrong, some.loss

    def update(self, view, delta):
        """Keep points, on the grid of integers, where they are worse; returns their loss."""
        delta = self.problem.perturbations.on_grid(delta)
        wrong, loss = self.problem.margins_at(view, delta)
        self._keep(view, delta, wrong, loss, np.ones(len(loss), dtype=bool))
        return loss

    def confirm(self, delta, codes, is_wrong):
        """Keep points that the estimator itself misclassifies, and others where they are worse.

        Points that only the model misclassifies are left out.
        """
        view, delta = self.problem.at(codes), self.problem.perturbations.on_grid(delta)
        wrong, loss = self.problem.margins_at(view, delta)
        self._keep(view, delta, wrong, loss, is_wrong | ~wrong)
        found = np.flatnonzero(is_wrong & ~self.wrong)
        self.delta[found], self.codes[found], self.wrong[found] = delta[found], codes[found], True

    def _keep(self, view, delta, wrong, loss, among):
        better = np.flatnonzero(
            among & ((wrong > self.wrong) | ((wrong == self.wrong) & (loss > self.loss)))
        )
        if len(better) and self.problem.threat.valid is not None:
            better = better[self.problem.take(better).exist(delta[better], view.codes[better])]
        self.delta[better], self.codes[better] = delta[better], view.codes[better]
        self.wrong[better], self.loss[better] = wrong[better], loss[better]

    def update_many(self, view, delta):
        """Keep the worst of several points for each row, and return the losses of all.

        Delta has shape (n_points, n_samples, n_columns), the losses (n_points, n_samples). Points
        are evaluated together, since models without gradients are often slow to call.
        """
        n_points, n_samples, n_columns = delta.shape
        several = np.tile(np.arange(n_samples), n_points)
        problem = self.problem.take(several)
        delta = problem.perturbations.on_grid(delta.reshape(-1, n_columns))
        wrong, loss = problem.adversarial_margin(
            view.model, view.model.scores(problem.moved(view.rows[several], delta))
        )
        better = (wrong > self.wrong[several]) | (
            (wrong == self.wrong[several]) & (loss > self.loss[several])
        )
        if problem.threat.valid is not None and better.any():
            chosen = np.flatnonzero(better)
            better[chosen] = problem.take(chosen).exist(delta[chosen], view.codes[several[chosen]])
        order = np.lexsort([np.where(better, loss, -np.inf), better & wrong, better])[::-1]
        _, first = np.unique(several[order], return_index=True)
        best = order[first]  # of each row
        best = best[better[best]]
        kept = several[best]
        self.delta[kept], self.codes[kept] = delta[best], view.codes[kept]
        self.wrong[kept], self.loss[kept] = wrong[best], loss[best]
        return loss.reshape(n_points, n_samples)
