"""IDX files: what is written can be read, and everything else is refused in one line and little memory."""

import gzip
import hashlib
import io
import os
import re
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import neurone
from neurone.datasets import idx
from neurone.datasets.idx import Idx, digest, open_idx, write_idx
from neurone.errors import InputError

ROOT = Path(neurone.__file__).parents[1]
IMAGES = np.random.default_rng(1).integers(0, 256, (7, 5, 4), np.uint8)
SEVERAL = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def plain(array, code=0x08):
    """An IDX file from the format's description, without the code under test."""
    head = bytes([0, 0, code, array.ndim])
    return head + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()


def header(*shape):
    return bytes([0, 0, 8, len(shape)]) + b"".join(n.to_bytes(4, "big") for n in shape)


def packed(data):
    return gzip.compress(data, mtime=0)


def refused(path, *words, ndim=3):
    """The message with which header or body is refused: one line, the file first, all of `words` in it."""
    with pytest.raises(InputError) as caught:
        open_idx(path, ndim).read()
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and "\n" not in message
    for word in words:
        assert word in message
    return message


def header_refused(path, *words, ndim=3):
    """As `refused`, and the header alone must be enough."""
    with pytest.raises(InputError):
        open_idx(path, ndim)
    return refused(path, *words, ndim=ndim)


