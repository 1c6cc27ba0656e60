"""`SHA256SUMS` of a folder, as sha256sum writes it."""

import os
import re
from pathlib import Path

from neurone.files import reading, refusal, replacing, shown

SUMS = "SHA256SUMS"
_LINE = re.compile(r"([0-9a-fA-F]{64}) [ *](?:\./)?(.+)")
_LIMIT = 1 << 20


def read_sums(folder):
    """File name -> SHA-256 as the folder's SHA256SUMS says; None without such a file."""
    path = Path(folder, SUMS)
    if not os.path.lexists(path):  # not exists(): a dangling link is no reason to skip the check
        return None
    with reading(path) as file:
        text = os.fsdecode(file.read(_LIMIT + 1))
    if len(text) > _LIMIT:
        raise refusal(path, f"is longer than {_LIMIT} bytes; write it again with sha256sum")
    sums = {}
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if not line or line.startswith("#"):  # as sha256sum --check does
            continue
        match = _LINE.fullmatch(line)
        if not match or match[2] in sums:
            fault = "lists a name twice" if match else "is not '<64 hex digits>  <name>'"
            raise refusal(path, f"line {number} {fault}; write the file again with sha256sum")
        sums[match[2]] = match[1].lower()
    return sums


def check_listed(folder, sums, names):
    """Refuse files that the sums of their folder leave out."""
    unlisted = [shown(name) for name in names if sums is not None and name not in sums]
    if unlisted:
        raise refusal(Path(folder, SUMS), f"does not list {', '.join(unlisted)}; write it again with sha256sum")


def write_sums(folder, sums):
    """Write the folder's SHA256SUMS from file name -> SHA-256; not if it says so already."""
    path = Path(folder, SUMS)
    text = "".join(f"{sums[name]}  {name}\n" for name in sorted(sums)).encode()
    if not path.exists() or path.read_bytes() != text:
        with replacing(path) as out:
            out.write(text)
