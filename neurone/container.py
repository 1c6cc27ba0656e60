"""One strict .npz: settings and named arrays, written atomically, read without trust.

The file is a zip archive of stored (uncompressed) `.npy` members, which `numpy.load` opens too: first
`settings`, a JSON text that names the format, its version and the arrays, then the arrays themselves.

The settings determine everything in the file but the arrays' numbers, so the reader asks one question of
each byte: is it what `write` would have put there? That leaves no room for duplicates, extra members,
trailing bytes, other types or a flipped bit, and takes no memory that the file's own size does not warrant.
Python's zipfile and NumPy's header writer are not used, because their bytes may change from version to
version; `tests/test_container.py` checks that both can read the file.
"""

import hashlib
import json
import math
import os
import struct
import zlib

import numpy as np

from neurone.files import reading, refusal, replacing

_VERSION = 1
_LARGEST_SETTINGS = 1 << 16
_TYPES = ("<f4", "<f8", "<i8", "|u1")
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_ZIP_VERSION, _STORED = 20, 0
# 1980-01-01, the zip format's first day. The time of writing would make equal networks unequal files.
_TIME, _DATE = 0, 0x21


def write(path, kind, settings, arrays):
    """Write settings and arrays to `path`, which is replaced whole or not at all.

    Parameters
    ----------
    path : path-like
    kind : str
        What the file holds, for example "model"; `read` asks for it again.
    settings : dict
        Strings, numbers, lists: what JSON can hold.
    arrays : dict of str to ndarray
        C-contiguous, of type float32, float64, int64 or uint8.
    """
    data = [array.reshape(-1).view(np.uint8).data for array in arrays.values()]
    shapes = [[name, array.dtype.str, list(array.shape)] for name, array in arrays.items()]
    text = _text(kind, settings, shapes, _sha256(data))
    members = [("settings", f"|S{len(text)}", (), text)]
    members += [(name, type_, tuple(shape), bytes_) for (name, type_, shape), bytes_ in zip(shapes, data, strict=True)]
    if len(text) > _LARGEST_SETTINGS:
        raise refusal(path, f"settings of {len(text)} bytes, at most {_LARGEST_SETTINGS} fit; name fewer layers")
    if sum(len(member[3]) + 1024 for member in members) >= 1 << 32:
        raise refusal(path, "more than 4 GiB do not fit in one file; make layers smaller")
    with replacing(path) as file:
        heads = []
        for name, type_, shape, bytes_ in members:
            head = _head(name, type_, shape, bytes_)
            heads.append((head, file.tell()))
            file.write(_local(head))
            file.write(bytes_)
        file.write(_directory(heads, file.tell()))


def read(path, *kinds):
    """Settings and arrays of the file `path`, which must be what `write` makes of one of the kinds, byte for byte.

    Raises
    ------
    InputError
        Anything else. The message names the file, what was found and what to do.
    """
    try:
        with reading(path) as file:
            return _read(file, os.fstat(file.fileno()).st_size, kinds)
    except _RefusalError as refused:
        raise refusal(path, f"{refused}; use an undamaged file, as neurone wrote it") from None


class _RefusalError(Exception):
    """What was found and what was expected; `read` adds where and what to do."""


def _read(file, size, kinds):
    text = _read_settings(file, size)
    shapes, settings, sha256 = _parse(text, kinds)
    # From here on every length is known: compare before taking memory.
    members = [("settings", f"|S{len(text)}", ()), *shapes]
    lengths = [_length(type_, shape) for _, type_, shape in members]
    if size >= 1 << 32:
        raise _RefusalError(f"{size} bytes long, more than neurone writes")
    if sum(lengths) > size:
        raise _RefusalError(f"{size} bytes long, its arrays alone need {sum(lengths)}: truncated")
    expected = sum(len(_local(_head(*member, b""))) for member in members) + sum(lengths)
    expected += len(_directory([(_head(*member, b""), 0) for member in members], 0))
    if size != expected:
        raise _RefusalError(f"{size} bytes long, {expected} expected: truncated, or not alone in the file")

    file.seek(0)
    arrays, heads = {}, []
    for member, length in zip(members, lengths, strict=True):
        name, type_, shape = member
        begin = file.tell()
        found = file.read(len(_local(_head(*member, b""))))
        data = np.empty(length, np.uint8)
        if file.readinto(data) != length:
            raise _RefusalError(f"ends inside member {name}, shortened while it was read")
        head = _head(*member, data)
        if found != _local(head):
            raise _RefusalError(f"member {name} or the header in front of it is damaged (its check sum differs)")
        heads.append((head, begin))
        arrays[name] = data.view("u1" if type_.startswith("|S") else type_).reshape(shape or -1)
    end = file.tell()
    if file.read() != _directory(heads, end):
        raise _RefusalError("the archive's directory is damaged")
    del arrays["settings"]
    if _sha256([array.reshape(-1).view(np.uint8).data for array in arrays.values()]) != sha256:
        raise _RefusalError("the arrays' SHA-256 differs from the one in the settings")
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise _RefusalError(f"{name} holds NaN or infinity")
    return settings, arrays