@pytest.fixture(autouse=True)
def no_sync(monkeypatch):
    """Hundreds of small files need not survive a power cut."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.mark.parametrize("name", ["a", "a.gz", "images.idx3-ubyte"])
@pytest.mark.parametrize("pack", [plain, lambda array: packed(plain(array))])
def test_plain_and_gzip_are_told_apart_by_content(tmp_path, name, pack):
    path = tmp_path / name
    path.write_bytes(pack(IMAGES))
    header = open_idx(str(path), 3)
    assert header == Idx(path, (7, 5, 4), np.dtype(np.uint8))
    array = header.read()
    assert array.dtype == np.uint8 and array.flags.c_contiguous and array.flags.writeable
    np.testing.assert_array_equal(array, IMAGES)


@SEVERAL
@given(array=arrays(np.uint8, array_shapes(max_dims=4, max_side=9)), name=st.sampled_from(["a", "a.gz"]))
def test_round_trip(tmp_path, array, name):
    write_idx(tmp_path / name, array)
    data = (tmp_path / name).read_bytes()
    assert (gzip.decompress(data) if name == "a.gz" else data) == plain(array)
    np.testing.assert_array_equal(open_idx(tmp_path / name, array.ndim).read(), array)
    assert digest(array) == hashlib.sha256(plain(array)).hexdigest()


@pytest.mark.parametrize("size", [(1 << 18) - 20, 1 << 18, (1 << 18) + 1, 1 << 20])
@pytest.mark.parametrize("name", ["a", "a.gz"])
def test_bodies_larger_than_one_piece(tmp_path, size, name):
    """Compressible halves and incompressible ones: the inflater stops for lack of room, and of input."""
    array = np.random.default_rng(2).integers(0, 256, size, np.uint8)
    array[: size // 2] = 7
    write_idx(tmp_path / name, array)
    hasher = hashlib.sha256()
    np.testing.assert_array_equal(open_idx(tmp_path / name, 1).read(hasher), array)
    assert hasher.hexdigest() == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()


def test_strided_arrays_are_written_in_c_order(tmp_path):
    view = IMAGES[::-2, :, ::2].transpose(2, 0, 1)
    write_idx(tmp_path / "a", view)
    np.testing.assert_array_equal(open_idx(tmp_path / "a", 3).read(), view)


def test_gzip_is_deterministic(tmp_path):
    write_idx(tmp_path / "a.gz", IMAGES)
    write_idx(tmp_path / "another-name.gz", IMAGES)
    data = (tmp_path / "a.gz").read_bytes()
    assert data == (tmp_path / "another-name.gz").read_bytes()
    assert data[3] == 0 and data[4:8] == bytes(4)  # neither name nor time


@pytest.mark.parametrize(
    "array",
    [
        IMAGES.astype(np.int64),
        IMAGES.astype(np.uint16),
        np.uint8(3),
        np.zeros((0, 28, 28), np.uint8),
        np.broadcast_to(np.uint8(0), (1 << 32,)),
    ],
    ids=["int64", "uint16", "scalar", "no image", "too many"],
)
def test_what_idx_cannot_hold_is_not_written(tmp_path, array):
    with pytest.raises(InputError, match="cannot be written"):
        write_idx(tmp_path / "a.gz", array)
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.gz"
    write_idx(path, IMAGES)
    before = path.read_bytes()

    def full_disk(array, dtype):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(idx.np, "ascontiguousarray", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_idx(path, IMAGES[:2])
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["a.gz"]


# What no reader can open.


def test_missing(tmp_path):
    header_refused(tmp_path / "absent.gz", "No such file", "check its name")


def test_folder(tmp_path):
    header_refused(tmp_path, "is a folder", "name the file")


def test_pipe_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writer = os.open(tmp_path / "pipe", os.O_RDWR)  # so that this test could only fail, not wait
    os.write(writer, plain(IMAGES))
    try:
        with pytest.raises(InputError, match="pipe: is not a regular file"):
            open_idx(tmp_path / "pipe", 3)
    finally:
        os.close(writer)


def test_without_permission(tmp_path):
    path = tmp_path / "a"
    write_idx(path, IMAGES)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("the superuser may read everything")
    header_refused(path, "Permission denied", "check its name and permissions")


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="needs a file that opens but does not read")
def test_read_error():
    """/proc/self/mem opens as a regular file, and its first page gives EIO."""
    header_refused("/proc/self/mem", "Input/output error")


def test_read_error_in_the_body(tmp_path, monkeypatch):
    class Failing(io.BytesIO):
        def peek(self, size):
            return self.getvalue()

        def fileno(self):
            return descriptor

        def read(self, size=-1):
            if self.tell() > 100:
                raise OSError(5, "Input/output error")
            return super().read(min(size, 16))

    path = tmp_path / "a"
    write_idx(path, IMAGES)
    found = open_idx(path, 3)
    with open(path, "rb") as real:
        descriptor = real.fileno()
        monkeypatch.setattr("builtins.open", lambda *_: Failing(path.read_bytes()))
        with pytest.raises(InputError, match=re.escape(f"{path}: cannot be read (Input/output error)")):
            found.read()


def test_names_cannot_break_the_line(tmp_path):
    path = tmp_path / "two\nlines\x1b[2J"
    with pytest.raises(InputError) as caught:
        open_idx(path, 3)
    assert str(caught.value).isprintable() and r"two\nlines\x1b" in str(caught.value)


# Damaged gzip.


@pytest.fixture
def pack(tmp_path):
    def write(data, name="images.gz"):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


def test_empty(pack):
    header_refused(pack(b""), "is empty", "download it again")


def test_empty_gzip(pack):
    header_refused(pack(packed(b"")), "ends 4 bytes too early")


@pytest.mark.parametrize("data", [b"<!DOCTYPE html><html>403 Forbidden</html>", b"\x89PNG\r\n\x1a\n" * 9])
def test_not_gzip(pack, data):
    message = header_refused(pack(data), "neither gzip nor IDX", f"0x{data[:4].hex()}", "expected 0x00000803")
    assert ("web page" in message) == data.startswith(b"<")


@pytest.mark.parametrize("length", [1, 2, 3, 9, 10, 11, 15, 40, -9, -8, -5, -1])
def test_truncated_gzip(pack, length):
    """In its header, its data, its CRC and its length."""
    data = packed(plain(IMAGES))
    message = refused(pack(data[:length]))
    assert length == 1 or "truncated gzip" in message


@pytest.mark.parametrize(("place", "word"), [(-8, "bad CRC"), (-5, "bad CRC"), (-4, "bad length"), (-1, "bad length")])
def test_bad_crc_and_length(pack, place, word):
    data = bytearray(packed(plain(IMAGES)))
    data[place] ^= 1
    refused(pack(data), "is damaged", word, "download it again")


def test_flipped_bits_in_gzip_data(pack):
    data = packed(plain(IMAGES))
    for place in range(10, len(data) - 8):
        flipped = bytearray(data)
        flipped[place] ^= 1 << place % 8
        refused(pack(flipped))


def test_unknown_gzip_method(pack):
    header_refused(pack(b"\x1f\x8b\x07" + packed(plain(IMAGES))[3:]), "damaged", "compression method")


@pytest.mark.parametrize("rest", [b"\0", b"\0" * 512, b"x", b"\x1f", b"\n"])
def test_trailing_bytes_after_gzip(pack, rest):
    refused(pack(packed(plain(IMAGES)) + rest), "after the end of its gzip data")


def test_trailing_byte_just_beyond_a_piece(pack):
    """Nothing is left over in the inflater then; the byte is still in the file."""
    body = np.random.default_rng(3).integers(0, 256, 1 << 18, np.uint8)
    for cut in range(1, 300):
        data = packed(plain(body[:-cut]))
        if len(data) == idx._PIECE:
            break
    assert len(data) == idx._PIECE
    refused(pack(data + b"x"), "after the end of its gzip data", ndim=1)


@pytest.mark.parametrize("second", [b"", b"more"])
def test_concatenated_members(pack, second):
    refused(pack(packed(plain(IMAGES)) + packed(second)), "several gzip members")


def test_body_split_over_two_members(pack):
    data = plain(IMAGES)
    refused(pack(packed(data[:50]) + packed(data[50:])), "too early")


@pytest.mark.parametrize("extra", [1, 1000, 1 << 20])
def test_gzip_longer_than_its_header_says(pack, extra):
    refused(pack(packed(plain(IMAGES) + bytes(extra))), "more bytes than its header says")


@pytest.mark.parametrize("missing", [1, 139, 140])
def test_gzip_shorter_than_its_header_says(pack, missing):
    refused(pack(packed(plain(IMAGES)[:-missing])), f"ends {missing} bytes too early")


# Headers.


@pytest.mark.parametrize("wrap", [bytes, packed], ids=["plain", "gzip"])
class TestHeader:
    @pytest.mark.parametrize("length", range(1, 16))
    def test_cut_short(self, pack, wrap, length):
        header_refused(pack(wrap(plain(IMAGES)[:length])), "too early")

    @pytest.mark.parametrize("code", [0x00, 0x07, 0x0A, 0x0F, 0x18])
    def test_element_type(self, pack, wrap, code):
        header_refused(pack(wrap(plain(IMAGES, code))), f"unknown type 0x{code:02x}", "0x08 (uint8)", "0x0e (float64)")

    @pytest.mark.parametrize("magic", ["01000803", "00010803", "03080000", "504b0304"])
    def test_magic(self, pack, wrap, magic):
        data = bytes.fromhex(magic) + plain(IMAGES)[4:]
        header_refused(pack(wrap(data), "images"), "not an IDX file", f"0x{magic}", "expected 0x00000803")

    def test_labels_for_images(self, pack, wrap):
        words = "holds labels where images were expected", "0x00000801", "0x00000803", "swapped"
        header_refused(pack(wrap(plain(IMAGES[:, 0, 0]))), *words)

    def test_images_for_labels(self, pack, wrap):
        words = "holds images where labels were expected", "0x00000803", "0x00000801", "swapped"
        header_refused(pack(wrap(plain(IMAGES))), *words, ndim=1)

    @pytest.mark.parametrize("ndim", [0, 2, 4, 255])
    def test_dimension_count(self, pack, wrap, ndim):
        data = header(*[1] * ndim) + b"x"
        header_refused(pack(wrap(data)), f"has {ndim} dimensions", "expected 3")

    @pytest.mark.parametrize("shape", [(0, 28, 28), (5, 0, 28), (5, 28, 0), (0, 0, 0)])
    def test_zero(self, pack, wrap, shape):
        header_refused(pack(wrap(header(*shape))), " x ".join(map(str, shape)), "1 or more")

    @pytest.mark.parametrize(
        "shape",
        [
            (0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF),
            (1 << 31, 1 << 31, 4),  # 0 in 64 bits
            (0x80000001, 2, 1),  # 2 in 32 bits
            ((1 << 32) - 1, 1 << 31, 2),  # negative in 64 bits
            (60000, 28, 28),
        ],
    )
    def test_more_than_the_file_can_hold(self, pack, wrap, shape):
        message = header_refused(pack(wrap(header(*shape) + bytes(2))), " x ".join(map(str, shape)))
        assert "can hold" in message or "truncated" in message


@pytest.mark.parametrize("difference", [-140, -139, -1])
def test_plain_file_too_short(pack, difference):
    data = plain(IMAGES)[:difference]
    header_refused(pack(data), "156 bytes", f"has {len(data)}", "truncated")


@pytest.mark.parametrize("extra", [1, 156])
def test_plain_file_too_long(pack, extra):
    header_refused(pack(plain(IMAGES) + bytes(extra)), "156 bytes", f"has {156 + extra}", "longer")


def test_the_bound_of_deflate_refuses_no_honest_file(pack):
    """As compressible as can be: zlib's best on zeros is close to 1032 to 1."""
    body = np.zeros(1 << 24, np.uint8)
    data = gzip.compress(plain(body), 9)
    assert body.size > 1000 * len(data)
    np.testing.assert_array_equal(open_idx(pack(data), 1).read(), body)


