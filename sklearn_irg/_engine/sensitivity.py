"""Sensitivity of a network's output to its input, as pure functions.

Penalties optimize them, and diagnostics report them.

The functions of a network take the tuple of a forward pass, so nothing is computed twice, and are
differentiable with respect to θ. Directions and perturbed rows are constants of the optimization;
the functions that find them take gradients as functions of rows, so that they serve networks in
training and fitted models of any kind.
"""

import numpy as np
from scipy.linalg import eigh_tridiagonal

from sklearn_irg._engine.autodiff import (
    matmul,
    matmul_transposed,
    numpy,
    root,
    row_absolute_sum,
    row_dot,
    scale_rows,
    squared_norm,
    stop_gradient,
    transposed_matmul,
)
from sklearn_irg._engine.row_norms import product_row_norms

__all__ = [
    "STEPS_ACROSS",
    "absolute",
    "absolute_input_gradients",
    "ascend",
    "common_direction",
    "input_gradients",
    "leading_singular_triple",
    "normalized_rows",
    "power_iterations",
    "project_to_ball",
    "random_directions",
    "row_norms",
    "squared_input_gradients",
    "squared_jacobian_norms",
    "squared_spectral_norm",
    "steepest",
    "summed_log_probability_cotangent",
    "virtual_adversarial_direction",
]


# length of all steps of an ascent together, in radii: from any point of the ball they reach its
# edge, as in Madry et al. (2018)
STEPS_ACROSS = 2.5
# norms of matrices up to here, and from its inverse on, have squares that single precision holds
_LARGE = 1e10
# share of the longest column that the image of ones has at least, to be a start; any small one
# would do, since a poor start costs iterations only
_VANISHING = 1e-3
_STACK_BYTES = 2**25  # of arrays for several cotangents of each row in one pass, to bound memory
# up to which all eigenvectors are cheaper than Lanczos iterations: 0.7 ms and 1.1 at 100, 2.7 ms
# and 1.8 at 200
_FEW_EIGENVALUES = 100
# at most, and from one check to the next: random matrices of 784 × 256 need more than 120, and
# those of 2000 × 1000 more than these; checks at every fourth take half as long again
_LANCZOS_ITERATIONS, _LANCZOS_CHECKS = 240, 12


def _first_layer(network, theta, forward, cotangent, mask):
    D, W = network.backward(theta, forward, cotangent)[0], network.weight(theta, 0)
    if mask is not None and mask.ndim == 1:
        W, mask = scale_rows(mask, W), None
    return D, W, mask


def input_gradients(network, theta, forward, cotangent, mask=None):
    """Gradient of ⟨cotangent, outputs⟩ with respect to the inputs, shape (n_samples, n_features).

    ``mask``, of zeros and ones, selects columns with shape (n_features,) or entries with shape
    (n_samples, n_features).
    """
    D, W, mask = _first_layer(network, theta, forward, cotangent, mask)
    gradients = matmul_transposed(D, W)
    return gradients if mask is None else gradients * mask


def squared_input_gradients(network, theta, forward, cotangent, mask=None):
    """Squared L2 norm of each row of `input_gradients`, shape (n_samples,).

    The gradients are not built where that is cheaper.
    """
    D, W, mask = _first_layer(network, theta, forward, cotangent, mask)
    if mask is None:
        return product_row_norms(D, W, stop_gradient(forward).saved.allocate)
    gradients = matmul_transposed(D, W) * mask
    return row_dot(gradients, gradients)


