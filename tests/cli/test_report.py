"""The report, as its reader sees it."""

import base64
import re
import shutil
import subprocess
from copy import copy
from dataclasses import replace

import numpy as np
import pytest

from sklearn_irg._cli.columns import prepare
from sklearn_irg._cli.findings import find
from sklearn_irg._cli.report import report
from sklearn_irg._cli.scores import Decision, Row, decide
from sklearn_irg._cli.sweep import Sweep
from sklearn_irg._cli.words import as_text, decision_sentence, remarks
from sklearn_irg.attacks import ThreatModel, adversarial_accuracy

from .tables import shop

CHROMIUM = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)


@pytest.fixture(scope="module")
def sweep():
    frame = shop(80).rename(columns={"size": "<script>alert('size')</script> größe in $ and $"})
    frame.loc[::5, "color"] = None
    sweep = Sweep(prepare(frame), penalties=["input_gradient", "spectral_norm"], alphas=[0.1, 1.0], cv=2, n_swaps=1)
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
    return report(sweep, decision, findings, name="shop <1>.csv", command="sklearn-irg sweep 'shop <1>.csv'", note="")


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
                    assert sweep.table.X["color"].iloc[row.number - 1] == change.before != change.after

    def test_nothing_smaller_flips_a_near_row(self):
        sweep = Sweep(prepare(shop(60)), alphas=[0.1], cv=2)
        sweep._fit([sweep._penalised("input_gradient", 0.1)])
        chosen = sweep.rows[0]
        nearest = find(sweep, chosen).nearest
        assert len(nearest) == 5
        for row in nearest:
            model = next(
                fold.pipeline
                for fold, (_, test, _) in zip(chosen.folds, sweep.folds, strict=True)
                if row.number - 1 in test
            )
            X = sweep.table.X.iloc[[row.number - 1]]
            nearer = ThreatModel(0.99 * row.distance).fit(sweep.table.X)
            assert adversarial_accuracy(model, X, [row.label], nearer) == 1
            assert row.changes


class TestWords:
    def test_the_decision_says_cost_and_gain(self, sweep, decision):
        sentence = decision_sentence(sweep, decision)
        assert re.fullmatch(r"Take .*: its accuracy is 0\.\d+ ± .* % of rows stay right under attack.*\.", sentence)

    def test_where_nothing_can_be_chosen_that_is_said(self, sweep):
        assert "every model predicts one class" in decision_sentence(sweep, Decision(None, None))
        assert "chosen" not in as_text(sweep, Decision(None, None))

    def test_a_threat_beyond_the_majority_class_is_remarked(self, sweep, decision):
        told = []
        for attacked in (0.0, 1.0):
            other = copy(sweep)
            folds = [replace(fold, attacked=attacked) for fold in sweep.baselines()[0].folds]
            other.rows = [Row(sweep.baselines()[0].candidate, folds), *sweep.rows[1:]]
            told.append("too strong" in " ".join(remarks(other, decision)))
        assert told == [False, True]


class TestPage:
    def test_it_holds_everything_that_it_promises(self, page, sweep):
        for heading in (
            "The decision",
            "Rows nearest to the boundary",
            "What was done to each column",
            "To run it again",
        ):
            assert f"<h2>{heading}</h2>" in page
        for title in (
            "Cost and gain",
            "Accuracy against",
            "Sensitivity to numbers",
            "Sensitivity to categories",
            "Calibration",
        ):
            assert f"<figcaption>{title}" in page
        assert "sklearn_irg 0" in page
        assert len(page) < 3e6

    def test_it_asks_for_nothing_outside(self, page):
        shown = [page, *(base64.b64decode(code).decode() for code in re.findall(r"base64,([\w+/=]+)", page))]
        for text in shown:
            for name, address in re.findall(r"\b(src|href|url)\s*[=(]\s*[\"']?([^\"')> ]+)", text):
                assert address.startswith(("data:", "#")), (name, address)

    def test_every_figure_has_alternative_text_with_numbers(self, page):
        texts = re.findall(r'<img alt="([^"]*)"', page)
        assert len(texts) == page.count("<img") == 5
        assert all(re.search(r"0\.\d", text) for text in texts)

    def test_names_of_the_table_are_text(self, page):
        assert "<script>" not in page
        assert "&lt;script&gt;" in page

    def test_without_a_choice_there_is_a_page_still(self, sweep):
        page = report(sweep, Decision(None, None), None, name="t.csv", command="sklearn-irg sweep t.csv")
        assert "There is nothing to choose" in page
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
    (tmp_path / "page.html").write_text(page.replace("</body>", f"{probe}</body>"), encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    options += ["--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", f"--window-size={width},900"]
    done = subprocess.run(
        [CHROMIUM, *options, "--dump-dom", (tmp_path / "page.html").as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "CONSOLE" not in done.stderr
    assert re.search("<title>(.*)</title>", done.stdout).group(1) == "seen 0 0 true true"
