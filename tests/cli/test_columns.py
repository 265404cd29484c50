"""What columns are taken as, and what is said of it."""

import decimal

import numpy as np
import pandas as pd
import pytest

from sklearn_irg._cli.columns import MAX_LEVELS, prepare
from sklearn_irg._cli.reading import TableError

from .tables import shop

N = 60
ROWS = np.arange(N)


def column(cells, **options):
    """What becomes of a column beside another and a target."""
    frame = pd.DataFrame({"it": cells, "other": np.sin(ROWS), "y": np.where(ROWS % 2, "a", "b")})
    table = prepare(frame, **options)
    return table, table.columns[0]


def test_numbers_categories_and_missing_cells_are_told_apart():
    table = prepare(shop(N), n_folds=5)
    assert [c.kind for c in table.columns] == ["number", "category", "number", "target"]
    assert np.isnan(table.X["count"]).sum() == 7
    assert table.columns[2].note == "12 % missing, the median instead, standardized"
    assert set(table.y) == {"yes", "no"}


@pytest.mark.parametrize(
    ("cells", "kind", "note"),
    [
        ([np.nan] * N, "dropped", "empty"),
        (["?"] * N, "dropped", "empty"),
        ([7.0] * N, "dropped", "constant, 7 everywhere"),
        ([7.0] * 50 + [np.nan] * 10, "dropped", "constant, 7 everywhere"),
        (["x"] * N, "dropped", "constant, 'x' everywhere"),
        (ROWS, "dropped", "row numbers; --keep to use it"),
        (
            [f"name {i}" for i in ROWS],
            "dropped",
            "60 levels in 60 rows, an id or free text; --keep to use it",
        ),
        ((1 + 2j) * ROWS, "dropped", "complex numbers"),
        ([[1, 2]] * N, "dropped", "values are lists or the like"),
        (ROWS % 2 == 0, "number", "0 and 1, standardized"),
        (ROWS % 7, "number", "standardized"),
        (
            (ROWS + 7) * 7919 % 10007,
            "number",
            "different integers in all rows (if it is an id, --drop it), standardized",
        ),
        (ROWS**2 + 0.5, "number", "standardized"),
        (ROWS**2 // 2, "number", "standardized"),
        (pd.to_timedelta(ROWS**2, unit="h"), "number", "a duration, in days, standardized"),
        (["1.5", "2.5", "4"] * 20, "number", "standardized"),
        (["1,5", "2,5", "4"] * 20, "number", "decimal commas, standardized"),
        (["1,500", "2,500,000", "4"] * 20, "number", "thousands separated by commas, standardized"),
        (["55%", "7.5 %", "60"] * 20, "number", "percent signs, standardized"),
        (["55%", "7,5 %", "60"] * 20, "number", "percent signs and decimal commas, standardized"),
        (
            ["1.5", "2", "-"] * 20,
            "category",
            "40 of 60 values look like numbers, 3 levels, one-hot",
        ),
        (
            ["01067", "80331", "10115"] * 20,
            "category",
            "leading zeros, so codes rather than numbers, 3 levels, one-hot",
        ),
        (
            2**60 + ROWS,
            "dropped",
            "integers too large to compute with, 60 levels in 60 rows, an id or free text; --keep "
            "to use it",
        ),
        (pd.Categorical([1, 2, 3] * 20), "category", "3 levels, one-hot"),
        (
            ["2024-03-02"] * 30 + ["2024-05-23"] * 29 + ["unknown"],
            "date",
            "1 of 60 values is not a date ('unknown') and taken as missing, days since 1970-01-01, "
            "1.7 % missing, the median instead, standardized, never moved",
        ),
        (
            ["02.03.2024"] * 30 + ["23.05.2024"] * 29 + ["unknown"],
            "date",
            "1 of 60 values is not a date ('unknown') and taken as missing, read as day before "
            "month, days since 1970-01-01, 1.7 % missing, the median instead, standardized, never "
            "moved",
        ),
        (["1", "2", "N/A"] * 20, "number", "33 % missing, the median instead, standardized"),
        (
            ["low", "high", None] * 20,
            "category",
            "2 levels, 33 % missing, a level of their own, one-hot",
        ),
        (["x", None] * 30, "category", "1 level, 50 % missing, a level of their own, one-hot"),
        (pd.Categorical(["low", "high"] * 30), "category", "2 levels, one-hot"),
        (
            ["03/02/2024", "23/02/2024", "12/03/2024"] * 20,
            "date",
            "read as day before month, days since 1970-01-01, standardized, never moved",
        ),
        (
            ["03/02/2024", "11/02/2024"] * 30,
            "date",
            "read as month before day, days since 1970-01-01, standardized, never moved",
        ),
        (
            ["03.02.2024", "11.02.2024"] * 30,
            "date",
            "read as day before month, days since 1970-01-01, standardized, never moved",
        ),
        ([decimal.Decimal("1.5"), decimal.Decimal(2)] * 30, "number", "standardized"),
    ],
)
def test_a_column_is_taken_as_what_it_holds(cells, kind, note):
    _, what = column(cells)
    assert (what.kind, what.note) == (kind, note)


def test_stray_words_among_numbers_are_named_and_missing():
    table, what = column(["n.k.", "unknown"] + [str(i % 9) for i in range(N - 2)])
    assert what.note.startswith(
        "2 of 60 values are not numbers ('n.k.', 'unknown') and taken as missing, 3.3 % missing"
    )
    assert what.remark
    assert np.isnan(table.X["it"]).sum() == 2


def test_decimal_commas_and_thousands_become_the_numbers_that_they_are():
    assert column(["1,5", "-2,25", "1.004,5"] * 20)[0].X["it"][:3].tolist() == [1.5, -2.25, 1004.5]
    table, what = column(["1,764", "0,4", "0,979", "n.k."] * 3 + ["0,5"] * 48)
    assert table.X["it"][:3].tolist() == [1.764, 0.4, 0.979]
    assert what.note.startswith("decimal commas, 3 of 60 values are not numbers ('n.k.')")
    assert column(["1,500", "2,500,000.5", "-4"] * 20)[0].X["it"][:3].tolist() == [
        1500,
        2500000.5,
        -4,
    ]


def test_dates_become_days():
    table, _ = column(["1970-01-02", "2024-01-01", None] * 20)
    np.testing.assert_array_equal(table.X["it"][:3], [1, 19723, np.nan])
    assert column(["9999-12-31", "1970-01-01"] * 30)[0].X["it"][:2].tolist() == [2932896, 0]


def test_what_looks_like_an_id_can_be_kept():
    assert column(ROWS, keep=["it"])[1].kind == "number"
    _, what = column([f"name {i}" for i in ROWS], keep=["it"])
    assert what.kind == "category"
    assert what.note == f"60 levels, the rarest together beyond {MAX_LEVELS}, one-hot"


def test_columns_can_be_dropped():
    table, what = column(ROWS % 7, drop=["it"])
    assert (what.kind, what.note) == ("dropped", "as asked")
    assert list(table.X) == ["other"]


def test_the_frame_is_not_changed():
    frame = shop(N)
    before = frame.copy(deep=True)
    prepare(frame)
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["a"] * N, "the target 'y' has one class, 'a'"),
        (
            ["a", "b", None] * 20,
            "the target 'y' is missing in 20 of 60 rows, first in row 3 below the header",
        ),
        (
            ["a", "b", "?"] * 20,
            "the target 'y' is missing in 20 of 60 rows, first in row 3 below the header",
        ),
        (
            np.sin(ROWS),
            "the target 'y' looks continuous: 60 different numbers from -0.99999 to 0.999912",
        ),
        (ROWS * 1000, "looks continuous: 60 different numbers from 0 to 59000"),
        ([f"{row},5" for row in ROWS], "looks continuous: 60 different numbers from 0.5 to 59.5"),
        ([*np.sin(ROWS[1:]).astype(str), "n.k."], "looks continuous: 59 different numbers"),
        (
            ["a", "b"] * 29 + ["rare", "b"],
            "the class 'rare' of the target 'y' has 1 row; 5-fold cross-validation needs 5",
        ),
        (["c", "d"] + ["a", "b"] * 29, "has 1 row, and 1 more classes are as rare"),
    ],
)
def test_a_target_that_is_no_class_is_refused(y, message):
    with pytest.raises(TableError, match=message):
        prepare(pd.DataFrame({"x": np.sin(ROWS), "y": y}), n_folds=5)


