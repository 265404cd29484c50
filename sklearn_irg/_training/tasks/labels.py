"""Labels of any type: which are the marker of rows without one, and their values without wrapping."""

from numbers import Number

import numpy as np


def is_marker(y, marker):
    """Rows whose label is the marker, as a value, a number or in writing: an unlabeled row is never a class."""
    number = _number(marker)
    if y.dtype.kind in "biuf":
        return np.zeros(len(y), dtype=bool) if number is None else y == number
    written = {str(marker)}  # a number in writing, but not as 07 for 7
    if number is not None and not isinstance(marker, str):
        written |= {str(number), str(number).removesuffix(".0")}

    def marks(label):
        if isinstance(label, str):
            return label in written
        return (
            label == marker
            or str(label) == str(marker)
            or (number is not None and _number(label) == number)
        )

    return np.array([marks(label) for label in y])


def _number(label):
    try:
        return float(label)
    except (TypeError, ValueError, OverflowError):
        return None


def plain_labels(y):
    """Numbers without the wrapping that a marker among them may have made necessary."""
    if y.dtype == object and all(isinstance(label, Number) for label in y):
        return np.array(y.tolist())
    return y
