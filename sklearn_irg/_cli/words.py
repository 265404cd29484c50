"""The sweep in words: its table, the decision, and what its reader should know."""

import csv
from dataclasses import dataclass
from io import StringIO

import numpy as np

from sklearn_irg._cli.scores import SCORINGS
from sklearn_irg._cli.sweep import ATTACKED_ROWS

__all__ = ["TableRow", "as_csv", "as_text", "decision_sentence", "headings", "remarks", "table_rows"]


@dataclass(frozen=True)
class TableRow:
    """One model in the table of models."""

    name: str
    cells: list
    chosen: bool


def headings(sweep):
    """Of the columns of numbers."""
    score = [] if sweep.measure == "accuracy" else [sweep.measure]
    return [*score, "accuracy", "attacked", "certified", "seconds"]


def table_rows(sweep, decision):
    """The models, baselines first."""
    return [TableRow(row.candidate.name, _cells(row, sweep), row is decision.chosen) for row in sweep.sorted_rows()]


def _cells(row, sweep):
    measures = [*([] if sweep.measure == "accuracy" else ["score"]), "accuracy", "attacked"]
    cells = [f"{row.mean(measure):.3f} ± {row.standard_error(measure):.3f}" for measure in measures]
    certified = row.mean("certified")
    return [*cells, "–" if np.isnan(certified) else f"{certified:.3f}", f"{row.mean('seconds'):.2g}"]


def as_text(sweep, decision):
    """The table in aligned columns; the choice is marked."""
    rows = table_rows(sweep, decision)
    names = headings(sweep)
    widths = [max(len(line[k]) for line in [names, *(row.cells for row in rows)]) for k in range(len(names))]
    first = max(len(row.name) for row in rows)
    lines = [" " * first + "".join(f"  {name:>{width}}" for name, width in zip(names, widths, strict=True))]
    for row in rows:
        cells = "".join(f"  {cell:>{width}}" for cell, width in zip(row.cells, widths, strict=True))
        lines.append(f"{row.name:<{first}}{cells}{'  <- chosen' if row.chosen else ''}")
    return "\n".join(lines)


def as_csv(sweep, decision):
    """All numbers, unrounded; empty where there is none."""
    measures = ["score", "accuracy", "attacked", "certified"]
    file = StringIO(newline="")
    writer = csv.writer(file)
    columns = [name for measure in measures for name in (measure, f"{measure}_se")]
    columns[:2] = [sweep.scoring, f"{sweep.scoring}_se"]
    if sweep.scoring == "accuracy":
        columns, measures = columns[2:], measures[1:]
    writer.writerow(["model", "penalty", "alpha", *columns, "seconds", "predicts_one_class", "chosen"])
    for row in sweep.sorted_rows():
        numbers = [value for measure in measures for value in (row.mean(measure), row.standard_error(measure))]
        numbers = [row.candidate.alpha, *numbers, row.mean("seconds")]
        writer.writerow(
            [
                "baseline" if not row.candidate.penalty else sweep.estimator,
                row.candidate.penalty or row.candidate.name,
                *("" if np.isnan(number) else repr(float(number)) for number in numbers),
                row.predicts_one_class,
                row is decision.chosen,
            ]
        )
    return file.getvalue()


def decision_sentence(sweep, decision):
    """What to take, what that costs, and what it buys."""
    chosen, best = decision.chosen, decision.best
    if chosen is None:
        return "There is nothing to choose: every model predicts one class in some fold. See the columns, or weaker penalties."
    score = f"its {sweep.measure} is {chosen.mean('score'):.3f} ± {chosen.standard_error('score'):.3f}"
    cost = "the best" if chosen.mean("score") == best.mean("score") else _difference(sweep, chosen, best)
    attacked = f"{100 * chosen.mean('attacked'):.1f} % of rows stay right under attack"
    if not chosen.candidate.penalty:
        rest = f"; no penalty that is as good by {sweep.measure} is more robust" if sweep.by_penalty() else ""
        return f"Take the model without penalty (alpha = 0): {score}, {cost}, and {attacked}{rest}."
    plain = next((row for row in sweep.rows if row.candidate.alpha == 0), None)
    gain = ""
    if plain is not None:
        points = 100 * (chosen.mean("attacked") - plain.mean("attacked"))
        gain = f", {abs(points):.1f} points {'more' if points >= 0 else 'less'} than without penalty"
    return f"Take {chosen.candidate.name}: {score}, {cost}, and {attacked}{gain}."


def _difference(sweep, chosen, best):
    sign = SCORINGS[sweep.scoring].sign
    worse = sign * (best.mean("score") - chosen.mean("score"))
    if sweep.scoring in ("accuracy", "balanced_accuracy"):
        if round(100 * worse, 1) == 0:
            return f"as good as the best ({best.candidate.name}) to a tenth of a point"
        difference = f"{100 * worse:.1f} points lower"
    else:
        difference = f"{worse:.3f} {'lower' if sign > 0 else 'higher'}"
    return f"{difference} than the best ({best.candidate.name}), which is within one standard error"


def remarks(sweep, decision):
    """What a reader of the decision should know besides."""
    found = []
    rows = sum(len(some) for *_, some in sweep.folds)
    if rows < len(sweep.table.y):
        found.append(f"Attacks and certificates were measured on {ATTACKED_ROWS} rows of each fold, {rows} in all.")
    if decision.chosen is None:
        return found
    chosen = decision.chosen
    for row in sweep.baselines():
        if row.candidate.is_constant and row.mean("attacked") >= chosen.mean("attacked"):
            share = f"{100 * row.mean('attacked'):.1f} %"
            always = f"Always answering the majority class is right on {share} of rows, attack or not"
            if row.mean("accuracy") >= chosen.mean("accuracy"):
                found.append(f"{always}: the chosen model is no better than that even without an attack.")
            else:
                smaller = (
                    "A smaller --epsilon or fewer --swaps say" if sweep.threat.n_swaps else "A smaller --epsilon says"
                )
                found.append(f"{always}: this threat is too strong for this table. {smaller} more.")
    if sweep.extended:
        listed = ", ".join(f"{alpha:.3g}" for alpha in sorted(sweep.extended))
        found.append(f"The choice was at the end of the grid, which was extended to alpha = {listed}.")
    if sweep.is_at_end(chosen):
        found.append("The choice is at the end of the grid still: give further --alphas.")
    one_class = [row.candidate.name for row in sweep.rows if row.predicts_one_class and not row.candidate.is_constant]
    if one_class:
        found.append(f"Never chosen, since they predict one class in some fold: {'; '.join(one_class)}.")
    stopped = sum(not fold.converged for row in sweep.rows for fold in row.folds)
    if stopped:
        found.append(
            f"{stopped} of {sum(len(row.folds) for row in sweep.rows)} fits stopped before they had converged."
        )
    return found
