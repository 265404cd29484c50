"""Numbers in the ways that people write them, held against the numbers that were written."""

import numpy as np
import pandas as pd
import pytest

from sklearn_irg._cli.columns import prepare
from sklearn_irg._cli.numerals import as_numbers
from sklearn_irg._cli.reading import read

COMMAS, POINTS, WORDS = ["1,5", "2,25"], ["1.5", "2.25"], ["u", "v"]
VALUES = np.array([950, 1234, 12500, 7, 88123, 4567])


def column(tmp_path, cells, others=WORDS, n=30):
    """The first column of a file of semicolons, beside another column, and what is said of it."""
    rows = [f'"{cells[i % len(cells)]}";{others[i % len(others)]};{"ab"[i % 2]}' for i in range(n)]
    (tmp_path / "t.csv").write_text("\n".join(["it;other;y", *rows]), encoding="utf-8")
    table = prepare(read(tmp_path / "t.csv")[0])
    return table.X["it"].tolist()[: len(cells)], table.columns[0]


def written(value, thousands, decimal, decimals):
    return f"{value:,.{decimals}f}".translate(str.maketrans({",": thousands, ".": decimal}))


@pytest.mark.parametrize("decimals", [0, 1, 2])
@pytest.mark.parametrize(
    ("thousands", "decimal"), [(",", "."), (".", ","), (" ", ","), ("\u202f", ","), ("'", "."), ("’", "."), ("", ",")]
)
def test_numbers_come_back_whatever_their_marks(tmp_path, thousands, decimal, decimals):
    values = VALUES + (0.25 if decimals == 2 else 0.5 if decimals else 0)
    cells = [written(value, thousands, decimal, decimals) for value in values]
    read_values, what = column(tmp_path, cells, COMMAS if decimal == "," else POINTS)
    assert read_values == values.tolist()
    assert what.kind == "number"


@pytest.mark.parametrize(
    ("cells", "others", "values", "note"),
    [
        (
            ["950", "1.234", "12.500"],
            COMMAS,
            [950, 1234, 12500],
            "thousands separated by points, '1.234' read as 1234, not as 1.234, as other columns are written",
        ),
        (
            ["950", "1,234", "12,500"],
            COMMAS,
            [950, 1.234, 12.5],
            "decimal commas, '1,234' read as 1.234, not as 1234, as other columns are written",
        ),
        (["950", "1.234", "12.500"], POINTS, [950, 1.234, 12.5], ""),
        (["950", "1,234", "12,500"], POINTS, [950, 1234, 12500], "thousands separated by commas"),
        (["950", "1.234", "12.500"], WORDS, [950, 1.234, 12.5], "'1.234' read as 1.234, not as 1234"),
        (
            ["950", "1,234", "12,500"],
            WORDS,
            [950, 1234, 12500],
            "thousands separated by commas, '1,234' read as 1234, not as 1.234",
        ),
        (["2,5", "1.234", "12.500"], POINTS, [2.5, 1234, 12500], "decimal commas and thousands separated by points"),
        (["1.234.567", "1.234", "7"], POINTS, [1234567, 1234, 7], "thousands separated by points"),
        (["0.234", "1.234", "7"], COMMAS, [0.234, 1.234, 7], ""),
        (["1.5", "1.234", "7"], COMMAS, [1.5, 1.234, 7], ""),
        (
            ["2,5", "1.5", "1.234"],
            WORDS,
            [2.5, 1.5, 1.234],
            "decimal commas and decimal points, '1.234' read as 1.234, not as 1234",
        ),
        (
            ["$1,200", "$950", "-$3.50"],
            POINTS,
            [1200, 950, -3.5],
            "currency signs ($) and thousands separated by commas",
        ),
        (
            ["1.200,50 €", "3,00 €", "-4 €"],
            COMMAS,
            [1200.5, 3, -4],
            "currency signs (€), decimal commas and thousands separated by points",
        ),
        (["(12.50)", "3.25", "(1)"], POINTS, [-12.5, 3.25, -1], "parentheses around negative numbers"),
        (
            ["($1,200.00)", "$5", "6"],
            POINTS,
            [-1200, 5, 6],
            "parentheses around negative numbers, currency signs ($) and thousands separated by commas",
        ),
        (["−5", "\u20133.5", "2"], POINTS, [-5, -3.5, 2], "Unicode minus signs"),
        (["−1,5", "2", "3"], COMMAS, [-1.5, 2, 3], "Unicode minus signs and decimal commas"),
        (["(5 %)", "7.5%", "-1%"], POINTS, [-5, 7.5, -1], "parentheses around negative numbers and percent signs"),
        (["1e-5", "2.5E3", "+4."], POINTS, [1e-5, 2500, 4], ""),
    ],
)
def test_what_could_be_misread_is_decided_and_said(tmp_path, cells, others, values, note):
    read_values, what = column(tmp_path, cells, others)
    assert read_values == pytest.approx(values)
    assert what.note == ", ".join(filter(None, [note, "standardised"]))
    assert what.remark == bool(note)


