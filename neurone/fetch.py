"""`python -m neurone.fetch mnist`: download a set of images, and keep nothing that has not been verified."""

import argparse
import contextlib
import hashlib
import http.client
import shlex
import sys
import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from neurone.commands import Parser, one_line, run
from neurone.datasets.idx import digest, open_idx
from neurone.datasets.mnist import MNIST_SHA256, idx_files
from neurone.errors import InputError, NeuroneError
from neurone.files import refusal, replacing, shown
from neurone.usercache import user_cache

TIMEOUT = 30  # seconds without an answer
LIMIT = 64 << 20  # bytes of one file; MNIST's largest is 45 MiB even if served unpacked
PIECE = 1 << 16


@dataclass(frozen=True)
class File:
    """What a downloaded file must be: its shape, and one digest of its content or both.

    SHA-256 is that of the decompressed bytes; MD5, which the set's authors publish, that of the bytes as served.
    """

    shape: tuple
    sha256: str | None = None
    md5: str | None = None


@dataclass(frozen=True)
class Source:
    """Where a set comes from, and its files by name."""

    mirrors: tuple
    files: dict


_NAMES = {
    "train-images-idx3-ubyte.gz": (60000, 28, 28),
    "train-labels-idx1-ubyte.gz": (60000,),
    "t10k-images-idx3-ubyte.gz": (10000, 28, 28),
    "t10k-labels-idx1-ubyte.gz": (10000,),
}
_FASHION_MD5 = (  # github.com/zalandoresearch/fashion-mnist, README
    "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "25c81989df183df01b3e8a0aad5dffbe",
    "bef4ecab320f06d8554ea6380940ec79",
    "bb300cfdad3c16e7a12a480ee83cd310",
)

