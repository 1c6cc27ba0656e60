"""`python -m neurone.fetch` against servers on this machine: good ones, and every kind of bad one."""

import contextlib
import gzip
import hashlib
import http.server
import os
import pty
import signal
import subprocess
import sys
import termios
import threading
from pathlib import Path

import numpy as np
import pytest

import neurone
from neurone import commands, fetch
from neurone.datasets import sums
from neurone.datasets.mnist import load_folder

ROOT = Path(neurone.__file__).parents[1]
ROLES = {
    "train-images-idx3-ubyte.gz": "train_images",
    "train-labels-idx1-ubyte.gz": "train_labels",
    "t10k-images-idx3-ubyte.gz": "test_images",
    "t10k-labels-idx1-ubyte.gz": "test_labels",
}
FIRST = next(iter(ROLES))
REAL_SETS = dict(fetch.SETS)  # before the fixture `small`
RNG = np.random.default_rng(5)
ARRAYS = {
    "train-images-idx3-ubyte.gz": RNG.integers(0, 256, (30, 9, 8), np.uint8),
    "train-labels-idx1-ubyte.gz": np.arange(30, dtype=np.uint8) % 4,
    "t10k-images-idx3-ubyte.gz": RNG.integers(0, 256, (10, 9, 8), np.uint8),
    "t10k-labels-idx1-ubyte.gz": np.arange(10, dtype=np.uint8) % 4,
}


def plain(array):
    head = bytes([0, 0, 8, array.ndim])
    return head + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()


CONTENT = {name: plain(array) for name, array in ARRAYS.items()}
GOOD = {name: gzip.compress(content, mtime=0) for name, content in CONTENT.items()}
PAGE = b"<!DOCTYPE html><html><body>Please log in to this network.</body></html>"


class Server(http.server.ThreadingHTTPServer):
    """Answers as `behave(handler, name)` says; remembers which files it was asked for."""

    daemon_threads = True

    def __init__(self, behave):
        super().__init__(("127.0.0.1", 0), Handler)
        self.behave = behave
        self.asked = []
        self.url = f"http://127.0.0.1:{self.server_port}/sets"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        folder, _, name = self.path.rpartition("/")
        assert folder == "/sets"
        self.server.asked.append(name)
        self.server.behave(self, name)

    def log_message(self, *args):
        pass

    def answer(self, body, length=None, status=200):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)


def good(handler, name):
    handler.answer(GOOD[name])


def without_length(handler, name):
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(GOOD[name])


def closing(handler, name):
    handler.close_connection = True


def elsewhere(address):
    def redirect(handler, name):
        handler.send_response(302)
        handler.send_header("Location", address)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return redirect


def endless(handler, name):
    handler.send_response(200)
    handler.end_headers()
    with contextlib.suppress(OSError):
        for _ in range(1000):
            handler.wfile.write(bytes(1 << 16))


def other_content(handler, name):
    array = ARRAYS[name].copy()
    array.flat[-1] ^= 1
    handler.answer(gzip.compress(plain(array)))


def other_role(handler, name):
    other = {"images": "labels-idx1-ubyte.gz", "labels": "images-idx3-ubyte.gz"}
    part, kind, *_ = name.split("-")
    handler.answer(GOOD[f"{part}-{other[kind]}"])


def status(code):
    return lambda handler, name: handler.answer(PAGE, status=code)


