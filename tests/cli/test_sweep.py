"""The sweep and its choice, and the command as a user meets it."""

import csv
import io
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, log_loss, roc_auc_score
from sklearn.pipeline import Pipeline

from sklearn_irg import RobustTrainingClassifier, __version__
from sklearn_irg.__main__ import main
from sklearn_irg._cli import run, writing
from sklearn_irg._cli.candidates import Candidate, in_pipeline
from sklearn_irg._cli.columns import prepare
from sklearn_irg._cli.scores import Decision, Fold, Row, decide
from sklearn_irg._cli.sweep import Sweep
from sklearn_irg.attacks import adversarial_accuracy, certified_accuracy

from .tables import shop, written

QUICK = ["--cv", "2", "--alphas", "0.1,1"]
FEW = [*QUICK, "--penalty", "input_gradient", "--rounds", "0"]


@pytest.fixture(scope="module")
def sweep():
    sweep = Sweep(prepare(shop()), alphas=[0.01, 1.0, 100.0], cv=3, n_swaps=1, fixed=["size"])
    sweep.run()
    return sweep


def row(score, attacked, alpha=1.0, error=0.02, n_classes=2, penalty="input_gradient"):
    """A candidate whose folds have this mean and standard error."""
    scores = score + error * np.array([-1, 1])
    folds = [Fold(s, s, attacked, attacked, n_classes, 0.1, True, None) for s in scores]
    return Row(Candidate(f"{alpha}", LogisticRegression(), penalty, alpha), folds)


class TestDecide:
    def test_the_most_robust_within_one_standard_error_is_chosen(self):
        rows = [row(0.95, 0.5), row(0.94, 0.7), row(0.90, 0.9)]
        decision = decide(rows)
        assert (decision.best, decision.chosen) == (rows[0], rows[1])

    def test_a_model_of_one_class_is_never_chosen(self):
        rows = [row(0.6, 0.1), row(0.6, 0.6, n_classes=1)]
        assert decide(rows).chosen is rows[0]
        assert decide(rows[1:]).chosen is None

    def test_baselines_other_than_no_penalty_are_not_chosen(self):
        rows = [row(0.99, 0.99, alpha=np.nan, penalty=""), row(0.6, 0.1, alpha=0.0, penalty="")]
        assert decide(rows).chosen is rows[1]

    def test_smaller_losses_are_better(self):
        rows = [row(0.50, 0.5), row(0.51, 0.7), row(0.90, 0.9)]
        assert decide(rows, "log_loss").chosen is rows[1]

    def test_the_better_of_equally_robust_models_is_chosen(self):
        rows = [row(0.94, 0.7), row(0.95, 0.7)]
        assert decide(rows).chosen is rows[1]


