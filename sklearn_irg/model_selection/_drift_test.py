import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_array, check_random_state

from sklearn_irg._checks import InvalidParameterError, check_integer, check_real
from sklearn_irg._estimators import WassersteinCritic
from sklearn_irg._estimators._critic import constrained_critic

NAMES = ("reference", "new")
# of the sum of sizes: orders of addition differ by 1e-16 for each score, and permutations that
# matter by far more
_EQUAL_SUMS = 1e-9
# of the sum of scores, which may be large beside what centering leaves of them: some fifty
# roundings
_EQUAL_SCORES = 1e-14
_FEWEST_ROWS = 4  # two to learn from and two to compare


@dataclass(frozen=True, eq=False)
class DriftTestResult:
    """Whether two samples differ, by how much, and in which columns.

    Attributes
    ----------
    distance : float
        Wasserstein-1 distance on rows that the critic has not seen, with each column in standard
        deviations of the reference, or of both tables where the reference does not vary. Without
        drift it may be slightly negative.
    p_value : float
        Probability of a distance at least as large if both samples come from one distribution.
    contributions : ndarray of shape (n_features,)
        Contribution of each column to the distance, non-negative.
    names : ndarray of str of shape (n_features,)
        The columns; "x0", "x1", … for arrays.
    critic : WassersteinCritic
        The critic, fitted on standardized rows of the reference (``classes_[1]``) and new rows
        (``classes_[0]``).
    """

    distance: float
    p_value: float
    contributions: np.ndarray
    names: np.ndarray
    critic: WassersteinCritic

    def __str__(self):
        """The result in a few lines, the columns that moved most first."""
        lines = [f"distance {self.distance:.3g} standard deviations, p-value {self.p_value:.2g}"]
        order = np.argsort(-self.contributions, kind="stable")[:10]
        width = max(len(str(name)) for name in self.names[order])
        lines += [
            f"  {self.names[j]!s:<{width}}  {self.contributions[j]:.3g}"
            for j in order
            if self.contributions[j] > 0
        ]
        return "\n".join(lines)


def drift_test(
    reference, new, *, n_permutations=1000, critic=None, test_size=0.5, random_state=None
):
    """Test whether new rows come from the distribution of a reference, and which columns moved.

    A critic learns from one part of the rows to tell the samples apart; its mean scores are
    compared on the other part. Without drift the scores of both samples are exchangeable, so
    permuting them gives the p-value from a single fit. The test detects drift in any combination of
    columns; standardizing puts them in a common unit.

    Parameters
    ----------
    reference : array-like of shape (n_reference, n_features)
        Reference rows, numbers only; encode categories first.
    new : array-like of shape (n_new, n_features)
        New rows, with the same columns.
    n_permutations : int, default=1000
        Number of permutations; the p-value is at least ``1 / (n_permutations + 1)``.
    critic : WassersteinCritic, default=None
        Critic to fit, such as one with other hidden layers. It is not changed. ``None`` is
        ``WassersteinCritic(constraint=SpectralNormalization())``, which detects shifts more often
        where rows are few. Its distance is a lower bound: about half of the true one for samples
        that differ in spread only, for which ``WassersteinCritic()`` is accurate.
    test_size : float, default=0.5
        Fraction of the rows of each sample on which scores are compared.
    random_state : int, RandomState or None, default=None
        Random numbers for the split, the critic and the permutations.

    Returns
    -------
    result : DriftTestResult
        With ``distance``, ``p_value`` and ``contributions``.

    Raises
    ------
    ValueError
        For missing or infinite numbers, tables with different columns, fewer than 4 rows of a
        sample, or parameters out of range.

    See Also
    --------
    sklearn_irg.WassersteinCritic : The distance alone, with all rows.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn_irg.model_selection import drift_test
    >>> rng = np.random.default_rng(0)
    >>> reference = pd.DataFrame(rng.normal(size=(400, 3)), columns=["age", "height", "income"])
    >>> new = pd.DataFrame(rng.normal(size=(400, 3)), columns=["age", "height", "income"])
    >>> new["income"] += 0.5
    >>> result = drift_test(reference, new, random_state=0)
    >>> round(result.p_value, 3), result.names[result.contributions.argmax()]
    (0.001, 'income')
    """
    check_integer(n_permutations, "n_permutations", 1)
    check_real(test_size, "test_size", 0, 1, open_low=True, open_high=True)
    if critic is None:
        critic = constrained_critic()
    elif not isinstance(critic, WassersteinCritic):
        raise InvalidParameterError(f"critic must be None or a WassersteinCritic; got {critic!r}.")
    names = _shared_names(reference, new)
    tables = [_numbers(table, name) for table, name in zip((reference, new), NAMES, strict=True)]
    if tables[0].shape[1] != tables[1].shape[1]:
        raise ValueError(
            f"reference has {tables[0].shape[1]} columns, but new has {tables[1].shape[1]}."
        )
    rng = check_random_state(random_state)
    seeds = rng.randint(2**31, size=3)
    halves = [
        _halves(table, name, float(test_size), seeds[0])
        for table, name in zip(tables, NAMES, strict=True)
    ]
    standardize = _standardizer(halves[0][0], halves[1][0])
    (learn, y_learn), (compare, y) = (
        (standardize(np.vstack(pair)), np.repeat(NAMES, [len(part) for part in pair]))
        for pair in zip(*halves, strict=True)
    )
    critic = clone(critic).set_params(cv=None, random_state=int(seeds[1]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the p-value is exact for any critic
        critic.fit(learn, y_learn)
    distance, contributions = critic._held_out(compare, y, np.ones(len(y)), seeds[2])
    p_value = _p_value(critic.score_samples(compare), y == "new", int(n_permutations), rng)
    if names is None:
        names = np.array([f"x{j}" for j in range(compare.shape[1])], dtype=object)
    return DriftTestResult(distance, p_value, np.maximum(contributions, 0), names, critic)


def _numbers(table, name):
    """Table as an array of finite numbers."""
    try:
        table = check_array(table, dtype=np.float64, ensure_min_samples=0, input_name=name)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} must be a table of finite numbers, with categories encoded: {error}"
        ) from error
    if len(table) < _FEWEST_ROWS:
        raise ValueError(
            f"{name} must have at least {_FEWEST_ROWS} rows, to learn from and to compare; got "
            f"{len(table)}."
        )
    return table