BAD = {
    "403": (status(403), "HTTP Error 403: Forbidden"),
    "404": (status(404), "HTTP Error 404: Not Found"),
    "503": (status(503), "HTTP Error 503: Service Unavailable"),
    "page": (lambda h, name: h.answer(PAGE), "perhaps a web page"),
    "empty": (lambda h, name: h.answer(b""), "is empty"),
    "cut short": (lambda h, name: h.answer(GOOD[name][:20], len(GOOD[name])), "cut short after 20 of"),
    "truncated": (lambda h, name: h.answer(GOOD[name][:-1]), "truncated gzip"),
    "damaged": (lambda h, name: h.answer(GOOD[name][:-8] + bytes(8)), "bad CRC"),
    "trailing": (lambda h, name: h.answer(GOOD[name] + PAGE), "after the end of its gzip data"),
    "other content": (other_content, "wrong content, SHA-256"),
    "other shape": (lambda h, name: h.answer(gzip.compress(plain(ARRAYS[name][1:]))), "wrong content, shape"),
    "other role": (other_role, "swapped"),
    "nothing": (closing, "Remote end closed connection"),
    "no http": (lambda h, name: h.wfile.write(b"hello\r\n\r\n"), "hello"),
    "ftp": (elsewhere("ftp://127.0.0.1/a"), "unknown url type: ftp"),
    "file": (elsewhere("file:///etc/passwd"), "not allowed"),
    "endless": (endless, "sends more than 65536 bytes"),
}


@pytest.fixture
def serve():
    """Starts servers; all are stopped at the end."""
    with contextlib.ExitStack() as stack:

        def start(behave):
            server = Server(behave)
            stack.callback(server.server_close)
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            return server

        yield start


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """A small set in MNIST's place, no usual mirror, no proxy between this test and its server."""
    files = {n: fetch.File(a.shape, hashlib.sha256(CONTENT[n]).hexdigest()) for n, a in ARRAYS.items()}
    monkeypatch.setitem(fetch.SETS, "mnist", fetch.Source((), files))
    files = {name: fetch.File(array.shape, md5=hashlib.md5(GOOD[name]).hexdigest()) for name, array in ARRAYS.items()}
    monkeypatch.setitem(fetch.SETS, "fashion-mnist", fetch.Source((), files))
    monkeypatch.setattr(fetch, "LIMIT", 65536)
    monkeypatch.setenv("no_proxy", "*")


def run(capsys, folder, *servers, name="mnist"):
    """Exit code, standard output, standard error."""
    mirrors = [word for server in servers for word in ("--mirror", server.url)]
    code = commands.run("fetch", fetch.main, [name, "--folder", str(folder), *mirrors])
    return code, *capsys.readouterr()


def is_error(err, *words):
    assert err.startswith("neurone.fetch: ") and err.count("\n") == 1 and err.endswith("\n")
    for word in words:
        assert word in err
    return True


def assert_complete(folder):
    assert sorted(path.name for path in folder.iterdir()) == ["SHA256SUMS", *sorted(GOOD)]
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in sorted(GOOD)]
    assert (folder / "SHA256SUMS").read_text() == "".join(lines)
    data = load_folder(folder)
    for name, role in ROLES.items():
        np.testing.assert_array_equal(getattr(data, role), ARRAYS[name])


@pytest.mark.parametrize("behave", [good, without_length])
def test_download(tmp_path, capsys, serve, behave):
    server = serve(behave)
    code, out, err = run(capsys, tmp_path / "new" / "folder", server)
    assert (code, err) == (0, "")
    assert server.asked == list(ROLES)
    assert_complete(tmp_path / "new" / "folder")
    assert all(f"{name}: downloaded from {server.url}/{name}\n" in out for name in ROLES)
    assert out.endswith(f"mnist is complete: python -m neurone.train --data {tmp_path / 'new/folder'}\n")
    assert (tmp_path / "new/folder" / FIRST).read_bytes() == GOOD[FIRST]


def test_a_mirror_that_unpacks(tmp_path, capsys, serve):
    """The content counts, not how it is packed."""
    assert run(capsys, tmp_path, serve(lambda h, name: h.answer(CONTENT[name])))[0] == 0
    assert_complete(tmp_path)


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_default_folder(tmp_path, capsys, serve, name, monkeypatch):
    monkeypatch.setenv("NEURONE_CACHE", str(tmp_path / "cache"))
    assert commands.run("fetch", fetch.main, [name, "--mirror", serve(good).url]) == 0
    assert_complete(tmp_path / "cache" / "datasets" / name)


