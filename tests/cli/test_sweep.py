"""The command line, as a user meets it."""

import csv
import re

import numpy as np
import pytest

from sklearn_irg.__main__ import main
from sklearn_irg._cli.sweep import Row, choose, sweep
from sklearn_irg._cli.table import Table, breast_cancer, read_csv


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return str(path)


def mixed_csv(path, n_rows=60):
    rng = np.random.RandomState(0)
    rows = []
    for _ in range(n_rows):
        x, color = rng.randn(), rng.choice(["red", "green", ""])
        rows.append(f"{x:.3f},{color},{'' if rng.rand() < 0.1 else rng.randint(9)},{'yes' if x > 0 else 'no'}")
    return write(path, "\n".join(["size,color,count,bought", *rows]))


@pytest.mark.parametrize("estimator", ["logistic", "mlp"])
def test_a_table_with_mixed_columns_gives_a_row_per_alpha_and_two_files(tmp_path, capsys, estimator):
    data, out = mixed_csv(tmp_path / "shop.csv"), tmp_path / "out"
    assert main(["sweep", data, "--target", "bought", "--estimator", estimator, "--output", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "most accurate" in printed
    assert "most robust within 1 s.e." in printed
    with open(out / "sweep.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 9
    assert all(float(row["robust_accuracy"]) <= float(row["accuracy"]) for row in rows)
    assert (out / "sweep.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in out.iterdir()) == ["sweep.csv", "sweep.png"]


def test_a_stronger_penalty_gives_smaller_gradients_and_larger_distances():
    weak, strong = sweep(breast_cancer(), alphas=[0.01, 1.0])
    assert strong.gradient_norm < weak.gradient_norm
    assert strong.distance > weak.distance
    assert strong.robust_accuracy > weak.robust_accuracy


def test_the_most_robust_choice_costs_at_most_one_standard_error():
    def row(accuracy, robust):
        return Row(1.0, accuracy, 0.02, robust, 0.0, 0.0, 0.0)

    assert choose([row(0.95, 0.5), row(0.94, 0.7), row(0.90, 0.9)]) == (0, 1)


def test_numbers_text_and_missing_values_are_told_apart(tmp_path):
    table = read_csv(mixed_csv(tmp_path / "shop.csv"))
    assert isinstance(table, Table)
    assert table.is_numeric.tolist() == [True, False, True]
    assert None in table.X[:, 1]
    assert np.isnan(table.X[:, 2].astype(float)).any()


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (None, [], "there is no file"),
        ("a,b\n1,x\n2,y\n", ["--target", "c"], "has no column 'c'; its columns are a, b"),
        ("a,b\n1,x\n2,x\n", [], "the target 'b' has one class, 'x'"),
        ("a,b\n1,x\n2,\n", [], "the target 'b' is missing in line 3"),
        ("a,b,c\n1,7,x\n2,7,y\n", [], "column 'b' of .* is constant, '7' everywhere; leave it out with --drop b"),
        ("a,b,c\n1,?,x\n2,,y\n", [], "column 'b' of .* has no values"),
        ("a,b,c\n1,inf,x\n2,1,y\n", [], "column 'b' of .* has infinite or huge values"),
        ("a,b,c\n1,1,x\n2,1.0,y\n", [], "column 'b' of .* is constant, '1' everywhere"),
        ("a,b\n1,x\n\n\n2,?\n", [], "the target 'b' is missing in line 5"),
        ("a,b\n1,x\n2\n", [], "line 3 of .* has 1 fields where the header has 2"),
        ("just words\nand more\n", [], "is not a CSV table"),
        ("a,a\n1,x\n2,y\n", [], "names a column twice"),
        ("a,b\n1,x\n2,y\n", [], "5-fold cross-validation needs 5 of each"),
        ("a,b\n1,x\n2,y\n", ["--epsilon", "-1"], "-1 is not a positive number"),
        ("a,b\n1,x\n2,y\n", ["--estimator", "tree"], "invalid choice: 'tree'"),
    ],
)
def test_bad_input_gets_one_line_on_stderr_and_status_2(tmp_path, capsys, text, options, message):
    path, out = tmp_path / "table.csv", tmp_path / "out"
    if text is not None:
        write(path, text)
    assert main(["sweep", str(path), "--output", str(out), *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert re.search(message, captured.err)
    assert not out.exists()


def test_a_place_that_cannot_be_written_to_is_found_out_before_the_search(tmp_path, capsys):
    (tmp_path / "sweep.png").mkdir()
    assert main(["sweep", "--output", str(tmp_path)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.search("sweep.png is a directory", captured.err)
    (tmp_path / "file").write_text("")
    assert main(["sweep", "--output", str(tmp_path / "file")]) == 2
    assert re.search("cannot write to", capsys.readouterr().err)


def test_headers_are_stripped_and_none_may_be_a_class(tmp_path):
    rows = [f"{i % 7},{i % 3},{'none' if i % 2 else 'mild'}" for i in range(40)]
    table = read_csv(write(tmp_path / "t.csv", "\n".join(["x, z ,pain ", *rows])), "pain")
    assert set(table.y) == {"none", "mild"}
    assert table.names == ["x", "z"]
