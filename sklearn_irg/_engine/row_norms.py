"""Norms of the rows of a product of matrices, which need not be built.

Squared input gradients are such norms.
"""

import numpy as np

from sklearn_irg._engine.autodiff import ArrayTuple, defvjp_all, opaque, primitive

__all__ = ["product_row_norms", "product_row_norms_and_vjp"]


def _norms(D, W, through_gram, allocate):
    if through_gram:
        product = np.matmul(D, W.mT @ W, out=allocate(D.shape, D.dtype))
        return ArrayTuple([np.vecdot(product, D)], saved=product)
    product = np.matmul(D, W.mT, out=allocate((*D.shape[:-1], W.shape[-2]), D.dtype))
    return ArrayTuple([np.vecdot(product, product)], saved=product)


_product_row_norms = primitive(_norms)


def _norms_vjp(g, D, W, product, through_gram, allocate):
    factors = 2.0 * g[..., None]
    if through_gram:
        scaled = np.multiply(factors, D, out=allocate(D.shape, D.dtype))
        from_rows = W @ (D.mT @ scaled)
        product *= factors  # not needed any more
        return product, from_rows
    product *= factors
    from_rows = np.matmul(product.mT, D, out=allocate(W.shape, W.dtype))
    return np.matmul(product, W, out=allocate(D.shape, D.dtype)), from_rows


defvjp_all(
    _product_row_norms,
    lambda g, ans, D, W, gram, allocate: opaque(_norms_vjp)(g[0], D, W, ans.saved, gram, allocate),
)


def product_row_norms(D, W, allocate=np.empty):
    """Squared norm of each row of ``D @ W.T``, shape (n_samples,).

    When W has many more rows than columns it goes through the Gram matrix, rowsum((D WᵀW) ∘ D), and
    the product itself is never built; value and derivative then cost 2nh² + 1.5dh² multiplications
    instead of 3ndh.
    """
    return _product_row_norms(D, W, _is_cheaper_through_gram(D, W), allocate)[0]


def product_row_norms_and_vjp(D, W, g, allocate=np.empty, mask=None):
    """Squared norms of the rows of ``D @ W.T`` outside a trace, with the cotangents of D and W.

    ``g``, of shape (n_samples,), is the cotangent of the norms. All arrays may have a further axis
    in front, of several networks.

    A ``mask`` of the product's shape multiplies its entries.
    """
    if mask is not None:
        product = np.matmul(D, W.mT, out=allocate((*D.shape[:-1], W.shape[-2]), D.dtype))
        product *= mask
        norms = np.vecdot(product, product)
        product *= mask
        product *= (2 * g)[..., None]
        return norms, product @ W, product.mT @ D
    through_gram = _is_cheaper_through_gram(D, W)
    norms = _norms(D, W, through_gram, allocate)
    return norms[0], *_norms_vjp(g, D, W, norms.saved, through_gram, allocate)


def _is_cheaper_through_gram(D, W):
    (n, h), d = D.shape[-2:], W.shape[-2]
    return h * (2 * n + 1.5 * d) < 3 * n * d
