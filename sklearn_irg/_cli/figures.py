"""Figures of the sweep and the report, as PNG or SVG bytes with descriptions."""

from base64 import b64encode
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

import numpy as np

from sklearn_irg._cli.formatting import STAR
from sklearn_irg._cli.scores import SCORINGS
from sklearn_irg._cli.writing import short
from sklearn_irg._text import plain
from sklearn_irg.displays import RobustnessCurveDisplay

__all__ = ["Figure", "calibration", "cost", "cost_png", "curves", "sensitivity", "swaps"]

_WIDTH = 5.2  # inches: read at 400 pixels too
_MANY = 20  # bars, of a quarter of an inch each: more would not fit on a screen
_DASHES = {1: "--", 2: "-", 3: "-."}  # of baselines, by rank
_COLORS = [
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
]  # those of the displays


@dataclass(frozen=True)
class Figure:
    """Drawing with a note on how to read it, and an alternative text."""

    title: str
    svg: bytes
    alt: str
    note: str

    @property
    def base64(self):
        """Drawing in base64, to embed in a page."""
        return b64encode(self.svg).decode("ascii")


@contextmanager
def _style():
    from matplotlib import cycler, rc_context

    options = {
        "svg.fonttype": "none",  # the reader's own fonts have the letters of all column names
        "svg.hashsalt": "sklearn_irg",
        "axes.prop_cycle": cycler(color=_COLORS),
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "legend.frameon": False,
        "legend.fontsize": 9,
    }
    with rc_context(options):
        yield


def _canvas(height):
    from matplotlib.figure import Figure

    return Figure(figsize=(_WIDTH, height), layout="constrained")


def _svg(canvas):
    file = BytesIO()
    canvas.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return file.getvalue()


def cost(sweep, decision, name):
    """Score and robustness of each penalty at each strength."""
    with _style():
        svg = _svg(_cost(sweep, decision, name))
    accuracy = SCORINGS[sweep.scoring].accuracy
    ends = [
        f"{penalty}{_training(rows)}: {sweep.measure} from {rows[0].mean('score'):.3f} at alpha "
        f"{rows[0].candidate.alpha:.3g} to {rows[-1].mean('score'):.3f} at "
        f"{rows[-1].candidate.alpha:.3g}, {accuracy} under attack from "
        f"{rows[0].mean('attacked'):.3f} to {rows[-1].mean('attacked'):.3f}"
        for penalty, rows in sweep.by_penalty().items()
    ]
    alt = f"Against the strength alpha. {'; '.join(ends)}."
    note = "Bands are standard errors over folds; dotted lines are certified."
    return Figure("Accuracy and robustness at each strength", svg, alt, note)


def cost_png(sweep, decision, name):
    """Figure of `cost` as the bytes of a PNG file."""
    file = BytesIO()
    with _style():
        _cost(sweep, decision, name).savefig(file, format="png", dpi=150)
    return file.getvalue()


def _cost(sweep, decision, name):
    canvas = _canvas(5.6)
    top, bottom = canvas.subplots(2, 1, sharex=True)
    handles = []
    for k, (penalty, rows) in enumerate(sweep.by_penalty().items()):
        alpha = [row.candidate.alpha for row in rows]
        look = {
            "color": f"C{k}",
            "marker": "os^vDP"[k % 6],
            "markersize": 4,
            "label": _label(penalty, rows),
        }
        for axes, measure in ((top, "score"), (bottom, "attacked")):
            mean, error = (
                np.array([getattr(row, of)(measure) for row in rows])
                for of in ("mean", "standard_error")
            )
            (line,) = axes.plot(alpha, mean, **look)
            axes.fill_between(
                alpha, mean - error, mean + error, color=look["color"], alpha=0.15, linewidth=0
            )
        handles.append(line)
        certified = [row.mean("certified") for row in rows]
        if not np.isnan(certified).all():
            bottom.plot(alpha, certified, color=look["color"], linestyle=":")
    baselines = [row for row in sweep.baselines() if not row.candidate.is_constant]
    for row in baselines:
        look = {
            "color": "0.35",
            "linestyle": _DASHES[row.candidate.rank],
            "linewidth": 1,
            "label": row.candidate.label,
        }
        top.axhline(row.mean("score"), **look)
        handles.append(bottom.axhline(row.mean("attacked"), **look))
    if decision.chosen is not None and decision.chosen.candidate.penalty:
        at = decision.chosen.candidate.alpha
        for axes, measure in ((top, "score"), (bottom, "attacked")):
            (star,) = axes.plot(
                at,
                decision.chosen.mean(measure),
                "*",
                color="black",
                markersize=12,
                label="chosen",
                zorder=5,
            )
        handles.append(star)
    top.set(ylabel=sweep.measure, xscale="log")
    bottom.set(
        ylabel=f"{SCORINGS[sweep.scoring].accuracy} under attack\n({sweep.threat_in_words})",
        xlabel="strength of the penalty, alpha",
    )
    top.set_title(
        f"{_short(name)}, {len(sweep.table.y)} rows: {sweep.estimator_in_words}", fontsize=10
    )
    has_star = any(row.candidate.is_trained_against_threat for row in sweep.rows)
    canvas.legend(
        handles=handles, loc="outside lower center", ncols=2, title=STAR if has_star else None
    )
    return canvas


