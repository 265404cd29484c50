"""Classifiers of any kind, trained against what may happen to their rows."""

from sklearn_irg._robust_training.classifier import RobustTrainingClassifier

__all__ = ["RobustTrainingClassifier"]
