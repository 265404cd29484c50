"""Targets that are classes, and how they are encoded."""

from numbers import Real

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from sklearn_irg._checks import InvalidParameterError
from sklearn_irg._estimators._base import Encoded
from sklearn_irg._estimators._class_predictions import ClassPredictions
from sklearn_irg._estimators._labels import plain_labels
from sklearn_irg._estimators._unlabelled_rows import UnlabelledRows


class ClassTargets(UnlabelledRows, ClassPredictions, ClassifierMixin):
    """Binary and multiclass targets, and multilabel indicators where ``_multilabel`` allows them.

    Two classes have one output, whose positive sign means ``classes_[1]``; more have one each; labels have one each.
    """

    _multilabel = False
    _sklearn_losses = ("log_loss",)

    # -- encoding ------------------------------------------------------------------------------------------------------

    def _encode(self, y, sample_weight, loss, *, classes, resume, incremental):
        if y.dtype == object and any(label is None for label in y.reshape(-1)):
            marker = "Leave these rows out" if self.unlabeled_label is None else f"Write {self.unlabeled_label!r} there"
            raise ValueError(f"y has missing labels. {marker}.")
        labelled = self._find_labelled(y)
        known = y if labelled is None else plain_labels(y.reshape(-1)[labelled])
        indicators = self._multilabel and type_of_target(known) == "multilabel-indicator"
        if resume and indicators != self._is_multilabel:
            kinds = ["one class per row", "an indicator of labels"]
            raise ValueError(
                f"y is {kinds[indicators]}, but the first fit saw {kinds[not indicators]}. Use a fresh clone."
            )
        if indicators:
            if loss.samples is not None:
                raise ValueError(
                    f"{type(loss).__name__} compares samples, so y must say for each row in which it is; got an indicator of "
                    "labels."
                )
            targets = self._encode_indicators(known, resume)
            return self._encoded(targets, sample_weight, {"labelled": np.arange(len(targets))}, loss)
        if known.ndim == 2 and known.shape[1] > 1:
            indicator = ", or an indicator of labels, zeros and ones" if self._multilabel else ""
            raise ValueError(f"{type(self).__name__} takes one class per row{indicator}; got y of shape {known.shape}.")
        known = column_or_1d(known, warn=True)
        check_classification_targets(known)
        found, indices = np.unique(known, return_inverse=True)
        self._check_classes(found, classes, resume, incremental, some_unlabelled=labelled is not None)
        indices = np.searchsorted(self.classes_, found)[indices]
        rows = np.arange(len(y)) if labelled is None else np.flatnonzero(labelled)
        targets = np.zeros((len(y), len(self.classes_) if len(self.classes_) > 2 else 1))
        if targets.shape[1] == 1:
            targets[rows, 0] = indices
        else:
            targets[rows, indices] = 1
        weights = self._weigh(indices, rows, sample_weight, len(y))
        if loss.samples is not None:
            return self._encoded_samples(targets, weights, rows, indices, loss)
        groups = {"labelled": rows, "unlabelled": np.setdiff1d(np.arange(len(y)), rows)}
        return self._encoded(targets, weights, groups, loss)

    def _encoded(self, targets, weights, groups, loss):
        """Targets as the objective gets them; hidden from it where the loss reads none."""
        n_outputs = targets.shape[1]
        n_classes = 2 if self._is_multilabel else len(self.classes_)
        if self._likelihood(loss).n_classes(n_outputs) != n_classes:
            raise InvalidParameterError(
                f"loss={self.loss!r} is not a loss for {n_classes} classes with {n_outputs} outputs. Use loss=None."
            )
        if loss.group == "all":
            return Encoded(None, weights, None, n_outputs)
        return Encoded(targets, weights, groups, n_outputs)

    def _encoded_samples(self, targets, weights, rows, indices, loss):
        names, labels = list(loss.samples), [str(label) for label in self.classes_]
        reserved = {"all", "unlabelled"} & set(names)
        if reserved or len(set(names)) < len(names):
            raise InvalidParameterError(
                f"samples of {type(loss).__name__} must be different names other than 'all' and 'unlabelled'; got {names}."
            )
        by_name = any(name in labels for name in names)
        if len(names) != len(labels) or (by_name and set(names) != set(labels)):
            raise ValueError(
                f"{type(loss).__name__} compares the samples {', '.join(names)}, so y must have {len(names)} classes, which "
                f"are these names or others in this order; got {self.classes_.tolist()}."
            )
        groups = {}
        for k, name in enumerate(names):
            groups[name] = rows[indices == (labels.index(name) if by_name else k)]
            if not len(groups[name]):
                raise ValueError(f"y has no row of the sample {name!r}; {type(loss).__name__} needs rows of each.")
            if not (weights is None or weights[groups[name]].any()):
                raise ValueError(f"every row of the sample {name!r} has a weight of zero. Give one a positive weight.")
        groups["unlabelled"] = np.setdiff1d(np.arange(len(targets)), rows)
        return Encoded(None, weights, groups, targets.shape[1])

    def _encode_indicators(self, y, resume):
        if self.class_weight is not None:
            raise ValueError("class_weight has no meaning for multilabel targets. Use class_weight=None.")
        y = y.toarray() if hasattr(y, "toarray") else y
        if resume:
            self._check_subset(np.arange(y.shape[1]), self.classes_)
        else:
            self.classes_ = np.arange(y.shape[1])
        self._is_multilabel = True
        return y.astype(np.float64)

    def _check_classes(self, found, classes, resume, incremental, some_unlabelled):
        """Set ``classes_`` in a first fit; in a later one see that they are the same."""
        classes = None if classes is None else self._without_marker(classes)
        if not resume:
            if classes is not None:
                self._check_subset(found, classes)
            self.classes_ = found if classes is None else classes
            self._is_multilabel = False
            if len(self.classes_) < 2:
                hint = ""
                if some_unlabelled:
                    marker = f"The label {self.unlabeled_label!r} marks rows without one"
                    hint = f" {marker}; use unlabeled_label=None if it is a class."
                raise ValueError(
                    f"{type(self).__name__} needs at least 2 classes in y, but it has only one class: "
                    f"{self.classes_.tolist()[0]!r}.{hint}"
                )
        elif not incremental and not np.array_equal(found, self.classes_):
            raise ValueError(
                f"warm_start=True keeps the classes of the last fit, {self.classes_.tolist()}, but y has "
                f"{found.tolist()}. Use warm_start=False, or a fresh clone."
            )
        elif classes is not None and not np.array_equal(classes, self.classes_):
            raise ValueError(
                f"classes={classes.tolist()} differ from those of the first call, {self.classes_.tolist()}."
            )
        else:
            self._check_subset(found, self.classes_)

    def _check_subset(self, found, known):
        if not np.isin(found, known).all():
            raise ValueError(
                f"y has classes {found.tolist()}, but this estimator was first fitted with {known.tolist()}. Pass all of "
                "them as classes to the first partial_fit."
            )

    def _weigh(self, indices, rows, sample_weight, n_samples):
        if self.class_weight is None:
            return sample_weight
        weights = np.ones(n_samples) if sample_weight is None else sample_weight.copy()
        present = np.unique(indices)
        by_class = np.ones(len(self.classes_))
        class_weight = self.class_weight
        if isinstance(class_weight, str) and class_weight == "balanced":
            by_class[present] = compute_class_weight(
                "balanced", classes=present, y=indices, sample_weight=weights[rows]
            )
        else:
            if not isinstance(class_weight, dict) or not all(isinstance(w, Real) for w in class_weight.values()):
                raise InvalidParameterError(
                    f'class_weight must be a dict of class to number, "balanced" or None; got {class_weight!r}.'
                )
            by_class = compute_class_weight(class_weight, classes=self.classes_, y=self.classes_[indices])
        if not (np.all(np.isfinite(by_class)) and np.all(by_class >= 0) and np.any(by_class[present] > 0)):
            raise InvalidParameterError(
                f"class_weight must be non-negative numbers, and positive for a class of y; got {class_weight!r}."
            )
        with np.errstate(over="ignore", under="ignore"):
            weights[rows] *= by_class[indices]
            total = weights[rows].sum()
        if not np.finfo(float).tiny <= total < np.inf:
            raise ValueError(
                f"sample_weight times class_weight must have a sum that neither overflows nor underflows; got {total} with "
                f"class_weight={class_weight!r}."
            )
        return weights

    # -- what the rest of the fit asks ---------------------------------------------------------------------------------

    def _score(self, network, theta, rows):
        positions = network.outputs(theta, rows.X, self._decide)
        right = (positions.reshape(len(positions), -1) == self._positions(rows.targets)).all(axis=1)
        return float(np.average(right, weights=rows.sample_weight))

    def _positions(self, targets):
        """What `_decide` should find for targets, as columns."""
        if self._is_multilabel or targets.shape[1] == 1:
            return targets.astype(int)
        return targets.argmax(axis=1)[:, None]

    def _strata(self, targets):
        """What a hold-out keeps in proportion, or None."""
        return None if self._is_multilabel else self.classes_[self._positions(targets)[:, 0]]

    def _example_targets(self):
        """Targets that show every class or label."""
        if not self._is_multilabel:
            return self.classes_
        return np.vstack([np.eye(len(self.classes_), dtype=int), 1 - np.eye(len(self.classes_), dtype=int)])