def _training(rows):
    return ", trained against the threat" if rows[0].candidate.is_trained_against_threat else ""


def _label(penalty, rows):
    return f"{penalty} *" if rows[0].candidate.is_trained_against_threat else penalty


def curves(findings, sweep):
    """Accuracy against the radius."""
    names = [f"{curve.name}; clean {curve.clean:.3f}" for curve in findings.curves]
    with _style():
        canvas = _canvas(4.2)
        axes = canvas.subplots()
        RobustnessCurveDisplay(
            findings.radii,
            dict(zip(names, (curve.attacked for curve in findings.curves), strict=True)),
            certified={
                name: curve.certified
                for name, curve in zip(names, findings.curves, strict=True)
                if curve.certified is not None
            },
            norm=sweep.threat_in_words.partition(", radius")[0],
            units="standard deviations",
        ).plot(ax=axes, curve_kwargs={"markersize": 4})
        axes.set_ylabel(SCORINGS[sweep.scoring].accuracy)
        axes.axvline(sweep.threat.epsilon, color="0.7", linewidth=1, zorder=0)
        axes.get_legend().set_loc("best")
        svg = _svg(canvas)
    at = list(findings.radii).index(sweep.threat.epsilon)
    told = "; ".join(
        f"{name}, {curve.attacked[0]:.3f} at radius 0, {curve.attacked[at]:.3f} at "
        f"{sweep.threat.epsilon:g}, {curve.attacked[-1]:.3f} at {findings.radii[-1]:g}"
        for name, curve in zip(names, findings.curves, strict=True)
    )
    n_attacked = sum(len(some) for *_, some in sweep.folds)
    fewer = (
        f", fewer than the {n_attacked} of the table above, from which values differ"
        if findings.n_rows < n_attacked
        else ""
    )
    note = (
        f"{findings.n_rows} rows{fewer}, each moved against a model that had not seen it. Vertical "
        "line: the radius of the sweep."
    )
    return Figure(
        "Accuracy against the radius",
        svg,
        f"{SCORINGS[sweep.scoring].accuracy.capitalize()} under attack. {told}.",
        note,
    )


def sensitivity(findings):
    """Sensitivity of the loss to each column of numbers."""
    label = "gradient of the loss, per standard deviation"
    note = "Mean absolute gradient of the log loss in the rows that a model had not seen."
    return _bars("Sensitivity to numbers", label, findings.sensitivity, note)


def swaps(findings):
    """Share of rows whose class changes with one category alone."""
    label = "proportion of rows whose class one change flips"
    return _bars(
        "Sensitivity to categories",
        label,
        findings.swaps,
        "Only this category changes, to any level of the table.",
    )


def _bars(title, label, values, note):
    if not values:
        return None
    shown = dict(list(values.items())[:_MANY])
    means = np.array([value.mean() for value in shown.values()])
    ends = np.array(
        [[m - v.min(), v.max() - m] for m, v in zip(means, shown.values(), strict=True)]
    ).T
    with _style():
        canvas = _canvas(1.2 + 0.27 * len(shown))
        axes = canvas.subplots()
        axes.barh(range(len(shown)), means, color="C0")
        axes.errorbar(means, range(len(shown)), xerr=ends, fmt="none", ecolor="0.3", capsize=2)
        axes.set_yticks(range(len(shown)), [_short(name) for name in shown])
        axes.invert_yaxis()
        axes.set_xlabel(label)
        svg = _svg(canvas)
    told = ", ".join(f"{short(name)} {mean:.3f}" for name, mean in zip(shown, means, strict=True))
    rest = f" The other {len(values) - _MANY} are smaller." if len(values) > _MANY else ""
    alt = f"{label.capitalize()}, means over folds: {told}.{rest}"
    return Figure(title, svg, alt, f"{note} Lines reach from the smallest to the largest fold.")


def calibration(findings):
    """Confidence against the proportion of correct predictions."""
    with _style():
        canvas = _canvas(4.2)
        axes = canvas.subplots()
        axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
        for k, curve in enumerate(findings.curves):
            axes.plot(
                curve.confidence,
                curve.share_right,
                marker="os^vDP"[k % 6],
                markersize=4,
                label=curve.name,
            )
        low = min(np.min([*curve.confidence, *curve.share_right]) for curve in findings.curves)
        axes.set(
            xlabel="probability of the predicted class",
            ylabel="proportion of correct predictions",
            xlim=(low - 0.03, 1.03),
            ylim=(low - 0.03, 1.03),
        )
        axes.legend(loc="upper left")
        svg = _svg(canvas)
    gaps = ", ".join(
        f"{curve.name} {np.abs(curve.confidence - curve.share_right).mean():.3f}"
        for curve in findings.curves
    )
    alt = f"Predicted probability against proportion of correct predictions; mean gap over tenths of the rows: {gaps}."
    return Figure(
        "Calibration",
        svg,
        alt,
        "Above the line a model is more often right than it says; tenths of the rows.",
    )


def _short(name):
    return plain(short(name, 28))
