"""What the sweep says, held against scores that are known."""

import csv
import dataclasses

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

from sklearn_irg._cli import run
from sklearn_irg._cli.candidates import Candidate
from sklearn_irg._cli.columns import prepare
from sklearn_irg._cli.formatting import as_csv, as_text, decision_sentence, remarks
from sklearn_irg._cli.scores import Decision, Fold, Row, decide
from sklearn_irg._cli.sweep import Sweep

from .tables import shop


def row(
    name,
    penalty,
    alpha,
    mean,
    attacked,
    certified=0.5,
    n_classes=2,
    converged=True,
    estimator=None,
    training=None,
):
    """Two folds, one hundredth below and above their means."""
    folds = [
        Fold(mean + step, mean + step, attacked + step, certified, n_classes, 0.1, converged, None)
        for step in (-0.01, 0.01)
    ]
    estimator = LogisticRegression() if estimator is None else estimator
    return Row(Candidate(name, estimator, penalty, alpha, training=training), folds)


@pytest.fixture
def sweep():
    sweep = Sweep(prepare(shop(40)), alphas=[0.1, 1.0], cv=2)
    sweep.is_finished = True
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
        "Take input_gradient, alpha = 0.1: 60.0 % of rows remain correct under attack, 10.0 ± 0.0 "
        "points more than without penalty; its accuracy is 0.901 ± 0.010, 0.9 ± 0.0 points lower. "
        "The best logistic regression (alpha = 0: 0.910 ± 0.010) is within one standard error."
    )


def test_differences_are_those_of_the_same_folds(sweep):
    chosen, plain = sweep.rows[2], sweep.rows[1]
    folds = [
        dataclasses.replace(fold, attacked=a, score=s)
        for fold, a, s in zip(chosen.folds, (0.6, 0.9), (0.9, 0.96))
    ]
    sweep.rows[2] = Row(chosen.candidate, folds)
    gain, cost = (
        np.array([0.6, 0.9]) - plain.values("attacked"),
        np.array([0.9, 0.96]) - plain.values("score"),
    )
    sentence = decision_sentence(sweep, Decision(plain, sweep.rows[2]))
    assert (
        f"{100 * gain.mean():.1f} ± {100 * gain.std(ddof=1) / 2**0.5:.1f} points more" in sentence
    )
    assert (
        f"{100 * cost.mean():.1f} ± {100 * cost.std(ddof=1) / 2**0.5:.1f} points higher" in sentence
    )


def test_where_classes_count_alike_that_is_said(sweep):
    sweep.scoring = "roc_auc"
    decision = decide(sweep.rows, "roc_auc")
    sentence = decision_sentence(sweep, decision)
    assert "60.0 % of rows, classes counting alike, remain correct under attack" in sentence
    assert "its ROC AUC is 0.901 ± 0.010, 0.009 ± 0.000 lower" in sentence
    assert as_text(sweep, decision).split()[:4] == ["ROC", "AUC", "balanced", "accuracy"]
    assert as_csv(sweep, decision).startswith(
        "model,penalty,alpha,trained_against_threat,roc_auc,roc_auc_se,balanced_accuracy,balanced_accuracy_se,"
    )


def test_an_unfinished_sweep_decides_nothing(sweep):
    sweep.is_finished, sweep.n_done, sweep.n_planned = False, 7, 10
    assert decision_sentence(sweep, Decision(None, None)) == "No decision: 7 of 10 fits were done."


def test_a_larger_log_loss_is_higher(sweep):
    sweep.scoring = "log_loss"
    sentence = decision_sentence(sweep, Decision(sweep.rows[3], sweep.rows[2]))
    assert (
        "its log loss is 0.901 ± 0.010, 0.009 ± 0.000 lower. The best logistic regression "
        "(input_gradient, alpha = 1: " in sentence
    )


def test_a_difference_that_does_not_show_is_none(sweep):
    near = row("input_gradient, alpha = 0.2", "input_gradient", 0.2, 0.9097, 0.5003)
    sentence = decision_sentence(sweep, Decision(sweep.rows[1], near))
    assert (
        "50.0 % of rows remain correct under attack, as many as without penalty; its accuracy is "
        "0.910 ± 0.010, the same." in sentence
    )
    sweep.scoring = "roc_auc"
    near = row("input_gradient, alpha = 0.2", "input_gradient", 0.2, 0.9103, 0.5003)
    assert "0.910 ± 0.010, the same." in decision_sentence(sweep, Decision(sweep.rows[1], near))


def test_the_best_and_no_penalty_are_called_so(sweep):
    plain = sweep.rows[1]
    assert decision_sentence(sweep, Decision(plain, plain)) == (
        "Take the model without penalty (alpha = 0): 50.0 % of rows remain correct under attack; "
        "its accuracy is 0.910 ± 0.010; no penalty that is as good is more robust. No logistic "
        "regression in the table has a better accuracy."
    )


def test_what_was_trained_against_the_threat_is_said_of_the_choice_and_of_the_others(sweep):
    assert "*" not in as_text(sweep, decide(sweep.rows))
    sweep.rows += [
        row("hardened boosting", "", np.nan, 0.9, 0.5, training={}),
        row("adversarial_loss, alpha = 1", "adversarial_loss", 1.0, 0.905, 0.7, training={}),
    ]
    sweep.penalties = ("input_gradient", "adversarial_loss")
    decision = decide(sweep.rows)
    assert decision_sentence(sweep, decision).startswith(
        "Take adversarial_loss, alpha = 1, trained against the threat: 70.0 % of rows"
    )
    assert (
        "Trained against the threat: hardened boosting, adversarial_loss. The other models were "
        "not." in remarks(sweep, decision)
    )
    lines = as_text(sweep, decision).splitlines()
    assert [line.partition(" *")[0] for line in lines if " * " in line] == [
        "hardened boosting",
        "adversarial_loss, alpha = 1",
    ]
    assert lines[-1] == "* trained against the threat"


