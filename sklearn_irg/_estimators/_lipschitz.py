"""A critic: a difference of means, and what keeps the slope in bounds."""

from sklearn_irg.losses import MeanDifference
from sklearn_irg.penalties import check_penalty


class LipschitzCritic:
    """Fits a critic under ``constraint``, ``penalty``, or without either a penalty of its own, ``_default_penalty``."""

    def _check_parameters(self):
        super()._check_parameters()
        check_penalty(self.penalty)

    def _loss(self):
        return MeanDifference()

    def _penalty(self, rows):
        if self.penalty is None and self.constraint is None:
            return self._default_penalty
        return super()._penalty(rows)
