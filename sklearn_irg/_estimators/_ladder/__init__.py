"""Ladder network: its passes, its loss, and the classifier."""

from sklearn_irg._estimators._ladder.classifier import LadderClassifier

__all__ = ["LadderClassifier"]
