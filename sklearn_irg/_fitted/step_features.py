"""Features on their way through preprocessing steps, and where these are not affine."""

from dataclasses import dataclass, field, replace

import numpy as np

__all__ = ["AFFINE_ATOL", "AFFINE_RTOL", "Features", "Kinks"]

# by which outputs may differ from an affine map: 1e-10 is too little for steps in single
# precision, and 1e-3 gives the same models of 58 estimators on two tables
AFFINE_RTOL = 1e-6
# the same, of the largest output, next to zero; 1e-14 to 1e-4 give the same models of 58
# estimators on two tables
AFFINE_ATOL = 1e-9
# of what step functions and encoders make, roughly; larger codes would carry a little more
# rounding than is counted
_SIZE_OF_CODES = 64.0


@dataclass(frozen=True)
class Features:
    """Features on their way through the steps.

    A feature of one column of numbers is ``slope · number + offset``. Of a feature of several
    columns, or of categories, the offset has no meaning. Terms may cancel on the way, as in
    components that hardly vary: their sizes tell how much rounding a feature may carry.
    """

    slopes: np.ndarray  # (n_columns, n_features)
    offsets: np.ndarray  # (n_features,)
    depends: np.ndarray  # (n_columns, n_features)
    unknown: np.ndarray  # (n_columns, n_features)
    is_lost: (
        np.ndarray
    )  # (n_columns, n_features), unknown and not even linear between kinks that are noted
    is_stepped: np.ndarray  # (n_features,), whether a step function is in them
    sizes: np.ndarray  # (n_columns, n_features), of the terms of each column, by its numbers' size
    offset_sizes: np.ndarray  # (n_features,), of all other terms
    is_curve: np.ndarray  # (n_features,), unknown, but monotone in one column of numbers
    is_number: np.ndarray  # (n_columns,)
    names: object = None  # of the columns, for the first step

    @property
    def parts(self):
        sizes = self.sizes, self.offset_sizes
        return (
            self.slopes,
            self.offsets,
            self.depends,
            self.unknown,
            self.is_lost,
            self.is_stepped,
            *sizes,
            self.is_curve,
        )

    @property
    def width(self):
        return len(self.offsets)

    @classmethod
    def of(cls, table):
        """The columns of a table, before any step."""
        n = table.n_columns
        depends, nothing = np.eye(n, dtype=bool), np.zeros((n, n), dtype=bool)
        slopes, zeros = np.eye(n) * table.is_number, np.zeros(n)
        unread = nothing, nothing, nothing[0]
        return cls(
            slopes, zeros, depends, *unread, slopes, zeros, nothing[0], table.is_number, table.names
        )

    @classmethod
    def unknown_of(cls, table, width):
        """Features that may be any function of all columns."""
        everywhere = np.ones((table.n_columns, width), dtype=bool)
        return (
            cls.of(table)
            .take(np.zeros(1, dtype=int))
            .behind_unknown(width)
            ._with(depends=everywhere, unknown=everywhere, is_lost=everywhere)
        )

    def _with(self, **parts):
        return replace(self, names=None, **parts)

    def take(self, features):
        return Features(*(part[..., features] for part in self.parts), self.is_number)

    def after(self, M, c):
        """Behind an affine map ``X @ M + c``."""
        passes = (M != 0).astype(float)
        parts = self.depends, self.unknown, self.is_lost, self.is_stepped
        reached = [(part.astype(float) @ passes) > 0 for part in parts]
        sizes = self.sizes @ np.abs(M), self.offset_sizes @ np.abs(M) + np.abs(c)
        is_curve = (self.is_curve @ passes > 0) & (passes.sum(axis=0) == 1)
        return Features(
            self.slopes @ M, self.offsets @ M + c, *reached, *sizes, is_curve, self.is_number
        )

    def flat(self, repeats=1):
        """Behind a step function of each feature, with several outputs each."""
        some = self.take(np.repeat(np.arange(self.width), repeats))
        flat, is_stepped = np.zeros_like(some.slopes), np.ones(some.width, dtype=bool)
        sizes = flat, np.full(some.width, _SIZE_OF_CODES)
        return Features(
            flat, flat[0], *some.parts[2:5], is_stepped, *sizes, ~is_stepped, self.is_number
        )

    def behind_unknown(self, width):
        """Behind a step that cannot be read."""
        depends = np.repeat(self.depends.any(axis=1)[:, None], width, axis=1)
        flat, zeros = np.zeros(depends.shape), np.zeros(width)
        return Features(
            flat,
            zeros,
            depends,
            depends,
            depends,
            zeros > 0,
            flat,
            zeros,
            zeros > 0,
            self.is_number,
        )

    def curved(self):
        """Behind a monotone function of each feature; unknown where a feature is not simple."""
        flat, zeros, depends = np.zeros_like(self.slopes), np.zeros(self.width), self.depends
        unread = depends, depends, depends, zeros > 0
        return Features(flat, zeros, *unread, flat, zeros, self.is_simple, self.is_number)

    @property
    def n_numbers(self):
        """Number of columns of numbers that each feature comes from."""
        return (self.depends & self.is_number[:, None]).sum(axis=0)

    @property
    def is_simple(self):
        """Features of one column of numbers and nothing else."""
        is_one = (self.depends.sum(axis=0) == 1) & (self.n_numbers == 1)
        return is_one & ~self.is_stepped & ~self.unknown.any(axis=0)

    @property
    def is_mixed(self):
        """Features of several columns, or of a number together with a step function of it."""
        return (self.depends.sum(axis=0) > 1) | (self.is_stepped & (self.slopes != 0).any(axis=0))

    @property
    def is_flat(self):
        """Step functions of one column whose jumps are noted, behind which any function is one."""
        is_known = ~self.is_lost.any(axis=0) & (self.depends.sum(axis=0) == 1)
        return is_known & self.is_stepped & (self.sizes == 0).all(axis=0)

    @property
    def is_bent(self):
        """Features that are unknown but for their kinks, and no step functions."""
        return self.unknown.any(axis=0) & ~self.is_flat

    @property
    def is_ordered(self):
        """Features that are monotone in one column between the jumps and points that are noted."""
        is_affine = ~self.unknown.any(axis=0) & ~self.is_stepped
        return (self.depends.sum(axis=0) == 1) & (self.is_curve | self.is_flat | is_affine)

    def with_unknown(self, features):
        """Some features as unknown functions of what they depend on."""
        unknown, is_lost = self.unknown.copy(), self.is_lost.copy()
        unknown[:, features] |= self.depends[:, features]
        is_lost[:, features] |= self.depends[:, features]
        is_curve = self.is_curve.copy()
        is_curve[features] = False
        return self._with(unknown=unknown, is_lost=is_lost, is_curve=is_curve)

    def with_pieces(self, features):
        """Some features as unknown functions but for their kinks, which are noted."""
        unknown = self.unknown.copy()
        unknown[:, features] |= self.depends[:, features]
        return self._with(unknown=unknown)

    def bent(self, features, repeats, steepness, offset_sizes):
        """Behind a continuous function of each feature that is linear between kinks.

        The given features bend there, the others are flat.
        """
        some = self.take(np.repeat(np.arange(self.width), repeats))
        steepness, offset_sizes = np.repeat(steepness, repeats), np.repeat(offset_sizes, repeats)
        flat, sizes = (
            np.zeros_like(some.slopes),
            (some.sizes * steepness, some.offset_sizes * steepness + offset_sizes),
        )
        bent = Features(flat, flat[0], *some.parts[2:6], *sizes, flat[0] > 0, self.is_number)
        return bent.with_pieces(np.repeat(features, repeats))