class TestSweep:
    def test_scores_are_those_of_the_same_pipelines_by_hand(self, sweep):
        mine = sweep.by_penalty()["input_gradient"][1]
        for fold, (train, test, some) in zip(mine.folds, sweep.folds, strict=True):
            X, y = sweep.table.X, sweep.table.y
            model = clone(in_pipeline(mine.candidate, sweep.table)).fit(X.iloc[train], y[train])
            assert fold.accuracy == fold.score == model.score(X.iloc[test], y[test])
            assert sorted(some) == sorted(test)
            assert fold.attacked == pytest.approx(
                adversarial_accuracy(model, X.iloc[test], y[test], sweep.threat)
            )

    def test_no_penalty_is_scikit_learns(self, sweep):
        mine = next(row for row in sweep.rows if row.candidate.alpha == 0)
        train, test, _ = sweep.folds[0]
        X, y = sweep.table.X, sweep.table.y
        theirs = Candidate("", LogisticRegression(max_iter=1000))
        model = in_pipeline(theirs, sweep.table).fit(X.iloc[train], y[train])
        assert mine.folds[0].accuracy == model.score(X.iloc[test], y[test])

    def test_certified_is_at_most_attacked_is_at_most_clean(self, sweep):
        for row in sweep.rows:
            assert row.mean("attacked") <= row.mean("accuracy")
            assert not row.mean("certified") > row.mean("attacked")

    def test_baselines_stand_in_the_same_folds(self, sweep):
        names = [row.candidate.name for row in sweep.baselines()]
        assert names == ["majority class", "gradient boosting", "hardened boosting", "alpha = 0"]
        majority = sweep.baselines()[0]
        assert majority.predicts_one_class
        assert majority.mean("attacked") == majority.mean("accuracy") == majority.mean("certified")

    def test_attacks_on_some_rows_are_taken_from_the_accuracy_on_all(self, monkeypatch):
        monkeypatch.setattr("sklearn_irg._cli.sweep.ATTACKED_ROWS", 8)
        small = Sweep(prepare(shop()), alphas=[0.1], cv=2)
        _, test, some = small.folds[0]
        assert len(some) == 8
        assert set(some) <= set(test)
        small._fit([small._penalized("input_gradient", 0.1)])
        fold, X, y = small.rows[0].folds[0], small.table.X.iloc[some], small.table.y[some]
        taken = fold.pipeline.score(X, y) - adversarial_accuracy(fold.pipeline, X, y, small.threat)
        assert fold.attacked == pytest.approx(fold.accuracy - taken)
        uncertain = fold.pipeline.score(X, y) - certified_accuracy(
            fold.pipeline, X, y, small.threat
        )
        assert fold.certified == pytest.approx(fold.accuracy - uncertain)

    def test_no_penalty_is_no_strength_of_a_penalty(self):
        assert Sweep(prepare(shop()), alphas=[0, 0.1, 0.1]).alphas == [0.1]

    def test_missing_numbers_are_medians_and_rare_levels_are_joined(self):
        frame = shop(120).assign(many=[f"level {i % 60}" for i in range(120)])[
            ["count", "many", "bought"]
        ]
        table = prepare(frame)
        fitted = in_pipeline(Candidate("", LogisticRegression()), table).fit(table.X, table.y)
        assert fitted[0].named_transformers_["numbers"][0].statistics_ == [frame["count"].median()]
        assert fitted[0].transform(table.X).shape == (120, 1 + 50)

    def test_dates_and_fixed_columns_do_not_move(self, sweep):
        dated = shop().assign(when=pd.date_range("2020-01-01", periods=90).astype(str))[
            ["when", *shop()]
        ]
        threat = Sweep(prepare(dated), fixed=["size"]).threat
        assert threat.scales_[:2].tolist() == [0, 0]
        assert sweep.threat.fixed == ["size"]

    @pytest.mark.parametrize(
        ("strongest", "tried"), [(True, [0.1, 1, 10, 100]), (False, [1e-3, 1e-2, 0.1, 1])]
    )
    def test_a_choice_at_the_end_extends_the_grid(self, monkeypatch, strongest, tried):
        def choice(rows, scoring):
            penalized = [row for row in rows if row.candidate.penalty]
            return Decision(
                None, (max if strongest else min)(penalized, key=lambda row: row.candidate.alpha)
            )

        monkeypatch.setattr("sklearn_irg._cli.sweep.decide", choice)
        monkeypatch.setattr("sklearn_irg._cli.sweep._EXTENSIONS", 1)
        sweep = Sweep(
            prepare(shop()), penalties=["input_gradient"], alphas=[0.1, 1], cv=2, n_rounds=0
        )
        sweep.run()
        rows = sweep.by_penalty()["input_gradient"]
        np.testing.assert_allclose([row.candidate.alpha for row in rows], tried)
        assert [candidate.alpha for candidate in sweep.extended] == pytest.approx(
            [10, 100] if strongest else [0.01, 1e-3]
        )
        assert sweep.is_at_end(rows[0])
        assert not sweep.is_at_end(rows[1])

    def test_processes_give_the_same_rows(self, sweep):
        parallel = Sweep(
            prepare(shop()), alphas=[0.01, 1.0, 100.0], cv=3, n_swaps=1, fixed=["size"], n_jobs=2
        )
        parallel.run()
        for one, other in zip(sweep.sorted_rows(), parallel.sorted_rows(), strict=True):
            assert one.candidate.name == other.candidate.name
            assert one.values("attacked").tolist() == other.values("attacked").tolist()

    def test_what_is_trained_against_the_threat_is_what_the_public_class_trains(self, sweep):
        mine = sweep.by_penalty()["adversarial_loss"][1]
        for fold, (train, _, _) in zip(mine.folds, sweep.folds, strict=True):
            X, y = sweep.table.X.iloc[train], sweep.table.y[train]
            model = RobustTrainingClassifier(
                in_pipeline(mine.candidate, sweep.table), sweep.threat
            ).fit(X, y)
            np.testing.assert_array_equal(fold.pipeline[-1].coef_, model.estimator_[-1].coef_)

    def test_training_against_the_threat_swaps_categories_as_a_whole(self, sweep):
        weak, _, strong = sweep.by_penalty()["adversarial_loss"]
        assert strong.mean("attacked") > weak.mean("attacked")

    def test_folds_hold_pipelines_without_what_trained_them(self, sweep):
        assert {type(fold.pipeline) for row in sweep.rows for fold in row.folds} == {Pipeline}

    def test_the_default_trains_boosting_and_a_penalty_against_the_threat_and_both_without(
        self, sweep
    ):
        candidates = [row.candidate for row in sweep.rows]
        assert {c.penalty or c.name: c.is_trained_against_threat for c in candidates} == {
            "majority class": False,
            "gradient boosting": False,
            "hardened boosting": True,
            "alpha = 0": False,
            "input_gradient": False,
            "adversarial_loss": True,
        }
        assert all(c.label == f"{c.name} *" for c in candidates if c.is_trained_against_threat)

    @pytest.mark.parametrize(
        ("estimator", "penalty", "solver"),
        [
            ("logistic", "adversarial_loss", "lbfgs"),
            ("logistic", "certified_loss", "lbfgs"),
            ("logistic", "virtual_adversarial", "adam"),
            ("mlp", "adversarial_loss", "adam"),
        ],
    )
    def test_worst_points_in_closed_form_are_minimised_to_a_tolerance(
        self, estimator, penalty, solver
    ):
        sweep = Sweep(prepare(shop()), estimator, [penalty])
        candidate = sweep._penalized(penalty, 0.5)
        assert candidate.estimator.solver == solver
        assert candidate.is_trained_against_threat

    @pytest.mark.parametrize(
        ("scoring", "counted"),
        [("accuracy", "accuracy"), ("log_loss", "accuracy"), ("roc_auc", "balanced_accuracy")],
    )
    def test_hardening_counts_classes_as_the_sweep_does(self, scoring, counted):
        assert Sweep(prepare(shop()), scoring=scoring).training["scoring"] == counted

    def test_where_nothing_may_change_nothing_is_trained_against_it(self):
        table, fixed = prepare(shop()), ["count", "size"]
        sweep = Sweep(table, fixed=fixed)
        assert not sweep.may_change
        assert sweep.penalties == ("input_gradient",)
        assert sweep.n_rounds == 0
        assert Sweep(table, fixed=fixed, n_swaps=1).may_change
        with pytest.raises(
            ValueError, match=r"^adversarial_loss: nothing may change under the threat"
        ):
            Sweep(table, penalties=["input_gradient", "adversarial_loss"], fixed=fixed)

    def test_boosting_is_hardened_in_small_tables_unless_rounds_are_given(self, monkeypatch):
        monkeypatch.setattr("sklearn_irg._cli.sweep.HARDENED_ROWS", 89)
        assert [Sweep(prepare(shop()), n_rounds=n).n_rounds for n in (None, 0, 3)] == [0, 0, 3]
        assert Sweep(prepare(shop(89))).n_rounds == 4
        three_classes = shop(50).assign(bought=[f"class {i % 3}" for i in range(50)])
        assert Sweep(prepare(three_classes)).n_rounds == 0

    def test_the_saved_model_is_the_pipeline_trained_against_the_threat(self, sweep):
        skops = pytest.importorskip("skops.io")
        chosen = sweep.by_penalty()["adversarial_loss"][1]
        saved = run._model(sweep, chosen)
        model = skops.loads(saved, trusted=skops.get_untrusted_types(data=saved))
        assert type(model) is Pipeline
        X, y = sweep.table.X, sweep.table.y
        trained = RobustTrainingClassifier(
            in_pipeline(chosen.candidate, sweep.table), sweep.threat
        ).fit(X, y)
        np.testing.assert_array_equal(model[-1].coef_, trained.estimator_[-1].coef_)

    def test_penalties_that_draw_random_numbers_get_a_solver_that_takes_them(self):
        sweep = Sweep(prepare(shop()), penalties=["virtual_adversarial"], cv=2)
        sweep._fit([sweep._penalized("virtual_adversarial", 0.1)])
        assert sweep.rows[0].mean("accuracy") > 0.7

    def test_mlps_of_few_rows_hold_none_out(self):
        frame = shop(40).assign(bought=[f"class {i % 10}" for i in range(40)])
        sweep = Sweep(prepare(frame), "mlp", cv=2)
        assert not sweep._penalized("input_gradient", 0.1).estimator.early_stopping
        assert (
            Sweep(prepare(shop(3000)), "mlp")
            ._penalized("input_gradient", 0.1)
            .estimator.early_stopping
        )

    @pytest.mark.parametrize("scoring", ["balanced_accuracy", "roc_auc"])
    def test_classes_count_alike_under_attack_where_they_do_without(self, scoring):
        sweep = Sweep(prepare(shop()), scoring=scoring, cv=2)
        sweep._fit([sweep._penalized("input_gradient", 0.1)])
        fold, (_, test, _) = sweep.rows[0].folds[0], sweep.folds[0]
        X, y = sweep.table.X.iloc[test], sweep.table.y[test]
        assert fold.accuracy == pytest.approx(balanced_accuracy_score(y, fold.pipeline.predict(X)))
        left = [
            adversarial_accuracy(fold.pipeline, X[y == label], y[y == label], sweep.threat)
            for label in set(y)
        ]
        assert fold.attacked == pytest.approx(np.mean(left))
        certain = [
            certified_accuracy(fold.pipeline, X[y == label], y[y == label], sweep.threat)
            for label in set(y)
        ]
        assert fold.certified == pytest.approx(np.mean(certain))

    def test_a_model_that_gives_up_the_rare_class_is_not_chosen(self):
        rng = np.random.RandomState(0)
        is_rare = rng.uniform(size=600) < 0.17
        frame = pd.DataFrame(
            rng.standard_normal((600, 3)) + 1.2 * is_rare[:, None], columns=list("abc")
        )
        frame["rare"] = np.where(is_rare, "yes", "no")
        sweep = Sweep(prepare(frame), alphas=[0.1, 1.0, 10.0], scoring="roc_auc", cv=2, n_rounds=0)
        sweep.run()
        chosen = decide(sweep.rows, "roc_auc").chosen
        predicted = np.concatenate([f.pipeline.predict(sweep.table.X) for f in chosen.folds])
        assert (predicted == "yes").mean() > 0.08

    def test_true_and_false_change_by_swaps_only(self):
        rng = np.random.RandomState(0)
        frame = pd.DataFrame(
            {
                "n": rng.standard_normal(60),
                "flag": rng.rand(60) < 0.5,
                "y": rng.choice(["a", "b"], 60),
            }
        )
        threat = Sweep(prepare(frame), cv=2, n_swaps=3).threat
        assert threat.n_swaps == 1
        assert threat.scales_[1] == 0
        assert threat.levels_[1].tolist() == [0, 1]

    def test_no_more_categories_may_change_than_there_are(self):
        assert Sweep(prepare(shop()), n_swaps=5).threat.n_swaps == 1
        assert Sweep(prepare(shop()), n_swaps=5, fixed=["color"]).threat.n_swaps == 0

    @pytest.mark.parametrize("scoring", ["balanced_accuracy", "log_loss", "roc_auc"])
    def test_scorings_are_scikit_learns(self, scoring):
        sweep = Sweep(prepare(shop()), scoring=scoring, cv=2)
        sweep._fit([sweep._penalized("input_gradient", 0.1)])
        fold, (_, test, _) = sweep.rows[0].folds[0], sweep.folds[0]
        X, y = sweep.table.X.iloc[test], sweep.table.y[test]
        by_hand = {
            "balanced_accuracy": lambda: balanced_accuracy_score(y, fold.pipeline.predict(X)),
            "log_loss": lambda: log_loss(y, fold.pipeline.predict_proba(X)),
            "roc_auc": lambda: roc_auc_score(y == "yes", fold.pipeline.predict_proba(X)[:, 1]),
        }
        assert fold.score == pytest.approx(by_hand[scoring]())


