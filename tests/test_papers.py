"""The page of papers agrees with the code.

Its calls run, its pages exist, and no paper is missing.
"""

import ast
import re
from functools import cache, partial
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from sklearn.base import clone, is_regressor
from sklearn.datasets import make_moons
from sklearn.ensemble import RandomForestClassifier

import sklearn_irg
from sklearn_irg import GradRegLogisticRegression, GradRegMLPClassifier, WassersteinCritic
from sklearn_irg.constraints import Constraint
from sklearn_irg.losses import Loss, MeanDifference
from sklearn_irg.model_selection import regularization_path
from sklearn_irg.penalties import Penalty, RightReasons
from tests import oracles
from tests.problems import evaluate, make_objective, outputs_of, problem, row_losses
from tests.test_architecture import public_objects

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "guide" / "papers.md").read_text(encoding="utf-8")
CODE = sorted(
    {
        code
        for line in PAGE.splitlines()
        if line.startswith("|")
        for code in re.findall(r"`([^`]+)`", line)
    }
)
PUBLIC = {name: getattr(sklearn_irg, name) for name in sklearn_irg.__all__} | {
    full.rsplit(".", 1)[1]: thing for full, thing in public_objects()
}
SKLEARN = {"LinearSVC", "LogisticRegression", "MLPClassifier", "NearestCentroid"}
CITATION = re.compile(r"^\s*\.\. \[\d+\] (\w[\w-]*)[^(]*\((\d{4})\)", re.M)


def is_call(code):
    try:
        tree = ast.parse(code, mode="eval")
    except SyntaxError:
        return False
    return any(isinstance(node, ast.Call) for node in ast.walk(tree))


CALLS = [code for code in CODE if is_call(code)]


@cache
def names():
    """What the page says that its names are, for forty rows of two columns."""
    X, y = make_moons(40, noise=0.1, random_state=0)
    linear = GradRegLogisticRegression().fit(X, y)
    model = GradRegMLPClassifier((8,), solver="lbfgs", max_iter=300, random_state=0).fit(X, y)
    return PUBLIC | {
        "np": np,
        "partial": partial,
        "X": X,
        "y": y,
        "y_partly": np.where(np.arange(40) < 20, y, -1),
        "mask": np.tile([True, False], (40, 1)),
        "targets": 1 - y,
        "baseline": X.mean(axis=0),
        "shape": (1, 2),
        "shifted": lambda X, random_state: X + random_state.normal(scale=0.1, size=X.shape),
        "model": model,
        "linear": linear,
        "models": {"linear": linear, "network": model},
        "forest": RandomForestClassifier(3, max_depth=3, random_state=0).fit(X, y),
        "path": regularization_path(
            GradRegLogisticRegression("weight_decay", l2=0), X, y, [0.1, 1.0]
        ),
    }


def as_estimator(value):
    """The estimator itself, or one with this component; None for a result."""
    if hasattr(value, "fit"):
        return value
    if isinstance(value, Penalty):
        return GradRegMLPClassifier(penalty=value)
    if isinstance(value, Constraint):
        return GradRegMLPClassifier(penalty=None, constraint=value)
    if isinstance(value, MeanDifference):
        return WassersteinCritic()
    return GradRegMLPClassifier(penalty=None, loss=value) if isinstance(value, Loss) else None


def fit_briefly(estimator):
    brief = {
        name: 10 for name in ("max_iter", "n_steps") if name in estimator.get_params(deep=False)
    }
    y = names()["y"].astype(float) if is_regressor(estimator) else names()["y"]
    return clone(estimator).set_params(**brief).fit(names()["X"], y)


@pytest.mark.parametrize("code", CALLS, ids=CALLS)
@pytest.mark.filterwarnings("ignore")  # of models that are trained on forty rows for ten epochs
def test_a_call_on_the_page_runs_and_what_it_makes_fits(code):
    with mpl.rc_context({"figure.max_open_warning": 0}):
        value = eval(code, names())
    for part in value if isinstance(value, tuple) else (value,):
        estimator = as_estimator(part)
        if estimator is not None and not hasattr(estimator, "n_features_in_"):
            fit_briefly(estimator)


def test_a_class_on_the_page_is_public():
    classes = {code for code in CODE if re.fullmatch(r"([A-Z][a-z0-9]*){2,}", code)}
    assert classes - set(PUBLIC) - SKLEARN == set()


def cited():
    for path in sorted((ROOT / "sklearn_irg").rglob("*.py")):
        yield from CITATION.findall(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("author", "year"), sorted(set(cited())))
def test_a_paper_that_a_docstring_refers_to_is_on_the_page(author, year):
    assert re.search(rf"\b{author}\b.*\b{year}\b", PAGE)


def test_sensitivity_to_certainty_is_right_reasons_by_the_squared_number_of_classes():
    network, X, Y, theta, _ = problem(n_samples=20)

    def uniform_cross_entropy(X):
        return -np.log(oracles.means(outputs_of(network, theta)(X), "softmax")).mean(axis=1)

    squares = oracles.input_gradients(uniform_cross_entropy, X) ** 2
    objective = (row_losses(network, theta, Y)(X) + 0.37 * squares.sum(axis=1)).mean()
    ours = evaluate(make_objective(network, X, Y, RightReasons(), 0.37 / Y.shape[1] ** 2), theta)[0]
    assert ours == pytest.approx(objective, rel=1e-7)


def test_a_page_of_the_gallery_that_the_page_refers_to_is_there():
    pages = set(re.findall(r"\.\./gallery/(\w+)\.rst", PAGE))
    assert pages
    assert [page for page in sorted(pages) if not (ROOT / "examples" / f"{page}.py").exists()] == []
