"""Files appear whole and together, or not at all."""

from __future__ import annotations

import os
import stat

import pytest

from skdistill._output import write_files


def test_files_are_written_and_replaced(tmp_path):
    (tmp_path / "a").write_text("old")
    write_files({tmp_path / "a": b"new\r\n", tmp_path / "b": b""})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "a": b"new\r\n",
        "b": b"",
    }


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_files_have_ordinary_permissions(tmp_path):
    before = os.umask(0o027)
    try:
        write_files({tmp_path / "a": b"a"})
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_what_fails_leaves_everything_as_it_was(tmp_path, monkeypatch, error):
    (tmp_path / "a").write_text("old")

    def fail(*args):
        raise error

    for call in ("os.replace", "os.chmod"):
        with monkeypatch.context() as patch:
            patch.setattr(f"skdistill._output.{call}", fail)
            with pytest.raises(type(error)):
                write_files({tmp_path / "a": b"new", tmp_path / "b": b"new"})
        assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_a_folder_in_the_way_is_found_first(tmp_path):
    (tmp_path / "b").mkdir()
    with pytest.raises(IsADirectoryError, match=r"b' is a folder; nothing was written"):
        write_files({tmp_path / "a": b"new", tmp_path / "b": b"new"})
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_files({tmp_path / "no" / "a": b"new"})
