"""The one shim for scikit-learn's experimental callbacks (1.9); older versions fit without them."""

from functools import wraps

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:
        """Stand-in where scikit-learn has no callbacks."""

        def set_callbacks(self, *callbacks):
            """Raise, since this scikit-learn has no callbacks.

            Parameters
            ----------
            *callbacks : callback
                What would follow a fit.

            Raises
            ------
            NotImplementedError
                Always.
            """
            raise NotImplementedError(
                "callbacks need scikit-learn >= 1.9. Upgrade scikit-learn, or fit without them."
            )

    def with_callbacks(method):
        """Call the method, one frame deeper.

        That matches scikit-learn's function, so that warnings name the caller of ``fit``.
        """

        @wraps(method)
        def wrapper(*args, **kwargs):
            return method(*args, **kwargs)

        return wrapper


__all__ = [
    "CallbackSupportMixin",
    "Follower",
    "has_callbacks",
    "with_callbacks",
]


def has_callbacks(estimator):
    """Whether callbacks follow an estimator's fits."""
    return bool(getattr(estimator, "_skl_callbacks", None))  # where set_callbacks keeps them


class Follower:
    """Informs callbacks of a fit as a whole, and of each of its iterations.

    Parameters
    ----------
    estimator : estimator
        Estimator that is fitted.
    X, y, sample_weight
        Data of the fit, as callbacks see them.
    max_iter : int
        Largest number of iterations.
    """

    def __init__(self, estimator, X, y, sample_weight, max_iter):
        self._estimator, self._max_iter, self._context = estimator, max_iter, None
        metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
        self._data = {"X": X, "y": y, "metadata": metadata, "estimator": estimator}

    def _begin(self):
        # not before everything about the fit has been checked: what begins must end
        if self._context is None:
            self._context = self._estimator._init_callback_context(max_subtasks=self._max_iter)
            self._context.call_on_fit_task_begin(**self._data)

    def iteration(self, attributes):
        """Inform callbacks of an iteration, and return whether to stop.

        ``attributes()`` gives the attributes of a fitted estimator, by name.
        """
        self._begin()
        iteration = self._context.subcontext(task_name="iteration")
        iteration.call_on_fit_task_begin(**self._data)
        return iteration.call_on_fit_task_end(reconstruction_attributes=attributes, **self._data)

    def end(self, attributes):
        """Inform callbacks of the end of the fit, whose result has these attributes, by name."""
        self._begin()
        self._context.call_on_fit_task_end(reconstruction_attributes=attributes, **self._data)
