"""`python -m neurone.fetch mnist`: download a set of images, and keep nothing that has not been verified."""

import argparse
import hashlib
import queue
import shlex
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from neurone.commands import Parser, one_line, run
from neurone.datasets.emnist import SPLITS, split_of
from neurone.datasets.idx import digest, open_idx
from neurone.datasets.mnist import MNIST_SHA256, idx_files
from neurone.datasets.progress import progress
from neurone.datasets.sums import SUMS, read_sums, write_sums
from neurone.errors import InputError, NeuroneError
from neurone.files import Target, refusal, replacing, shown
from neurone.usercache import user_cache

TIMEOUT = 30  # seconds without an answer
SLOWEST = 5_000  # bytes a second, on average, besides TIMEOUT
DEADLINE = 3600  # seconds for all files and mirrors
LIMIT = 64 << 20  # bytes of one file; MNIST's largest is 45 MiB even if served unpacked
PIECE = 1 << 13
_WAITING = 1 << 10  # pieces that may wait for a slow disk


@dataclass(frozen=True)
class File:
    """What a downloaded file must be: its shape, and one digest of its content or both.

    SHA-256 is that of the decompressed bytes; MD5, which the set's authors publish, that of the bytes as served.
    """

    shape: tuple
    sha256: str | None = None
    md5: str | None = None


@dataclass(frozen=True)
class Archive:
    """A zip file of a set's files, all in its folder `folder`: its name, MD5, and the most bytes that are taken."""

    name: str
    md5: str
    limit: int
    folder: str


@dataclass(frozen=True)
class Source:
    """Where a set comes from, and its files by name; or the archive that they are in."""

    mirrors: tuple
    files: dict
    archive: Archive | None = None


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
    "emnist": Source(
        ("https://biometrics.nist.gov/cs_links/EMNIST/",),
        {},
        # The MD5 is torchvision's; the archive has 536 MiB.
        Archive("gzip.zip", "58c8d27c78d21e728a6bc7b3cc06412e", 600 << 20, "gzip"),
    ),
}
_OF_SPLIT = (
    "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "test-images-idx3-ubyte.gz",
    "test-labels-idx1-ubyte.gz", "mapping.txt",
)  # fmt: skip


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


def _opener():
    """As urllib's own, without `ftp:`, `file:` and `data:`, to which a mirror could send us on."""
    opener = urllib.request.OpenerDirector()
    for name in (
        "ProxyHandler", "UnknownHandler", "HTTPHandler", "HTTPSHandler", "HTTPRedirectHandler",
        "HTTPDefaultErrorHandler", "HTTPErrorProcessor",
    ):  # fmt: skip
        if hasattr(urllib.request, name):  # a Python without ssl has no HTTPS
            opener.add_handler(getattr(urllib.request, name)())
    return opener


def _ask(url, answers, over, limit):
    """Put on the queue `answers` what `url` answers: its length or None, its pieces, b"" at the end; or an error.

    Stops when the event `over` is set.
    """
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "neurone"})
        with _opener().open(request, timeout=TIMEOUT) as response:
            answers.put(response.length)
            received, piece = 0, True
            while piece and not over.is_set():
                piece = response.read(PIECE)
                received += len(piece)
                if received > limit:
                    raise DownloadError(f"sends more than {limit} bytes")
                answers.put(piece)
    except Exception as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()  # it holds an open response; newer Pythons warn of one left open
        answers.put(error)


def _receive(url, out, until, limit=None):
    """Copy what `url` answers into the open file `out`, before the time `until`.

    Another thread asks: a socket's timeout begins anew with every byte, and a mirror that sends one a second could take
    for ever, for its headers alone. One that is given up is left to that thread, which ends with this process.
    """
    answers, over = queue.Queue(_WAITING), threading.Event()

    def answer():
        wait = min(begin + TIMEOUT + received / SLOWEST, until) - time.monotonic()
        try:
            found = answers.get(timeout=max(wait, 0))
        except queue.Empty:
            seconds = time.monotonic() - begin
            raise DownloadError(f"timed out after {received} bytes in {seconds:.0f} seconds") from None
        if isinstance(found, DownloadError):
            raise found
        if isinstance(found, Exception):  # OSError, HTTPException, ValueError for an address that cannot be encoded
            raise DownloadError(str(found) or repr(found)) from found
        return found

    begin, received = time.monotonic(), 0
    threading.Thread(target=_ask, args=(url, answers, over, limit or LIMIT), daemon=True).start()
    try:
        total = answer()
        with progress(url.rpartition("/")[2], total, "B") as bar:
            while piece := answer():
                received += len(piece)
                out.write(piece)
                if bar is not None:
                    bar.update(len(piece))
    finally:
        over.set()
    if total is not None and received != total:  # read() does not tell that a connection was cut short
        raise DownloadError(f"cut short after {received} of {total} bytes")


def _download(url, path, file, until):
    """Put the file at `url` at `path` if it is what `file` says; return the SHA-256 of its bytes."""
    with replacing(path) as out:
        _receive(url, out, until)
        out.flush()
        try:
            return _verify(out.name, file)
        except InputError as error:  # without the temporary file's name, which means nothing to the user
            raise DownloadError(str(error).removeprefix(f"{shown(out.name)}: ")) from error