class TestCommand:
    def test_a_bare_call_helps_and_versions_are_told(self, capsys):
        assert main([]) == 0
        assert "sweep" in capsys.readouterr().out
        with pytest.raises(SystemExit, match="0"):
            main(["--version"])
        assert capsys.readouterr().out == f"sklearn-irg {__version__}\n"

    def test_a_sweep_prints_its_table_and_writes_its_files(self, tmp_path, capsys):
        skops = pytest.importorskip("skops.io")
        data, out = written(shop(), tmp_path / "shop.csv"), tmp_path / "out"
        options = [
            "--alphas",
            "0.1",
            "--swaps",
            "1",
            "--fixed",
            "color",
            "--save-model",
            "--output",
            str(out),
        ]
        assert main(["sweep", data, *QUICK, *options]) == 0
        printed = capsys.readouterr()
        assert "<- chosen" in printed.out
        assert "Take " in printed.out
        assert "shop.csv: 90 rows; columns: 2 number, 1 category" in printed.err
        assert "fits, about" in printed.err
        assert sorted(path.name for path in out.iterdir()) == [
            "model.skops",
            "report.html",
            "sweep.csv",
            "sweep.png",
        ]
        assert (out / "sweep.png").read_bytes().startswith(b"\x89PNG")
        rows = list(csv.DictReader((out / "sweep.csv").read_text(encoding="utf-8").splitlines()))
        boosting = ["gradient boosting", "hardened boosting"]
        assert [row["model"] for row in rows] == [
            "majority class",
            *boosting,
            "logistic",
            "logistic",
            "logistic",
        ]
        assert [row["penalty"] for row in rows] == [
            "",
            "",
            "",
            "",
            "input_gradient",
            "adversarial_loss",
        ]
        assert [row["trained_against_threat"] for row in rows] == [
            "False",
            "False",
            "True",
            "False",
            "False",
            "True",
        ]
        assert {row["converged"] for row in rows} == {"True"}
        assert sum(row["chosen"] == "True" for row in rows) == 1
        model = skops.load(
            out / "model.skops", trusted=skops.get_untrusted_types(file=out / "model.skops")
        )
        again = pd.read_csv(data)
        assert (model.predict(again) == again["bought"]).mean() > 0.7

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["--epsilon", "-1"], "'-1' is not a positive number"),
            (["--epsilon", "nan"], "'nan' is not a positive number"),
            (["--estimator", "tree"], "invalid choice: 'tree'"),
            (
                ["--penalty", "l2"],
                "--penalty: there is none named 'l2'; see sklearn-irg sweep --help",
            ),
            (["--header", "perhaps"], "invalid choice: 'perhaps'"),
            (["--seed", "4294967296"], "Seed must be between 0 and 2**32 - 1"),
            (["--alphas", "0.1,-2"], "'-2' is not a number that is not negative"),
            (["--cv", "1"], "'1' is not an integer number of folds, 2 or more"),
            (["--cv", "50"], "50-fold cross-validation needs 50 of each"),
            (["--swaps", "-1"], "'-1' is not an integer >= 0"),
            (["--rounds", "0.5"], "'0.5' is not an integer >= 0"),
            (
                ["--penalty", "adversarial_loss", "--fixed", "count", "--fixed", "size"],
                "adversarial_loss: nothing may change under the threat",
            ),
            (["--target", "z"], "--target: there is no column 'z'"),
            (["--fixed", "z"], "--fixed: there is no column 'z'"),
            (["--target", "size"], "the target 'size' looks continuous"),
        ],
    )
    def test_bad_input_gets_one_line_on_stderr_and_status_2(
        self, tmp_path, capsys, options, message
    ):
        data, out = written(shop(), tmp_path / "shop.csv"), tmp_path / "out"
        assert main(["sweep", data, *QUICK, "--output", str(out), *options]) == 2
        captured = capsys.readouterr()
        errors = [line for line in captured.err.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1
        assert message in errors[0]
        assert captured.out == ""
        assert not list(out.iterdir()) if out.exists() else True

    def test_a_place_that_cannot_be_written_to_is_found_out_before_the_sweep(
        self, tmp_path, capsys
    ):
        (tmp_path / "report.html").mkdir()
        assert main(["sweep", "--output", str(tmp_path)]) == 2
        assert "report.html is a directory" in capsys.readouterr().err
        (tmp_path / "file").write_text("")
        assert main(["sweep", "--output", str(tmp_path / "file")]) == 2
        assert "cannot write to" in capsys.readouterr().err

    def test_an_interrupted_sweep_keeps_the_models_that_were_finished(
        self, tmp_path, capsys, monkeypatch
    ):
        def stop(progress, sweep):
            if sweep.n_done == 8:
                raise KeyboardInterrupt

        monkeypatch.setattr(run._Progress, "__call__", stop)
        data = written(shop(), tmp_path / "shop.csv")
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "model.skops").write_text("of another table")
        assert main(["sweep", data, *FEW, "--output", str(tmp_path / "out")]) == 130
        captured = capsys.readouterr()
        assert captured.err.endswith("model.skops is of an earlier run\n")
        (tmp_path / "out" / "model.skops").unlink()
        assert "interrupted: 8 of 10 fits done" in captured.err
        assert "No decision: 8 of 10 fits were done." in captured.out
        assert "alpha = 0 " in captured.out
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
            "sweep.csv",
            "sweep.png",
        ]
        assert len((tmp_path / "out" / "sweep.csv").read_text().splitlines()) == 4

    def test_a_full_disk_leaves_whole_files_only(self, tmp_path, capsys, monkeypatch):
        replace = os.replace

        def full(part, path):
            if path.endswith("report.html"):
                raise OSError(28, "No space left on device")
            replace(part, path)

        monkeypatch.setattr(writing.os, "replace", full)
        monkeypatch.setattr(run, "find", lambda *_: None)
        data, out = written(shop(), tmp_path / "shop.csv"), tmp_path / "out"
        assert main(["sweep", data, *FEW, "--output", str(out)]) == 2
        captured = capsys.readouterr()
        assert (
            captured.err.splitlines()[-1]
            == f"error: report.html could not be written to {out}: No space left on device"
        )
        assert "Take " in captured.out
        assert sorted(path.name for path in out.iterdir()) == ["sweep.csv", "sweep.png"]

    def test_a_fit_that_fails_leaves_the_models_that_were_finished(
        self, tmp_path, capsys, monkeypatch
    ):
        def fail(progress, sweep):
            if sweep.n_done == 8:
                raise RuntimeError("a worker has died")

        monkeypatch.setattr(run._Progress, "__call__", fail)
        data = written(shop(), tmp_path / "shop.csv")
        assert main(["sweep", data, *FEW, "--output", str(tmp_path / "out")]) == 2
        captured = capsys.readouterr()
        assert captured.err.count("error: a worker has died\n") == 1
        assert "alpha = 0 " in captured.out
        assert len((tmp_path / "out" / "sweep.csv").read_text().splitlines()) == 4

    def test_a_reader_who_leaves_early_takes_nothing_from_the_files(self, tmp_path):
        data, out = written(shop(), tmp_path / "shop.csv"), tmp_path / "out"
        command = f"{sys.executable} -m sklearn_irg sweep {data} {' '.join(FEW)} --output {out} 2>&1 | head -1"
        done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
        assert done.stdout == "shop.csv: 90 rows; columns: 2 number, 1 category\n"
        assert sorted(path.name for path in out.iterdir()) == [
            "report.html",
            "sweep.csv",
            "sweep.png",
        ]

    def test_a_terminal_of_ascii_gets_ascii(self):
        stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
        writing.say("größe: 0.9 ± 0.1 …", stream)
        assert stream.buffer.getvalue() == b"gr\\xf6\\xdfe: 0.9 +/- 0.1 ...\n"

    def test_what_is_missing_is_named(self):
        code = (
            "import sys; sys.modules['skrub'] = None; from sklearn_irg.__main__ import main; "
            "sys.exit(main(['sweep']))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        assert (
            done.stderr
            == 'error: the command line needs skrub, as in pip install "sklearn_irg[cli]"\n'
        )
