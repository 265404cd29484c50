"""Radii at which attacks are tried in addition to those asked for."""

import numpy as np

from sklearn_irg._perturbations.projection import delta_norms

__all__ = ["rungs"]


def rungs(problem, radii, more=True):
    """Radii to try, in increasing order, each with the rows to try it with.

    Those given are tried with all rows; powers of two with rows whose spread they suit, since an
    attack that fails at a large radius may succeed at a small one.
    """
    sizes = _sizes(problem)
    ladder = [
        (radius, np.ones(len(sizes), dtype=bool)) for radius in {float(radius) for radius in radii}
    ]
    sizes = np.where(sizes > 0, sizes, np.nan)
    if more and not np.isnan(sizes).all():
        powers = np.floor(np.log2(sizes))
        for power in range(int(np.nanmin(powers)) - 6, int(np.nanmax(powers)) + 4):
            suits = (powers - 6 <= power) & (power < powers + 4)
            if 2.0**power not in radii and 2.0**power < max(radii, default=np.inf):
                ladder.append((2.0**power, suits))
    return sorted(ladder, key=lambda rung: rung[0])


def _sizes(problem):
    """Norm of the columns' standard deviations in units of scale, for each row.

    Without a table of the threat, the row's numbers themselves are used, or one if they are less.
    """
    arrays, spread = problem.perturbations, problem.threat.spreads()
    if spread is None:
        spread = np.maximum(np.abs(arrays.numbers), 1)
    return delta_norms(spread / arrays.scales * (arrays.low < arrays.high), arrays.norm)
