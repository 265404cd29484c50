"""What a way to attack, certify or measure rows declares and offers."""

from abc import ABC, abstractmethod

from sklearn_irg._threats.best_found import BestFound

__all__ = ["Method"]


class Method(ABC):
    """One way to find out what a model makes of all that rows may become.

    Parameters
    ----------
    problem : AttackProblem
        The rows, for which `obstacle` is None.
    budget : Budget
        What a search may spend on a row.

    Attributes
    ----------
    name : str
        What ``method=`` takes.
    answers : frozenset of {"attack", "certify", "lower", "upper", "score"}
        Questions: points in the set that are misclassified, a proof that there are none, bounds on
        the distance to the nearest one, and a bound on the lowest score.
    is_exact : bool
        Whether both sides meet, unless a budget is spent or ``ThreatModel.valid`` rejects rows.
    is_on_request : bool
        Whether it is used only where it is named, since it may take long.
    needs_affine_steps : bool
        Whether it is right only as far as the steps before the model are affine.
    tries_more_radii : bool
        Whether an attack may succeed at a smaller radius than the one it fails at.
    """

    name = ""
    answers = frozenset()
    is_exact = False
    is_on_request = False
    needs_affine_steps = True
    tries_more_radii = False

    def __init__(self, problem, budget):
        self.problem = problem
        self.budget = budget

    def on(self, problem):
        """The same method for some of the rows, or others."""
        return type(self)(problem, self.budget)

    @classmethod
    @abstractmethod
    def obstacle(cls, problem):
        """Why it does not apply to a problem, as the end of a sentence; None where it does."""

    def attack(self, best, radius, rows, quick=False):
        """Look for misclassified points of some rows at a radius.

        Parameters
        ----------
        best : BestFound
            What has been found for these rows, and what is found now.
        radius : float
            Radius.
        rows : ndarray of int
            Their positions in the problem.
        quick : bool, default=False
            Whether the radius is one on the way to those that are asked for, which a short attack
            serves.

        Returns
        -------
        certified : ndarray of bool of shape (n_rows,) or None
            Rows that no point within the radius gets misclassified; None where nothing is known of
            any.
        """
        raise NotImplementedError

    def certify(self, radius, rows):
        """Rows that no point within a radius gets misclassified, for certain, shape (n_rows,)."""
        return self.attack(BestFound(self.problem.take(rows)), radius, rows)

    def lowest_margins(self, radius):
        """Lower bound on the margin of each row's label over the other of two classes, and the lowest that was attained.

        In units of the estimator's own margin: its decision function, or a difference of
        probabilities. An unknown bound is minus infinity.
        """
        raise NotImplementedError

    def distances(self):
        """Lower and upper bound on the distance to the nearest misclassified point; zero and infinity where none is known."""
        raise NotImplementedError
