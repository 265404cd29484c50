"""Selection of strengths, folds of tables with few labels, and tests of drift."""

from sklearn_irg.model_selection._balanced_alpha import balanced_alpha
from sklearn_irg.model_selection._drift_test import DriftTestResult, drift_test
from sklearn_irg.model_selection._equivalent_alpha import equivalent_alpha
from sklearn_irg.model_selection._labeled_folds import LabeledStratifiedKFold
from sklearn_irg.model_selection._regularization_path import RegularizationPath, regularization_path
from sklearn_irg.model_selection._selection import (
    most_robust,
    refit_most_robust,
    refit_one_standard_error,
)

__all__ = [
    "DriftTestResult",
    "LabeledStratifiedKFold",
    "RegularizationPath",
    "balanced_alpha",
    "drift_test",
    "equivalent_alpha",
    "most_robust",
    "refit_most_robust",
    "refit_one_standard_error",
    "regularization_path",
]
