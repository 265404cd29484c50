"""Choosing a strength, and splitting tables with few labels."""

from sklearn_irg.model_selection._balanced_alpha import balanced_alpha
from sklearn_irg.model_selection._labeled_folds import LabeledStratifiedKFold

__all__ = ["LabeledStratifiedKFold", "balanced_alpha"]
