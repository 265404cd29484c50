"""Texts of the sweep: its table, the decision, and remarks for the reader."""

import csv
from dataclasses import dataclass
from io import StringIO

import numpy as np

from sklearn_irg._cli.scores import SCORINGS
from sklearn_irg._cli.sweep import ATTACKED_ROWS

__all__ = [
    "STAR",
    "TableRow",
    "as_csv",
    "as_text",
    "decision_sentence",
    "headings",
    "remarks",
    "table_rows",
]

STAR = "* trained against the threat"


@dataclass(frozen=True)
class TableRow:
    """Row of one model in the table of models."""

    name: str
    cells: list
    chosen: bool


def headings(sweep):
    """Headings of the columns of numbers."""
    return [
        *dict.fromkeys([sweep.measure, SCORINGS[sweep.scoring].accuracy]),
        "attacked",
        "certified",
        "seconds",
    ]


def table_rows(sweep, decision):
    """Rows of the models, baselines first."""
    return [
        TableRow(row.candidate.label, _cells(row, sweep), row is decision.chosen)
        for row in sweep.sorted_rows()
    ]


def _cells(row, sweep):
    is_accuracy = sweep.measure == SCORINGS[sweep.scoring].accuracy
    measures = [*([] if is_accuracy else ["score"]), "accuracy", "attacked"]
    cells = [f"{row.mean(measure):.3f} ± {row.standard_error(measure):.3f}" for measure in measures]
    certified = row.mean("certified")
    return [
        *cells,
        "–" if np.isnan(certified) else f"{certified:.3f}",
        f"{row.mean('seconds'):.2g}",
    ]


def as_text(sweep, decision):
    """Table in aligned columns.

    The chosen model is marked, and so are models that were trained against the threat.
    """
    rows = table_rows(sweep, decision)
    names = headings(sweep)
    widths = [
        max(len(line[k]) for line in [names, *(row.cells for row in rows)])
        for k in range(len(names))
    ]
    first = max(len(row.name) for row in rows)
    lines = [
        " " * first
        + "".join(f"  {name:>{width}}" for name, width in zip(names, widths, strict=True))
    ]
    for row in rows:
        cells = "".join(f"  {cell:>{width}}" for cell, width in zip(row.cells, widths, strict=True))
        lines.append(f"{row.name:<{first}}{cells}{'  <- chosen' if row.chosen else ''}")
    if _trained_against_threat(sweep):
        lines.append(STAR)
    return "\n".join(lines)


def as_csv(sweep, decision):
    """Table as CSV with all numbers, unrounded; cells without a number are empty."""
    measures = {
        sweep.scoring: "score",
        SCORINGS[sweep.scoring].accuracy.replace(" ", "_"): "accuracy",
    }
    measures |= {"attacked": "attacked", "certified": "certified"}
    columns = [name for measure in measures for name in (measure, f"{measure}_se")]
    file = StringIO(newline="")
    writer = csv.writer(file)
    about = ["model", "penalty", "alpha", "trained_against_threat"]
    writer.writerow([*about, *columns, "seconds", "converged", "predicts_one_class", "chosen"])
    for row in sweep.sorted_rows():
        numbers = [
            value
            for measure in measures.values()
            for value in (row.mean(measure), row.standard_error(measure))
        ]
        alpha, *numbers = (
            "" if np.isnan(n) else repr(float(n))
            for n in [row.candidate.alpha, *numbers, row.mean("seconds")]
        )
        writer.writerow(
            [
                sweep.estimator if row.candidate.is_eligible else row.candidate.name,
                row.candidate.penalty,
                alpha,
                row.candidate.is_trained_against_threat,
                *numbers,
                all(fold.converged for fold in row.folds),
                row.predicts_one_class,
                row is decision.chosen,
            ]
        )
    return file.getvalue()


def decision_sentence(sweep, decision):
    """Chosen model in words, with its cost and gain compared with no penalty.

    It is compared with the best model, too.
    """
    chosen, best = decision.chosen, decision.best
    if not sweep.is_finished:
        return f"No decision: {sweep.n_done} of {sweep.n_planned} fits were done."
    if chosen is None:
        return (
            "No decision: with a penalty or without, every model predicts a single class in some "
            "fold. A class may have too few rows, or the columns may say too little about it."
        )
    of_rows = (
        "of rows, classes counting alike," if SCORINGS[sweep.scoring].is_balanced else "of rows"
    )
    robust = f"{100 * chosen.mean('attacked'):.1f} % {of_rows} remain correct under attack"
    score = (
        f"its {sweep.measure} is {chosen.mean('score'):.3f} ± {chosen.standard_error('score'):.3f}"
    )
    name = "the model without penalty (alpha = 0)"
    if chosen.candidate.penalty:
        plain = next(row for row in sweep.rows if row.candidate.alpha == 0)
        gain = _points(
            *chosen.difference_from(plain, "attacked"),
            "more than without penalty",
            "fewer than without penalty",
        )
        robust += f", {gain or 'as many as without penalty'}"
        score += f", {_difference(sweep, chosen, plain)}"
        name = (
            chosen.candidate.name
            + ", trained against the threat" * chosen.candidate.is_trained_against_threat
        )
    elif sweep.by_penalty():
        score += "; no penalty that is as good is more robust"
    return f"Take {name}: {robust}; {score}. {_standing(sweep, chosen, best)}"


