"""Files appear whole and together, or not at all."""

from __future__ import annotations

import os
import stat

import pytest

from skdistill._output import check_path, write_files


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


def test_files_replaced_before_an_error_are_put_back(tmp_path, monkeypatch):
    (tmp_path / "a").write_text("old a")
    (tmp_path / "c").write_text("old c")
    replace, calls = os.replace, []

    def fail_third(*args):
        calls.append(args)
        if len(calls) == 3:
            raise OSError("disk full")
        replace(*args)

    monkeypatch.setattr("skdistill._output.os.replace", fail_third)
    with pytest.raises(OSError, match="disk full"):
        write_files({tmp_path / name: b"new" for name in "abc"})
    found = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert found == {"a": "old a", "c": "old c"}


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_file_that_is_replaced_keeps_its_permissions(tmp_path):
    (tmp_path / "a").write_text("old")
    (tmp_path / "a").chmod(0o604)
    write_files({tmp_path / "a": b"new"})
    assert (tmp_path / "a").read_text() == "new"
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o604


@pytest.mark.skipif(os.name != "posix", reason="the process's mask")
def test_the_mask_of_the_process_is_never_touched(tmp_path, monkeypatch):
    def fail(mask):
        raise AssertionError("other threads create files meanwhile")

    monkeypatch.setattr(os, "umask", fail)
    write_files({tmp_path / "a": b"new"})
    assert (tmp_path / "a").read_bytes() == b"new"


@pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")
@pytest.mark.parametrize("exists", [True, False])
def test_what_a_link_leads_to_is_replaced(tmp_path, exists):
    folder = tmp_path / "folder"
    folder.mkdir()
    if exists:
        (folder / "a").write_text("old")
    (tmp_path / "link").symlink_to(folder / "a")
    write_files({tmp_path / "link": b"new"})
    assert (tmp_path / "link").is_symlink()
    assert [path.name for path in folder.iterdir()] == ["a"]
    assert (folder / "a").read_bytes() == b"new"


def test_a_name_as_long_as_they_may_be(tmp_path):
    path = tmp_path / ("x" * 255)
    write_files({path: b"new"})
    assert path.read_bytes() == b"new"


def test_contents_are_on_the_disk_before_the_rename(tmp_path, monkeypatch):
    events = []
    for call in ("fsync", "replace"):
        real = getattr(os, call)

        def recorded(*args, call=call, real=real):
            events.append(call)
            return real(*args)

        monkeypatch.setattr(f"skdistill._output.os.{call}", recorded)
    write_files({tmp_path / "a": b"new"})
    assert events == ["fsync", "replace"]


def test_a_folder_in_the_way_is_found_first(tmp_path):
    (tmp_path / "b").mkdir()
    with pytest.raises(IsADirectoryError, match=r"b' is a folder; nothing was written"):
        write_files({tmp_path / "a": b"new", tmp_path / "b": b"new"})
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


@pytest.mark.skipif(os.name != "posix", reason="pipes with names")
def test_what_is_no_ordinary_file_is_left_alone(tmp_path):
    os.mkfifo(tmp_path / "b")
    with pytest.raises(OSError, match="b' is a device or pipe; nothing was written"):
        write_files({tmp_path / "a": b"new", tmp_path / "b": b"new"})
    assert [path.name for path in tmp_path.iterdir()] == ["b"]
    assert (tmp_path / "b").is_fifo()


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_files({tmp_path / "no" / "a": b"new"})


def test_paths_are_checked_before_the_work(tmp_path):
    assert check_path(str(tmp_path / "a.py"), suffix=".py") == tmp_path / "a.py"
    assert check_path(tmp_path / "anything") == tmp_path / "anything"
    with pytest.raises(ValueError, match=r"path must end in \.py, got .*a\.c"):
        check_path(tmp_path / "a.c", suffix=".py")
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere"):
        check_path(tmp_path / "nowhere" / "a.py")
