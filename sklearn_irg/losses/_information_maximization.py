from sklearn_irg._checks import InvalidParameterError, check_real
from sklearn_irg._engine.autodiff import numpy, surprisal
from sklearn_irg.losses._base import BatchLoss


class InformationMaximization(BatchLoss):
    r"""Minus the mutual information of rows and the classes predicted for them.

    At its minimum predictions are confident, and in all classes. The loss is

    .. math:: H(Y \mid X) - \mu H(Y) = \frac 1 n \sum_i H\bigl(p(\cdot \mid x_i)\bigr)
        - \mu H\left(\frac 1 n \sum_i p(\cdot \mid x_i)\right)

    in nats [1]_ [2]_. It reads no labels, so a network that minimizes it together with a penalty on
    changes clusters the rows.

    Parameters
    ----------
    mu : float, default=4.0
        Weight μ of the entropy of the mean prediction, which is largest if all clusters have the
        same size.

    See Also
    --------
    sklearn_irg.IMSATClusterer : The clusterer that uses it.

    References
    ----------
    .. [1] Krause, Perona and Gomes (2010), "Discriminative clustering by regularized information
       maximization".
    .. [2] Hu, Miyato, Tokui, Matsumoto and Sugiyama (2017), "Learning discrete representations via
       information maximizing self-augmented training".

    Examples
    --------
    >>> from sklearn_irg.losses import InformationMaximization
    >>> InformationMaximization(mu=1.0)
    InformationMaximization(mu=1.0)
    """

    group = "all"
    builds_inputs = False

    def __init__(self, mu=4.0):
        self.mu = mu

    def check_parameters(self):
        check_real(self.mu, "mu", 0)

    def check(self, columns, likelihood):
        del columns
        if likelihood.n_classes(1) is None:
            raise InvalidParameterError(
                f"InformationMaximization needs class probabilities, which {likelihood!r} does not "
                "have."
            )

    def value(self, step):
        weights = step.weights / step.weights.sum()
        of_rows = numpy.dot(weights, step.entropies)
        of_mean = numpy.sum(surprisal(numpy.dot(weights, step.probabilities)))
        return of_rows - float(self.mu) * of_mean
