"""Findings of the report about the chosen model and the baselines, on held-out rows."""

from copy import deepcopy
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pandas as pd
from sklearn.calibration import calibration_curve

from sklearn_irg._cli.scores import SCORINGS, under_attack
from sklearn_irg.attacks import ThreatModel, adversarial_examples
from sklearn_irg.diagnostics import attack_distance, flip_rates, input_gradients

__all__ = ["Change", "Curve", "Findings", "NearRow", "find"]

SHARES = (0, 0.5, 1, 1.5)  # of epsilon; boosting takes as long at twice epsilon as at all these
# of each fold: accuracies of 300 rows in five folds have standard errors of 3 points at most
CURVE_ROWS = 60
# of each fold, for the rows nearest to the boundary; more than are shown, since the smallest
# difference of probabilities need not be the smallest distance
CANDIDATES = 10
# shares of a distance by which rows go further, until one changes the class: the boundary itself
# may not be reached, and integers lie beyond it
_BEYOND = (1e-3, 0.05, 0.25)
_NOT_ZERO = 1e-9  # of a scale: swaps alone have a distance of zero, of which there are no shares
# of a scale: far above the rounding of numbers, and below any change that means something
_UNCHANGED = 1e-6
_LARGE = 0.1  # of the largest change of a row: those below this share are only counted
_SWAP = 1e9  # in place of the infinite size of a swap, in this comparison
_NEAR_ROWS = 5  # as many as a page shows with all their changes; any number would do
_LISTED = 5  # changes of a row, the largest ones; the rest is counted


@dataclass(frozen=True)
class Curve:
    """Robustness curve and calibration curve of one model."""

    name: str
    clean: float
    attacked: np.ndarray
    certified: np.ndarray | None
    confidence: np.ndarray
    share_right: np.ndarray


@dataclass(frozen=True)
class Change:
    """Cell before and after a change, in the table's units."""

    column: str
    before: str
    after: str


@dataclass(frozen=True)
class NearRow:
    """Row near the boundary, and the smallest change found that flips its class."""

    number: int
    label: str
    flipped_to: str
    distance: float
    changes: list
    n_smaller: int


@dataclass(frozen=True)
class Findings:
    """Content of the report below the decision.

    Attributes
    ----------
    radii : ndarray
        Radii of the curves.
    curves : list of Curve
        Curves of all models, the chosen one first.
    sensitivity : dict of str to ndarray of shape (n_folds,)
        Columns of numbers: mean absolute gradient of the loss per standard deviation.
    swaps : dict of str to ndarray of shape (n_folds,)
        Categories: proportion of rows whose class changes if this category alone changes.
    nearest : list of NearRow
        Rows near the boundary, nearest first.
    n_rows : int
        Number of rows of the curves, over all folds.
    """

    radii: np.ndarray
    curves: list
    sensitivity: dict
    swaps: dict
    nearest: list
    n_rows: int


def find(sweep, chosen, say=lambda what: None):
    """Findings about the chosen model, fold by fold, and about the baselines."""
    baselines = [row for row in sweep.rows if not row.candidate.penalty and row is not chosen]
    radii = sweep.threat.epsilon * np.array(SHARES)
    curves = []
    for i, row in enumerate([chosen, *baselines], start=1):
        say(f"{i} of {len(baselines) + 2}, curve of {row.candidate.name}")
        curves.append(_curve(sweep, row, radii))
    say(f"{len(baselines) + 2} of {len(baselines) + 2}, columns and nearest rows")
    return Findings(
        radii,
        curves,
        _sensitivity(sweep, chosen),
        _swaps(sweep, chosen),
        _nearest(sweep, chosen),
        sum(len(some[:CURVE_ROWS]) for *_, some in sweep.folds),
    )


def _unseen(sweep, row):
    """A fitted model of each fold, and the rows attacked in it."""
    for fold, (_, _, some) in zip(row.folds, sweep.folds, strict=True):
        yield fold.pipeline, sweep.table.X.iloc[some], sweep.table.y[some]


def _curve(sweep, row, radii):
    threat, weights = _with_radius(sweep.threat, radii), SCORINGS[sweep.scoring].weights
    shares = []
    for accuracy, (model, X, y) in zip(row.values("accuracy"), _unseen(sweep, row), strict=True):
        X, y = X[:CURVE_ROWS], y[:CURVE_ROWS]
        shares.append(under_attack(model, X, y, threat, weights(y), accuracy))
    attacked, certified = np.mean(shares, axis=0)
    confidence, is_right = [], []
    for fold, (_, test, _) in zip(row.folds, sweep.folds, strict=True):
        probabilities = fold.pipeline.predict_proba(sweep.table.X.iloc[test])
        confidence.append(probabilities.max(axis=1))
        is_right.append(fold.pipeline.classes_[probabilities.argmax(axis=1)] == sweep.table.y[test])
    right, stated = calibration_curve(
        np.concatenate(is_right), np.concatenate(confidence), n_bins=10, strategy="quantile"
    )
    certified = None if np.isnan(certified).any() else certified
    return Curve(row.candidate.label, row.mean("accuracy"), attacked, certified, stated, right)


