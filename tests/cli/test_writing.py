"""Files and lines are written safely, whatever their paths and the names in a table are."""

import base64
import csv
import os
import re
import shutil
import stat
import subprocess
import tracemalloc
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from sklearn_irg.__main__ import main
from sklearn_irg._cli import writing
from sklearn_irg._cli.columns import prepare
from sklearn_irg._cli.reading import TableError

from .tables import shop, written

HOSTILE = "\x1b[31mred\x07\x9b2J\u202e\0\r\n."
SHOWN = r"\x1b[31mred\x07\x9b2J\u202e\x00\r\n."
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]")


def test_links_at_names_that_could_be_foreseen_are_not_followed(tmp_path):
    (tmp_path / "other").write_text("of somebody else")
    out = tmp_path / "out"
    out.mkdir()
    for name in ("t.csv", "t.csv.part", ".t.csv.part", "t.csv.tmp"):
        (out / name).symlink_to(tmp_path / "other")
    writing.write(str(out), "t.csv", b"mine")
    assert (tmp_path / "other").read_text() == "of somebody else"
    assert (out / "t.csv").read_bytes() == b"mine"
    assert not (out / "t.csv").is_symlink()


def test_a_link_at_the_temporary_name_itself_is_refused_and_left(tmp_path, monkeypatch):
    monkeypatch.setattr(writing.secrets, "token_hex", lambda n: "0" * 2 * n)
    (tmp_path / "other").write_text("of somebody else")
    planted = tmp_path / f".t.csv.{'0' * 16}.part"
    for target in (tmp_path / "other", tmp_path / "new"):
        planted.symlink_to(target)
        with pytest.raises(TableError, match=r"t\.csv could not be written"):
            writing.write(str(tmp_path), "t.csv", b"mine")
        assert planted.is_symlink()
        planted.unlink()
    assert (tmp_path / "other").read_text() == "of somebody else"
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


def test_temporary_names_differ_and_lie_in_the_folder_of_the_file(tmp_path, monkeypatch):
    moved, replace = [], os.replace
    monkeypatch.setattr(
        writing.os, "replace", lambda part, path: (moved.append(part), replace(part, path))
    )
    for _ in range(2):
        writing.write(str(tmp_path), "t.csv", b"")
    assert len(set(moved)) == 2
    assert {os.path.dirname(part) for part in moved} == {str(tmp_path)}
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_files_have_the_permissions_that_new_files_have(tmp_path, mask):
    before = os.umask(mask)
    try:
        writing.write(str(tmp_path), "t.csv", b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "t.csv").stat().st_mode) == 0o666 & ~mask


def test_what_could_not_be_moved_is_removed(tmp_path, monkeypatch):
    def fail(part, path):
        raise KeyboardInterrupt

    monkeypatch.setattr(writing.os, "replace", fail)
    with pytest.raises(KeyboardInterrupt):
        writing.write(str(tmp_path), "t.csv", b"mine")
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def hostile_run(tmp_path_factory):
    """What a sweep says and writes of a table whose names hold control characters."""
    folder = tmp_path_factory.mktemp("hostile")
    frame = shop(60).rename(
        columns={
            "size": f"size {HOSTILE}",
            "color": f"color {HOSTILE}",
            "bought": f"bought {HOSTILE}",
        }
    )
    frame.iloc[:, -1] = [f"{word} {HOSTILE}" for word in frame.iloc[:, -1]]
    frame.iloc[:, 1] = [f"{word} {HOSTILE}" for word in frame.iloc[:, 1]]
    frame[f"empty {HOSTILE}"] = None
    path = folder / "t\x1b[1m.parquet"
    frame.to_parquet(path)
    options = [
        "--target",
        f"bought {HOSTILE}",
        "--fixed",
        f"size {HOSTILE}",
        "--swaps",
        "1",
        "--output",
        str(folder),
    ]
    with pytest.MonkeyPatch.context() as patch:
        lines = []
        patch.setattr(writing, "print", lambda text, **_: lines.append(text), raising=False)
        assert (
            main(["sweep", str(path), "--cv", "2", "--alphas", "0.1", "--rounds", "0", *options])
            == 0
        )
    return (
        lines,
        (folder / "report.html").read_text(encoding="utf-8"),
        (folder / "sweep.csv").read_text(encoding="utf-8"),
    )


class TestNamesWithControlCharacters:
    def test_they_reach_no_terminal(self, hostile_run):
        lines, _, _ = hostile_run
        assert not any(CONTROL.search(line) or "\n" in line for line in lines)
        assert any(
            line.startswith(f"target bought {SHOWN}: ") and f"yes {SHOWN} (" in line
            for line in lines
        )
        assert f"  empty {SHOWN}: dropped, empty" in lines

    def test_they_reach_no_page(self, hostile_run):
        _, page, _ = hostile_run
        assert not CONTROL.search(page)
        assert f'<td class="name">size {SHOWN}</td>' in page

    def test_pictures_of_the_page_are_xml(self, hostile_run):
        _, page, _ = hostile_run
        pictures = re.findall(r"svg\+xml;base64,([\w+/=]+)", page)
        assert len(pictures) == 5
        texts = [
            ElementTree.fromstring(base64.b64decode(picture)).itertext() for picture in pictures
        ]
        assert any(r"\x1b[31m" in text for one in texts for text in one)

    def test_they_break_no_line_of_the_file(self, hostile_run):
        *_, table = hostile_run
        assert [row["model"] for row in csv.DictReader(table.splitlines())][:2] == [
            "majority class",
            "gradient boosting",
        ]

    def test_errors_show_them_too(self, tmp_path, capsys):
        data = written(shop(), tmp_path / "shop.csv")
        for options in (
            ["--target", HOSTILE],
            ["--penalty", HOSTILE],
            ["--drop", HOSTILE],
            [HOSTILE],
        ):
            assert main(["sweep", data, *options]) == 2
            said = capsys.readouterr().err
            assert said.startswith("error: ")
            assert not CONTROL.search(said)
            assert said.count("\n") == 1

    def test_a_file_that_is_not_there_is_named_without_them(self, capsys):
        assert main(["sweep", "\x1b[2J.csv"]) == 2
        assert capsys.readouterr().err == "error: there is no file \\x1b[2J.csv\n"


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_a_command_of_any_words_is_one_line_and_runs_again():
    words = ["plain", "two words", "it's", "$HOME", "\x1b[31m", "a\nb'\\n", "\u202e\x9b", "größe"]
    command = writing.quoted(["printf", "%s|", *words])
    assert not CONTROL.search(command)
    assert "\n" not in command
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=True, env=environment)
    assert done.stdout.decode().split("|")[:-1] == words


def test_a_long_class_name_takes_memory_once_and_is_shortened_where_it_is_shown():
    long = "x" * 200_000
    frame = pd.DataFrame({"a": np.arange(600) % 7, "y": [long, long, *["u", "v"] * 299]})
    tracemalloc.start()
    table = prepare(frame)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50e6  # an array of fixed width takes 480 MB
    assert table.y[0] == long
    assert len(table.target.note) < 120


def test_names_are_shortened_in_the_middle():
    assert writing.short("x" * 60) == "x" * 60
    assert writing.short("ab" + "x" * 60 + "yz") == "ab" + "x" * 47 + "…" + "x" * 8 + "yz"
