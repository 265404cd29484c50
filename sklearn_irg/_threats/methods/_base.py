"""Base class of methods to attack and certify rows and to find distances."""

from abc import ABC, abstractmethod

from sklearn_irg._threats.best_found import BestFound

__all__ = ["Method"]


class Method(ABC):
    """A method to find out how a model predicts rows within their perturbation set.

    Parameters
    ----------
    problem : AttackProblem
        The rows, for which `obstacle` is None.
    budget : Budget
        Limits on a search for one row.

    Attributes
    ----------
    name : str
        Value of ``method=`` that selects it.
    answers : frozenset of {"attack", "certify", "lower", "upper", "score"}
        Questions: points in the set that are misclassified, a proof that there are none, bounds on
        the distance to the nearest one, and a bound on the lowest score.
    is_exact : bool
        Whether upper and lower bounds agree, unless a budget is spent or ``ThreatModel.valid``
        rejects rows.
    is_on_request : bool
        Whether it is used only if ``method=`` names it, since it may take long.
    needs_affine_steps : bool
        Whether it holds only as far as the steps before the model are affine.
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
        """Reason why it does not apply to a problem, as the end of a sentence; None if it does."""

    def attack(self, best, radius, rows, quick=False):
        """Search for misclassified points of some rows at a radius.

        Parameters
        ----------
        best : BestFound
            Points found for these rows; it is updated.
        radius : float
            Radius.
        rows : ndarray of int
            Their positions in the problem.
        quick : bool, default=False
            Whether a short attack is enough, at a radius on the way to those asked for.

        Returns
        -------
        certified : ndarray of bool of shape (n_rows,) or None
            Rows that are misclassified nowhere within the radius; None where this is not known of
            any.
        """
        raise NotImplementedError

    def certify(self, radius, rows):
        """Rows that are certified at a radius, shape (n_rows,)."""
        return self.attack(BestFound(self.problem.take(rows)), radius, rows)

    def lowest_margins(self, radius):
        """Lower bound on each row's margin between two classes, and the lowest margin attained.

        In units of the estimator's own margin, which is its decision function or a difference of
        probabilities. An unknown bound is minus infinity.
        """
        raise NotImplementedError

    def distances(self):
        """Lower and upper bounds on the distance to the nearest misclassified point.

        They are zero and infinity where nothing is known.
        """
        raise NotImplementedError