@pytest.mark.parametrize(
    "cells",
    [
        ["1.2.3", "1.2.4"],
        ["5-10", "11-20"],
        ["(5", "6)"],
        ["$5%x", "a"],
        ["--5", "+-3"],
        ["(-5)", "(-6)"],
        ["1,2,3", "4,5,6"],
    ],
)
def test_words_that_are_no_numbers_stay_words(tmp_path, cells):
    assert column(tmp_path, cells)[1].kind == "category"


def test_amounts_in_several_currencies_do_not_compare(tmp_path):
    _, what = column(tmp_path, ["$1,200", "€950", "$3"])
    assert (what.kind, what.note) == ("category", "amounts in several currencies ($, €), 3 levels, one-hot")


def test_most_columns_decide_and_that_is_said():
    frame = pd.DataFrame({"it": ["1.234", "12.500", "950"] * 10, "a": ["1,5", "2,5"] * 15, "b": ["0,5", "7"] * 15})
    frame = frame.assign(c=np.arange(30) % 7 + 0.5, y=["u", "v"] * 15)
    table = prepare(frame)
    assert table.X["it"][:3].tolist() == [1234, 12500, 950]
    assert "'1.234' read as 1234, not as 1.234, as most other columns are written" in table.columns[0].note
    assert prepare(frame.drop(columns="a")).X["it"][:3].tolist() == [1.234, 12.5, 950]


def test_a_column_that_is_left_out_tells_how_the_others_are_written():
    frame = pd.DataFrame({"it": ["1.234", "12.500"] * 15, "a": ["1,5", "2,5"] * 15, "y": ["u", "v"] * 15})
    for options in ({"drop": ["a", "a"]}, {"target": "a", "drop": ["y"]}):
        assert prepare(frame, **options).X["it"][:2].tolist() == [1234, 12500]


@pytest.mark.parametrize("empty", ["", "NA", "n.k."])
def test_digits_of_large_whole_numbers_are_kept_beside_empty_cells(tmp_path, empty):
    cells = ["9007199254740993", "9007199254740992", "-9007199254740995", *["5"] * 11, empty]
    levels, what = column(tmp_path, cells, n=60)
    assert levels[:3] == cells[:3]
    assert what.note.startswith("whole numbers too large to compute with, ")
    assert what.kind == "category"


def test_whole_numbers_up_to_the_largest_that_floats_hold_are_numbers(tmp_path):
    values, what = column(tmp_path, ["9007199254740991", "", "-3"])
    assert values[0] == 2**53 - 1
    assert what.kind == "number"
    values, what = column(tmp_path, ["1e20", "2e20", "12345678901234567.5"])
    assert (values[0], what.kind) == (1e20, "number")


def test_numbers_in_hundreds_of_digits_are_read_without_an_error(tmp_path):
    assert column(tmp_path, ["9" * 5000, "8" * 5000])[1].kind == "category"


def test_stray_words_stay_missing_beside_marks():
    numbers, how = as_numbers(pd.Series(["$1,200.00"] * 19 + ["unknown"]))
    assert numbers.isna().sum() == 1
    assert numbers.iloc[0] == 1200
    assert how == "currency signs ($) and thousands separated by commas"
