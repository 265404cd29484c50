"""Rows moved across the decision boundary of a model."""

import numpy as np

from sklearn_irg._fitted.table_rows import numbers_of, with_numbers

__all__ = ["cross_boundary", "margin_over_norm"]


def cross_boundary(model, rows, label, max_iter, overshoot=0.02, mask=None, clip=None):
    """DeepFool: numbers of rows moved across the nearest linearized boundaries, step by step.

    A row stops once its prediction has changed; all stop after ``max_iter`` steps. The overshoot
    of 0.02 is that of the original method.
    """
    moved = numbers_of(rows).copy()
    for _ in range(int(max_iter)):
        active = np.flatnonzero(model.predicted(model.scores(with_numbers(rows, moved))) == label)
        if not len(active):
            break
        here = moved[active]
        margins, gradients = model.margins(with_numbers(rows[active], here), label[active])
        gradients = gradients if mask is None else gradients * mask
        if clip is not None:  # what stands at a bound cannot go further
            at, (low, high) = here[:, None], clip
            gradients = np.where(
                ((at <= low) & (gradients > 0)) | ((at >= high) & (gradients < 0)), 0, gradients
            )
        norms = np.linalg.norm(gradients, axis=2).astype(moved.dtype, copy=False)
        nearest = margin_over_norm(margins, norms).argmin(axis=1)
        each = np.arange(len(active))
        margin, gradient, norm = (
            margins[each, nearest],
            gradients[each, nearest],
            norms[each, nearest],
        )
        nudge = (
            8 * np.finfo(moved.dtype).eps * np.linalg.norm(here, axis=1) * norm
        )  # off the boundary itself
        length = np.divide(
            (1 + overshoot) * margin + nudge, norm**2, out=np.zeros_like(margin), where=norm > 0
        )
        moved[active] -= length[:, None] * gradient
        if clip is not None:
            moved = np.clip(moved, *clip)
    return moved


def margin_over_norm(margin, norm):
    """Distance to a linearized boundary: the margin over the norm of its gradient.

    Where the gradient vanishes, it is infinite, with the sign of the margin.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(norm > 0, margin / norm, np.copysign(np.inf, margin))
