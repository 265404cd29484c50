"""Targets that are classes, and how they are encoded."""

from dataclasses import dataclass, replace
from numbers import Real

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from sklearn_irg._checks import InvalidParameterError
from sklearn_irg._engine.likelihoods import Bernoulli, Categorical
from sklearn_irg._training.data import likelihood_of
from sklearn_irg._training.tasks._task import Encoded, Task
from sklearn_irg._training.tasks.labels import is_marker, plain_labels
from sklearn_irg._warnings import warn

__all__ = ["ClassTask", "decide", "find_labeled"]


@dataclass(frozen=True)
class ClassTask(Task):
    """Binary and multiclass targets, and multilabel indicators where these are taken.

    Two classes have one output, whose positive sign means ``classes[1]``; more have one each;
    labels have one each.

    Parameters
    ----------
    name : str
        Name of the estimator, for messages.
    class_weight : dict, "balanced" or None
        As the estimator was given it.
    unlabeled_label : object, default=None
        Value of y where a row has no label.
    takes_indicators : bool, default=False
        Whether y may be an indicator of labels.
    classes : ndarray, default=None
        Sorted classes; None until they are known.
    is_multilabel : bool, default=False
        Whether y is an indicator of labels.
    """

    class_weight: object = None
    unlabeled_label: object = None
    takes_indicators: bool = False
    classes: np.ndarray | None = None
    is_multilabel: bool = False

    # -- which classes there are -------------------------------------------------------------------

    def first(self, y, classes=None):
        known, labeled = self._known(y)
        if self._are_indicators(known):
            return replace(self, classes=np.arange(known.shape[1]), is_multilabel=True)
        found = self._found(known)
        classes = None if classes is None else self._without_marker(classes)
        if classes is not None:
            _check_subset(found, classes)
        task = replace(self, classes=found if classes is None else classes, is_multilabel=False)
        if len(task.classes) < 2:
            hint = ""
            if labeled is not None:
                marker = f"The label {self.unlabeled_label!r} marks rows without one"
                hint = f" {marker}; use unlabeled_label=None if it is a class."
            raise ValueError(
                f"{self.name} needs at least 2 classes in y, but it has only one class: "
                f"{task.classes.tolist()[0]!r}.{hint}"
            )
        return task

    def again(self, y):
        known = self._of_same_kind(y)
        if self.is_multilabel:
            _check_subset(np.arange(known.shape[1]), self.classes)
            return self
        found = self._found(known)
        if not np.array_equal(found, self.classes):
            raise ValueError(
                f"warm_start=True keeps the classes of the last fit, {self.classes.tolist()}, but "
                f"y has {found.tolist()}. Use warm_start=False, or a fresh clone."
            )
        return self

    def more(self, y, classes=None):
        known = self._of_same_kind(y)
        if self.is_multilabel:
            _check_subset(np.arange(known.shape[1]), self.classes)
            return self
        found = self._found(known)
        classes = None if classes is None else self._without_marker(classes)
        if classes is None:
            _check_subset(found, self.classes)
        elif not np.array_equal(classes, self.classes):
            raise ValueError(
                f"classes={classes.tolist()} differ from those of the first call, "
                f"{self.classes.tolist()}."
            )
        return self

    def _known(self, y):
        """Labels of the rows that have one, and a boolean array of these rows; None for all."""
        if y.dtype == object and any(label is None for label in y.reshape(-1)):
            marker = (
                "Leave these rows out"
                if self.unlabeled_label is None
                else f"Write {self.unlabeled_label!r} there"
            )
            raise ValueError(f"y has missing labels. {marker}.")
        labeled = find_labeled(y, self.unlabeled_label)
        return y if labeled is None else plain_labels(y.reshape(-1)[labeled]), labeled

    def _are_indicators(self, known):
        return self.takes_indicators and type_of_target(known) == "multilabel-indicator"

    def _of_same_kind(self, y):
        known, _ = self._known(y)
        indicators = self._are_indicators(known)
        if indicators != self.is_multilabel:
            kinds = ["one class per row", "an indicator of labels"]
            raise ValueError(
                f"y is {kinds[indicators]}, but the first fit saw {kinds[not indicators]}. Use a "
                "fresh clone."
            )
        return known

    def _found(self, known):
        if known.ndim == 2 and known.shape[1] > 1:
            indicator = (
                ", or an indicator of labels, zeros and ones" if self.takes_indicators else ""
            )
            raise ValueError(
                f"{self.name} takes one class per row{indicator}; got y of shape {known.shape}."
            )
        known = column_or_1d(known, warn=True)
        check_classification_targets(known)
        return np.unique(known)

    def _without_marker(self, classes):
        classes = column_or_1d(classes)
        if self.unlabeled_label is not None:  # np.unique(y) has it
            classes = plain_labels(classes[~is_marker(classes, self.unlabeled_label)])
        return np.unique(classes)

    # -- encoding ----------------------------------------------------------------------------------

    def encode(self, data, loss):
        known, labeled = self._known(data.y)
        n_samples = data.y.shape[0]
        if self.is_multilabel:
            return self._encode_indicators(known, data.sample_weight, loss)
        indices = np.searchsorted(self.classes, column_or_1d(known))
        rows, others = _split(labeled, n_samples)
        targets = np.zeros((n_samples, len(self.classes) if len(self.classes) > 2 else 1))
        if targets.shape[1] == 1:
            targets[rows, 0] = indices
        else:
            targets[rows, indices] = 1
        weights = self._weigh(indices, rows, data.sample_weight, n_samples)
        if loss.samples is not None:
            groups = self._samples(weights, rows, indices, loss)
            return Encoded(None, weights, {**groups, "unlabeled": others}, targets.shape[1])
        groups = {"labeled": rows, "unlabeled": others}
        return self._hidden_from(loss, Encoded(targets, weights, groups, targets.shape[1]))

    def _encode_indicators(self, known, sample_weight, loss):
        if loss.samples is not None:
            raise ValueError(
                f"{type(loss).__name__} compares samples, so y must say for each row in which it "
                "is; got an indicator of labels."
            )
        if self.class_weight is not None:
            raise ValueError(
                "class_weight has no meaning for multilabel targets. Use class_weight=None."
            )
        targets = (known.toarray() if hasattr(known, "toarray") else known).astype(np.float64)
        groups = {"labeled": np.arange(len(targets))}
        return self._hidden_from(loss, Encoded(targets, sample_weight, groups, targets.shape[1]))

    def _hidden_from(self, loss, encoded):
        """Targets as the objective gets them: None where the loss reads none."""
        n_classes, n_outputs = 2 if self.is_multilabel else len(self.classes), encoded.n_outputs
        if likelihood_of(self, loss).n_classes(n_outputs) != n_classes:
            raise InvalidParameterError(
                f"loss={loss!r} is not a loss for {n_classes} classes with {n_outputs} outputs. "
                "Use loss=None."
            )
        return (
            Encoded(None, encoded.sample_weight, None, n_outputs)
            if loss.group == "all"
            else encoded
        )

    def _samples(self, weights, rows, indices, loss):
        """Rows of each sample that the loss compares, by name."""
        names, labels = list(loss.samples), [str(label) for label in self.classes]
        reserved = {"all", "unlabeled"} & set(names)
        if reserved or len(set(names)) < len(names):
            raise InvalidParameterError(
                f"samples of {type(loss).__name__} must be different names other than 'all' and "
                f"'unlabeled'; got {names}."
            )
        by_name = any(name in labels for name in names)
        if len(names) != len(labels) or (by_name and set(names) != set(labels)):
            raise ValueError(
                f"{type(loss).__name__} compares the samples {', '.join(names)}, so y must have "
                f"{len(names)} classes, which are these names or others in this order; got "
                f"{self.classes.tolist()}."
            )
        groups = {}
        for k, name in enumerate(names):
            groups[name] = rows[indices == (labels.index(name) if by_name else k)]
            if not len(groups[name]):
                raise ValueError(
                    f"y has no row of the sample {name!r}; {type(loss).__name__} needs rows of "
                    "each."
                )
            if not (weights is None or weights[groups[name]].any()):
                raise ValueError(
                    f"every row of the sample {name!r} has a weight of zero. Give one a positive "
                    "weight."
                )
        return groups

    def _weigh(self, indices, rows, sample_weight, n_samples):
        if self.class_weight is None:
            return sample_weight
        weights = np.ones(n_samples) if sample_weight is None else sample_weight.copy()
        present, class_weight = np.unique(indices), self.class_weight
        by_class = np.ones(len(self.classes))
        if isinstance(class_weight, str) and class_weight == "balanced":
            by_class[present] = compute_class_weight(
                "balanced", classes=present, y=indices, sample_weight=weights[rows]
            )
        else:
            if not isinstance(class_weight, dict) or not all(
                isinstance(w, Real) for w in class_weight.values()
            ):
                raise InvalidParameterError(
                    'class_weight must be a dict of class to number, "balanced" or None; got '
                    f"{class_weight!r}."
                )
            by_class = compute_class_weight(
                class_weight, classes=self.classes, y=self.classes[indices]
            )
        if not (
            np.all(np.isfinite(by_class))
            and np.all(by_class >= 0)
            and np.any(by_class[present] > 0)
        ):
            raise InvalidParameterError(
                "class_weight must be non-negative numbers, and positive for a class of y; got "
                f"{class_weight!r}."
            )
        with np.errstate(over="ignore", under="ignore"):
            weights[rows] *= by_class[indices]
            total = weights[rows].sum()
        if not np.finfo(float).tiny <= total < np.inf:
            raise ValueError(
                "sample_weight times class_weight must have a sum that neither overflows nor "
                f"underflows; got {total} with class_weight={class_weight!r}."
            )
        return weights

    # -- what the rest of a fit asks ---------------------------------------------------------------

    @property
    def default_likelihood(self):
        return Bernoulli() if self.is_multilabel or len(self.classes) == 2 else Categorical()

    @property
    def attributes(self):
        return {"classes_": self.classes, "_is_multilabel": self.is_multilabel}

    def score(self, network, theta, rows):
        positions = network.outputs(
            theta, rows.X, lambda outputs: decide(outputs, self.is_multilabel)
        )
        right = (positions.reshape(len(positions), -1) == self._positions(rows.targets)).all(axis=1)
        return float(np.average(right, weights=rows.sample_weight))

    def _positions(self, targets):
        """Expected results of `decide` for targets, as columns."""
        if self.is_multilabel or targets.shape[1] == 1:
            return targets.astype(int)
        return targets.argmax(axis=1)[:, None]

    def strata(self, targets):
        return None if self.is_multilabel else self.classes[self._positions(targets)[:, 0]]

    def check_terms(self, rows, terms, parametrization):
        normalizes = parametrization is not None and parametrization.needs_whole_batch
        if "unlabeled" in rows.groups and not (
            normalizes or any(term.group == "all" for _, term in terms)
        ):
            warn(
                f"the {len(rows.groups['unlabeled'])} unlabeled rows have no effect: no term of "
                f"{self.name} reads rows without labels. Add a penalty that does, such as "
                "VirtualAdversarial(), or leave the rows out.",
                UserWarning,
            )


def decide(outputs, is_multilabel):
    """Position of the class of each row, or the indicator of its labels."""
    if is_multilabel:
        return (outputs > 0).astype(int)
    return (outputs[:, 0] > 0).astype(int) if outputs.shape[1] == 1 else outputs.argmax(axis=1)


def find_labeled(y, unlabeled_label):
    """Boolean array of the rows that have a label; None if all have."""
    if unlabeled_label is None or (y.ndim == 2 and y.shape[1] > 1):
        return None
    labeled = ~is_marker(y.reshape(-1), unlabeled_label)
    if not labeled.any():
        raise ValueError(f"y has no labeled row: all are unlabeled_label={unlabeled_label!r}.")
    return None if labeled.all() else labeled


def _split(labeled, n_samples):
    """Positions of the rows with a label, and of the others."""
    if labeled is None:
        return np.arange(n_samples), np.arange(0)
    return np.flatnonzero(labeled), np.flatnonzero(~labeled)


def _check_subset(found, known):
    if not np.isin(found, known).all():
        raise ValueError(
            f"y has classes {found.tolist()}, but this estimator was first fitted with "
            f"{known.tolist()}. Pass all of them as classes to the first partial_fit."
        )
