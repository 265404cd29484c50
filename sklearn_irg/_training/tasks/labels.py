"""Labels of any type: detection of the marker of unlabeled rows, and plain values."""

from numbers import Number

import numpy as np


def is_marker(y, marker):
    """Boolean array of the rows whose label is the marker.

    The marker may be given as a value, a number or text, so that an unlabeled row is never taken
    for a class.
    """
    number = _number(marker)
    if y.dtype.kind in "biuf":
        return np.zeros(len(y), dtype=bool) if number is None else y == number
    written = {str(marker)}  # a number as text, but not 07 for 7
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
    """Numbers without the object dtype that a marker among them may have made necessary."""
    if y.dtype == object and all(isinstance(label, Number) for label in y):
        return np.array(y.tolist())
    return y
