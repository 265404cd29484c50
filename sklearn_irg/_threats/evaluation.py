"""Attacks and certificates at radii, by the first method that applies and in blocks of rows.

Points that attacks find count only where ``predict`` itself misclassifies them.
"""

import warnings
from dataclasses import dataclass

import numpy as np

from sklearn_irg._threats.best_found import BestFound
from sklearn_irg._threats.confirmation import confirmed_by_predict
from sklearn_irg._threats.errors import NotCertifiableError
from sklearn_irg._threats.methods import choose, refusal
from sklearn_irg._threats.methods.black_box_search import BlackBoxSearch
from sklearn_irg._threats.radii import rungs
from sklearn_irg._threats.searches.within_limits import attack_within_limits

__all__ = ["Attacks", "certify", "find_attacks", "require_known_steps"]

# of gradients (rows times margins times columns), to bound memory: 32 MB
_BLOCK_ENTRIES = 4_000_000


@dataclass(frozen=True)
class Attacks:
    """Results of attacks on rows.

    Attributes
    ----------
    problem : AttackProblem
        The rows.
    misclassified : ndarray of bool of shape (n_radii, n_samples)
        Rows that are misclassified at a point that was found, which is an upper bound on accuracy.
    certified : ndarray of bool of shape (n_radii, n_samples)
        Rows that the attack proves to be misclassified at no point.
    methods : ndarray of str of shape (n_radii, n_samples)
        Names of the methods that attacked.
    delta, codes : ndarray
        Points where rows are misclassified at the smallest radius, and for other rows those of the
        largest loss.
    method : Method
        The method that attacked where steps are affine.
    """

    problem: object
    misclassified: np.ndarray
    certified: np.ndarray
    methods: np.ndarray
    delta: np.ndarray
    codes: np.ndarray
    method: object

    def rows(self):
        """Rows like those given at the points."""
        return self.problem.result(self.delta, self.codes)


def find_attacks(problem, radii, name="auto", budget=None):
    """Attack rows at several radii; a row that is misclassified at one is so at all larger ones."""
    method, obstacles = choose(problem, "attack", name, budget)
    if method is None:
        raise TypeError(refusal(problem, name, obstacles))
    if method.needs_affine_steps:
        problem.find_limits(sorted(radii))
        _warn_where_not_affine(problem, max(radii, default=0))
    misclassified, certified, delta, codes = _attack_in_blocks(method, radii)
    # the estimator itself decides whether a row is misclassified
    delta, is_confirmed = confirmed_by_predict(
        problem, delta, codes, max(radii, default=0), among=misclassified.any(axis=0)
    )
    misclassified = (misclassified & is_confirmed) | problem.misclassified
    methods = np.where(_is_within_limits(method, radii), method.name, BlackBoxSearch.name)
    certified = certified & ~misclassified & _is_within_limits(method, radii)
    return Attacks(problem, misclassified, certified, methods, delta, codes, method)


def certify(problem, radii, name="auto", budget=None):
    """Rows that are certified, and the name of the method that proves it.

    Returns
    -------
    certified : ndarray of bool of shape (n_radii, n_samples)
        Rows that are misclassified at no point within each radius.
    name : str
        Name of the method.

    Raises
    ------
    TypeError
        For a model that no method can certify.
    """
    method, obstacles = choose(problem, "certify", name, budget)
    if method is None or method.needs_affine_steps:
        problem.find_limits(sorted(radii))
        require_known_steps(problem, sorted(radii))
    if method is None:
        raise NotCertifiableError(refusal(problem, name, obstacles))
    return _certified_rows(method, radii) & _is_within_limits(method, radii), method.name


def _is_within_limits(method, radii):
    return (method.problem.limits > np.reshape(radii, (-1, 1))) | (not method.needs_affine_steps)


def _certified_rows(method, radii):
    """Certified rows at each radius, largest radius first.

    A row that is certified at one radius is certified at all smaller ones.
    """
    problem = method.problem
    certified, right = np.zeros((len(radii), len(problem)), dtype=bool), ~problem.misclassified
    for rows in _blocks(problem):
        known = np.zeros(len(rows), dtype=bool)
        part = method.on(problem.take(rows))
        for radius in sorted(set(radii), reverse=True):
            left = np.flatnonzero(right[rows] & ~known & _is_within_limits(part, radius)[0])
            if len(left):
                known[left] = part.certify(radius, left)
            certified[np.ix_(np.equal(radii, radius), rows)] = known
    return certified


