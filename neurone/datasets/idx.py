"""IDX files, the format of MNIST: a header (magic number, dimensions) and numbers, mostly bytes; gzipped or not."""

import contextlib
import gzip
import hashlib
import math
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neurone.files import reading, refusal, replacing

# Code -> type of the elements; the first byte of a number is its highest.
_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_TYPES = {code: np.dtype(name) for code, name in _TYPES.items()}
_KINDS = {1: "labels", 3: "images"}
_AGAIN = "copy or download it again"

# Deflate's best is a match of 258 bytes in 2 bits: no byte of a gzip file can stand for more than this.
_DEFLATE_LIMIT = 1032
# The most that is read or inflated at once. A bomb costs this much memory, whatever it holds
# (test_gzip_bomb_takes_no_memory); larger pieces load MNIST no faster.
_PIECE = 1 << 18


class _Source:
    """The content of an open file from first byte to last, inflated if gzipped, piece by piece."""

    # Not gzip.GzipFile: it reads concatenated members as one, and ignores zeros after them.

    def __init__(self, path, file, hasher=None):
        self.path = path
        self._file = file
        self._hasher = hasher
        head = file.peek(2)[:2]
        if not head:
            raise refusal(path, f"is empty where an IDX file was expected; {_AGAIN}")
        self.inflate = zlib.decompressobj(wbits=31) if head == b"\x1f\x8b" else None

    def _stored(self, most):
        data = self._file.read(most)
        if self._hasher is not None:
            self._hasher.update(data)
        return data

    def read(self, most):
        """The next bytes, at least one and at most `most`; none only at the end."""
        if self.inflate is None:
            return self._stored(most)
        while not self.inflate.eof:
            packed = self.inflate.unconsumed_tail or self._stored(_PIECE)
            try:
                data = self.inflate.decompress(packed, most)
            except zlib.error as error:
                raise refusal(self.path, f"is damaged ({_gzip_fault(error)}); {_AGAIN}") from error
            if data:
                return data
            if not packed:
                raise refusal(self.path, f"is a truncated gzip file, its end is missing; {_AGAIN}")
        return b""

    def fill(self, view):
        """Read content into a flat writable `view` until it is full."""
        done = 0
        while done < len(view):
            data = self.read(min(_PIECE, len(view) - done))
            if not data:
                raise refusal(self.path, f"ends {len(view) - done} bytes too early for an IDX file; {_AGAIN}")
            view[done : done + len(data)] = data
            done += len(data)

    def end(self):
        """Refuse anything that follows; only here are a gzip file's CRC and length compared."""
        if self.read(1):
            raise refusal(self.path, f"holds more bytes than its header says; {_AGAIN}")
        if self.inflate is None:
            return
        rest = (self.inflate.unused_data[:2] + self._stored(2))[:2]
        if rest == b"\x1f\x8b":
            raise refusal(self.path, "holds several gzip members where one was expected; pack it as one")
        if rest:
            raise refusal(self.path, f"has bytes after the end of its gzip data; {_AGAIN}")


def _gzip_fault(error):
    reason = str(error).rpartition(": ")[2]
    meaning = {"incorrect data check": "bad CRC", "incorrect length check": "bad length"}
    return f"gzip: {meaning.get(reason, reason)}"


def _check_magic(path, magic, allowed):
    """Refuse the first four bytes unless they tell of a type, and of one of the `allowed` numbers of dimensions."""
    ndim = allowed[0]
    expected = f"0x{0x08 << 8 | ndim:08x}"
    found = f"0x{magic.hex()}"
    if magic[:2] != b"\0\0":
        what = "neither gzip nor IDX" if path.suffix == ".gz" else "not an IDX file"
        page = ", perhaps a web page" if magic[:1] == b"<" else ""
        raise refusal(path, f"is {what} (starts with {found}, expected {expected}{page}); {_AGAIN}")
    if magic[2] not in _TYPES:
        codes = ", ".join(f"0x{code:02x} ({type_.name})" for code, type_ in _TYPES.items())
        raise refusal(path, f"has elements of the unknown type 0x{magic[2]:02x}; IDX has {codes}: {_AGAIN}")
    if magic[3] not in allowed:
        if magic[3] in _KINDS and ndim in _KINDS:
            raise refusal(
                path,
                f"holds {_KINDS[magic[3]]} where {_KINDS[ndim]} were expected (magic {found}, expected"
                f" {expected}); were the two files swapped?",
            )
        raise refusal(path, f"has {magic[3]} dimensions (magic {found}), expected {ndim}; convert it")


def _read_header(source, size, allowed):
    """The shape and type, if the file's `size` can hold it. Nothing but the header is read."""
    magic = bytearray(4)
    source.fill(memoryview(magic))
    _check_magic(source.path, magic, allowed)
    ndim, dtype = magic[3], _TYPES[magic[2]]
    lengths = bytearray(4 * ndim)
    source.fill(memoryview(lengths))
    shape = struct.unpack(f">{ndim}I", lengths)
    said = " x ".join(map(str, shape))
    if 0 in shape:
        raise refusal(source.path, f"is {said} by its header; every dimension must be 1 or more, {_AGAIN}")
    needed = 4 + len(lengths) + math.prod(shape) * dtype.itemsize  # Python's integers: no overflow
    if source.inflate is not None and needed > size * _DEFLATE_LIMIT:
        raise refusal(
            source.path,
            f"is {said}, {needed} bytes, by its header, more than {size} gzipped bytes can hold; {_AGAIN}",
        )
    if source.inflate is None and needed != size:
        fault = "truncated" if size < needed else "longer than that"
        raise refusal(source.path, f"is {said}, {needed} bytes, by its header, but has {size}: {fault}; {_AGAIN}")
    return shape, dtype


