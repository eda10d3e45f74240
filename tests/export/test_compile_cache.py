"""Where compiled students are kept: whole, by the user alone, and made again if need be."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import stat
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from c_programs import needs_compiler
from random_students import make_student

from skdistill.export import CompiledStudent, compile
from skdistill.export._c import cache as c_cache

pytestmark = [needs_compiler, pytest.mark.usefixtures("compiled_cache")]


def compile_at_once(student: Any, barrier: Any, told: Any) -> None:
    """Compile when all others are ready, and tell what is predicted."""
    barrier.wait()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        told.put(compile(student).predict([[0.5, 0.5, 0.5, 0.5]])[0])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes start slowly without fork")
def test_many_processes_compile_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    student = make_student("boosting", 0, "numbers")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    fork = multiprocessing.get_context("fork")
    barrier, told = fork.Barrier(20), fork.Queue()
    running = [
        fork.Process(target=compile_at_once, args=(student, barrier, told)) for _ in range(20)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # these children hold no locks
        for process in running:
            process.start()
    values = [told.get(timeout=60) for _ in running]
    for process in running:
        process.join(timeout=60)
    assert [process.exitcode for process in running] == [0] * 20
    np.testing.assert_allclose(values, student.predict([[0.5] * 4])[0], rtol=1e-12)
    kept = list((tmp_path / "skdistill" / "compiled").iterdir())
    assert [path.suffix for path in kept] == [".so"]  # one library, and nothing left over


def test_library_is_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    student = make_student("pruned", 2, "numbers")
    compile(student)
    monkeypatch.setattr(c_cache, "build", None)
    assert compile(student).is_compiled_
    with pytest.raises(TypeError):
        compile(make_student("pruned", 2, "numbers", seed=1))


def test_another_compiler_makes_another_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    student = make_student("tree", 0, "numbers")
    for options in ("", " -O1"):
        monkeypatch.setenv("CC", f"{shutil.which('cc')}{options}")
        assert compile(student).is_compiled_
    assert len(list((tmp_path / "skdistill" / "compiled").iterdir())) == 2


def flip(content: bytes) -> bytes:
    """Change the sign of a number in a table."""
    place = len(content) // 2
    return content[:place] + bytes([content[place] ^ 0x80]) + content[place + 1 :]


@pytest.mark.parametrize(
    "damage", [flip, lambda content: content[: len(content) // 2], lambda _: b"no library"]
)
def test_damaged_library_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Any
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    student, loaded, load = make_student("additive", 0, "numbers"), [], c_cache.load
    CompiledStudent(student)
    (kept,) = (tmp_path / "skdistill" / "compiled").iterdir()
    whole = kept.read_bytes()
    kept.unlink()  # what is mapped into memory is not written to
    kept.write_bytes(damage(whole))

    def checked(library: Path) -> Any:
        loaded.append(library.read_bytes())
        return load(library)

    monkeypatch.setattr(c_cache, "load", checked)
    assert CompiledStudent(student).is_compiled_
    assert loaded == [whole]
    assert kept.read_bytes() == whole


def test_library_that_cannot_be_loaded_is_made_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    load, build = c_cache.load, c_cache.build
    student, built = make_student("tree", 2, "missing"), []
    compile(student)

    def not_here(library: Path) -> Any:
        if tmp_path in library.parents:
            raise OSError("no library is loaded from here")
        return load(library)

    monkeypatch.setattr(c_cache, "load", not_here)
    monkeypatch.setattr(c_cache, "build", lambda *args: built.append(build(*args)))
    with pytest.warns(UserWarning, match="cannot be loaded from where they are kept: no library"):
        assert compile(student).is_compiled_
    assert len(built) == 1
    assert list((tmp_path / "skdistill" / "compiled").iterdir()) == []


def test_library_that_cannot_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(files: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(c_cache, "write_files", full)
    with pytest.warns(UserWarning, match="cannot be kept for the next process: no space"):
        assert compile(make_student("tree", 2, "missing", seed=3)).is_compiled_


@pytest.mark.parametrize("option", ["-march=native", "-mcpu=native"])
def test_what_is_for_this_processor_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    script = tmp_path / "compiler"  # not all compilers know all options
    script.write_text(f'#!/bin/sh\nshift\nexec {shutil.which("cc")} "$@"\n')
    script.chmod(0o700)
    monkeypatch.setenv("CC", f"{script} {option}")
    assert compile(make_student("tree", 2, "missing")).is_compiled_
    assert list(tmp_path.iterdir()) == [script]


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o750])
def test_folder_open_to_others_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    student = make_student("tree", 2, "missing")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "skdistill" / "compiled"
    CompiledStudent(student)
    (planted,) = folder.iterdir()
    folder.chmod(mode)
    monkeypatch.setattr(c_cache, "load", refuse(planted, c_cache.load))
    with pytest.warns(UserWarning, match="open to others.*0700"):
        assert compile(student).is_compiled_
    assert list(folder.iterdir()) == [planted]


@pytest.mark.parametrize("mode", [0o777, 0o770])
def test_folder_in_one_that_others_may_change_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    student = make_student("tree", 2, "missing")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    CompiledStudent(student)
    monkeypatch.setattr(c_cache, "_load_kept", None)
    tmp_path.chmod(mode)
    with pytest.warns(UserWarning, match="can be written by them"):
        assert compile(student).is_compiled_
    tmp_path.chmod(0o1777)  # like /tmp
    with pytest.raises(TypeError):
        compile(student)


def test_folder_is_made_for_the_user_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    before = os.umask(0o002)
    try:
        assert compile(make_student("tree", 2, "missing")).is_compiled_
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / ".cache").stat().st_mode) == 0o700
    assert len(list((tmp_path / ".cache" / "skdistill" / "compiled").iterdir())) == 1


def test_link_and_foreign_folder_are_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    student = make_student("tree", 2, "missing")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "skdistill").mkdir(mode=0o700)
    (tmp_path / "skdistill" / "compiled").symlink_to(tmp_path / "elsewhere")
    with pytest.warns(UserWarning, match="open to others"):
        assert compile(student).is_compiled_
    (tmp_path / "skdistill" / "compiled").unlink()
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.warns(UserWarning, match="belongs to others"):
        assert compile(student).is_compiled_
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_no_folder_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="XDG_CACHE_HOME"):
        assert compile(make_student("tree", 2, "missing")).is_compiled_


def test_no_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    # As where HOME is not set and the user is not in the list of users.
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    with pytest.warns(UserWarning, match="no home folder"):
        assert compile(make_student("tree", 2, "missing")).is_compiled_


def refuse(path: Path, load: Any) -> Any:
    """Let a loader fail the test where it is given a path."""

    def checked(library: Path) -> Any:
        assert library != path
        return load(library)

    return checked
