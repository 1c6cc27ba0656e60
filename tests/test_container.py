"""Model files: what is written is read back; anything else is refused, with its name and without memory taken."""

import io
import json
import os
import pickle
import re
import stat
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import neurone
from neurone import container
from neurone.files import check_writable, replacing

SETTINGS = {"sizes": [3, 2], "name": 'two "words"'}
ARRAYS = {"parameters": np.linspace(-1, 1, 8, dtype=np.float32), "order": np.arange(6).reshape(2, 3)}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "thing.npz"
    container.write(path, "thing", SETTINGS, ARRAYS)
    return path


def refused(path, kind="thing"):
    """The message of the refusal, which must name the file and be one line."""
    with pytest.raises(neurone.InputError) as caught:
        container.read(path, kind)
    message = str(caught.value)
    assert message.startswith(str(path)) and "\n" not in message
    return message


def test_round_trip(path):
    settings, arrays = container.read(path, "thing")
    assert settings == SETTINGS
    assert list(arrays) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype and np.array_equal(arrays[name], array)
        arrays[name][...] = 0  # writable


def test_equal_contents_make_equal_files(path, tmp_path):
    container.write(tmp_path / "other", "thing", SETTINGS, ARRAYS)
    assert (tmp_path / "other").read_bytes() == path.read_bytes()


def test_zipfile_and_numpy_can_read_it(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
    with np.load(path, allow_pickle=False) as archive:
        assert archive.files == ["settings", "parameters", "order"]
        assert json.loads(archive["settings"].item())["settings"] == SETTINGS
        assert np.array_equal(archive["order"], ARRAYS["order"])


def test_every_flipped_bit_is_refused(path, torture):
    """One of each byte, or all in torture: half a minute."""
    data = path.read_bytes()
    for place in range(len(data)):
        for bit in range(8) if torture else [place % 8]:
            flipped = bytearray(data)
            flipped[place] ^= 1 << bit
            path.write_bytes(flipped)
            refused(path)


def test_every_truncation_and_any_trailing_byte_is_refused(path):
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        refused(path)
    for tail in (b"\0", b"PK", data):
        path.write_bytes(data + tail)
        assert "not alone" in refused(path)


def _rezipped(path, change, **options):
    """Write the file's members again with Python's zipfile, after `change(members)`."""
    with zipfile.ZipFile(path) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, data in change(members):
            archive.writestr(name, data)


def _npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "change",
    [
        lambda members: members[:-1],
        lambda members: [*members, ("extra.npy", members[-1][1])],
        lambda members: [members[0], members[2], members[1]],
        lambda members: [members[0], ("../../escape.npy", members[1][1]), members[2]],
        lambda members: [members[0], ("parameters.npy", _npy(np.array([{}], object))), members[2]],
        lambda members: [members[0], ("parameters.npy", _npy(np.zeros(8, ">f4"))), members[2]],
        lambda members: [members[0], ("parameters.npy", _npy(np.zeros(8, "f8"))), members[2]],
        lambda members: [members[0], ("parameters.npy", _npy(np.zeros(9, "f4"))), members[2]],
        lambda members: [members[0], ("parameters.npy", _npy(np.zeros((2, 4), "f4", "F"))), members[2]],
        lambda members: [],
    ],
    ids=["missing", "extra", "order", "path", "object", "byte order", "type", "shape", "fortran", "empty"],
)
def test_other_archives_are_refused(path, change):
    _rezipped(path, change)
    refused(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_duplicate_members_are_refused(path):
    _rezipped(path, lambda members: [*members, members[1]])
    refused(path)


def test_compressed_members_are_refused(path):
    _rezipped(path, lambda members: members, compression=zipfile.ZIP_DEFLATED)
    assert "compressed" in refused(path)


def test_other_files_are_refused(path, tmp_path):
    path.write_bytes(pickle.dumps([1, 2]))
    assert "a pickle" in refused(path)
    path.write_bytes(b"")
    assert "empty" in refused(path)
    path.write_bytes(b"%PDF-1.7 and so on")
    assert "%PDF" in refused(path)
    assert "is a folder" in refused(tmp_path)
    assert "cannot be read" in refused(tmp_path / "missing.npz")


def test_another_kind_or_version_is_refused(path, monkeypatch):
    assert "'neurone model' expected" in refused(path, "model")
    monkeypatch.setattr(container, "_VERSION", 2)
    assert "version 1" in refused(path)


def _with_settings(path, text):
    """A file whose first member is `text`, with the right check sum and nothing after it."""
    head = container._head("settings", f"|S{len(text)}", (), text)
    path.write_bytes(container._local(head) + text + container._directory([(head, 0)], 200 + len(text)))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b'{"format": "neurone thing", "version": 1, "settings": {}, "arrays": 3, "sha256": ""}',
        b'{"format": "neurone thing", "version": 1, "settings": {}, "arrays": [[1]], "sha256": ""}',
        b'{"format": "neurone thing", "version": 1, "settings": NaN, "arrays": [], "sha256": ""}',
        b'{"format": "neurone thing", "version": 1, "settings": {}, "arrays": [["a", "|O8", [1]]], "sha256": ""}',
        b'{"format": "neurone thing", "version": 1, "settings": {}, "arrays": [["a", "<f4", [-1]]], "sha256": ""}',
        b'{"format": "neurone thing", "version": 1, "settings": {}, "arrays": [["a", "<f4", [true]]], "sha256": ""}',
        b'{"format": "neurone thing", "version": 1, "settings": {}, "arrays": [["a", "<f4", [9.5]]], "sha256": ""}',
        b'{"format": "neurone thing", "version": 1, "settings": {}, "arrays": [["a", "<f4", [4294967295, 4294967295]]],'
        b' "sha256": ""}',
        b'{"format": "neurone thing", "version": 1, "settings": {}, "arrays": [["a", "<f4", ['
        + b"1, " * 21000
        + b'0]]], "sha256": ""}',
        b'{"format":"neurone thing","version":1,"settings":{},"arrays":[],"sha256":""}',
        b'{"format": "neurone thing", "version": 1, "settings": {}, "arrays": [["a", "<f4", [1]], ["a", "<f4", [1]]],'
        b' "sha256": ""}',
        b'{"format": "neurone thing", "version": 1, "settings": {}, "arrays": [["settings", "<f4", [1]]],'
        b' "sha256": ""}',
        b'{"format": "neurone thing", "version": 1, "settings": {}, "arrays": [["\\ud800", "<f4", [1]]], "sha256": ""}',
        b"[" * 60000,
        b"\xff" * 300,
    ],
)
def test_hostile_settings_are_refused(path, text):
    _with_settings(path, text.ljust(200) if text.startswith(b"{") and len(text) < 60 else text)
    refused(path)