@dataclass(frozen=True)
class Idx:
    """An IDX file, of which only the header has been read and found plausible.

    Attributes
    ----------
    path : pathlib.Path
    shape : tuple of int
    dtype : numpy.dtype
        As stored: of numbers of several bytes the highest comes first.
    """

    path: Path
    shape: tuple
    dtype: np.dtype

    def read(self, hasher=None):
        """Read the file, from its first byte again, to its checked end.

        Parameters
        ----------
        hasher : hashlib object, optional
            Updated with every byte of the file as stored. So the hash is that of the very bytes that were
            parsed, in a single reading; a second one could see another file.

        Returns
        -------
        ndarray, of `shape` and of the machine's own order of bytes

        Raises
        ------
        InputError
            If the file is damaged, is not as long as its header says, or has changed since.
        """
        # The file was not kept open after its header was read: closing four files on every way out takes
        # more code than reading 16 bytes twice.
        with reading(self.path) as file:
            source = self._opened(file, hasher)
            array = self._allocate()
            source.fill(memoryview(array).cast("B"))
            source.end()
        native = self.dtype.newbyteorder("=")
        return array if self.dtype == native else array.byteswap(inplace=True).view(native)

    def map(self, hasher=None):
        """The file's numbers as a memory map, read-only; `hasher` as for `read`, which alone reads the whole file.

        Raises
        ------
        InputError
            If the file is gzipped, or has changed since its header was read.
        """
        with reading(self.path) as file:
            if self._opened(file).inflate is not None:
                raise refusal(self.path, "is gzipped, and only plain files are read in windows; gunzip it")
            if hasher is not None:
                file.seek(0)
                while data := file.read(_PIECE):
                    hasher.update(data)
            return np.memmap(file, self.dtype, "r", 4 + 4 * len(self.shape), self.shape)

    def _opened(self, file, hasher=None):
        """The file's content behind its header, which is still what it was."""
        source = _Source(self.path, file, hasher)
        size = os.fstat(file.fileno()).st_size
        if _read_header(source, size, (len(self.shape),)) != (self.shape, self.dtype):
            raise refusal(self.path, "changed while it was being read; try again")
        return source

    def _allocate(self):
        try:
            return np.empty(self.shape, self.dtype)
        except (MemoryError, ValueError) as error:  # ValueError: more than an index can count
            needed = math.prod(self.shape) * self.dtype.itemsize
            raise refusal(self.path, f"needs {needed} bytes of memory; use a smaller set") from error


def open_idx(path, *allowed):
    """Read and check the header of an IDX file, plain or gzipped, whatever its name.

    Parameters
    ----------
    path : path-like
    *allowed : int
        Numbers of dimensions to expect: 3 for images, 1 for labels, or 2 where they have several columns.

    Returns
    -------
    Idx
        Its `shape` is known and plausible; its `read()` gives the array.

    Raises
    ------
    InputError
        If the file cannot be read, or its header is not what was expected or cannot be true.

    Examples
    --------
    >>> images, labels = open_idx("train-images.gz", 3), open_idx("train-labels.gz", 1)  # doctest: +SKIP
    >>> images.shape[0] == labels.shape[0]  # compared before memory is taken  # doctest: +SKIP
    True
    >>> images.read().dtype  # doctest: +SKIP
    dtype('uint8')
    """
    path = Path(path)
    with reading(path) as file:
        return Idx(path, *_read_header(_Source(path, file), os.fstat(file.fileno()).st_size, allowed))


def _header(array):
    code = next(code for code, dtype in _TYPES.items() if dtype == array.dtype.newbyteorder(">"))
    return struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape)


def digest(array):
    """SHA-256 of the plain IDX file of `array` (C-contiguous), in hexadecimal.

    It is the identity of a set: unlike that of a gzipped file, it does not depend on who packed it.
    """
    hasher = hashlib.sha256(_header(array))
    hasher.update(_stored(array))
    return hasher.hexdigest()


def _stored(array):
    """The numbers as IDX has them, the highest byte first."""
    return np.ascontiguousarray(array, array.dtype.newbyteorder(">"))


def write_idx(path, array):
    """Write an IDX file, gzipped if its name ends in `.gz`; the same bytes for the same array.

    The file appears complete or not at all.

    Parameters
    ----------
    path : path-like
    array : ndarray, any shape without a zero
        Images (P, rows, columns) or labels (P,), of a type that IDX has: uint8, int8, int16, int32, float32, float64.

    Raises
    ------
    InputError
        If `array` cannot be an IDX file.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> write_idx("train-labels.gz", np.array([5, 0, 4], np.uint8))  # doctest: +SKIP
    """
    path, array = Path(path), np.asarray(array)
    if array.dtype.newbyteorder(">") not in _TYPES.values():
        raise refusal(path, f"an array of {array.dtype} cannot be written; convert it to uint8")
    if not 1 <= array.ndim <= 255 or not all(1 <= n < 1 << 32 for n in array.shape):
        raise refusal(path, f"an array of shape {array.shape} cannot be written; IDX has no such dimensions")
    with replacing(path) as file, contextlib.ExitStack() as stack:
        if path.suffix == ".gz":
            # Neither name nor time in the gzip header: test_gzip_is_deterministic.
            file = stack.enter_context(gzip.GzipFile("", "wb", fileobj=file, mtime=0))
        file.write(_header(array))
        file.write(_stored(array))
