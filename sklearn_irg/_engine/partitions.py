"""Objectives whose rows are in partitions on many machines.

Sums over rows are evaluated where the rows are.
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse

from sklearn_irg._checks import InvalidParameterError
from sklearn_irg._engine.autodiff import ArrayTuple, combine, defvjp, primitive, value_and_grad
from sklearn_irg._engine.objective import Objective
from sklearn_irg._engine.parametrizations import NoReparametrization
from sklearn_irg._engine.rows import Batch, Columns
from sklearn_irg._engine.step import Step

__all__ = ["DistributedObjective", "Partition", "PartitionedRows", "add_parts"]


class Partition:
    """Rows of one partition, in the process that evaluates them.

    Parameters
    ----------
    network : Network
        Network that θ belongs to.
    rows : Rows
        Encoded rows; their weights are normalized within the partition.
    """

    def __init__(self, network, rows):
        self.network = network
        self.rows = rows
        self._objective = None

    def __getstate__(self):
        return {**vars(self), "_objective": None}  # the memory of its steps is not worth a transfer

    def __sizeof__(self):
        # by which a cluster knows what it holds
        X, targets = self.rows.X, self.rows.targets
        arrays = [X.data, X.indices, X.indptr] if issparse(X) else [X]
        return sum(array.nbytes for array in arrays) + (0 if targets is None else targets.nbytes)

    def totals(self):
        """Sums by which weights are normalized, one for each group of rows.

        Under None is the sum that weight decay counts.
        """
        return {**self.rows.total_weights(), None: self.rows.full_batch().total_weight}

    def value_and_grad(self, terms, parametrization, totals, theta):
        """Contribution of these rows to the value and gradient of an objective.

        Its terms are means over all rows, of which these are a part.
        """
        if self._objective is None:
            self._objective = Objective(self.network, self.rows.as_part_of(totals), [])
        self._objective.terms, self._objective.parametrization = terms, parametrization
        return self._objective.value_and_grad(theta, self._objective.full_batch())


def add_parts(parts):
    """Sum of values and gradients."""
    values, gradients = zip(*parts, strict=True)
    return sum(values), sum(gradients[1:], start=gradients[0])


class PartitionedRows(NamedTuple):
    """Facts about rows that an objective does not hold, in place of `Rows`.

    Parameters
    ----------
    columns : Columns
        Columns of X.
    totals : dict of str or None to float
        Sums of `Partition.totals` over all partitions.
    n_samples : int
        Number of rows.
    evaluate : callable
        ``evaluate(terms, parametrization, totals, theta)`` adds up `Partition.value_and_grad` over all
        partitions.
    """

    columns: Columns
    totals: dict
    n_samples: int
    evaluate: object

    are_partitioned = are_as_given = True
    targets = mask = perturbations = None
    groups = {}

    @property
    def group_names(self):
        """Names of the groups that terms may count."""
        return ["all", *(name for name in self.totals if name not in ("all", None))]

    @property
    def X(self):
        """Raise an error, since no machine holds all rows."""
        raise InvalidParameterError(
            "a term reads all rows before the fit, but they are on many machines, and none holds "
            "them all. Leave it out, or fit to arrays."
        )

    def full_batch(self):
        """A batch without rows, for terms that count none."""
        nothing = np.empty((0, self.columns.n_features), dtype=self.columns.dtype)
        weights = dict.fromkeys(self.group_names, np.empty(0, dtype=self.columns.dtype))
        return Batch(slice(0, 0), nothing, None, None, weights, self.totals[None])


class DistributedObjective(Objective):
    """Sum of ``strength * term`` over rows in partitions.

    Terms of the weights alone, and the derivative of a constraint, are evaluated here, once.
    """

    def __init__(self, network, rows, terms, *, parametrization=None, dropout=0.0):
        super().__init__(network, rows, terms, parametrization=parametrization, dropout=dropout)
        whole = [type(term).__name__ for _, term in self.terms if term.needs_whole_batch]
        if self.parametrization.needs_whole_batch:
            whole.append(type(self.parametrization).__name__)
        if whole:
            raise InvalidParameterError(
                f"{whole[0]} needs all rows at once, but they are on many machines. Leave it out, "
                "or fit to arrays."
            )

    def value_and_grad(self, theta, batch, random_state=None):
        """Value and gradient over all rows."""
        value, gradient = value_and_grad(
            lambda theta: self._of_all(theta, batch, self.terms), theta
        )
        return float(value), gradient

    def stack(self, strengths):
        """Models on rows elsewhere are not evaluated together."""
        del strengths

    def value(self, theta, batch, random_state=None, terms=None):
        """Value over all rows, of all terms or of some."""
        return float(self._of_all(theta, batch, self.terms if terms is None else terms))

    def _of_all(self, theta, batch, terms):
        effective = self.parametrization.transform(self.network, theta)
        # terms of a form with bounds read the solver's parameters, so each partition applies its
        # chain rule
        remaining, parameters = (
            (self.parametrization, theta)
            if self._original is not None
            else (NoReparametrization(), effective)
        )
        of_rows = [(strength, term) for strength, term in terms if term.group is not None]
        step = Step(self, effective, batch, None, theta)
        coefficients, values = [1.0], [_over_rows(parameters, self.rows, of_rows, remaining)[0]]
        for strength, term in terms:
            for coefficient, value in term.contributions(step) if term.group is None else ():
                coefficients.append(strength * coefficient)
                values.append(value)
        return combine(coefficients, *values)


@primitive
def _over_rows(theta, rows, terms, parametrization):
    """Contribution of the rows to the objective, evaluated where they are."""
    value, gradient = rows.evaluate(terms, parametrization, rows.totals, theta)
    return ArrayTuple([np.asarray(value, dtype=theta.dtype)], saved=gradient)


defvjp(_over_rows, lambda ans, theta, rows, terms, parametrization: lambda g: g[0] * ans.saved)