def test_a_baseline_that_withstands_more_is_told_of(sweep):
    sweep.rows += [row("hardened boosting", "", np.nan, 0.89, 0.65)]
    assert remarks(sweep, decide(sweep.rows))[:-1] == [
        "Hardened boosting is more robust than the chosen model: 5.0 ± 0.0 points more rows remain "
        "correct under attack; its accuracy is 0.890 ± 0.010. It is there to compare with, and never "
        "chosen."
    ]


def test_why_nothing_was_trained_against_the_threat_is_said(sweep):
    decision = decide(sweep.rows)
    sweep.may_change = False
    assert (
        remarks(sweep, decision)[0]
        == "Nothing may change under this threat, so that no model was trained against it."
    )
    sweep.may_change, sweep.n_rounds = True, 0
    assert not any("hardened" in remark for remark in remarks(sweep, decision))
    sweep.table = dataclasses.replace(sweep.table, y=np.repeat(sweep.table.y, 60))
    assert any("--rounds 4 hardens it" in remark for remark in remarks(sweep, decision))


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
    assert (chosen["model"], chosen["penalty"], float(chosen["alpha"])) == (
        "logistic",
        "input_gradient",
        0.1,
    )
    numbers = {
        name: float(chosen[name])
        for name in ("accuracy", "accuracy_se", "attacked", "certified", "seconds")
    }
    assert numbers == pytest.approx(
        {"accuracy": 0.901, "accuracy_se": 0.01, "attacked": 0.6, "certified": 0.55, "seconds": 0.1}
    )


def test_what_a_reader_should_know_is_remarked_and_nothing_else(sweep):
    decision = decide(sweep.rows)
    assert remarks(sweep, Decision(sweep.rows[1], sweep.rows[1])) == [
        "Predicting the majority class always has accuracy 0.500, attack or not: this threat is "
        "too strong for this table. A smaller --epsilon says more."
    ]
    sweep.rows += [row("gradient boosting", "", np.nan, 0.95, 0.3)]
    assert remarks(sweep, decision)[:-1] == [
        "Gradient boosting is better than the chosen model on clean data: accuracy 0.950 ± 0.010. "
        "Under attack it has 0.300, the chosen model 0.600."
    ]
    sweep.scoring = "log_loss"
    assert not any(remark.startswith("Gradient boosting") for remark in remarks(sweep, decision))
    sweep.scoring = "accuracy"
    sweep.rows.pop()
    sweep.extended = [Candidate("input_gradient, alpha = 3", None, "input_gradient", 3.0)]
    sweep.rows += [
        row(
            "input_gradient, alpha = 3",
            "input_gradient",
            3.0,
            0.5,
            0.5,
            n_classes=1,
            converged=False,
        )
    ]
    sweep.folds = [(train, test, test[:5]) for train, test, _ in sweep.folds]
    assert remarks(sweep, decision) == [
        "Attacks and certificates were measured on 500 rows of each fold, 10 in all: what these "
        "lose is taken from the accuracy on all rows, as an estimate.",
        "The choice was at the end of the grid, which was extended by input_gradient, alpha = 3.",
        "The choice is still at the end of the grid: extend it with --alphas.",
        "Never chosen, since they predict one class in some fold: input_gradient, alpha = 3.",
        "2 of 10 fits stopped before they had converged.",
    ]


def test_the_time_left_is_that_at_the_pace_so_far(sweep, capsys, monkeypatch):
    clock = iter([100.0, 130.0])
    monkeypatch.setattr(run.time, "perf_counter", lambda: next(clock))
    progress = run._Progress()
    sweep.n_done, sweep.n_planned = 10, 20
    progress(sweep)
    printed = capsys.readouterr().err.splitlines()
    assert printed[-2:] == [
        "input_gradient, alpha = 1: accuracy 0.895, attacked 0.800",
        "10/20 fits, about 30 s left",
    ]


@pytest.mark.parametrize(
    ("scoring", "progress", "attacked"),
    [
        ("accuracy", "accuracy 0.895, attacked 0.800", "0.300"),
        ("balanced_accuracy", "balanced accuracy 0.895, attacked 0.800", "0.300"),
        ("roc_auc", "ROC AUC 0.895, attacked balanced accuracy 0.800", "balanced accuracy 0.300"),
        ("log_loss", "log loss 0.895, attacked accuracy 0.800", "accuracy 0.300"),
    ],
)
def test_another_measure_under_attack_is_named(sweep, capsys, scoring, progress, attacked):
    sweep.scoring, sweep.n_done, sweep.n_planned = scoring, 10, 20
    run._Progress()(sweep)
    assert f"input_gradient, alpha = 1: {progress}\n" in capsys.readouterr().err
    best = 0.95 if scoring != "log_loss" else 0.1
    sweep.rows += [row("gradient boosting", "", np.nan, best, 0.3)]
    decision = Decision(sweep.rows[1], sweep.rows[2])
    assert f"Under attack it has {attacked}, the chosen model 0.600." in " ".join(
        remarks(sweep, decision)
    )
