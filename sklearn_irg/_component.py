"""Base of penalties, losses, constraints, solvers, activations and likelihoods."""

from sklearn.base import BaseEstimator

__all__ = ["Component", "says_last"]


class Component(BaseEstimator):
    """Object that estimators take as a parameter.

    It has parameters, and nothing to fit.

    Derives from scikit-learn's BaseEstimator for ``clone``, ``set_params``, ``repr`` and nested
    grids.
    """

    _former_names = {}  # of parameters, in objects that earlier versions saved

    def check_parameters(self):
        """Raise a ValueError if a parameter is out of range."""

    def __setstate__(self, state):
        former = self._former_names
        super().__setstate__({former.get(name, name): value for name, value in state.items()})

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags


def says_last(cls, name, others):
    """Whether a method is defined no later, in resolution order, than any of the others.

    Compared are the first classes that define them.
    """
    places = {
        attribute: k
        for k, base in reversed(list(enumerate(cls.__mro__)))
        for attribute in vars(base)
    }
    return all(places[name] <= places[other] for other in others if other in places)