def _warn_where_not_affine(problem, radius):
    """Warn of unknown steps that are not affine in all that rows may become."""
    if problem.reading is None or not (problem.limits <= radius).any():
        return
    arrays, is_unknown = problem.perturbations, problem.reading.unknown.any(axis=1)
    unknown = is_unknown & arrays.movable_columns
    unknown[list(arrays.columns)] |= is_unknown[list(arrays.columns)]
    if unknown.any():
        names = ", ".join(
            repr(problem.table.name_of(j)) for j in np.flatnonzero(unknown)[:5].tolist()
        )
        warnings.warn(
            f"the steps before the last are not affine in {names}, so results are searched for "
            "with the whole pipeline where rows can go that far: an upper bound on accuracy, "
            "without a certificate.",
            stacklevel=4,
        )


def require_known_steps(problem, radii):
    """Raise an error for unknown steps that are affine around no row of the table.

    The smallest positive radius decides, at rows of the table that the threat was fitted on, so
    that a row gets the same answer alone as among others.
    """
    radii = [radius for radius in radii if radius > 0]
    if problem.reading is None or not problem.reading.unknown.any() or not radii:
        return
    examples = problem.of_examples()
    if examples is not None:
        examples.find_limits(radii[:1])
    if examples is None or (examples.limits < radii[0]).all():
        raise NotCertifiableError(
            f"nothing is certain about {problem.model.name} here: its preprocessing is not affine "
            "within the threat model, or is unknown and acts on columns without bounds. Use steps "
            "of scikit-learn, give a ThreatModel with bounds, or pass pipe[-1] with "
            "pipe[:-1].transform(X). adversarial_accuracy gives an upper bound."
        )


def _blocks(problem):
    """Positions of rows, in blocks that memory has room for."""
    size = max(1, _BLOCK_ENTRIES // max(1, problem.model.n_outputs * problem.rows.shape[1]))
    return [
        np.arange(start, min(start + size, len(problem))) for start in range(0, len(problem), size)
    ]


def _attack_in_blocks(method, radii):
    """Results of `_attack`, block by block."""
    problem = method.problem
    blocks = [_attack(method.on(problem.take(rows)), radii) for rows in _blocks(problem)]
    return [np.concatenate(parts, axis=axis) for parts, axis in zip(zip(*blocks), (1, 1, 0, 0))]


def _attack(method, radii):
    """Misclassified and certified rows at each radius, and the points found."""
    problem = method.problem
    found = BestFound(problem)
    misclassified, certified = (np.zeros((len(radii), len(problem)), dtype=bool) for _ in range(2))
    attack = _attack_of(method, radii)
    for radius, tries in rungs(problem, radii, method.tries_more_radii):
        left = np.flatnonzero(~found.wrong & tries)
        known = np.zeros(len(problem), dtype=bool)
        if len(left):
            best = found.take(left)
            known[left] = attack_within_limits(
                best, radius, left, attack, method.needs_affine_steps
            )
            found.scatter(left, best)
        for k in np.flatnonzero(np.equal(radii, radius)):
            misclassified[k], certified[k] = found.wrong, known
    return misclassified, certified, found.delta, found.codes


def _attack_of(method, radii):
    """Attack of a method, which is quick at radii that were not asked for.

    A search among rows that ``valid`` accepts follows where the method is exact.
    """
    problem, among_valid = method.problem, None
    if method.is_exact and problem.threat.valid is not None:  # exact methods know nothing of it
        among_valid = (
            choose(problem, "attack", "gradient")[0] or choose(problem, "attack", "search")[0]
        )

    def attack(best, radius, rows):
        certified = method.attack(best, radius, rows, quick=radius not in radii)
        if among_valid is not None:
            attack_within_limits(best, radius, rows, among_valid.attack)
        return certified

    return attack
