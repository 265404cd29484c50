"""Points that were found, moved on at random."""

import numpy as np

from sklearn_irg._perturbations.projection import delta_norms

__all__ = ["further_points"]


def further_points(attacks, radius, rng):
    """Perturbations of points that move on by a random distance in the same direction.

    Points that are not misclassified there, or may not exist, stay where they are.
    Attacks of trees stop right behind a threshold, and training on that would only move the
    threshold by as little.

    Parameters
    ----------
    attacks : Attacks
        Points inside the radius.
    radius : float
        Radius of the threat model.
    rng : RandomState
        Chooses how much of the way that is left each point goes.

    Returns
    -------
    delta : ndarray of shape (n_samples, n_columns)
        In units of the columns' scales.
    """
    problem, delta = attacks.problem, attacks.delta
    arrays = problem.perturbations
    norms = np.maximum(delta_norms(delta, arrays.norm), np.finfo(float).tiny)
    further = delta * np.maximum(rng.uniform(1, radius / norms), 1)[:, None]
    further = arrays.on_grid(arrays.box_and_ball(radius).project(further))
    is_kept = problem.misclassifies(further, attacks.codes) & problem.exist(further, attacks.codes)
    return np.where(is_kept[:, None], further, delta)
