"""Files that are cut, altered, newer, too large or bombs: an error that says so, nothing else."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import struct
import threading
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_students import fitted

from skdistill import load, save
from skdistill.exceptions import PersistenceError
from skdistill.persistence._container import DTYPES, HEADER, MAGIC, VERSION, pack, unpack


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "student.skd"
    save(fitted("tree", "three", "mixed"), path)
    return path


def sign(document: bytes, rest: bytes = b"", *, version: int = VERSION) -> bytes:
    """Make a file with a valid header and checksum."""
    body = HEADER.pack(MAGIC, version, len(document)) + document + rest
    return body + hashlib.sha256(body).digest()


def refused(path, data, message=None, **kwargs):
    path.write_bytes(data)
    with pytest.raises(PersistenceError, match=message) as caught:
        load(path, **kwargs)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_a_file_that_is_cut_short_anywhere(path):
    data = path.read_bytes()
    for size in range(len(data)):
        refused(path, data[:size], "no file of skdistill.save" if size == 0 else "is cut short")


def test_a_file_that_goes_on(path):
    refused(path, path.read_bytes() + b"\n", "was changed")


def test_a_file_with_any_bit_flipped(path):
    data = path.read_bytes()
    for place in range(len(data)):
        altered = bytearray(data)
        altered[place] ^= 1 << place % 8
        refused(path, bytes(altered))


def test_a_newer_format_names_both_versions(path):
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, 8, VERSION + 1)
    message = refused(path, bytes(data))
    assert f"has format {VERSION + 1}" in message
    assert f"reads formats 1 to {VERSION}" in message
    assert f"has format {VERSION + 1}" in refused(path, sign(b"new", version=VERSION + 1))
    assert "has format 0" in refused(path, sign(b"{}", version=0))


def test_other_files(path):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a", "a")
    text_mode = path.read_bytes().replace(b"\r\n", b"\n")
    for data in (pickle.dumps([1]), archive.getvalue(), b"\0" * 200, b"{}", text_mode):
        refused(path, data, "no file of skdistill.save")


class Touch:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_a_pickle_is_not_executed(path, tmp_path):
    refused(path, pickle.dumps(Touch(str(tmp_path / "proof"))), "no file of skdistill.save")
    assert not (tmp_path / "proof").exists()


def test_the_size_is_checked_before_anything_is_read(path, tmp_path):
    size = path.stat().st_size
    load(path, max_bytes=size)
    with pytest.raises(PersistenceError, match=f"{size} bytes, more than max_bytes={size - 1}"):
        load(path, max_bytes=size - 1)
    huge = tmp_path / "huge.skd"
    with huge.open("wb") as file:
        file.truncate(2**40)  # takes no space
    with pytest.raises(PersistenceError, match="more than max_bytes=1073741824"):
        load(huge)
    with pytest.raises(ValueError, match="max_bytes must be an integer >= 1"):
        load(path, max_bytes=0)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_what_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(PersistenceError, match="is no file"):
            load(path)
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "missing.skd")


DEEP = 100_000


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"[" * DEEP + b"]" * DEEP, "document cannot be read"),
        (b'{"a":' * DEEP + b"1" + b"}" * DEEP, "document cannot be read"),
        (b"", "document cannot be read"),
        (b"{", "document cannot be read"),
        (b'{"a": 1, "a": 2}', "the same name twice"),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b'{"a": 1e999}', "1e999 is too large"),
        (b'{"a": ' + b"9" * 5000 + b"}", "document cannot be read"),
        (b'{"a": "\xff"}', "document cannot be read"),
        (b"[]", "no JSON object"),
        (b"{}", "lists no arrays"),
        (b'{"arrays": {}}', "lists no arrays"),
        (b'{"arrays": []}', "lacks 'skdistill'"),
        (b'{"arrays": [], "skdistill": "1"}', "lacks 'student'"),
        (b'{"arrays": [], "skdistill": "1", "student": "os.system"}', "where one of"),
        (b'{"arrays": [], "skdistill": "1", "student": ["Tree"]}', "where a string"),
    ],
    ids=range(16),
)
def test_documents_that_are_none(path, document, message):
    refused(path, sign(document), message)


@pytest.mark.parametrize("depth", [10, 300, 900, 960, 990])
def test_documents_that_are_deep_but_can_be_read(path, depth):
    deep = b"[" * depth + b"]" * depth
    for document in (b'{"arrays": [%s]}', b'{"arrays": [], "student": %s}'):
        refused(path, sign(document % deep))


def test_a_deep_document_in_a_thread_of_a_small_stack(path):
    path.write_bytes(sign(b"[" * DEEP + b"]" * DEEP))
    caught = []

    def run():
        try:
            load(path)
        except PersistenceError as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert len(caught) == 1


def test_a_document_larger_than_the_file(path):
    body = HEADER.pack(MAGIC, VERSION, 2**32 - 1) + b"{}"
    refused(path, body + hashlib.sha256(body).digest(), "document of 4294967295 bytes")


@pytest.mark.parametrize(
    "entry",
    [
        '["a", "f8", [1073741824]]',
        '["a", "f8", [2147483647, 2147483647, 2147483647]]',
        '["a", "f8", [-1]]',
        '["a", "f8", [1.0]]',
        '["a", "f8", [true]]',
        '["a", "f8", [1e3]]',
        '["a", "f8", [1, 1, 1, 1]]',
        '["a", "f8", [4294967296, 0]], ["b", "i1", [8]]',
        '["a", "f8", [65536, 0, 65536]], ["b", "i1", [8]]',
        '["a", "O", [1]]',
        '["a", "V8", [1]]',
        '["a", ["f8"], [1]]',
        '[1, "f8", [1]]',
        '["a", "f8", 1]',
        '["a", "f8"]',
        '["a", "f8", [1], "C"]',
        '["a", "f8", [1], "F", 1]',
        '"a"',
        "null",
        '["a", "f8", [0]]',
        '["a", "i1", [8]], ["a", "i1", [0]]',
        '["a", "i1", [4]]',
    ],
)
def test_lists_of_arrays_that_do_not_fit_the_bytes(entry):
    data = sign(f'{{"arrays": [{entry}]}}'.encode(), b"\0" * 8)
    with pytest.raises(PersistenceError):
        unpack(data)


shapes = st.lists(st.integers(0, 4), max_size=3)


@settings(max_examples=80, deadline=None)
@given(data=st.data(), dtype=st.sampled_from(list(DTYPES.values())), shape=shapes)
def test_arrays_come_back(data, dtype, shape):
    raw = data.draw(st.binary(min_size=512, max_size=512))
    size = int(np.prod(shape))
    array = np.frombuffer(raw, dtype, count=size).reshape(shape)
    if dtype.kind == "b":
        array = np.frombuffer(raw, np.uint8, count=size).reshape(shape) > 127
    if data.draw(st.booleans()):
        array = np.asfortranarray(array)
    document, arrays = unpack(pack({"x": [1, None, "ü"]}, {"a": array, "b": np.zeros(2)}))
    assert document == {"x": [1, None, "ü"]}
    np.testing.assert_array_equal(arrays["a"], array)
    assert arrays["a"].dtype.kind == array.dtype.kind
    assert arrays["a"].flags.c_contiguous == array.flags.c_contiguous
    assert arrays["a"].flags.f_contiguous == array.flags.f_contiguous
    assert arrays["a"].flags.writeable


def test_integers_take_the_bytes_that_they_need():
    for value, size in ((127, 1), (-128, 1), (128, 2), (-32769, 4)):
        document = pack({}, {"a": np.array([value, 0], dtype=np.int64)})
        assert unpack(document)[1]["a"].dtype.itemsize == size


def test_a_pickle_is_called_one(tmp_path):
    (tmp_path / "model.joblib").write_bytes(pickle.dumps([1, 2, 3]))
    with pytest.raises(PersistenceError, match=r"a pickle, which joblib\.load reads"):
        load(tmp_path / "model.joblib")