def squared_jacobian_norms(network, theta, forward, mask=None):
    """Squared Frobenius norm of each row's Jacobian, outputs by inputs, shape (n_samples,)."""
    outputs = stop_gradient(forward[-1])
    (n, k), width = outputs.shape, sum(network.layer_sizes[1:])
    size = max(1, _STACK_BYTES // max(1, n * width * outputs.itemsize))
    total = 0
    for some in np.split(
        np.eye(k, dtype=outputs.dtype), range(size, k, size)
    ):  # one pass for many outputs
        norms = squared_input_gradients(network, theta, forward, np.repeat(some, n, axis=0), mask)
        total = total + numpy.sum(numpy.reshape(norms, (len(some), n)), axis=0)
    return total


def absolute_input_gradients(network, theta, forward, cotangent, mask=None, sharpness=None):
    """L1 norm of each row of `input_gradients`, shape (n_samples,).

    With a ``sharpness`` it is a smooth upper bound on the norm.
    """
    gradients = input_gradients(network, theta, forward, cotangent, mask)
    if sharpness is None:
        return row_absolute_sum(gradients)
    # in proportion to the root mean square of each row, so that units do not matter
    squared_width = row_dot(gradients, gradients) * (1 / (gradients.shape[1] * sharpness**2))
    return numpy.sum(absolute(gradients, squared_width[:, None]), axis=1)


def absolute(A, squared_width=None):
    """Absolute values with a derivative of zero at zero, or a smooth upper bound on them.

    With a ``squared_width`` w² the bound is the square root of ``a² + w²``.
    """
    if squared_width is None:
        return A * np.sign(stop_gradient(A))
    return root(A * A + squared_width)


def summed_log_probability_cotangent(likelihood, outputs):
    """Derivative of the sum of the log-probabilities of all classes with respect to outputs.

    With K classes it is minus K times the residual at uniform targets, since the loss is linear in
    the targets.
    """
    n_classes = likelihood.n_classes(outputs.shape[1])
    uniform = np.full(outputs.shape, 1 / n_classes, dtype=stop_gradient(outputs).dtype)
    return -n_classes * likelihood.evaluate(outputs, uniform)[1]


def squared_spectral_norm(W, sharpness=None, n_iterations=None):
    r"""Square of the largest singular value of a matrix, or a smooth upper bound on it.

    It is ``‖Wv‖²`` at the leading singular vector v, and v may be held constant: by the envelope
    theorem its own change does not contribute to the derivative. v comes from the smaller Gram
    matrix, exact and without state.

    Where singular values tie that is one of many subgradients. With a ``sharpness`` q it is
    :math:`(\sum_i \sigma_i^{2q})^{1/q}`, which has a gradient everywhere but at zero and tends to
    the largest as q grows.
    With ``n_iterations`` it is an estimate from below, by so many power iterations.
    """
    value = stop_gradient(W)
    if n_iterations is not None:
        return squared_norm(matmul(W, power_iterations(value, n_iterations)[2][:, None]))
    dtype, tall = value.dtype, value.shape[0] >= value.shape[1]
    if (
        sharpness is not None
    ):  # a high power of the ratios of eigenvalues leaves nothing of single precision
        value = value.astype(np.float64, copy=False)
    V = _leading_directions(value.T @ value if tall else value @ value.T, sharpness).astype(
        dtype, copy=False
    )
    return squared_norm(matmul(W, V) if tall else transposed_matmul(W, V))


def leading_singular_triple(W):
    """Left direction (n_in,), largest singular value and right direction (n_out,).

    They come from the smaller Gram matrix.
    """
    if W.shape[0] < W.shape[1]:
        v, sigma, u = leading_singular_triple(W.T)
        return u, sigma, v
    largest = np.abs(W).max(initial=0)
    if not largest > 0:
        return (
            np.eye(1, len(W), dtype=W.dtype)[0],
            W.dtype.type(0),
            np.eye(1, W.shape[1], dtype=W.dtype)[0],
        )
    scale = 1 if 1 / _LARGE < largest < _LARGE else largest
    scaled = W if scale == 1 else W / scale
    v = _leading_eigenvector(scaled.T @ scaled)
    image = scaled @ v
    length = np.sqrt(image @ image)
    return image / length, scale * length, v


def power_iterations(W, n_iterations):
    """Left direction (n_in,), length and right direction (n_out,) after power iterations.

    They start from a vector of ones.

    Where W maps that to (nearly) zero, from which iterations would not recover, they start from the
    longest column. The length is that of W times the right direction.
    """
    image = np.ones(W.shape[0], dtype=W.dtype) @ W
    longest = np.sqrt(W.shape[0]) * np.abs(W).max(initial=0)  # no column is longer
    if np.abs(image).max(initial=0) <= _VANISHING * longest:
        lengths = row_norms(W.T)
        if _normalized(image)[1] <= _VANISHING * lengths.max(initial=0):
            image = _normalized(W[:, lengths.argmax()])[0] @ W
    for _ in range(n_iterations):
        v = _normalized(image)[0]
        u, length = _normalized(W @ v)
        image = u @ W
    return u, length, v


def _normalized(vector):
    """The vector divided by its length, and the length; zero stays zero."""
    largest = np.abs(vector).max(initial=0)
    if not largest > 0:
        return vector, largest
    scaled = vector / largest  # so that squares neither overflow nor vanish
    length = np.sqrt(scaled @ scaled)
    scaled /= length
    return scaled, largest * length


def _leading_directions(gram, sharpness):
    """Eigenvectors times the square roots of their weights in the squared spectral norm.

    Without ``sharpness`` it is the leading one alone.
    """
    if not np.isfinite(gram.trace()):  # a step too far: any direction gives a value that says so
        return np.full((len(gram), 1), len(gram) ** -0.5, dtype=gram.dtype)
    if sharpness is None or len(gram) == 1:
        return _leading_eigenvector(gram)[:, None]
    eigenvalues, vectors = np.linalg.eigh(gram)
    if not eigenvalues[-1] > 0:
        return vectors[:, -1:]
    ratios = np.maximum(eigenvalues, 0) / eigenvalues[-1]
    counts = ratios ** (sharpness - 1) * (ratios**sharpness).sum() ** (1 / sharpness - 1)
    return vectors * np.sqrt(counts)


def _leading_eigenvector(gram):
    """Leading eigenvector of a matrix without negative eigenvalues.

    Lanczos iterations find it where they are cheaper than computing all eigenvectors.

    They end where the residual is rounding error. Where they do not get there, as for some clusters
    of eigenvalues, all eigenvectors are computed.
    """
    n, eps = len(gram), np.finfo(gram.dtype).eps
    if n <= _FEW_EIGENVALUES:
        return np.linalg.eigh(gram)[1][:, -1]
    v = np.random.RandomState(0).standard_normal(n).astype(gram.dtype)
    basis, diagonal, off_diagonal = np.empty((_LANCZOS_ITERATIONS, n), gram.dtype), [], []
    image = v  # of the last vector, orthogonal to the two before
    for k in range(_LANCZOS_ITERATIONS):
        length = np.sqrt(image @ image)
        if k and (k % _LANCZOS_CHECKS == 0 or length <= eps * diagonal[0]):
            (value,), ritz = eigh_tridiagonal(
                diagonal, off_diagonal, select="i", select_range=(k - 1, k - 1)
            )
            if length * abs(ritz[-1, 0]) <= eps * value:
                v = ritz[:, 0].astype(gram.dtype) @ basis[:k]
                return v / np.sqrt(v @ v)
            if not length > 0:
                break
        basis[k] = image / length
        image = gram @ basis[k]
        if k:
            image -= length * basis[k - 1]
            off_diagonal.append(length)
        diagonal.append(image @ basis[k])
        image -= diagonal[k] * basis[k]
    return np.linalg.eigh(gram)[1][:, -1]


def row_norms(A):
    """L2 norm of each row, shape (n_samples, 1), without overflow or underflow of squares."""
    largest = np.abs(A).max(axis=1, keepdims=True, initial=0)
    scaled = A / np.where(largest > 0, largest, 1)
    return largest * np.sqrt(np.einsum("ij,ij->i", scaled, scaled))[:, None]


def normalized_rows(A):
    """Each row divided by its L2 norm; rows of zeros stay zero."""
    norms = row_norms(A)
    return A / np.where(norms > 0, norms, 1)


def random_directions(X, random_state, dtype, mask=None):
    """A random unit direction for each row, within the columns of a mask of zeros and ones."""
    directions = random_state.standard_normal(X.shape).astype(dtype, copy=False)
    return normalized_rows(directions if mask is None else directions * mask)


def common_direction(X, random_state, dtype, mask=None):
    """One random unit direction for all rows, within the columns of each row's mask.

    The direction of a row does not depend on the other rows.
    """
    directions = np.broadcast_to(random_state.standard_normal(X.shape[1]), X.shape).astype(dtype)
    return normalized_rows(directions if mask is None else directions * mask)


def virtual_adversarial_direction(
    divergence_gradient, X, start, *, xi, n_power_iterations, mask=None
):
    """Unit direction in which each row's prediction changes most.

    It is found by power iteration on the divergence.

    ``divergence_gradient(X_moved)`` is the gradient, at moved rows, of the divergence from the
    prediction at X. It is flat at X itself, so it is taken at a distance ``xi`` along the
    directions ``start`` of unit norm. Where it is zero there too, as where a prediction is
    constant, a row keeps its direction.
    """
    direction = start
    for _ in range(n_power_iterations):
        gradients = divergence_gradient(X + xi * direction)
        found = normalized_rows(gradients if mask is None else gradients * mask)
        direction = np.where(found.any(axis=1, keepdims=True), found, direction)
    return direction


def steepest(gradients, norm):
    """Direction of unit norm in which each row's function grows fastest.

    The norm is "l2", "linf", or "l1", for which a direction has one feature.
    """
    if norm == "l2":
        return normalized_rows(gradients)
    if norm == "linf":
        return np.sign(gradients)
    rows, largest = np.arange(len(gradients)), np.abs(gradients).argmax(axis=1)
    direction = np.zeros_like(gradients)
    direction[rows, largest] = np.sign(gradients[rows, largest])
    return direction


def project_to_ball(perturbations, epsilon, norm):
    """Each row's nearest point in the ball of radius epsilon: "l2", "linf" or "l1"."""
    if norm == "linf":
        return np.clip(perturbations, -epsilon, epsilon)
    if norm == "l1":
        return _project_to_l1_ball(perturbations, epsilon)
    norms = row_norms(perturbations)
    return perturbations * np.minimum(1, epsilon / np.where(norms > 0, norms, 1))


def _project_to_l1_ball(perturbations, epsilon):
    sizes = np.abs(perturbations)
    below = sizes - sizes.max(axis=1, keepdims=True)  # so that nothing that remains cancels
    sums = np.cumsum(np.sort(below, axis=1)[:, ::-1], axis=1)
    threshold = ((sums - epsilon) / np.arange(1, sizes.shape[1] + 1)).max(axis=1, keepdims=True)
    inside = sizes.sum(axis=1, keepdims=True) <= epsilon
    return np.where(
        inside, perturbations, np.sign(perturbations) * np.maximum(below - threshold, 0)
    )


def ascend(gradient_at, X, epsilon, norm, *, n_steps=1, step_size=None, clip=None, start=None):
    """Projected gradient ascent of a function from each row, within a ball around it.

    Yields the rows after each step.

    One step goes the whole radius; more go 2.5 / n_steps of it each unless ``step_size`` says
    otherwise. With a ``start``, points of the ball, so does one.
    """
    if step_size is None:
        is_direct = n_steps == 1 and start is None
        step_size = epsilon if is_direct else STEPS_ACROSS * epsilon / n_steps
    moved = X if start is None else start
    for _ in range(n_steps):
        moved = moved + step_size * steepest(gradient_at(moved), norm)
        if n_steps > 1 or step_size > epsilon or start is not None:
            moved = X + project_to_ball(moved - X, epsilon, norm)
        if clip is not None:
            moved = np.clip(moved, *clip)
        moved = moved.astype(X.dtype, copy=False)
        yield moved
