"""Two samples in place of targets: y says in which a row is."""

import numpy as np
from sklearn.utils import ClassifierTags, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from sklearn_irg._estimators._base import Encoded


class TwoSamples:
    """Rows of a first sample, ``classes_[0]``, and of a second one."""

    def _encode(self, y, sample_weight, loss, *, classes, resume, incremental):
        del classes, incremental
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        found, indices = np.unique(y, return_inverse=True)
        if len(found) != 2:
            raise ValueError(
                f"y must have two values, one for each of the samples that {type(self).__name__} compares; got "
                f"{'one class' if len(found) == 1 else len(found)}: {', '.join(map(repr, found[:5].tolist()))}."
            )
        if resume and not np.array_equal(found, self.classes_):
            raise ValueError(
                f"warm_start=True keeps the samples of the last fit, {self.classes_.tolist()}, but y has {found.tolist()}. "
                "Use warm_start=False, or a fresh clone."
            )
        self.classes_ = found
        groups = {name: np.flatnonzero(indices == k) for k, name in enumerate(loss.samples)}
        return Encoded(None, sample_weight, groups, 1)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.classifier_tags = ClassifierTags(multi_class=False)  # two values of y, though nothing is classified
        return tags
