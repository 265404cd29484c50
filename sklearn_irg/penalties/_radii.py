import numpy as np
from sklearn.neighbors import NearestNeighbors

from sklearn_irg._checks import InvalidParameterError, check_integer, check_real
from sklearn_irg._component import Component


class LocalRadius(Component):
    """A radius for each row: a fraction of the distance to one of its nearest neighbors.

    Where rows lie close together, a small change may lead to another class; where they lie far
    apart, it does not [1]_. Neighbors are sought among all rows of the fit, labeled or not; a row
    with ``n_neighbors`` duplicates has radius zero.

    Parameters
    ----------
    fraction : float, default=0.25
        Factor by which the distance is multiplied.
    n_neighbors : int, default=10
        Which neighbor to use: 1 is the nearest. With fewer other rows, the farthest is used.

    References
    ----------
    .. [1] Hu, Miyato, Tokui, Matsumoto and Sugiyama (2017), "Learning discrete representations via
       information maximizing self-augmented training".

    Examples
    --------
    >>> from sklearn_irg.penalties import LocalRadius, VirtualAdversarial
    >>> VirtualAdversarial(epsilon=LocalRadius(n_neighbors=5))
    VirtualAdversarial(epsilon=LocalRadius(n_neighbors=5))
    """

    def __init__(self, fraction=0.25, n_neighbors=10):
        self.fraction = fraction
        self.n_neighbors = n_neighbors

    def check_parameters(self):
        check_real(self.fraction, "fraction of LocalRadius", 0, open_low=True)
        check_integer(self.n_neighbors, "n_neighbors of LocalRadius", 1)

    def radii(self, X):
        """Radius of each row of X, shape (n_samples,), in units of X."""
        n_neighbors = min(int(self.n_neighbors), X.shape[0] - 1)
        if n_neighbors == 0:
            raise ValueError(
                'epsilon="local" needs at least 2 rows to have neighbors; got n_samples=1. Pass a '
                "number as epsilon."
            )
        # squared distances must neither overflow nor vanish, nor the rows' own squares outweigh
        # them
        size = float(np.abs(X).max()) or 1.0
        centered = X.astype(np.float64) / size
        centered -= centered.mean(axis=0)
        distances, _ = NearestNeighbors(n_neighbors=n_neighbors).fit(centered).kneighbors()
        return (float(self.fraction) * distances[:, -1] * size).astype(X.dtype, copy=False)


def check_radius(epsilon, *, allow_zero=False):
    """A number, as a float, or a `LocalRadius`, from what a penalty takes as ``epsilon``."""
    if isinstance(epsilon, str) and epsilon == "local":
        return LocalRadius()
    if isinstance(epsilon, LocalRadius):
        epsilon.check_parameters()
        return epsilon
    if isinstance(epsilon, (str, Component)):
        raise InvalidParameterError(
            f'epsilon must be a positive number, "local" or a LocalRadius; got {epsilon!r}.'
        )
    return check_real(epsilon, "epsilon", 0, open_low=not allow_zero)
