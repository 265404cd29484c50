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


def test_blanks_separate_where_nothing_else_does(tmp_path):
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


def test_a_header_without_a_name_gets_one_and_blanks_around_names_go(tmp_path):
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
    ("start", "kind"), [(b"PK\3\4", "a workbook or a ZIP archive"), (b"\xd0\xcf\x11\xe0", "an old workbook")]
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