def test_words_that_mean_missing_elsewhere_may_be_classes():
    assert set(prepare(pd.DataFrame({"x": np.sin(ROWS), "pain": ["none", "NA"] * 30})).y) == {
        "none",
        "NA",
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"target": "z"},
            "--target: there is no column 'z'; the columns are size, color, count, bought",
        ),
        ({"drop": ["z"]}, "--drop: there is no column 'z'"),
        ({"keep": ["z"]}, "--keep: there is no column 'z'"),
        ({"drop": ["bought"]}, "--drop: 'bought' is the target"),
        ({"fixed": ["z"]}, "--fixed: there is no column 'z'"),
        ({"fixed": ["bought"]}, "--fixed: 'bought' is the target"),
        (
            {"drop": ["size", "color", "count"]},
            r"no column is left besides the target 'bought': size \(as asked\); color",
        ),
    ],
)
def test_columns_that_are_not_there_are_named(options, message):
    with pytest.raises(TableError, match=message):
        prepare(shop(N), **options)


def test_infinite_and_huge_numbers_are_refused():
    with pytest.raises(TableError, match="column 'it' has infinite or huge numbers"):
        column([np.inf] + [1.0] * (N - 1))


def test_why_no_column_is_left_is_said_of_each():
    frame = pd.DataFrame({"id": ROWS, "same": 1.0, "y": ["a", "b"] * 30})
    with pytest.raises(
        TableError,
        match=r": id \(row numbers; --keep to use it\); same \(constant, 1 everywhere\)$",
    ):
        prepare(frame)
    frame = pd.DataFrame({**{f"c{j}": 1.0 for j in range(99)}, "y": ["a", "b"] * 30})
    with pytest.raises(TableError, match=r"; and 79 more$"):
        prepare(frame)


def test_words_are_objects_which_copies_of_a_table_share():
    cells = pd.Series(["x" * 1_000, "y", None] * 20, dtype="str")
    words = column(cells)[0].X["it"]
    assert words.dtype == object
    assert len({id(word) for word in words.take([0, 0, 3])}) == 2
    assert isinstance(words[2], float)
