"""The direction of imports, what the command line stands on, and that every public name is documented."""

import ast
import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

import sklearn_irg

ROOT = Path(sklearn_irg.__file__).parent
FLOORS = [  # from the ground up; a room imports from lower floors only, or from itself
    ["_component", "_statistics", "_text"],
    ["_checks"],
    ["_engine"],
    ["_perturbations"],
    ["activations", "likelihoods", "penalties", "constraints", "_fitted"],
    ["losses"],
    ["_threats"],
    ["diagnostics", "solvers", "_callbacks", "_warnings"],
    ["_training"],
    ["_estimators"],
    ["attacks"],
    ["displays", "_robust_training"],
    ["model_selection"],
    [""],
    ["_cli"],
    ["__main__"],
]
FLOOR = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}
ONLY = {  # rooms that know few others
    "solvers": {"_checks", "_component"},
    "_checks": set(),
    "_component": set(),
    "_statistics": set(),
    "_text": set(),
    "_callbacks": set(),
    "model_selection": {
        "_checks",
        "_estimators",
        "_robust_training",
        "_statistics",
        "_training",
        "_threats",
        "attacks",
        "diagnostics",
    },
    "_robust_training": {"_checks", "_threats"},
    "displays": {"_checks", "_statistics", "_text", "_threats", "attacks", "diagnostics"},
    "attacks": {"_checks", "_engine", "_fitted", "_perturbations", "_threats"},
    "_threats": {"_checks", "_engine", "_fitted", "_perturbations"},
    "diagnostics": {"_checks", "_engine", "_fitted", "_threats"},
    "penalties": {"_checks", "_component", "_engine", "_perturbations"},
    "_training": {"_checks", "_engine", "_warnings", "losses", "solvers"},
    "_estimators": {
        "_callbacks",
        "_checks",
        "_engine",
        "_training",
        "_warnings",
        "constraints",
        "losses",
        "penalties",
        "solvers",
    },
}
# what the command line uses beside public names: arithmetic and text, without a model or a table
BESIDE_PUBLIC_NAMES = {"sklearn_irg._statistics", "sklearn_irg._text"}


def modules():
    for path in sorted(ROOT.rglob("*.py")):
        name = path.relative_to(ROOT).with_suffix("").as_posix().removesuffix("__init__").strip("/")
        yield name, ast.parse(path.read_text(encoding="utf-8"))


def imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module, node


@pytest.mark.parametrize(
    ("name", "tree"), list(modules()), ids=lambda x: x if isinstance(x, str) else ""
)
class TestEveryModule:
    def test_imports_point_down(self, name, tree):
        room = name.split("/")[0]
        for imported, _ in imports(tree):
            if imported.split(".")[0] == "sklearn_irg":
                target = (imported.split(".") + [""])[1]
                assert target == room or FLOOR[target] < FLOOR[room], imported
                assert target == room or target in ONLY.get(room, FLOOR), imported

    def test_autograd_has_one_door_and_matplotlib_stays_inside_functions(self, name, tree):
        for imported, node in imports(tree):
            assert imported.split(".")[0] != "autograd" or name == "_engine/autodiff"
            assert imported.split(".")[0] != "matplotlib" or node.col_offset > 0

    def test_no_private_name_of_scikit_learn(self, name, tree):
        for imported, node in imports(tree):
            names = [imported, *(alias.name for alias in getattr(node, "names", []))]
            if imported.split(".")[0] == "sklearn":
                assert not any(
                    part.startswith("_") for dotted in names for part in dotted.split(".")
                ), names


def own_imports(tree):
    """Modules of the package, and the names that are taken from them."""
    for imported, node in imports(tree):
        if imported.split(".")[0] == "sklearn_irg":
            yield from ((imported, alias.name) for alias in node.names)


@pytest.mark.parametrize(
    ("name", "tree"),
    [(name, tree) for name, tree in modules() if name.split("/")[0] in ("_cli", "__main__")],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_the_command_line_stands_on_public_names(name, tree):
    for module, imported in own_imports(tree):
        if module.startswith("sklearn_irg._cli") or module in BESIDE_PUBLIC_NAMES:
            continue
        assert not any(part.startswith("_") for part in module.split(".")), f"{name}: {module}"
        assert imported in importlib.import_module(module).__all__, f"{name}: {module}.{imported}"


def public_objects():
    for info in pkgutil.walk_packages([str(ROOT)], "sklearn_irg."):
        if any(part.startswith("_") for part in info.name.split(".")):
            continue
        module = importlib.import_module(info.name)
        for name in module.__all__:
            yield f"{info.name}.{name}", getattr(module, name)


@pytest.mark.parametrize(
    ("name", "thing"), list(public_objects()), ids=lambda x: x if isinstance(x, str) else ""
)
def test_every_public_name_has_a_docstring(name, thing):
    if inspect.isclass(thing) or inspect.isfunction(thing):
        assert thing.__doc__, name