def _halves(table, name, test_size, seed):
    n_test = int(np.ceil(test_size * len(table)))
    if not 0 < n_test < len(table):
        raise ValueError(
            f"test_size={test_size} leaves no row of {name} to learn from: it has {len(table)}. "
            "Lower test_size."
        )
    return train_test_split(table, test_size=test_size, random_state=seed)


def _standardizer(reference, new):
    """Function that standardizes columns: mean zero and variance one in the reference.

    Its results are finite: a column without variance in the reference is divided by its deviation
    in both tables, or by one.
    """
    both = np.vstack([reference, new])
    size = np.abs(both).max(axis=0)
    size = np.where(size > 0, size, 1)  # squares of numbers over it neither overflow nor vanish
    first = reference[0] / size  # what is constant is exactly zero once it is subtracted
    location = (reference / size - first).mean(axis=0)
    spreads = [(table / size - first).std(axis=0) for table in (reference, both)]
    scale = np.where(spreads[0] > 0, spreads[0], np.where(spreads[1] > 0, spreads[1], 1))
    return lambda table: (table / size - first - location) / scale


def _shared_names(reference, new):
    names = [getattr(table, "columns", None) for table in (reference, new)]
    names = [np.asarray(columns, dtype=object) for columns in names if columns is not None]
    if not names:
        return None
    if list(names[0]) != list(names[-1]):
        raise ValueError(
            f"reference and new must have the same columns; got {list(names[0])} and "
            f"{list(names[-1])}."
        )
    return names[0]


def _p_value(scores, is_first, n_permutations, rng):
    """Share of permutations whose difference of means is at least the one found.

    The identity is one of them.
    """
    scores = scores.astype(np.float64)
    centered = scores - scores.mean()
    found = centered[is_first].sum()  # the difference of means is an increasing function of it
    n_first = np.count_nonzero(is_first)
    permuted = np.array(
        [centered[rng.permutation(len(centered))[:n_first]].sum() for _ in range(n_permutations)]
    )
    tolerance = _EQUAL_SUMS * np.abs(centered).sum() + _EQUAL_SCORES * np.abs(scores).sum()
    return float((1 + np.count_nonzero(permuted >= found - tolerance)) / (1 + n_permutations))
