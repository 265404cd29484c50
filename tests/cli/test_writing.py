"""Files that are written, and what nobody else's links and permissions do to them."""

import os
import stat

import pytest

from sklearn_irg._cli import writing
from sklearn_irg._cli.reading import TableError


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
    monkeypatch.setattr(writing.os, "replace", lambda part, path: (moved.append(part), replace(part, path)))
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