@pytest.mark.parametrize("wrap", [bytes, packed], ids=["plain", "gzip"])
def test_file_changed_since_its_header_was_read(pack, wrap):
    path = pack(wrap(plain(IMAGES)))
    found = open_idx(path, 3)
    pack(wrap(plain(IMAGES[:3])))
    with pytest.raises(InputError, match="changed while it was being read"):
        found.read()
    path.unlink()
    with pytest.raises(InputError, match="No such file"):
        found.read()


def test_file_that_shrinks_while_it_is_read(pack, monkeypatch):
    """The size is checked with the header; what is missing afterwards shows in the body."""
    array = np.zeros(1 << 20, np.uint8)
    path = pack(plain(array), "images")
    allocate = Idx._allocate

    def shrink(self):
        os.truncate(path, 1 << 19)
        return allocate(self)

    monkeypatch.setattr(Idx, "_allocate", shrink)
    refused(path, f"ends {(1 << 19) + 8} bytes too early", ndim=1)


@settings(SEVERAL, max_examples=400)
@given(data=st.data(), zipped=st.booleans())
def test_mutations_load_or_are_refused(tmp_path, data, zipped):
    """Bytes changed, removed, inserted: either a sound file of the shape it states, or `InputError`."""
    good = (packed if zipped else bytes)(plain(IMAGES))
    mutated = bytearray(good)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(mutated)))
        length = data.draw(st.integers(0, 8))
        mutated[place : place + length] = data.draw(st.binary(max_size=8))
    path = tmp_path / "mutated"
    path.write_bytes(mutated)
    try:
        array = open_idx(path, 3).read()
    except InputError as error:
        assert str(error).startswith(f"{path}: ") and str(error).isprintable()
        assert mutated != good
    else:
        content = zlib.decompress(mutated, 31) if mutated[:2] == b"\x1f\x8b" else bytes(mutated)
        assert content == plain(array)


