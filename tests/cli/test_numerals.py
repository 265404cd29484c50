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
    ("thousands", "decimal"),
    [(",", "."), (".", ","), (" ", ","), ("\u202f", ","), ("'", "."), ("’", "."), ("", ",")],
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
            "thousands separated by points, '1.234' read as 1234, not as 1.234, as other columns "
            "are written",
        ),
        (
            ["950", "1,234", "12,500"],
            COMMAS,
            [950, 1.234, 12.5],
            "decimal commas, '1,234' read as 1.234, not as 1234, as other columns are written",
        ),
        (["950", "1.234", "12.500"], POINTS, [950, 1.234, 12.5], ""),
        (["950", "1,234", "12,500"], POINTS, [950, 1234, 12500], "thousands separated by commas"),
        (
            ["950", "1.234", "12.500"],
            WORDS,
            [950, 1.234, 12.5],
            "'1.234' read as 1.234, not as 1234",
        ),
        (
            ["950", "1,234", "12,500"],
            WORDS,
            [950, 1234, 12500],
            "thousands separated by commas, '1,234' read as 1234, not as 1.234",
        ),
        (
            ["2,5", "1.234", "12.500"],
            POINTS,
            [2.5, 1234, 12500],
            "decimal commas and thousands separated by points",
        ),
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
        (
            ["(12.50)", "3.25", "(1)"],
            POINTS,
            [-12.5, 3.25, -1],
            "parentheses around negative numbers",
        ),
        (
            ["($1,200.00)", "$5", "6"],
            POINTS,
            [-1200, 5, 6],
            "parentheses around negative numbers, currency signs ($) and thousands separated by "
            "commas",
        ),
        (["−5", "\u20133.5", "2"], POINTS, [-5, -3.5, 2], "Unicode minus signs"),
        (["−1,5", "2", "3"], COMMAS, [-1.5, 2, 3], "Unicode minus signs and decimal commas"),
        (
            ["(5 %)", "7.5%", "-1%"],
            POINTS,
            [-5, 7.5, -1],
            "parentheses around negative numbers and percent signs",
        ),
        (["1e-5", "2.5E3", "+4."], POINTS, [1e-5, 2500, 4], ""),
        (["5,887e+04", "1,5", "2,25e-1"], COMMAS, [58870, 1.5, 0.225], "decimal commas"),
        (
            ["5,887e+04", "1.234,5e2", "2"],
            WORDS,
            [58870, 123450, 2],
            "decimal commas and thousands separated by points",
        ),
        (
            ["12,34,567.89", "1,23,456", "-10,00,000"],
            POINTS,
            [1234567.89, 123456, -1e6],
            "thousands separated by commas",
        ),
        (
            ["682.48-", "12.5", "3 −"],
            POINTS,
            [-682.48, 12.5, -3],
            "minus signs behind numbers and Unicode minus signs",
        ),
        (["12.-", "3.–", "4.50"], POINTS, [12, 3, 4.5], ""),
        (
            ["1.200,- kr", "3,50 kr", "4 kr."],
            COMMAS,
            [1200, 3.5, 4],
            "currency signs (kr), decimal commas and thousands separated by points",
        ),
        (["%12,5", "%3", "-%4"], COMMAS, [12.5, 3, -4], "percent signs and decimal commas"),
    ],
)
def test_what_could_be_misread_is_decided_and_said(tmp_path, cells, others, values, note):
    read_values, what = column(tmp_path, cells, others)
    assert read_values == pytest.approx(values)
    assert what.note == ", ".join(filter(None, [note, "standardized"]))
    assert what.remark == bool(note)


@pytest.mark.parametrize(
    ("cells", "values", "currency"),
    [
        ([" $ 1,234.50 ", " $ (5.00)", " $ -   ", "$(682.48)"], [1234.5, -5, 0, -682.48], "$"),
        (["1.234,50 €", "-5,00 €", " -   € ", "(6,00) €"], [1234.5, -5, 0, -6], "€"),
        (["US$1,200", "-US$3.50", "US$ (7)"], [1200, -3.5, -7], "US$"),
        (["R$ 1.200,00", "-R$ 3,50", "R$ 4,25-"], [1200, -3.5, -4.25], "R$"),
        (["CHF 1'200", "CHF 3.50", "CHF -4.–"], [1200, 3.5, -4], "CHF"),
        (["1 200,00 kr", "3,50 Kr.", "kr -4,00"], [1200, 3.5, -4], "kr"),
        (["1 200,00 Ft", "3,50 Ft", "-4,00 Ft"], [1200, 3.5, -4], "Ft"),
        (["USD 1,200.00", "USD (3.50)", "USD -"], [1200, -3.5, 0], "USD"),
        (["1.200,00 EUR", "(3,50) EUR", "- EUR"], [1200, -3.5, 0], "EUR"),
        (["Rs. 12,34,567", "Rs 5", "Rs.6"], [1234567, 5, 6], "Rs"),
    ],
)
def test_amounts_of_accounts_come_back_with_their_signs(tmp_path, cells, values, currency):
    read_values, what = column(tmp_path, cells, COMMAS if ",50" in "".join(cells) else POINTS)
    assert read_values == values
    assert what.kind == "number"
    assert f"currency signs ({currency})" in what.note


def test_negative_percentages_in_parentheses_come_back(tmp_path):
    assert column(tmp_path, ["(12.50)%", "(3.5%)", "7%"], POINTS)[0] == [-12.5, -3.5, 7]


