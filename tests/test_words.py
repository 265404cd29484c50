"""Docstrings open with a noun phrase or a verb, and constants have a reason."""

import ast
import re
import tokenize
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


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: path.stem)
def test_numeric_constants_have_a_comment_beside_or_directly_above_them(path):
    with tokenize.open(path) as file:
        tokens = [t for t in tokenize.generate_tokens(file.readline) if t.type == tokenize.COMMENT]
    stands_alone = {t.start[0]: t.line.lstrip().startswith("#") for t in tokens}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            parts = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
            numbers = {part for part in parts if type(part) in (int, float)}
            beside = any(line in stands_alone for line in range(node.lineno, node.end_lineno + 1))
            has_comment = beside or stands_alone.get(node.lineno - 1, False)
            assert has_comment or numbers <= {0, 1, 0.5, 2}, f"line {node.lineno} says no reason"
