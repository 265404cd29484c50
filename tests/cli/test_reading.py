"""Files as they come: separators, encodings, and what is wrong with them."""

import bz2
import gzip
import lzma

import pandas as pd
import pytest

from sklearn_irg._cli.reading import TableError, read

from .tables import shop, written


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators_and_encodings_are_found(tmp_path, separator, encoding):
    frame = pd.DataFrame({"größe, cm": [1.5, 2.5], "straße": ["Höhe", "Käse"], "y": ["ja", "nein"]})
    path = written(frame, tmp_path / "t.csv", sep=separator, encoding=encoding)
    read_frame, note = read(path)
    pd.testing.assert_frame_equal(read_frame, frame)
    assert ("separator" in note) == (separator != ",")
    assert ("encoding" in note) == (not encoding.startswith("utf-8"))


@pytest.mark.parametrize(
    "words", [["Genève", "élève", "à côté"], ["niño", "año", "mañana"], ["Zürich", "Köln", "Wien"]]
)
def test_words_of_western_languages_are_read_as_they_are(tmp_path, words):
    frame = pd.DataFrame({"word": ["plain"] * 500 + words, "n": range(503)})
    path = written(frame, tmp_path / "t.csv", encoding="cp1252")
    pd.testing.assert_frame_equal(read(path)[0], frame)


def test_a_separator_at_the_end_of_all_lines_makes_no_column(tmp_path):
    (tmp_path / "t.csv").write_text("a,y,\n1,x,\n2,z,\n")
    assert list(read(tmp_path / "t.csv")[0].columns) == ["a", "y"]


def test_spaces_separate_where_nothing_else_does(tmp_path):
    (tmp_path / "t.csv").write_text("a b y\n1 2 x\n3 4 z\n")
    assert list(read(tmp_path / "t.csv")[0].columns) == ["a", "b", "y"]


def test_a_comma_within_cells_does_not_separate(tmp_path):
    (tmp_path / "t.csv").write_text("a;b;y\n1,5;2,5;x\n3,5;4,5;z\n")
    frame, note = read(tmp_path / "t.csv")
    assert frame["a"].tolist() == ["1,5", "3,5"]
    assert note == "separator ';'"


def test_parquet_and_compressed_files_are_read(tmp_path):
    pytest.importorskip("pyarrow")
    frame = shop(10)
    frame.to_parquet(tmp_path / "t.parquet")
    with gzip.open(tmp_path / "t.csv.gz", "wt") as file:
        frame.to_csv(file, index=False)
    for name in ("t.parquet", "t.csv.gz"):
        pd.testing.assert_frame_equal(read(tmp_path / name)[0], frame, check_dtype=False)


