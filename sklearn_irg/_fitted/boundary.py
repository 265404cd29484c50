"""Rows moved across the decision boundary of a model."""

import numpy as np

__all__ = ["cross_boundary", "margin_over_norm"]


def cross_boundary(model, X, label, max_iter, overshoot=0.02, mask=None, clip=None):
    """DeepFool: rows moved across the nearest linearised boundary until their prediction changes."""
    moved = X.copy()
    for _ in range(int(max_iter)):
        active = np.flatnonzero(model.predicted(model.scores(moved)) == label)
        if not len(active):
            break
        margins, gradients = model.margins(moved[active], label[active])
        gradients = gradients if mask is None else gradients * mask
        if clip is not None:  # what stands at a bound cannot go further
            here, (low, high) = moved[active][:, None], clip
            gradients = np.where(((here <= low) & (gradients > 0)) | ((here >= high) & (gradients < 0)), 0, gradients)
        norms = np.linalg.norm(gradients, axis=2).astype(X.dtype, copy=False)
        nearest = margin_over_norm(margins, norms).argmin(axis=1)
        rows = np.arange(len(active))
        margin, gradient, norm = margins[rows, nearest], gradients[rows, nearest], norms[rows, nearest]
        nudge = 8 * np.finfo(X.dtype).eps * np.linalg.norm(moved[active], axis=1) * norm  # off the boundary itself
        length = np.divide((1 + overshoot) * margin + nudge, norm**2, out=np.zeros_like(margin), where=norm > 0)
        moved[active] -= length[:, None] * gradient
        if clip is not None:
            moved = np.clip(moved, *clip)
    return moved


def margin_over_norm(margin, norm):
    """Distance to a linearised boundary; infinite, with the sign of the margin, where the gradient vanishes."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(norm > 0, margin / norm, np.copysign(np.inf, margin))
