"""Losses, the ``loss`` parameter of the estimators.

A loss is a likelihood, a custom term, or a modification of either.

By default an estimator minimizes the negative log-likelihood of its targets. A `Likelihood`
replaces the family of distributions; a `SampleLoss` or `BatchLoss` replaces the term altogether,
and may do without labels or compare samples; `LabelSmoothing` and `Flooding` modify what they wrap,
and `PenaltyLoss` minimizes a penalty's values in place of the loss.
"""

from sklearn_irg.losses._base import BatchLoss, Loss, NegativeLogLikelihood, SampleLoss, check_loss
from sklearn_irg.losses._information_maximization import InformationMaximization
from sklearn_irg.losses._mean_difference import MeanDifference
from sklearn_irg.losses._modifications import Flooding, LabelSmoothing
from sklearn_irg.losses._penalty_loss import PenaltyLoss

__all__ = [
    "BatchLoss",
    "Flooding",
    "InformationMaximization",
    "LabelSmoothing",
    "Loss",
    "MeanDifference",
    "NegativeLogLikelihood",
    "PenaltyLoss",
    "SampleLoss",
    "check_loss",
]