def _download_from_any(mirrors, path, download):
    """What `download(url)` gives for the first mirror from which it does not fail."""
    failures = []
    for mirror in mirrors:
        url = f"{mirror.rstrip('/')}/{path.name}"
        try:
            found = download(url)
        except DownloadError as error:
            failures.append(f"{url}: {error}")
            print(one_line(f"{failures[-1]}; not used"), flush=True)
        else:
            print(f"{shown(path)}: downloaded from {url}", flush=True)
            return found
    raise DownloadError(
        f"{path.name} could not be downloaded: {'; '.join(failures)}; try later, or name another --mirror"
    )


def _fetch_archive(folder, archive, mirrors, until, split):
    """Take the files of EMNIST's split, or of all, from the archive, which is verified before one is kept."""
    names = [f"emnist-{each}-{part}" for each in ([split] if split else SPLITS) for part in _OF_SPLIT]
    sums = read_sums(folder) or {}
    if all(_sum_of(folder / name) == sums.get(name, "") for name in names):
        for name in names:
            print(f"{shown(folder / name)}: kept", flush=True)
        return
    with tempfile.TemporaryFile(dir=folder) as file:

        def download(url):
            file.seek(0)
            file.truncate()
            _receive(url, file, until, archive.limit)
            file.seek(0)
            found = hashlib.file_digest(file, "md5").hexdigest()
            if found != archive.md5:
                raise DownloadError(f"wrong content, MD5 {found}, expected {archive.md5}")

        _download_from_any(mirrors, folder / archive.name, download)
        for name in names:
            sums[name] = _unpack(file, f"{archive.folder}/{name}", folder / name)
    write_sums(folder, sums)


def _sum_of(path):
    """SHA-256 of a file; None where there is none."""
    if not path.exists():
        return None
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unpack(file, member, path):
    """Copy a member of the zip archive `file` to `path`; its SHA-256."""
    hasher = hashlib.sha256()
    try:
        with zipfile.ZipFile(file) as archive, archive.open(member) as stored, replacing(path) as out:
            while piece := stored.read(PIECE):
                hasher.update(piece)
                out.write(piece)
    except (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError, EOFError, zlib.error) as error:
        raise DownloadError(f"{member} cannot be taken from the archive ({error}); name another --mirror") from None
    return hasher.hexdigest()


def _is_of(name, source):
    return split_of(name) is not None if source.archive else name in source.files


def _prepare(folder, source):
    """Make the folder; refuse it before anything is downloaded, if it cannot be used."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise refusal(folder, f"cannot be written to ({error.strerror}); choose another --folder") from error
    others = [n for names in idx_files(folder).values() for n in names if not _is_of(n, source)]
    if others:
        names = ", ".join(map(shown, others))
        raise refusal(folder, f"holds another set ({names}); choose another --folder or move it away")


def _kept(path, file):
    """SHA-256 of the stored bytes if `path` need not be downloaded; None if it is missing or damaged."""
    try:
        sha256 = _verify(path, file)
    except InputError:
        return None
    except _WrongContentError as error:
        # Perhaps the user's own set, which only the user may delete.
        raise refusal(path, f"{error}; choose another --folder or move it away") from error
    print(f"{shown(path)}: kept", flush=True)
    return sha256


def fetch(name, folder=None, mirrors=None, split=None):
    """Download the set `name` unless it is there already, and write its SHA256SUMS.

    Parameters
    ----------
    name : str
        A key of `SETS`.
    folder : path-like, optional
        Default: `datasets/<name>` in the user's cache folder.
    mirrors : sequence of str, optional
        Addresses of folders to try in this order instead of the set's own.
    split : str, optional
        Of EMNIST, to keep that alone; else all six.

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
    source, until = SETS[name], time.monotonic() + DEADLINE
    folder = Path(folder) if folder is not None else user_cache() / "datasets" / name
    if split is not None and (source.archive is None or split not in SPLITS):
        known = f"give one of {', '.join(SPLITS)}" if source.archive else f"{name} has no splits, leave it out"
        raise InputError(f"--split is {split!r}; {known}")
    _prepare(folder, source)
    if source.archive is not None:
        _fetch_archive(folder, source.archive, mirrors or source.mirrors, until, split)
        return folder
    paths = {folder / file_name: file for file_name, file in source.files.items()}
    for path in (*paths, folder / SUMS):
        Target(path)  # refuses what is not to be replaced, such as a folder or a device
    sums = {path: _kept(path, file) for path, file in paths.items()}
    for path in paths:
        if sums[path] is None:
            sums[path] = _download_from_any(
                mirrors or source.mirrors, path, lambda url, path=path: _download(url, path, paths[path], until)
            )
    write_sums(folder, {path.name: sums[path] for path in sums})
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
    parser.add_argument("--split", metavar="NAME", help="of emnist, the one to keep: " + ", ".join(SPLITS))
    args = parser.parse_args(argv)
    folder = shown(fetch(args.name, args.folder, args.mirror, args.split))
    split = f" --split {args.split or 'letters'}" if args.name == "emnist" else ""
    print(f"{args.name} is complete: python -m neurone.train --data {shlex.quote(folder)}{split}")


if __name__ == "__main__":
    sys.exit(run("fetch", main))