def _read_settings(file, size):
    """The JSON text in the first member, whose length is trusted only up to a small bound."""
    start = file.read(_LOCAL.size)
    if not start.startswith(b"PK\3\4"):
        what = "empty" if not size else "a pickle" if start[0] == 0x80 else f"starts with {start[:4]!r}"
        raise _RefusalError(f"{what}: not a .npz archive")
    if len(start) < _LOCAL.size:
        raise _RefusalError(f"{size} bytes long: truncated")
    name = file.read(len("settings.npy"))
    compression, stored = _LOCAL.unpack(start)[3], _LOCAL.unpack(start)[8]
    if name != b"settings.npy":
        raise _RefusalError("the first member is not settings.npy: another program's .npz")
    if compression != _STORED:
        raise _RefusalError("the settings are compressed, which neurone never does")
    if not 128 < stored <= _LARGEST_SETTINGS:
        raise _RefusalError(f"settings of {stored} bytes, at most {_LARGEST_SETTINGS} expected")
    return file.read(stored)[len(_npy_header("|S0", ())) :]


def _parse(text, kinds):
    """Arrays' names, types and shapes, the settings, and the arrays' SHA-256."""
    try:
        head = json.loads(text)
        format_, version = head["format"], head["version"]
        known = [f"neurone {kind}" for kind in kinds]
        if format_ not in known:
            raise _RefusalError(f"holds {format_!r}, {' or '.join(map(repr, known))} expected")
        kind = format_.removeprefix("neurone ")
        if version != _VERSION:
            raise _RefusalError(f"version {version!r} of the format, {_VERSION} expected: written by another neurone")
        shapes = [(str(name), str(type_), tuple(shape)) for name, type_, shape in head["arrays"]]
        settings, sha256 = head["settings"], head["sha256"]
        canonical = _text(kind, settings, [[name, type_, list(shape)] for name, type_, shape in shapes], sha256)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _RefusalError("the settings are not neurone's JSON") from None
    if canonical != text:
        raise _RefusalError("the settings are not as neurone writes them")
    for name, type_, shape in shapes:
        if not (name.isascii() and name.isidentifier()):
            raise _RefusalError(f"an array has the name {name!r}")
        if type_ not in _TYPES:
            raise _RefusalError(f"{name} is of type {type_!r}, one of {', '.join(_TYPES)} expected")
        # With an extent of 0 an array has 0 bytes, whatever the other extents are: those too must be possible.
        sound = len(shape) <= 4 and all(type(extent) is int and 0 <= extent < 1 << 32 for extent in shape)
        if not sound or _length(type_, (max(extent, 1) for extent in shape)) >= 1 << 32:
            raise _RefusalError(f"{name} has shape {shape}")
    if len({name for name, _, _ in shapes} | {"settings"}) != len(shapes) + 1:
        raise _RefusalError("two arrays have one name")
    return shapes, settings, sha256


def _text(kind, settings, shapes, sha256):
    """The settings member, in the one form that is written. What has no such form raises ValueError or TypeError."""
    head = {
        "format": f"neurone {kind}",
        "version": _VERSION,
        "settings": settings,
        "arrays": shapes,
        "sha256": sha256,
    }
    return json.dumps(head, allow_nan=False, separators=(", ", ": ")).encode("ascii")


def _sha256(data):
    digest = hashlib.sha256()
    for part in data:
        digest.update(part)
    return digest.hexdigest()


def _length(type_, shape):
    return int(type_[2:]) * math.prod(shape)


def _npy_header(type_, shape):
    """Version 1.0 of NumPy's format: magic, length, a dictionary padded to a multiple of 64 bytes."""
    text = f"{{'descr': {type_!r}, 'fortran_order': False, 'shape': {shape!r}, }}"
    text = text.ljust(-(-(10 + len(text) + 1) // 64) * 64 - 11) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode("ascii")


def _head(name, type_, shape, data):
    """(member's name, its .npy header, its size, its check sum); the size does not need `data`, which may be empty."""
    header = _npy_header(type_, shape)
    return f"{name}.npy".encode(), header, len(header) + _length(type_, shape), zlib.crc32(data, zlib.crc32(header))


def _local(head):
    """What comes before a member's data: the zip's local header and the .npy header."""
    name, header, size, crc = head
    fields = _LOCAL.pack(b"PK\3\4", _ZIP_VERSION, 0, _STORED, _TIME, _DATE, crc, size, size, len(name), 0)
    return fields + name + header


def _directory(heads, begin):
    """The zip's central directory and end record, for (head, offset) of each member."""
    entries = b""
    for (name, _, size, crc), offset in heads:
        entries += _CENTRAL.pack(
            b"PK\1\2", _ZIP_VERSION, _ZIP_VERSION, 0, _STORED, _TIME, _DATE,
            crc, size, size, len(name), 0, 0, 0, 0, 0, offset,
        ) + name  # fmt: skip
    return entries + _END.pack(b"PK\5\6", 0, 0, len(heads), len(heads), len(entries), begin, 0)
