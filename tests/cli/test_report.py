"""The report, as its reader sees it."""

import base64
import re
import shutil
import subprocess

import numpy as np
import pytest

from sklearn_irg._cli import figures
from sklearn_irg._cli.analysis import Change, _change, find
from sklearn_irg._cli.columns import prepare
from sklearn_irg._cli.formatting import as_text, decision_sentence
from sklearn_irg._cli.report import report
from sklearn_irg._cli.scores import Decision, decide
from sklearn_irg._cli.sweep import Sweep
from sklearn_irg.attacks import ThreatModel, adversarial_accuracy

from .tables import shop

CHROMIUM = next(
    filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None
)


PENALTIES = ["input_gradient", "spectral_norm", "adversarial_loss"]


@pytest.fixture(scope="module")
def sweep():
    frame = shop(80).rename(columns={"size": "<script>alert('size')</script> größe in $ and $"})
    frame.loc[::5, "color"] = None
    sweep = Sweep(prepare(frame), penalties=PENALTIES, alphas=[0.1, 1.0], cv=2, n_swaps=1)
    sweep.run()
    return sweep


@pytest.fixture(scope="module")
def decision(sweep):
    return decide(sweep.rows)


@pytest.fixture(scope="module")
def findings(sweep, decision):
    return find(sweep, decision.chosen)


@pytest.fixture(scope="module")
def page(sweep, decision, findings):
    return report(
        sweep,
        decision,
        findings,
        name="shop <1>.csv",
        command="sklearn-irg sweep 'shop <1>.csv'",
        note="",
    )