def test_own_mirrors_of_a_set(tmp_path, capsys, serve, monkeypatch):
    server = serve(good)
    monkeypatch.setitem(fetch.SETS, "mnist", fetch.Source((server.url + "/",), fetch.SETS["mnist"].files))
    assert run(capsys, tmp_path)[0] == 0
    assert server.asked == list(ROLES)
    assert_complete(tmp_path)


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_mirror_is_passed_over(tmp_path, capsys, serve, kind):
    behave, reason = BAD[kind]
    bad, mirror = serve(behave), serve(good)
    code, out, err = run(capsys, tmp_path, bad, mirror)
    assert (code, err) == (0, "")
    assert bad.asked == mirror.asked == list(ROLES)
    assert reason in next(line for line in out.splitlines() if line.startswith(bad.url))
    assert_complete(tmp_path)


@pytest.mark.parametrize("kind", BAD)
def test_bad_mirrors_alone(tmp_path, capsys, serve, kind):
    behave, reason = BAD[kind]
    first, second = serve(behave), serve(status(410))
    code, _, err = run(capsys, tmp_path, first, second)
    assert code == 1
    assert is_error(err, FIRST, f"{first.url}/{FIRST}: ", reason, f"{second.url}/{FIRST}: HTTP Error 410", "--mirror")
    assert first.asked == second.asked == [FIRST]
    assert ".tmp" not in err
    assert not list(tmp_path.iterdir())


def test_no_server(tmp_path, capsys, serve):
    server = serve(good)
    server.shutdown()
    server.server_close()
    code, _, err = run(capsys, tmp_path, server)
    assert code == 1 and is_error(err, "Connection refused")
    assert not list(tmp_path.iterdir())


def test_mirror_that_answers_too_late(tmp_path, capsys, serve, monkeypatch):
    """It answers only once the client has given up."""
    given_up = threading.Event()
    monkeypatch.setattr(fetch, "TIMEOUT", 0.2)
    try:
        code, _, err = run(capsys, tmp_path, serve(lambda h, name: given_up.wait()))
    finally:
        given_up.set()
    assert code == 1 and is_error(err, "timed out")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("head", [b"", b"HTTP/1.0 200 OK\r\n\r\n"])
def test_a_mirror_that_drips_is_given_up(tmp_path, capsys, serve, monkeypatch, head):
    """No byte is late, neither in the headers nor in the content; the next mirror is asked."""
    over = threading.Event()
    monkeypatch.setattr(fetch, "TIMEOUT", 0.5)

    def drip(handler, name):
        with contextlib.suppress(OSError):
            handler.wfile.write(head or b"HTTP/1.0 200 OK\r\nA: ")
            while not over.wait(0.05):
                handler.wfile.write(b"a")

    mirror = serve(good)
    try:
        code, out, err = run(capsys, tmp_path, serve(drip), mirror)
    finally:
        over.set()
    assert (code, err) == (0, "") and out.count("timed out after 0 bytes") == 4
    assert_complete(tmp_path)


@pytest.mark.parametrize("line", [b"HTTP/1.0 500 Oh\x1b[2J\x07\r\n\r\n", b"HTTP/1.0 500 \xff\x85\r\n\r\n"])
def test_answers_cannot_break_the_line(tmp_path, capsys, serve, line):
    code, out, err = run(capsys, tmp_path, serve(lambda h, name: h.wfile.write(line)))
    assert code == 1 and is_error(err, "500") and err[:-1].isprintable()
    assert all(line.isprintable() for line in out.split("\n"))


