"""No targets: a y that is ignored."""

from sklearn.utils.validation import validate_data

from sklearn_irg._estimators._base import FLOATS


class NoTargets:
    """Learns from X alone."""

    def _validate(self, X, y, *, reset):
        del y
        return validate_data(self, X, accept_sparse=self._accept_sparse, dtype=FLOATS, order="C", reset=reset), None
