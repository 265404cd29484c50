"""What wraps every fit: it changes everything or nothing, and callbacks can follow it."""

from functools import wraps

from sklearn_irg._callbacks import with_callbacks


def all_or_nothing(method):
    """Leave an estimator's attributes as they were if a method of it fails or is interrupted."""

    @wraps(method)
    def wrapper(self, *args, **kwargs):
        before = dict(vars(self))
        try:
            return method(self, *args, **kwargs)
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise

    return wrapper


def fit_method(method):
    """A fit that callbacks can follow, and that changes nothing if it fails."""
    return all_or_nothing(with_callbacks(method))