def test_what_is_there_is_kept(tmp_path, capsys, serve):
    """A second run asks for nothing, or only for the file that is lost, damaged or truncated."""
    run(capsys, tmp_path, serve(good))
    server = serve(good)
    code, out, _ = run(capsys, tmp_path, server)
    assert code == 0 and server.asked == [] and out.count(": kept\n") == 4
    for name, damage in zip(ROLES, [None, lambda d: d[:-1], lambda d: d[:-8] + bytes(8), lambda d: PAGE], strict=True):
        if damage is None:
            (tmp_path / name).unlink()
        else:
            (tmp_path / name).write_bytes(damage(GOOD[name]))
        server.asked.clear()
        assert run(capsys, tmp_path, server)[0] == 0
        assert server.asked == [name]
        assert_complete(tmp_path)


def test_files_of_a_failed_run_are_kept(tmp_path, capsys, serve):
    """SHA256SUMS comes last: its absence shows that the set is not complete."""
    partly = serve(lambda h, name: good(h, name) if "train" in name else status(503)(h, name))
    code, _, err = run(capsys, tmp_path, partly)
    assert code == 1 and is_error(err, "t10k-images-idx3-ubyte.gz")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(n for n in ROLES if "train" in n)
    server = serve(good)
    assert run(capsys, tmp_path, server)[0] == 0
    assert server.asked == [name for name in ROLES if "t10k" in name]
    assert_complete(tmp_path)


def test_a_damaged_file_stays_until_there_is_a_better_one(tmp_path, capsys, serve):
    (tmp_path / FIRST).write_bytes(b"damaged")
    assert run(capsys, tmp_path, serve(status(503)))[0] == 1
    assert (tmp_path / FIRST).read_bytes() == b"damaged"


def test_mnist_is_not_taken_for_fashion(tmp_path, capsys, serve):
    """Both have the same file names and shapes."""
    code, _, err = run(capsys, tmp_path, serve(other_content), name="fashion-mnist")
    assert code == 1 and is_error(err, "wrong content, MD5")
    assert not list(tmp_path.iterdir())


# What the user can fix: exit code 2, found before any server is asked.


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_another_set_is_not_overwritten(tmp_path, capsys, serve, name):
    server = serve(good)
    data = gzip.compress(plain(ARRAYS[FIRST][:, 1:]))
    (tmp_path / FIRST).write_bytes(data)
    code, _, err = run(capsys, tmp_path, server, name=name)
    assert code == 2 and is_error(err, FIRST, "wrong content", "choose another --folder")
    assert server.asked == [] and [path.read_bytes() for path in tmp_path.iterdir()] == [data]


def test_another_set_of_other_names(tmp_path, capsys, serve):
    server = serve(good)
    (tmp_path / "my-train-images").write_bytes(CONTENT[FIRST])
    code, _, err = run(capsys, tmp_path, server)
    assert code == 2 and is_error(err, str(tmp_path), "holds another set (my-train-images)")
    assert server.asked == [] and len(list(tmp_path.iterdir())) == 1


def test_folder_of_a_files_name(tmp_path, capsys, serve):
    server = serve(good)
    (tmp_path / FIRST).mkdir()
    code, _, err = run(capsys, tmp_path, server)
    assert code == 2 and is_error(err, FIRST, "is a folder") and server.asked == []


@pytest.mark.parametrize("kind", ["below a file", "a file", "proc", "read-only"])
def test_unwritable_folder(tmp_path, capsys, serve, kind):
    (tmp_path / "file").write_text("")
    (tmp_path / "read-only").mkdir(0o555)
    folder = {"below a file": "file/sub", "a file": "file", "proc": "/proc/self", "read-only": "read-only"}[kind]
    if kind == "read-only" and os.access(tmp_path / folder, os.W_OK):
        pytest.skip("the superuser may write everywhere")
    if kind == "proc" and not os.path.exists(folder):
        pytest.skip("no /proc here")
    server = serve(good)
    code, _, err = run(capsys, tmp_path / folder, server)
    assert code == 2 and is_error(err, str(tmp_path / folder), "cannot be written to", "choose another --folder")
    assert server.asked == []


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], ["name"]),
        (["cifar"], ["'cifar'", "mnist", "fashion-mnist"]),
        (["mnist", "--mirror", "file:///etc"], ["--mirror", "'file:///etc'", "http://"]),
        (["mnist", "--mirror"], ["--mirror", "expected one argument"]),
        (["mnist", "--speed"], ["--speed"]),
    ],
)
def test_bad_options(tmp_path, capsys, argv, words):
    assert commands.run("fetch", fetch.main, argv) == 2
    assert is_error(capsys.readouterr().err, *words, "--help")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("full_at", [FIRST, "SHA256SUMS"])