class TestFindings:
    def test_curves_fall_and_certificates_stay_below(self, findings):
        for curve in findings.curves:
            assert (np.diff(curve.attacked) <= 0).all()
            assert curve.certified is None or (curve.certified <= curve.attacked + 1e-12).all()

    def test_curves_of_whole_folds_are_accuracy_under_attack(self, sweep, decision, findings):
        at = list(findings.radii).index(sweep.threat.epsilon)
        assert findings.n_rows == 80
        assert findings.curves[0].attacked[at] == pytest.approx(decision.chosen.mean("attacked"))

    def test_sensitivities_name_every_column_once(self, sweep, findings):
        assert set(findings.sensitivity) | set(findings.swaps) == set(sweep.table.X.columns)
        assert findings.sensitivity[next(iter(findings.sensitivity))].shape == (2,)

    def test_a_category_that_decides_alone_flips_rows(self, findings):
        assert findings.swaps["color"].mean() > 0.1

    def test_near_rows_are_rows_of_the_table_that_are_flipped(self, sweep, findings):
        distances = [row.distance for row in findings.nearest]
        assert distances == sorted(distances)
        for row in findings.nearest:
            assert sweep.table.y[row.number - 1] == row.label != row.flipped_to
            for change in row.changes:
                if change.column == "color":
                    assert (
                        sweep.table.X["color"].iloc[row.number - 1] == change.before != change.after
                    )

    def test_flags_are_categories(self):
        frame = shop(120)
        frame["member"] = np.arange(120) % 2 == 0
        frame["bought"] = np.where(frame["size"] + 2 * frame["member"] > 1, "yes", "no")
        options = {"alphas": [0.1], "cv": 2, "epsilon": 0.1, "n_swaps": 1, "n_rounds": 0}
        sweep = Sweep(prepare(frame, target="bought"), **options)
        sweep.run()
        found = find(sweep, decide(sweep.rows).chosen)
        assert "member" not in found.sensitivity
        assert found.swaps["member"].mean() > 0.2
        assert all(row.changes for row in found.nearest)

    def test_sensitivity_is_the_slope_of_the_loss_per_standard_deviation(
        self, sweep, decision, findings
    ):
        name = next(iter(findings.sensitivity))
        for k, (_, _, some) in enumerate(sweep.folds):
            model, X, y = (
                decision.chosen.folds[k].pipeline,
                sweep.table.X.iloc[some],
                sweep.table.y[some],
            )
            step = 1e-5 * sweep.table.X[name].std(ddof=0)

            def losses(X, model=model, y=y):
                return -np.log(
                    model.predict_proba(X)[np.arange(len(y)), np.searchsorted(model.classes_, y)]
                )

            slopes = (
                losses(X.assign(**{name: X[name] + step}))
                - losses(X.assign(**{name: X[name] - step}))
            ) / 2e-5
            assert findings.sensitivity[name][k] == pytest.approx(
                np.nanmean(np.abs(slopes)), rel=1e-4
            )

    def test_flips_of_a_category_are_those_of_trying_all_levels(self, sweep, decision, findings):
        for k, (_, _, some) in enumerate(sweep.folds):
            model, X = decision.chosen.folds[k].pipeline, sweep.table.X.iloc[some]
            present = X["color"].notna()
            flips = np.zeros(len(X), dtype=bool)
            for level in ("red", "green", "blue"):
                flips |= (
                    model.predict(X.assign(color=X["color"].where(~present, level)))
                    != model.predict(X)
                ) & present
            assert findings.swaps["color"][k] == pytest.approx(flips.mean())

    def test_calibration_has_confidence_across_and_right_rows_up(self, decision, findings):
        curve = findings.curves[0]
        assert (np.diff(curve.confidence) > 0).all()
        assert curve.share_right.mean() == pytest.approx(decision.chosen.mean("accuracy"), abs=0.03)

    def test_curves_of_some_rows_begin_at_the_accuracy_on_all(self, monkeypatch):
        monkeypatch.setattr("sklearn_irg._cli.analysis.CURVE_ROWS", 7)
        sweep = Sweep(prepare(shop(60)), alphas=[0.1], cv=2)
        sweep._fit([sweep._penalized("input_gradient", 0.1)])
        curve = find(sweep, sweep.rows[0]).curves[0]
        assert (
            curve.attacked[0] == curve.certified[0] == curve.clean == sweep.rows[0].mean("accuracy")
        )

    def test_changes_of_near_rows_are_the_smallest_and_in_the_units_of_the_table(self):
        sweep = Sweep(prepare(shop(60)), alphas=[0.1], cv=2)
        sweep._fit([sweep._penalized("input_gradient", 0.1)])
        chosen = sweep.rows[0]
        nearest = find(sweep, chosen).nearest
        assert len(nearest) == 5
        scales = dict(zip(sweep.table.X.columns, sweep.threat.scales_, strict=True))
        for row in nearest:
            folds = zip(chosen.folds, sweep.folds, strict=True)
            model = next(fold.pipeline for fold, (_, test, _) in folds if row.number - 1 in test)
            X = sweep.table.X.iloc[[row.number - 1]]
            nearer = ThreatModel(0.99 * row.distance).fit(sweep.table.X)
            assert adversarial_accuracy(model, X, [row.label], nearer) == 1
            for change in row.changes:
                assert float(change.before) == pytest.approx(X[change.column].item())
            moved = [(float(c.after) - float(c.before)) / scales[c.column] for c in row.changes]
            assert row.n_smaller or np.linalg.norm(moved) == pytest.approx(row.distance, rel=0.3)

    def test_numbers_are_short_and_thousands_set_apart(self):
        assert _change("income", 41200.0, 43912.4) == Change("income", "41\u202f200", "43\u202f912")
        assert _change("size", 1.5, 1.5123) == Change("size", "1.500", "1.512")
        assert _change("size", -0.742, -0.3) == Change("size", "-0.742", "-0.300")
        assert _change("age", 41.0, 42.0) == Change("age", "41", "42")


class TestWords:
    def test_where_nothing_can_be_chosen_that_is_said(self, sweep):
        assert "every model predicts a single class in some fold" in decision_sentence(
            sweep, Decision(None, None)
        )
        assert "chosen" not in as_text(sweep, Decision(None, None))


