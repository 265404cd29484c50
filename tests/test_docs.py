"""The site agrees with the code.

Every public name is in the reference, and every test that a page names exists.
"""

import ast
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sklearn_irg
from benchmarks.check import CLAIMS
from benchmarks.does_it_help import MEASURES, calibration_error, differences, show
from benchmarks.experiments import frontiers
from tests.test_architecture import FLOOR, public_objects

ROOT = Path(__file__).parents[1]
PACKAGE = Path(sklearn_irg.__file__).parent
REFERENCE = (ROOT / "docs" / "api.rst").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")
THEORY = (ROOT / "docs" / "theory.md").read_text(encoding="utf-8")


def listed():
    """Full names on the page of the reference."""
    for section in REFERENCE.split(".. currentmodule:: ")[1:]:
        module, *lines = section.splitlines()
        yield from (f"{module}.{line.strip()}" for line in lines if re.fullmatch(r"   \w+", line))


def functions_in(path):
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_the_reference_lists_every_public_name_once():
    estimators = {f"sklearn_irg.{name}" for name in sklearn_irg.__all__ if name[0].isupper()}
    public = estimators | {name for name, _ in public_objects()}
    assert sorted(listed()) == sorted(public)


@pytest.mark.parametrize("named", sorted(set(re.findall(r"tests/[\w/]+\.py::\w+", THEORY))))
def test_a_test_that_the_theory_names_is_there(named):
    path, name = named.split("::")
    assert name in functions_in(path)


def test_a_page_names_no_script_that_is_not_there():
    pages = [ROOT / "README.md", ROOT / "benchmarks" / "README.md", *(ROOT / "docs").rglob("*.md")]
    named = {
        name
        for page in pages
        for name in re.findall(r"(?:benchmarks|examples)/[\w/]+\.py", page.read_text("utf-8"))
    }
    assert named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_the_version_has_one_source_and_its_copies_agree():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    version, date = re.search(r"^## \[(\d[^]]*)\] - (\S+)", changelog, re.M).groups()
    assert version == sklearn_irg.__version__
    assert f"version: {version}\ndate-released: {date}\n" in citation


def test_the_numbers_that_are_checked_by_rerunning_are_on_their_pages():
    for claim in CLAIMS:
        assert claim.said()
        assert (ROOT / claim.command.split()[0]).exists()


def test_the_tables_of_does_it_help_are_those_of_its_results(capsys):
    show(ROOT / "benchmarks" / "does_it_help.csv")
    frontiers.show(ROOT / "benchmarks" / "frontiers.csv")
    printed = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    page = (ROOT / "docs" / "does_it_help.md").read_text(encoding="utf-8")
    assert sorted(line for line in page.splitlines() if line.startswith("|")) == sorted(printed)


def test_rivals_are_interpolated_between_neighbors_on_their_frontier():
    points = pd.DataFrame({"clean": [0.8, 0.7, 0.75, 0.6], "attacked": [0.2, 0.4, 0.1, 0.4]})
    np.testing.assert_allclose(
        frontiers.interpolated(points, [0.85, 0.8, 0.75, 0.6]), [np.nan, 0.2, 0.3, 0.4]
    )
    np.testing.assert_allclose(
        frontiers.best(points, [0.85, 0.8, 0.75, 0.6]), [np.nan, 0.2, 0.2, 0.4]
    )


def test_differences_are_paired_and_their_intervals_those_of_overlapping_splits():
    line = {"model": "logistic", "table": "iris", **dict.fromkeys(MEASURES, 0.5)}
    changes = [0.01, 0.02, 0.03]
    rows = [{**line, "penalty": "none", "alpha": 0.0, "seed": seed} for seed in range(3)]
    rows += [
        {**line, "penalty": "p", "alpha": 1.0, "seed": s, "clean": 0.5 + c}
        for s, c in enumerate(changes)
    ]
    mean, width = differences(pd.DataFrame(rows))
    at = ("logistic", "p", 1.0, "iris")
    assert mean.loc[at, "clean"] == pytest.approx(0.02)
    assert width.loc[at, "clean"] == pytest.approx(4.303 * 0.01 * np.sqrt(1 / 3 + 1), rel=1e-3)


