"""Radii at which attacks are tried besides those asked for."""

import numpy as np

from sklearn_irg._perturbations.projection import delta_norms

__all__ = ["rungs"]


def rungs(problem, radii, more=True):
    """Radii to try, rising, and the rows to try them with: those given with all, and powers of two that suit a row's spread.

    An attack may succeed at a small radius that fails at a large one.
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
    """How large a row's standard deviation is: of the threat's table, or of its own numbers where nothing else is known."""
    arrays, spread = problem.perturbations, problem.threat.spreads()
    if spread is None:
        spread = np.maximum(np.abs(arrays.numbers), 1)
    return delta_norms(spread / arrays.scales * (arrays.low < arrays.high), arrays.norm)
