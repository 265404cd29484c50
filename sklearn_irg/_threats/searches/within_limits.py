"""Attacks on a model where it is right, and on the whole pipeline elsewhere."""

import numpy as np

from sklearn_irg._threats.best_found import BestFound
from sklearn_irg._threats.searches.black_box import search

__all__ = ["attack_within_limits"]


def attack_within_limits(best, radius, rows, attack, needs_affine_steps=True):
    """Attack rows at a radius, within the limits up to which their steps are affine.

    Rows whose limits are smaller are attacked by a search on the whole pipeline, which starts from
    the points that the attack on the model finds.

    Parameters
    ----------
    best : BestFound
        The rows, and the points found for them.
    radius : float
        Radius.
    rows : ndarray of int
        Their positions in the problem that the attack is bound to.
    attack : callable
        ``attack(best, radius, rows)``, as `Method.attack`.
    needs_affine_steps : bool, default=True
        As `Method.needs_affine_steps`.

    Returns
    -------
    certified : ndarray of bool of shape (n_rows,)
        Rows that the attack proves to be misclassified nowhere within the radius.
    """
    certified = np.zeros(len(rows), dtype=bool)
    is_right = (best.problem.limits > radius) | (not needs_affine_steps)
    near, far = np.flatnonzero(is_right), np.flatnonzero(~is_right)
    if len(near):
        part = best.take(near) if len(far) else best
        known = attack(part, radius, rows[near])
        certified[near] = False if known is None else known
        if len(far):
            best.scatter(near, part)
    if len(far):
        part = best.take(far)
        guess = BestFound(part.problem)  # found as if the model were right; a start
        attack(guess, radius, rows[far])
        part = part.as_whole()
        part.update(part.problem.at(guess.codes), guess.delta)
        search(part, radius)
        best.scatter(far, part)
    return certified
