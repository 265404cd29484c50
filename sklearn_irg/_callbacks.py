"""The one shim for scikit-learn's experimental callbacks (1.9); older versions fit without them."""

from contextlib import contextmanager
from functools import wraps

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:
        """Stands in where scikit-learn has no callbacks."""

        def set_callbacks(self, *callbacks):
            """Raise, since this scikit-learn has no callbacks."""
            raise NotImplementedError("callbacks need scikit-learn >= 1.9. Upgrade scikit-learn, or fit without them.")

    def with_callbacks(method):
        """Call the method, one frame deeper as with scikit-learn's, so that warnings name the caller of ``fit``."""

        @wraps(method)
        def wrapper(*args, **kwargs):
            return method(*args, **kwargs)

        return wrapper


__all__ = ["CallbackSupportMixin", "fit_context", "has_callbacks", "with_callbacks"]


def has_callbacks(estimator):
    """Whether callbacks follow an estimator's fits."""
    return bool(getattr(estimator, "_skl_callbacks", None))  # where set_callbacks keeps them


@contextmanager
def fit_context(estimator, X, y, sample_weight, max_iter, fitted_attributes, *, active=True):
    """Tell callbacks of the fit as a whole, and yield ``on_iteration(theta)``, which tells them of each iteration.

    ``fitted_attributes(theta)`` gives the attributes that make a fitted estimator of θ. It yields None if not ``active``
    or if there are no callbacks.
    """
    if not (active and has_callbacks(estimator)):
        yield None
        return
    context = estimator._init_callback_context(max_subtasks=max_iter)
    data = {"X": X, "y": y, "metadata": {} if sample_weight is None else {"sample_weight": sample_weight}}
    context.call_on_fit_task_begin(estimator=estimator, **data)

    def on_iteration(theta):
        iteration = context.subcontext(task_name="iteration")
        iteration.call_on_fit_task_begin(estimator=estimator, **data)
        return iteration.call_on_fit_task_end(
            estimator=estimator, reconstruction_attributes=lambda: fitted_attributes(theta.copy()), **data
        )

    yield on_iteration
    context.call_on_fit_task_end(estimator=estimator, reconstruction_attributes={}, **data)