def test_the_calibration_error_is_the_gap_of_each_bin_by_its_share():
    probabilities = np.array([[0.95, 0.05], [0.95, 0.05], [0.65, 0.35], [0.35, 0.65]])
    assert calibration_error(probabilities, np.array([1, 0, 1, 1])) == pytest.approx(
        (0.9 + 0.7) / 4
    )


def test_every_example_has_a_place_in_the_gallery():
    places = re.search(
        r"GALLERY = \[(.*?)\]", (ROOT / "docs" / "conf.py").read_text(encoding="utf-8"), re.DOTALL
    )[1]
    found = {path.stem.removeprefix("plot_") for path in (ROOT / "examples").glob("plot_*.py")}
    assert set(re.findall(r'"(\w+)"', places)) == found


def lines_of(path):
    return [line.strip() for line in (ROOT / path).read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(
    ("page", "mark"), [("README.md", "--group test"), ("docs/contributing.md", "--group docs")]
)
def test_the_commands_that_pages_name_are_those_that_are_run(page, mark):
    (command,) = [
        line for line in lines_of(page) if line.startswith("python -m pip") and mark in line
    ]
    assert command in lines_of(".ci/run")


def test_every_session_that_is_named_is_in_the_noxfile():
    workflows = sorted((ROOT / ".github").rglob("*.yml"))
    named = set(re.findall(r"nox -s ([a-z]+)", CONTRIBUTING))
    for path in [
        *workflows,
        ROOT / "docs" / "style.md",
        ROOT / ".github" / "pull_request_template.md",
    ]:
        text = path.read_text(encoding="utf-8")
        named |= set(re.findall(r"nox -s ([a-z]+)", text))
        named |= {
            name for listed in re.findall(r"session: \[(.*)\]", text) for name in listed.split(", ")
        }
    assert named == functions_in("noxfile.py") - {"install"}


@pytest.mark.parametrize("room", ["_engine", "_fitted", "_threats", "_perturbations", "_training"])
def test_the_page_for_contributors_names_every_file_of_the_rooms_that_it_describes(room):
    files = {path.name for path in (PACKAGE / room).glob("*.py")} - {"__init__.py"}
    for folder in (PACKAGE / room).glob("*/"):
        if (
            f"`{room}/{folder.name}/`" not in CONTRIBUTING
            and f"`{folder.name}/`" not in CONTRIBUTING
        ):
            files |= {path.name for path in folder.glob("*.py")} - {"__init__.py"}
    assert (
        sorted(name for name in files if not re.search(rf"\b{re.escape(name)}`", CONTRIBUTING))
        == []
    )


def test_the_tables_for_contributors_name_no_file_that_is_not_there():
    there = {path.name for path in PACKAGE.rglob("*.py")}
    rows = "\n".join(
        line
        for line in CONTRIBUTING.partition("## Architecture")[2].splitlines()
        if line.startswith("|")
    )
    assert {name.rpartition("/")[2] for name in re.findall(r"`([\w/]+\.py)`", rows)} <= there


def test_the_page_for_contributors_names_every_room():
    rooms = set(FLOOR) - {""}
    table = CONTRIBUTING.partition("| room |")[2].partition("\n\n")[0]
    assert {
        name.strip("/").removesuffix(".py") for name in re.findall(r"`(\w+(?:/|\.py))`", table)
    } == rooms


def test_every_decision_is_listed():
    folder = ROOT / "docs" / "decisions"
    index = (folder / "index.md").read_text(encoding="utf-8")
    records = {path.stem for path in folder.glob("*.md")} - {"index"}
    assert set(re.findall(r"\((\w+)\.md\)", index)) == records
    assert set(index.partition(":hidden:")[2].split()) - {"```"} == records