# Memory, in a process of its own: a process's peak never falls. VmHWM and not getrusage's ru_maxrss: that
# one starts at the parent's peak, pytest's, and a bomb would go off below it unseen.

MEMORY = """
import re, resource, sys
from neurone.datasets.idx import open_idx
from neurone.errors import InputError
def kibibytes(name):
    return int(re.search(name + r":\\s+(\\d+) kB", open("/proc/self/status").read())[1])
before = kibibytes("VmHWM")
if len(sys.argv) > 3:
    resource.setrlimit(resource.RLIMIT_AS, (kibibytes("VmSize") * 1024 + int(sys.argv[3]),) * 2)
try:
    open_idx(sys.argv[1], int(sys.argv[2])).read()
except InputError as error:
    print(kibibytes("VmHWM") - before)
    print(error)
"""
linux = pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="peak memory is read from /proc")


def memory_and_message(path, ndim, *limit):
    command = [sys.executable, "-c", MEMORY, str(path), str(ndim), *map(str, limit)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    kibibytes, message = done.stdout.splitlines()
    return int(kibibytes) / 1024, message


def gzip_of_zeros(head, zeros):
    """`head` and `zeros` zeros, gzipped at the price of 16 MiB; the CRC, which nobody may reach, is wrong."""
    deflate = zlib.compressobj(9, wbits=31)
    start = deflate.compress(head) + deflate.flush(zlib.Z_FULL_FLUSH)
    piece = deflate.compress(bytes(1 << 24)) + deflate.flush(zlib.Z_FULL_FLUSH)
    return start + piece * (zeros >> 24) + deflate.flush()


@linux
def test_gzip_bomb_takes_no_memory(pack):
    """1 GiB behind the header of MNIST's test images. Inflated whole it would take 1024 MiB; in pieces, but
    without a limit on what comes out of each, 264."""
    bomb = pack(gzip_of_zeros(header(10000, 28, 28), 1 << 30))
    assert bomb.stat().st_size > 1_000_000
    mebibytes, message = memory_and_message(bomb, 3)
    assert "more bytes than its header says" in message
    assert mebibytes < 30  # the array itself is 7.5


@linux
def test_claim_beyond_deflate_takes_no_memory(tmp_path):
    """1 GiB by its header, in a file of a hundred bytes."""
    path = tmp_path / "claim.gz"
    path.write_bytes(packed(header(1 << 30) + bytes(1 << 10)))
    mebibytes, message = memory_and_message(path, 1)
    assert "gzipped bytes can hold" in message
    assert mebibytes < 10


@linux
def test_lack_of_memory_is_said(tmp_path):
    """A sound plain file of 4 GiB (sparse: it takes no room), and 1 GiB of address space left."""
    path = tmp_path / "large"
    path.write_bytes(struct.pack(">II", 0x0801, (1 << 32) - 1))
    os.truncate(path, 8 + (1 << 32) - 1)
    mebibytes, message = memory_and_message(path, 1, 1 << 30)
    assert "needs 4294967295 bytes of memory" in message
    assert mebibytes < 10
