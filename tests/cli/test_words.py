"""What the sweep says, held against scores that are known."""

import csv

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

from sklearn_irg._cli import run
from sklearn_irg._cli.candidates import Candidate
from sklearn_irg._cli.columns import prepare
from sklearn_irg._cli.scores import Decision, Fold, Row, decide
from sklearn_irg._cli.sweep import Sweep
from sklearn_irg._cli.words import as_csv, as_text, decision_sentence, remarks

from .tables import shop


def row(name, penalty, alpha, mean, attacked, certified=0.5, n_classes=2, converged=True, estimator=None):
    """Two folds, one hundredth below and above their means."""
    folds = [
        Fold(mean + step, mean + step, attacked + step, certified, n_classes, 0.1, converged, None)
        for step in (-0.01, 0.01)
    ]
    return Row(Candidate(name, LogisticRegression() if estimator is None else estimator, penalty, alpha), folds)


@pytest.fixture
def sweep():
    sweep = Sweep(prepare(shop(40)), alphas=[0.1, 1.0], cv=2)
    sweep.rows = [
        row("majority class", "", np.nan, 0.5, 0.5, estimator=DummyClassifier()),
        row("alpha = 0", "", 0.0, 0.91, 0.5),
        row("input_gradient, alpha = 0.1", "input_gradient", 0.1, 0.901, 0.6, certified=0.55),
        row("input_gradient, alpha = 1", "input_gradient", 1.0, 0.895, 0.8),
    ]
    return sweep


def test_the_choice_is_within_one_standard_error_and_not_more(sweep):
    assert decide(sweep.rows).chosen is sweep.rows[2]


def test_the_sentence_says_cost_and_gain(sweep):
    assert decision_sentence(sweep, decide(sweep.rows)) == (
        "Take input_gradient, alpha = 0.1: its accuracy is 0.901 ± 0.010, 0.9 points lower than the best (alpha = 0), which is "
        "within one standard error, and 60.0 % of rows stay right under attack, 10.0 points more than without penalty."
    )


def test_a_larger_log_loss_is_higher(sweep):
    sweep.scoring = "log_loss"
    sentence = decision_sentence(sweep, Decision(sweep.rows[3], sweep.rows[2]))
    assert "its log loss is 0.901 ± 0.010, 0.006 higher than the best (input_gradient, alpha = 1)" in sentence


def test_a_difference_that_does_not_show_is_none(sweep):
    near = row("input_gradient, alpha = 0.2", "input_gradient", 0.2, 0.9097, 0.6)
    sentence = decision_sentence(sweep, Decision(sweep.rows[1], near))
    assert "its accuracy is 0.910 ± 0.010, as good as the best (alpha = 0) to a tenth of a point, and" in sentence


def test_the_best_and_no_penalty_are_called_so(sweep):
    plain = sweep.rows[1]
    assert decision_sentence(sweep, Decision(plain, plain)) == (
        "Take the model without penalty (alpha = 0): its accuracy is 0.910 ± 0.010, the best, and 50.0 % of rows stay right "
        "under attack; no penalty that is as good by accuracy is more robust."
    )


def test_the_table_has_its_numbers_under_their_headings(sweep):
    lines = as_text(sweep, decide(sweep.rows)).splitlines()
    assert lines[0].split() == ["accuracy", "attacked", "certified", "seconds"]
    chosen = next(line for line in lines if "chosen" in line)
    assert chosen.split("  ")[:1] == ["input_gradient, alpha = 0.1"]
    assert chosen.split("0.1", 1)[1].split() == [
        *("0.901", "±", "0.010", "0.600", "±", "0.010", "0.550", "0.1"),
        *("<-", "chosen"),
    ]


def test_the_file_has_its_numbers_under_their_headings(sweep):
    rows = list(csv.DictReader(as_csv(sweep, decide(sweep.rows)).splitlines()))
    chosen = next(row for row in rows if row["chosen"] == "True")
    assert (chosen["model"], chosen["penalty"], float(chosen["alpha"])) == ("logistic", "input_gradient", 0.1)
    numbers = {name: float(chosen[name]) for name in ("accuracy", "accuracy_se", "attacked", "certified", "seconds")}
    assert numbers == pytest.approx(
        {"accuracy": 0.901, "accuracy_se": 0.01, "attacked": 0.6, "certified": 0.55, "seconds": 0.1}
    )


def test_what_a_reader_should_know_is_remarked_and_nothing_else(sweep):
    decision = decide(sweep.rows)
    assert remarks(sweep, Decision(sweep.rows[1], sweep.rows[1])) == [
        "Always answering the majority class is right on 50.0 % of rows, attack or not: this threat is too strong for this "
        "table. A smaller --epsilon says more."
    ]
    sweep.extended = [3.0]
    sweep.rows += [row("input_gradient, alpha = 3", "input_gradient", 3.0, 0.5, 0.5, n_classes=1, converged=False)]
    sweep.folds = [(train, test, test[:5]) for train, test, _ in sweep.folds]
    assert remarks(sweep, decision) == [
        "Attacks and certificates were measured on 500 rows of each fold, 10 in all.",
        "The choice was at the end of the grid, which was extended to alpha = 3.",
        "The choice is at the end of the grid still: give further --alphas.",
        "Never chosen, since they predict one class in some fold: input_gradient, alpha = 3.",
        "2 of 10 fits stopped before they had converged.",
    ]


def test_the_time_left_is_that_at_the_pace_so_far(sweep, capsys, monkeypatch):
    clock = iter([100.0, 130.0])
    monkeypatch.setattr(run.time, "perf_counter", lambda: next(clock))
    progress = run._Progress()
    sweep.n_done, sweep.n_planned = 10, 20
    progress(sweep)
    assert (
        "10/20 fits, about 30 s left; input_gradient, alpha = 1: accuracy 0.895, attacked 0.800"
        in capsys.readouterr().err
    )