def test_a_header_without_a_name_gets_one_and_spaces_around_names_go(tmp_path):
    (tmp_path / "t.csv").write_text(",x , y\n0,1,a\n1,2,b\n")
    assert list(read(tmp_path / "t.csv")[0].columns) == ["Unnamed: 0", "x", "y"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no file"),
        (b"", "is not a CSV table"),
        (b"just\nwords\n", "is not a CSV table"),
        (b"a,b\n", "is not a CSV table"),
        (b"a,b\n1,x\n2\n", "line 3 of .* has 1 fields where the header has 2"),
        (b"a,b\n1,x\n2,y,z\n", "line 3 of .* has 3 fields where the header has 2"),
        (b"a,a\n1,x\n2,y\n", "two columns named 'a'"),
        (b'a,b\n1,"x\n2,y\n', "could not be read as CSV: line 3"),
        (b"a,b\n\0\0,x\n2,y\n", "is not a text file"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path, content, message):
    if content is not None:
        (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(TableError, match=message):
        read(tmp_path / "t.csv")


def test_a_cell_that_is_too_long_is_refused_with_the_ways_round(tmp_path):
    (tmp_path / "t.csv").write_text(f"a,b\n1,x\n2,{'y' * 200_000}\n")
    with pytest.raises(
        TableError,
        match=r"line 3: .* has more than \d+ characters: .*quotation mark.*shorten.*Parquet",
    ):
        read(tmp_path / "t.csv")


def test_files_are_what_they_hold_whatever_their_name_says(tmp_path):
    pytest.importorskip("pyarrow")
    frame = shop(10)
    frame.to_parquet(tmp_path / "t.csv")
    frame.to_csv(tmp_path / "t.parquet", index=False)
    for pack, name in ((gzip, "gz"), (bz2, "bz2"), (lzma, "xz")):
        (tmp_path / name).write_bytes(pack.compress(frame.to_csv(index=False).encode()))
    for name in ("t.csv", "t.parquet", "gz", "bz2", "xz"):
        pd.testing.assert_frame_equal(read(tmp_path / name)[0], frame, check_dtype=False)


@pytest.mark.parametrize("pack", [gzip, bz2, lzma])
def test_broken_archives_are_refused(tmp_path, pack):
    packed = pack.compress(b"a,b\n1,x\n" * 1000)
    for broken in (packed[:-9], packed[:20] + b"xxxxxxxxx" + packed[29:]):
        (tmp_path / "t.csv").write_bytes(broken)
        with pytest.raises(TableError, match="could not be read"):
            read(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("start", "kind"),
    [(b"PK\3\4", "a workbook or a ZIP archive"), (b"\xd0\xcf\x11\xe0", "an old workbook")],
)
def test_files_of_other_kinds_are_named(tmp_path, start, kind):
    (tmp_path / "t.csv").write_bytes(start + bytes(100))
    with pytest.raises(TableError, match=f"is {kind}; save the table as CSV or Parquet"):
        read(tmp_path / "t.csv")


def test_zeros_that_lead_are_kept(tmp_path):
    (tmp_path / "t.csv").write_text("zip,n,t,y\n01067,0,0.5,01\n80331,10,0,02\n")
    frame = read(tmp_path / "t.csv")[0]
    assert frame["zip"].tolist() == ["01067", "80331"]
    assert frame["y"].tolist() == ["01", "02"]
    assert frame["n"].tolist() == [0, 10]
    assert frame["t"].tolist() == [0.5, 0]


def test_an_index_with_the_name_of_a_column_is_left_out(tmp_path):
    pytest.importorskip("pyarrow")
    frame = shop(10).rename_axis("count")
    frame.to_parquet(tmp_path / "t.parquet")
    assert list(read(tmp_path / "t.parquet")[0].columns) == list(frame.columns)


def test_a_directory_is_no_table(tmp_path):
    with pytest.raises(TableError, match="could not be read"):
        read(tmp_path)


SETOSA = "5.1,3.5,1.4,0.2,setosa\n4.9,3.0,1.4,0.2,setosa\n6.3,3.3,6.0,2.5,virginica\n5.8,2.7,5.1,1.9,virginica\n"


@pytest.mark.parametrize(
    "content",
    [
        SETOSA,
        "p,x,s\ne,x,s\np,y,t\n",
        "7,3,9\n1,2,0\n3,4,1\n",
        "1,2,x\n3,4,x\n5,6,y\n",
        "2024-01-01,5,a\n2024-01-02,7,a\n2024-01-05,8,b\n",
        "5.1;?;a\n4.9;3.0;a\n;2.9;b\n",
        "$5,x\n$7,x\n$9,y\n",
        "1,1,x\n1,2,x\n2,3,y\n",
    ],
)
def test_a_row_in_place_of_names_is_refused_with_the_ways_round(tmp_path, content):
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(
        TableError,
        match=r"the first line of .* looks like a row, .* say --header no, .* say --header yes",
    ):
        read(tmp_path / "t.csv")


def test_without_names_no_row_is_lost(tmp_path):
    (tmp_path / "t.csv").write_text(SETOSA)
    frame, _ = read(tmp_path / "t.csv", header="no")
    assert list(frame) == [f"column {j}" for j in range(1, 6)]
    assert frame["column 1"].tolist() == [5.1, 4.9, 6.3, 5.8]
    assert frame["column 5"].tolist() == ["setosa", "setosa", "virginica", "virginica"]
    (tmp_path / "t.csv").write_text("01067,a\n")
    assert read(tmp_path / "t.csv", header="no")[0].iloc[0].tolist() == ["01067", "a"]


def test_names_that_look_like_a_row_are_names_where_that_is_said(tmp_path):
    (tmp_path / "t.csv").write_text("7,3,9\n1,2,0\n3,4,1\n")
    frame, note = read(tmp_path / "t.csv", header="yes")
    assert (list(frame), len(frame), note) == (["7", "3", "9"], 2, "")


@pytest.mark.parametrize(
    ("content", "is_said"),
    [
        ("country,2019,2020,label\na,1,2,x\nb,3,4,y\n", True),
        ("400.5,401,401.5,402,402.5,label\n.1,.2,.3,.1,.2,x\n.2,.3,.4,.5,.6,y\n", True),
        ("2020,2019,2018\n5,3,2\n1,1,0\n", True),
        ("0,1,2\n5,3,x\n1,1,y\n", False),
        ("a,2019,y\n5,3,x\n1,1,y\n", False),
        ("color,size\nred,big\nblue,small\n", False),
    ],
)
def test_names_that_are_numbers_are_taken_and_that_is_said(tmp_path, content, is_said):
    (tmp_path / "t.csv").write_text(content)
    frame, note = read(tmp_path / "t.csv")
    assert list(frame) == content.splitlines()[0].split(",")
    assert note == (
        "first line taken as names of columns (if it is a row, --header no)" if is_said else ""
    )


@pytest.mark.parametrize(
    "line", ["sep=;", "SEP=;", '"sep=;"', "sep=;;;", "sep= ;", "sep = ; ", '"sep= ;"']
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_first_line_of_excel_names_the_separator(tmp_path, line, end):
    (tmp_path / "t.csv").write_bytes(
        end.join([line, "a;b;y", "1,5;2;x", "2,5;3;z", ""]).encode("utf-8-sig")
    )
    frame, note = read(tmp_path / "t.csv")
    assert list(frame) == ["a", "b", "y"]
    assert frame["a"].tolist() == ["1,5", "2,5"]
    assert note == "separator ';'"


@pytest.mark.parametrize("separator", [",", "\t", "|", "^", " "])
def test_a_separator_that_is_named_is_used_and_lines_keep_their_numbers(tmp_path, separator):
    rows = [separator.join(row) for row in (["a", "y"], ["1", "x"], ["2", "z"])]
    (tmp_path / "t.csv").write_text("\n".join([f"sep={separator}", *rows]))
    assert read(tmp_path / "t.csv")[0]["a"].tolist() == [1, 2]
    (tmp_path / "t.csv").write_text("\n".join([f"sep={separator}", *rows, "3"]))
    with pytest.raises(TableError, match=r"line 5 of .* has 1 fields"):
        read(tmp_path / "t.csv")


def test_numbers_of_which_floats_would_lose_something_stay_strings(tmp_path):
    (tmp_path / "t.csv").write_text(
        "id,amount,mass,y\n9007199254740993,950,0.5,a\n,1.250,1.250,b\n"
    )
    frame, _ = read(tmp_path / "t.csv")
    assert frame["id"].tolist()[0] == "9007199254740993"
    assert frame["amount"].tolist() == ["950", "1.250"]
    assert frame["mass"].tolist() == [0.5, 1.25]