@dataclass
class Kinks:
    """Numbers in columns of a table at which steps that were read are not affine."""

    n_columns: int
    jumps: dict = field(default_factory=dict)
    points: dict = field(default_factory=dict)
    bends: dict = field(default_factory=dict)

    def __post_init__(self):
        self.low = np.full(self.n_columns, -np.inf)
        self.high = np.full(self.n_columns, np.inf)
        self.is_mixed = np.zeros(self.n_columns, dtype=bool)
        self.is_blurred = np.zeros(self.n_columns, dtype=bool)  # points that rounding may move
        self.looseness = np.zeros((2, self.n_columns))
        self.precision = float(np.finfo(np.float64).eps)

    def sorted(self, kind):
        return {j: np.unique(numbers) for j, numbers in getattr(self, kind).items()}

    def add(self, kind, features, f, values):
        """Kinks at values of a simple feature, noted in its column's numbers."""
        (j,) = np.flatnonzero(features.depends[:, f])
        slope = features.slopes[j, f]
        if slope == 0 or not len(values):  # zero: a step function already, whose jumps are noted
            return
        getattr(self, kind).setdefault(j, []).extend(
            (np.asarray(values) - features.offsets[f]) / slope
        )
        self.is_blurred[j] |= kind == "points" and (slope, features.offsets[f]) != (1, 0)
        self._loosen(j, features, f)

    def _loosen(self, j, features, f):
        """Remember how far rounding of a feature may move its kinks.

        One part grows with the size of the column's numbers, the other does not.
        """
        found = np.array([features.sizes[j, f], features.offset_sizes[f]]) / np.abs(
            features.slopes[j, f]
        )
        self.looseness[:, j] = np.maximum(self.looseness[:, j], found)

    def mix(self, features, f):
        """Kinks at values of some features of several columns, whose positions are unknown."""
        self.is_mixed |= features.depends[:, f].any(axis=1)
        return features.with_unknown(f)

    def confine(self, features, f, low, high):
        """The ends between which the slopes of a simple feature hold."""
        (j,) = np.flatnonzero(features.depends[:, f])
        slope = features.slopes[j, f]
        if slope == 0:
            return
        ends = sorted([(low - features.offsets[f]) / slope, (high - features.offsets[f]) / slope])
        self.low[j], self.high[j] = max(self.low[j], ends[0]), min(self.high[j], ends[1])
        self.bends.setdefault(j, []).extend(ends)
        self._loosen(j, features, f)