def _with_radius(threat, epsilon):
    """The threat model with another radius; scales and levels stay those of the whole table."""
    return deepcopy(threat).set_params(epsilon=epsilon)


def _categories(sweep):
    """Columns that change by swaps: of strings, and flags."""
    return [name for j, name in enumerate(sweep.table.X.columns) if j in sweep.threat.levels_]


def _sensitivity(sweep, chosen):
    names = [name for name in sweep.table.names("number") if name not in _categories(sweep)]
    found = {name: [] for name in names}
    positions = [sweep.table.X.columns.get_loc(name) for name in names]
    scales = sweep.table.X[names].std(ddof=0).to_numpy()
    for model, X, y in _unseen(sweep, chosen):
        means = np.abs(input_gradients(model, X, y)).mean(axis=0)[positions] * scales
        for name, mean in zip(names, means, strict=True):
            found[name].append(mean)
    return {
        name: np.array(means)
        for name, means in sorted(found.items(), key=lambda item: -np.mean(item[1]))
    }


def _swaps(sweep, chosen):
    categorical = sweep.threat.categorical
    threat = ThreatModel(0.0, n_swaps=1, categorical=categorical, random_state=sweep.seed).fit(
        sweep.table.X
    )
    found = {name: [] for name in _categories(sweep)}
    for model, X, _ in _unseen(sweep, chosen):
        flips = flip_rates(model, X[:CURVE_ROWS], threat=threat)
        rates = dict(zip(flips.names, flips.rates, strict=True))
        for name, shares in found.items():
            shares.append(rates[name])
    return {
        name: np.array(shares)
        for name, shares in sorted(found.items(), key=lambda item: -np.mean(item[1]))
    }


def _nearest(sweep, chosen):
    """Correctly classified rows nearest to the boundary.

    They are searched among those with the smallest differences of probabilities.
    """
    found = []
    for model, X, y in _unseen(sweep, chosen):
        top = np.sort(model.predict_proba(X), axis=1)
        margins = top[:, -1] - top[:, -2]
        right = np.flatnonzero(model.predict(X) == y)
        rows = right[np.argsort(margins[right], kind="stable")[:CANDIDATES]]
        if not len(rows):
            continue
        distances = attack_distance(model, X.iloc[rows], threat=sweep.threat)
        near = [
            (d, margins[i], model, X.iloc[[i]], y[[i]])
            for d, i in zip(distances, rows, strict=True)
        ]
        found += [row for row in near if np.isfinite(row[0])]
    near = (_near_row(sweep, d, *row) for d, _, *row in sorted(found, key=lambda row: row[:2]))
    return list(islice((row for row in near if row is not None), _NEAR_ROWS))


def _near_row(sweep, distance, model, X, y):
    for share in _BEYOND:
        threat = _with_radius(sweep.threat, distance * (1 + share) + _NOT_ZERO)
        moved = adversarial_examples(model, X, y, threat)
        flipped = model.predict(moved)
        if flipped[0] != y[0]:
            changes, n_smaller = _changes(sweep, X.iloc[0], moved.iloc[0])
            return NearRow(
                int(X.index[0]) + 1, str(y[0]), str(flipped[0]), float(distance), changes, n_smaller
            )
    return None


def _changes(sweep, before, after):
    """Largest changes, in units of scale, and the number of smaller ones not listed."""
    sizes = {}
    for name, scale in zip(sweep.table.X.columns, sweep.threat.scales_, strict=True):
        if name in _categories(sweep):
            same = before[name] == after[name] or pd.isna(after[name])  # missing cells stay
            sizes[name] = 0 if same else np.inf
        elif scale > 0 and before[name] == before[name]:
            sizes[name] = abs(after[name] - before[name]) / scale
    changed = sorted(
        (name for name in sizes if sizes[name] > _UNCHANGED), key=lambda name: -sizes[name]
    )
    listed = [name for name in changed if sizes[name] >= _LARGE * min(sizes[changed[0]], _SWAP)][
        :_LISTED
    ]
    return [_change(name, before[name], after[name]) for name in listed], len(changed) - len(listed)


def _change(name, before, after):
    if not isinstance(after, (int, float, np.number)):
        return Change(name, str(before), str(after))
    digits = 1 - int(np.floor(np.log10(abs(after - before))))  # two significant ones of the change
    decimals = np.format_float_positional(before, precision=6, trim="-").partition(".")[2]
    digits = max(digits, len(decimals))  # and those of the value itself
    return Change(name, _number(before, digits), _number(after, digits))


def _number(value, digits):
    """Number as text, with a space between thousands."""
    whole = digits <= 0 or value == round(value)
    return f"{value:,.{0 if whole else min(digits, 12)}f}".replace(",", "\u202f")