def _points(mean, error, more, less):
    """Difference of shares in words; empty where it rounds to zero."""
    if round(100 * abs(mean), 1) == 0:
        return ""
    return f"{100 * abs(mean):.1f} ± {100 * error:.1f} points {more if mean > 0 else less}"


def _difference(sweep, chosen, plain):
    mean, error = chosen.difference_from(plain, "score")
    if sweep.scoring in ("accuracy", "balanced_accuracy"):
        return _points(mean, error, "higher", "lower") or "the same"
    if round(abs(mean), 3) == 0:
        return "the same"
    return f"{abs(mean):.3f} ± {error:.3f} {'higher' if mean > 0 else 'lower'}"


def _standing(sweep, chosen, best):
    model = sweep.estimator_in_words
    if chosen.mean("score") == best.mean("score"):
        return f"No {model} in the table has a better {sweep.measure}."
    score = f"{best.mean('score'):.3f} ± {best.standard_error('score'):.3f}"
    return f"The best {model} ({best.candidate.name}: {score}) is within one standard error."


def _trained_against_threat(sweep):
    """Names of penalties and baselines that were trained against the threat."""
    trained = [
        row.candidate for row in sweep.sorted_rows() if row.candidate.is_trained_against_threat
    ]
    return list(dict.fromkeys(candidate.penalty or candidate.name for candidate in trained))


def _training_in_words(sweep):
    """Sentences on models trained against the threat, and why others were not."""
    found, trained = [], _trained_against_threat(sweep)
    if trained:
        found.append(
            f"Trained against the threat: {', '.join(trained)}. The other models were not."
        )
    if not sweep.may_change:
        found.append(
            "Nothing may change under this threat, so that no model was trained against it."
        )
    elif not sweep.n_rounds and sweep.is_long_to_harden:
        found.append(
            "Boosting was not hardened: each round attacks each row of a fit towards each other "
            "class, which takes long for this table. --rounds 4 hardens it all the same."
        )
    return found


def remarks(sweep, decision):
    """Further remarks for a reader of the decision."""
    found = _training_in_words(sweep)
    rows = sum(len(some) for *_, some in sweep.folds)
    if rows < len(sweep.table.y):
        found.append(
            f"Attacks and certificates were measured on {ATTACKED_ROWS} rows of each fold, {rows} "
            "in all: what these lose is taken from the accuracy on all rows, as an estimate."
        )
    if decision.chosen is None:
        return found
    chosen = decision.chosen
    for row in sweep.baselines():
        if row.candidate.is_constant and row.mean("attacked") >= chosen.mean("attacked"):
            accuracy = f"{SCORINGS[sweep.scoring].accuracy} {row.mean('accuracy'):.3f}"
            always = f"Predicting the majority class always has {accuracy}, attack or not"
            if row.mean("accuracy") >= chosen.mean("accuracy"):
                found.append(
                    f"{always}: the chosen model is no better than that even without an attack."
                )
            else:
                smaller = (
                    "A smaller --epsilon or fewer --swaps say"
                    if sweep.threat.n_swaps
                    else "A smaller --epsilon says"
                )
                found.append(f"{always}: this threat is too strong for this table. {smaller} more.")
    for row in sweep.baselines():
        mean, error = row.difference_from(chosen, "score")
        if not row.candidate.is_eligible and SCORINGS[sweep.scoring].sign * mean > error:
            attacked = " ".join(
                filter(None, [sweep.attacked_measure, f"{row.mean('attacked'):.3f}"])
            )
            found.append(
                f"{row.candidate.name.capitalize()} is better than the chosen model on clean data: "
                f"{sweep.measure} {row.mean('score'):.3f} ± {row.standard_error('score'):.3f}. "
                f"Under attack it has {attacked}, the chosen model {chosen.mean('attacked'):.3f}."
            )
        mean, error = row.difference_from(chosen, "attacked")
        if not (row.candidate.is_eligible or row.candidate.is_constant) and mean > error:
            found.append(
                f"{row.candidate.name.capitalize()} is more robust than the chosen model: "
                f"{100 * mean:.1f} ± {100 * error:.1f} points more rows remain correct under "
                f"attack; its {sweep.measure} is {row.mean('score'):.3f} ± "
                f"{row.standard_error('score'):.3f}. It is there to compare with, and never chosen."
            )
    if sweep.extended:
        listed = "; ".join(candidate.name for candidate in sweep.extended)
        found.append(f"The choice was at the end of the grid, which was extended by {listed}.")
    if sweep.is_at_end(chosen):
        found.append("The choice is still at the end of the grid: extend it with --alphas.")
    one_class = [
        row.candidate.name
        for row in sweep.rows
        if row.predicts_one_class and not row.candidate.is_constant
    ]
    if one_class:
        found.append(
            f"Never chosen, since they predict one class in some fold: {'; '.join(one_class)}."
        )
    stopped = sum(not fold.converged for row in sweep.rows for fold in row.folds)
    if stopped:
        found.append(
            f"{stopped} of {sum(len(row.folds) for row in sweep.rows)} fits stopped before they "
            "had converged."
        )
    return found
