"""Log-odds by which other classes are ahead of the label."""

import numpy as np
from scipy.special import logsumexp

__all__ = ["adversarial_margins"]


def adversarial_margins(model, scores, label):
    """Whether scores misclassify each row, and the log-odds against its label.

    The log-odds do not saturate. Scores that are not finite count as not misclassified, with
    log-odds of minus infinity.
    """
    if model.n_outputs == 1:
        margin = (1 - 2 * label) * scores[:, 0]
    else:
        others = np.where(np.arange(scores.shape[1]) == label[:, None], -np.inf, scores)
        margin = logsumexp(others, axis=1) - scores[np.arange(len(scores)), label]
    finite = np.isfinite(scores).all(axis=1)
    return finite & (model.predicted(scores) != label), np.where(finite, margin, -np.inf)
