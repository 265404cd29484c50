"""Numbers that a column's type can hold, by their rank among all of these."""

import numpy as np

__all__ = ["HeldNumbers", "between", "held_by"]

# integers of the same size, as which the bits of floats give ranks
_INTEGERS = {"f8": np.int64, "f4": np.int32, "f2": np.int16}


class HeldNumbers:
    """The numbers of a type of floats, or all integers, each with a rank.

    Parameters
    ----------
    dtype : dtype
        Type of floats; anything else stands for integers.
    """

    def __init__(self, dtype):
        self.dtype = np.dtype(dtype) if np.dtype(dtype).kind == "f" else None
        self._bits = None if self.dtype is None else _INTEGERS[self.dtype.str[1:]]

    def ranks(self, numbers):
        """Ranks of the numbers at or below others, as int64."""
        if self.dtype is None:
            return np.floor(numbers).astype(np.int64)
        held = np.asarray(numbers, dtype=np.float64).astype(self.dtype)
        bits = held.view(self._bits).astype(np.int64)
        ranks = np.where(bits < 0, np.iinfo(self._bits).min - bits, bits)
        return ranks - (held.astype(np.float64) > numbers)

    def numbers(self, ranks):
        """Numbers of ranks, in double precision."""
        if self.dtype is None:
            return np.asarray(ranks, dtype=np.float64)
        bits = np.where(ranks < 0, np.iinfo(self._bits).min - ranks, ranks).astype(self._bits)
        return bits.view(self.dtype).astype(np.float64)

    def holds(self, numbers):
        """Whether the type holds numbers."""
        return self.numbers(self.ranks(numbers)) == numbers


def held_by(problem, j):
    """Numbers that a column can hold as it moves; None for decimals and extended precision."""
    dtype, is_grid = problem.table.dtype_of(j), problem.perturbations.steps[j] > 0
    if problem.table.digits_of(j) is not None or (dtype.kind == "f" and dtype.itemsize > 8):
        return None
    if dtype.kind == "f":
        return HeldNumbers(dtype)
    return HeldNumbers(np.int64 if is_grid and dtype.kind in "iu" else np.float64)


def between(low, high):
    """Ranks halfway, without an overflow."""
    return (low >> 1) + (high >> 1) + (low & high & 1)
