"""Warnings that name the user's line, from any depth of the package or of callbacks."""

import os
import sys
import warnings
from pathlib import Path

import sklearn

__all__ = ["warn"]

_OWN = tuple(
    str(folder) + os.sep
    for folder in (Path(__file__).parent, Path(sklearn.__file__).parent / "callback")
)


def warn(message, category):
    """Warn at the first frame outside of the package and of scikit-learn's callbacks."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OWN):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