def test_a_full_disk_is_no_bad_input(tmp_path, capsys, serve, monkeypatch, full_at):
    replacing = fetch.replacing

    def until_full(path):
        if path.name == full_at:
            raise OSError(28, "No space left on device", str(path))
        return replacing(path)

    for module in (fetch, sums):
        monkeypatch.setattr(module, "replacing", until_full)
    code, _, err = run(capsys, tmp_path, serve(good))
    assert code == 1 and is_error(err, "No space left on device", full_at)
    assert not (tmp_path / full_at).exists()


# The command as a process.


def command(folder, server):
    return [sys.executable, "-m", "neurone.fetch", "mnist", "--folder", str(folder), "--mirror", server.url]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupt_leaves_nothing(tmp_path, serve, interruptible, number, code):
    """The signal comes when half a file has been sent; the rest never is."""
    half_sent, over = threading.Event(), threading.Event()

    def half(handler, name):
        handler.answer(GOOD[name][:1000], len(GOOD[name]))
        half_sent.set()
        over.wait()

    words = command(tmp_path, serve(half))
    with subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert half_sent.wait(60)
            assert [path.suffix for path in tmp_path.iterdir()] == [".tmp"]
            process.send_signal(number)
            _, err = process.communicate(timeout=60)
        finally:
            over.set()
            process.kill()
    assert process.returncode == code
    assert "Traceback" not in err
    assert number == signal.SIGTERM or is_error(err, "interrupted")
    assert not list(tmp_path.iterdir())


def test_progress_bar_on_a_terminal(tmp_path, serve):
    """The real set's shapes: so its first file is refused, but not before the bar has been drawn. Without a
    terminal, in all other tests, standard error holds nothing but errors."""
    server = serve(good)
    inner, outer = pty.openpty()
    termios.tcsetwinsize(outer, (25, 100))
    with open(inner, "rb", buffering=0) as screen:
        done = subprocess.run(command(tmp_path, server), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=outer)
        os.close(outer)
        drawn = b""
        with contextlib.suppress(OSError):  # what Linux says at the end of a terminal
            while piece := screen.read(4096):
                drawn += piece
    assert done.returncode == 1
    assert FIRST.encode() in drawn and b"100%|" in drawn


def test_terminal_without_tqdm(tmp_path, capsys, serve, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    code, _, err = run(capsys, tmp_path, serve(good))
    assert (code, err) == (0, "")
    assert_complete(tmp_path)


def test_real_table():
    """The usual mirrors and MNIST's digests, written out once more."""
    source = REAL_SETS["mnist"]
    assert source.mirrors == (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    )
    assert {name: file.sha256 for name, file in source.files.items()} == {
        "train-images-idx3-ubyte.gz": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte.gz": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte.gz": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte.gz": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    }


@pytest.mark.skipif(not os.environ.get("NEURONE_DATA"), reason="NEURONE_DATA names no folder with MNIST")
def test_real_mnist(tmp_path, serve):
    """The command as it is, its own table, MNIST's own files."""
    folder = Path(os.environ["NEURONE_DATA"])
    server = serve(lambda h, name: h.answer((folder / name).read_bytes()))
    done = subprocess.run(command(tmp_path, server), cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert load_folder(tmp_path).name == "MNIST"
