"""Docstrings open with a noun phrase or a verb, in one line that fits."""

import ast
import re
from pathlib import Path

import pytest

import sklearn_irg

ROOT = Path(sklearn_irg.__file__).parent
DOCUMENTED = ast.Module, ast.ClassDef, ast.FunctionDef


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: path.stem)
def test_first_lines_are_noun_phrases_or_verbs_that_fit_and_end_with_a_period(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    for node in ast.walk(ast.parse("\n".join(lines))):
        if isinstance(node, DOCUMENTED) and (docstring := ast.get_docstring(node)):
            first = docstring.splitlines()[0]
            assert first.endswith("."), first
            assert not re.match(r"(What|How|Which|Where|Of)\b", first), first
            assert len(lines[node.body[0].lineno - 1]) <= 100, first