SETS = {
    "mnist": Source(
        (
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        {
            name: File(shape, sha256=sha256)
            for (name, shape), sha256 in zip(_NAMES.items(), MNIST_SHA256.values(), strict=True)
        },
    ),
    "fashion-mnist": Source(
        ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
        {name: File(shape, md5=md5) for (name, shape), md5 in zip(_NAMES.items(), _FASHION_MD5, strict=True)},
    ),
}


class DownloadError(NeuroneError):
    """No mirror gave the file that was wanted."""

    exit_code = 1


class _WrongContentError(DownloadError):
    """A file of another set: not damaged, as far as it has been read."""


def _verify(path, file):
    """SHA-256 of the bytes of `path` as stored.

    Raises `InputError` if it is no sound IDX file, and `_WrongContentError` if it is one, but not what `file` says.
    """
    idx = open_idx(path, len(file.shape))
    if idx.shape != file.shape:
        raise _WrongContentError(f"wrong content, shape {idx.shape}, expected {file.shape}")
    hasher = hashlib.sha256()
    found = digest(idx.read(hasher))
    if file.sha256 is not None and found != file.sha256:
        raise _WrongContentError(f"wrong content, SHA-256 {found} once decompressed, expected {file.sha256}")
    if file.md5 is not None:
        with open(path, "rb") as stored:
            found = hashlib.file_digest(stored, "md5").hexdigest()
        if found != file.md5:
            raise _WrongContentError(f"wrong content, MD5 {found}, expected {file.md5}")
    return hasher.hexdigest()


def _progress(name, total):
    """A bar to update with bytes received, or None: without tqdm, or where nobody watches."""
    if sys.stderr.isatty():
        try:
            from tqdm import tqdm
        except ImportError:
            pass
        else:
            return tqdm(desc=name, total=total, unit="B", unit_scale=True)
    return contextlib.nullcontext()


def _receive(url, out):
    """Copy what `url` answers into the open file `out`."""
    request = urllib.request.Request(url, headers={"User-Agent": "neurone"})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
        total, received = response.length, 0
        with _progress(url.rpartition("/")[2], total) as bar:
            while piece := response.read(PIECE):
                received += len(piece)
                if received > LIMIT:
                    raise DownloadError(f"sends more than {LIMIT} bytes")
                out.write(piece)
                if bar is not None:
                    bar.update(len(piece))
    if total is not None and received != total:  # read() does not tell that a connection was cut short
        raise DownloadError(f"cut short after {received} of {total} bytes")


def _download(url, path, file):
    """Put the file at `url` at `path` if it is what `file` says; return the SHA-256 of its bytes."""
    with replacing(path) as out:
        _receive(url, out)
        out.flush()
        try:
            return _verify(out.name, file)
        except InputError as error:  # without the temporary file's name, which means nothing to the user
            raise DownloadError(str(error).removeprefix(f"{shown(out.name)}: ")) from error


def _download_from_any(mirrors, path, file):
    failures = []
    for mirror in mirrors:
        url = f"{mirror.rstrip('/')}/{path.name}"
        try:
            sha256 = _download(url, path, file)
        # ValueError: an address that cannot be encoded
        except (OSError, http.client.HTTPException, ValueError, DownloadError) as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()  # it holds an open response; newer Pythons warn of one left open
            failures.append(f"{url}: {error}")
            print(one_line(f"{failures[-1]}; not used"), flush=True)
        else:
            print(f"{shown(path)}: downloaded from {url}", flush=True)
            return sha256
    raise DownloadError(
        f"{path.name} could not be downloaded: {'; '.join(failures)}; try later, or name another --mirror"
    )


def _prepare(folder, source):
    """Make the folder; refuse it before anything is downloaded, if it cannot be used."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise refusal(folder, f"cannot be written to ({error.strerror}); choose another --folder") from error
    others = [n for names in idx_files(folder).values() for n in names if n not in source.files]
    if others:
        names = ", ".join(map(shown, others))
        raise refusal(folder, f"holds another set ({names}); choose another --folder or move it away")


def _kept(path, file):
    """SHA-256 of the stored bytes if `path` need not be downloaded; None if it is missing or damaged."""
    if path.is_dir():
        raise refusal(path, "is a folder where a file is to be written; choose another --folder")
    try:
        sha256 = _verify(path, file)
    except InputError:
        return None
    except _WrongContentError as error:
        # Perhaps the user's own set, which only the user may delete.
        raise refusal(path, f"{error}; choose another --folder or move it away") from error
    print(f"{shown(path)}: kept", flush=True)
    return sha256


def fetch(name, folder=None, mirrors=None):
    """Download the set `name` unless it is there already, and write its SHA256SUMS.

    Parameters
    ----------
    name : str
        A key of `SETS`.
    folder : path-like, optional
        Default: `datasets/<name>` in the user's cache folder.
    mirrors : sequence of str, optional
        Addresses of folders to try in this order instead of the set's own.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    InputError
        If the folder cannot be used: not writable, or another set is in it.
    DownloadError
        If no mirror gave the right file.
    """
    source = SETS[name]
    folder = Path(folder) if folder is not None else user_cache() / "datasets" / name
    _prepare(folder, source)
    paths = {folder / file_name: file for file_name, file in source.files.items()}
    sums = {path: _kept(path, file) for path, file in paths.items()}
    for path in paths:
        if sums[path] is None:
            sums[path] = _download_from_any(mirrors or source.mirrors, path, paths[path])
    with replacing(folder / "SHA256SUMS") as out:
        out.write("".join(f"{sums[path]}  {path.name}\n" for path in sorted(sums)).encode())
    return folder


def _mirror(text):
    if not text.startswith(("http://", "https://")):  # urllib would read file:// too
        raise argparse.ArgumentTypeError(f"{text!r} is not an http:// or https:// address")
    return text


def main(argv=None):
    parser = Parser("fetch", "Download a set of images.")
    parser.add_argument("name", choices=SETS, help="the set")
    parser.add_argument("--folder", metavar="DIR", help="where to put it (default: the user's cache folder)")
    parser.add_argument(
        "--mirror", metavar="URL", type=_mirror, action="append",
        help="folder to download from instead of the usual ones; may be given several times",
    )  # fmt: skip
    args = parser.parse_args(argv)
    folder = shown(fetch(args.name, args.folder, args.mirror))
    print(f"{args.name} is complete: python -m neurone.train --data {shlex.quote(folder)}")


if __name__ == "__main__":
    sys.exit(run("fetch", main))
