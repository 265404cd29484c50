"""Critics: a difference of means, and a bound on the slope."""

from sklearn_irg.losses import MeanDifference
from sklearn_irg.penalties import check_penalty


class LipschitzCritic:
    """Mixin that fits a critic under ``constraint`` or ``penalty``.

    Without either, it is under the class's ``_default_penalty``.
    """

    def _check_parameters(self):
        super()._check_parameters()
        check_penalty(self.penalty)

    def _loss(self):
        return MeanDifference()

    def _penalty(self, rows):
        if self.penalty is None and self.constraint is None:
            return self._default_penalty
        return super()._penalty(rows)