@pytest.mark.parametrize(
    "odd", ["(-5.25)", "5.25 CR", "[5.25]", "<5.25>", "--5.25", "(5.25", "5.25--"]
)
def test_numbers_are_never_read_without_those_in_another_notation(odd):
    frame = pd.DataFrame(
        {
            "it": ["$1.50", "$2.50"] * 29 + ["$7", odd],
            "other": np.sin(np.arange(60)),
            "y": ["u", "v"] * 30,
        }
    )
    what = prepare(frame).columns[0]
    assert (what.kind, what.remark) == ("dropped", True)
    assert what.note.startswith(
        f"1 of 60 values looks like a number in another notation than the rest ({odd!r})"
    )
    assert np.isnan(prepare(frame, keep=["it"]).X["it"].iloc[-1])


def test_many_numbers_in_another_notation_are_no_levels_either():
    cells = ["$1,250.00", "$3.50", "5.25 CR"] * 20
    frame = pd.DataFrame({"it": cells, "other": np.sin(np.arange(60)), "y": ["u", "v"] * 30})
    what = prepare(frame).columns[0]
    assert what.kind == "dropped"
    assert what.note.startswith(
        "20 of 60 values look like numbers in another notation than the rest ('5.25 CR')"
    )
    assert (
        prepare(frame, keep=["it"]).columns[0].note
        == "60 of 60 values look like numbers, 3 levels, one-hot"
    )


def test_a_few_amounts_in_several_currencies_are_not_left_out_of_numbers():
    frame = pd.DataFrame(
        {
            "it": ["1.5", "2"] * 29 + ["$7", "€8"],
            "other": np.sin(np.arange(60)),
            "y": ["u", "v"] * 30,
        }
    )
    what = prepare(frame).columns[0]
    assert what.kind == "dropped"
    assert (
        "2 of 60 values look like numbers in another notation than the rest ('$7', '€8')"
        in what.note
    )


@pytest.mark.parametrize("odd", ["n.k.", "<5", "5+", "1.2.3", "3-4", "2 kg"])
def test_words_and_ranges_among_numbers_are_missing(odd):
    cells = [f"{number}.5" for number in range(29)] * 2 + ["7", odd]
    frame = pd.DataFrame({"it": cells, "other": np.sin(np.arange(60)), "y": ["u", "v"] * 30})
    table = prepare(frame)
    assert table.X["it"].isna().sum() == 1
    assert f"({odd!r}) and taken as missing" in table.columns[0].note


def test_signs_behind_marks_of_schools_are_no_minus_signs(tmp_path):
    assert column(tmp_path, ["1-", "2+", "2-", "3"])[1].kind == "category"
    cells = ["1", "2", "3", "4"] * 7 + ["2-", "2+"]
    frame = pd.DataFrame({"it": cells, "other": np.sin(np.arange(30)), "y": ["u", "v"] * 15})
    assert prepare(frame).columns[0].kind == "dropped"


@pytest.mark.parametrize(
    "cells",
    [
        ["1.2.3", "1.2.4"],
        ["5-10", "11-20"],
        ["(5", "6)"],
        ["$5%x", "a"],
        ["--5", "+-3"],
        ["(-5)", "(-6)"],
        ["1,234e3", "1,234,567e3"],
        ["1.23.456", "2.34.567"],
        ["5% -$", "$ 6%"],
        ["-5-", "-6-"],
        ["€ 5 $", "€ 6 $"],
        ["1,2,3", "4,5,6"],
    ],
)
def test_strings_that_are_no_numbers_stay_strings(tmp_path, cells):
    assert column(tmp_path, cells)[1].kind == "category"


def test_amounts_in_several_currencies_do_not_compare(tmp_path):
    _, what = column(tmp_path, ["$1,200", "€950", "$3"])
    assert (what.kind, what.note) == (
        "category",
        "amounts in several currencies ($, €), 3 levels, one-hot",
    )


def test_most_columns_decide_and_that_is_said():
    frame = pd.DataFrame(
        {"it": ["1.234", "12.500", "950"] * 10, "a": ["1,5", "2,5"] * 15, "b": ["0,5", "7"] * 15}
    )
    frame = frame.assign(c=np.arange(30) % 7 + 0.5, y=["u", "v"] * 15)
    table = prepare(frame)
    assert table.X["it"][:3].tolist() == [1234, 12500, 950]
    assert (
        "'1.234' read as 1234, not as 1.234, as most other columns are written"
        in table.columns[0].note
    )
    assert prepare(frame.drop(columns="a")).X["it"][:3].tolist() == [1.234, 12.5, 950]


def test_a_column_that_is_left_out_tells_how_the_others_are_written():
    frame = pd.DataFrame(
        {"it": ["1.234", "12.500"] * 15, "a": ["1,5", "2,5"] * 15, "y": ["u", "v"] * 15}
    )
    for options in ({"drop": ["a", "a"]}, {"target": "a", "drop": ["y"]}):
        assert prepare(frame, **options).X["it"][:2].tolist() == [1234, 12500]


@pytest.mark.parametrize("empty", ["", "NA", "n.k."])
def test_digits_of_large_whole_numbers_are_kept_beside_empty_cells(tmp_path, empty):
    cells = ["9007199254740993", "9007199254740992", "-9007199254740995", *["5"] * 11, empty]
    levels, what = column(tmp_path, cells, n=60)
    assert levels[:3] == cells[:3]
    assert what.note.startswith("integers too large to compute with, ")
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