@pytest.mark.parametrize("shape", [[0, 2**32 - 1, 2**32 - 1], [2**32 - 1, 2**32 - 1, 2**32 - 1, 0]])
def test_empty_arrays_of_impossible_shapes_are_refused(tmp_path, shape, monkeypatch):
    path = tmp_path / "thing.npz"
    text = container._text
    monkeypatch.setattr(container, "_text", lambda *head: text(*head[:2], [["a", "<f4", shape]], head[3]))
    container.write(path, "thing", SETTINGS, {"a": np.empty(0, np.float32)})
    monkeypatch.undo()
    assert "shape" in refused(path)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(tmp_path, value):
    path = tmp_path / "thing.npz"
    container.write(path, "thing", {}, {"parameters": np.array([1.0, value])})
    assert "NaN" in refused(path)


def test_a_gigabyte_of_nothing_takes_no_memory(tmp_path):
    """Sparse files that claim to be large: refused by their first bytes, or by their length."""
    empty, claiming = tmp_path / "empty.npz", tmp_path / "claiming.npz"
    container.write(claiming, "model", {}, {"parameters": np.zeros(2)})
    data = claiming.read_bytes().replace(b"[2]", b"[134217728]")
    claiming.write_bytes(data)
    for path in (empty, claiming):
        with open(path, "ab") as file:
            file.truncate(1 << 30)
    code = (
        "import re, sys, neurone\n"
        # Not getrusage: its peak starts at that of the parent process.
        "peak = lambda: int(re.search(r'VmHWM:\\s*(\\d+)', open('/proc/self/status').read())[1])\n"
        "idle = peak()\n"
        "for path in sys.argv[1:]:\n"
        "    try: neurone.load(path)\n"
        "    except neurone.InputError: pass\n"
        "    else: sys.exit('loaded')\n"
        "print(peak() - idle)"
    )
    done = subprocess.run([sys.executable, "-c", code, empty, claiming], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 50_000  # KiB


def test_a_failed_write_leaves_the_old_file(path, tmp_path):
    before = path.read_bytes()
    with pytest.raises(OSError, match="disk"), replacing(path) as file:
        file.write(b"half a file")
        raise OSError("disk full")
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_replacing_follows_links_and_the_umask(tmp_path):
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "link").symlink_to("file")
    with replacing(tmp_path / "link") as file:
        file.write(b"new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "file").read_bytes() == b"new"
    code = "import os, sys; os.umask(0o027); from neurone.files import replacing\nwith replacing(sys.argv[1]): pass"
    subprocess.run([sys.executable, "-c", code, tmp_path / "new"], check=True)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("kind", ["device", "pipe", "socket", "folder"])
@pytest.mark.parametrize("through", ["itself", "link", "link to link"])
def test_nothing_but_files_is_replaced(tmp_path, kind, through):
    node = tmp_path / "node"
    if kind == "device":
        if os.geteuid():
            pytest.skip("needs the superuser, to make a device")
        os.mknod(node, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    elif kind == "socket":
        os.mknod(node, 0o666 | stat.S_IFSOCK)
    else:
        (os.mkfifo if kind == "pipe" else os.mkdir)(node)
    (tmp_path / "link").symlink_to(node)
    (tmp_path / "link to link").symlink_to("link")
    before = node.stat().st_mode, node.stat().st_ino
    path = node if through == "itself" else tmp_path / through
    with pytest.raises(neurone.InputError, match="folder" if kind == "folder" else "not a regular file"):
        neurone.Network((3, 2)).save(path)
    assert (node.stat().st_mode, node.stat().st_ino) == before and len(list(tmp_path.iterdir())) == 3


def test_bad_names_are_refused(tmp_path):
    for name in ("", "a\0b", f"{tmp_path}/new/", f"{tmp_path}/."):
        with pytest.raises(neurone.InputError):
            neurone.Network((3, 2)).save(name)
    with pytest.raises(neurone.InputError, match="give a file's name"):
        neurone.load("a\0b")
    with pytest.raises(FileNotFoundError) as caught:
        neurone.Network((3, 2)).save(tmp_path / "missing" / "net")
    assert caught.value.filename == str(tmp_path / "missing" / "net")


def test_a_pipe_by_its_number_is_refused():
    if not os.path.exists("/proc/self/fd"):
        pytest.skip("no /proc here")
    reading_end, writing_end = os.pipe()
    try:
        with pytest.raises(neurone.InputError, match="not a regular file"):
            neurone.Network((3, 2)).save(f"/proc/self/fd/{writing_end}")
    finally:
        os.close(reading_end)
        os.close(writing_end)


def test_unwritable_outputs_are_found(tmp_path):
    (tmp_path / "a file").write_bytes(b"")
    for target in (tmp_path, "/dev/null", tmp_path / "missing" / "x", tmp_path / "a file" / "x", "/proc/x", "a\0b"):
        with pytest.raises(neurone.InputError, match=re.escape("--save")):
            check_writable("--save", target)
    check_writable("--save", tmp_path / "new")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a file"]


def test_the_end_record_is_what_the_format_says(path):
    """Offsets and counts, read back without this project's code."""
    data = path.read_bytes()
    fields = struct.unpack("<4s4H2IH", data[-22:])
    assert fields[0] == b"PK\5\6" and fields[3] == fields[4] == 3
    assert fields[6] + fields[5] == len(data) - 22