class TestPage:
    def test_it_holds_everything_that_it_promises(self, page, sweep, findings):
        for heading in (
            "The decision",
            "Rows nearest to the boundary",
            "Column preprocessing",
            "Reproduce this report",
        ):
            assert f"<h2>{heading}</h2>" in page
        for title in (
            "Accuracy and robustness at each strength",
            "Accuracy against",
            "Sensitivity to numbers",
            "Sensitivity to categories",
            "Calibration",
        ):
            assert f"<figcaption>{title}" in page
        assert "sklearn_irg 0" in page
        assert "sklearn-irg sweep &#39;shop &lt;1&gt;.csv&#39;" in page
        for column in sweep.table.columns:
            assert f'<td>{column.kind}</td><td class="name">{column.note}' in page
        for row in findings.nearest:
            assert f'<td class="number">{row.number}</td>' in page
            assert f'<td class="number">{row.distance:.3g}</td>' in page
        assert len(page) < 3e6

    def test_it_asks_for_nothing_outside(self, page):
        shown = [
            page,
            *(base64.b64decode(code).decode() for code in re.findall(r"base64,([\w+/=]+)", page)),
        ]
        for text in shown:
            for name, address in re.findall(r"\b(src|href|url)\s*[=(]\s*[\"']?([^\"')> ]+)", text):
                assert address.startswith(("data:", "#")), (name, address)

    def test_every_figure_has_alternative_text_with_numbers(self, page):
        texts = re.findall(r'<img alt="([^"]*)"', page)
        assert len(texts) == page.count("<img") == 5
        assert all(re.search(r"0\.\d", text) for text in texts)

    def test_what_was_trained_against_the_threat_is_marked_in_table_and_figures(
        self, sweep, decision, page
    ):
        assert '<td class="name">hardened boosting *</td>' in page
        assert "Trained against the threat: hardened boosting, adversarial_loss." in page
        (legend,) = figures._cost(sweep, decision, "shop").legends
        assert legend.get_title().get_text() == "* trained against the threat"
        assert {text.get_text() for text in legend.get_texts()} - {"chosen"} == {
            "input_gradient",
            "spectral_norm",
            "adversarial_loss *",
            "gradient boosting",
            "hardened boosting *",
            "alpha = 0",
        }

    def test_names_of_the_table_are_text(self, page):
        assert "<script>" not in page
        assert "&lt;script&gt;" in page

    def test_without_a_choice_there_is_a_page_still(self, sweep):
        page = report(
            sweep, Decision(None, None), None, name="t.csv", command="sklearn-irg sweep t.csv"
        )
        assert "No decision" in page
        assert page.count("<img") == 1


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
@pytest.mark.parametrize("width", [400, 1600])
def test_a_browser_shows_it_without_complaint(page, tmp_path, width):
    probe = """<script>addEventListener("load", () => {
      const broken = [...document.images].filter(image => !image.complete || !image.naturalWidth).length;
      const wide = [...document.querySelectorAll("main > *, figure, img")].filter(
        item => !item.matches(".scroll") && item.getBoundingClientRect().right > innerWidth + 1).length;
      const texts = [...document.querySelectorAll("p, td, li")];
      const small = Math.min(...texts.map(item => parseFloat(getComputedStyle(item).fontSize)));
      document.title = `seen ${broken} ${wide} ${document.documentElement.scrollWidth <= innerWidth} ${small >= 13}`;
    })</script>"""
    (tmp_path / "page.html").write_text(
        page.replace("</body>", f"{probe}</body>"), encoding="utf-8"
    )
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path / 'profile'}",
    ]
    options += [
        "--host-resolver-rules=MAP * ~NOTFOUND",
        "--enable-logging=stderr",
        f"--window-size={width},900",
    ]
    done = subprocess.run(
        [CHROMIUM, *options, "--dump-dom", (tmp_path / "page.html").as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "CONSOLE" not in done.stderr
    assert re.search("<title>(.*)</title>", done.stdout).group(1) == "seen 0 0 true true"
