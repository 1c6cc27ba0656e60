"""What the commands share: one line per error, exit codes, the data set, the report of a test."""

import argparse
import os
import re
import signal
import sys
import warnings
from contextlib import contextmanager, suppress
from difflib import get_close_matches

from neurone.answers import class_name, confusion
from neurone.committee import Committee, load
from neurone.datasets import mnist
from neurone.datasets.digits import digits
from neurone.errors import InputError, NeuroneError
from neurone.files import shown
from neurone.floats import exactly
from neurone.kernels.jit import compiling

_EMBEDDED = (60_000, 10_000)
# A terminal that is closed sends SIGHUP, which Windows has not.
_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


# What `python -m neurone` lists: each command in a line, and three examples for its --help.
COMMANDS = {
    "train": (
        "train a network on a set of images",
        "--save digits.npz --history history.jsonl --report report.html",
        "--data photos/ --hidden 300 100 --activation relu --epochs 20 --validation 5000",
        "--recipe simard-2003-elastic --epochs 15 --checkpoint run.state --resume",
    ),
    "evaluate": (
        "score a network on a test set",
        "digits.npz",
        "digits.npz --data photos/",
        "one.npz two.npz three.npz",
    ),
    "predict": (
        "read digits from pictures",
        "digits.npz photo.jpg",
        "digits.npz page.jpg --several --show seen.png",
        "one.npz two.npz photo.jpg",
    ),
    "draw": (
        "open a page that reads the digits one draws",
        "digits.npz",
        "one.npz two.npz",
        "committee.npz",
    ),
    "report": (
        "write a page about a network: errors, curves, weights",
        "digits.npz",
        "digits.npz --history history.jsonl --output digits.html",
        "digits.npz --data photos/",
    ),
    "export": (
        "write a network as C, ONNX or a web page",
        "digits.npz --format c --output digits.c",
        "digits.npz --format html --output digit.html",
        "digits.npz --format onnx --output digits.onnx",
    ),
    "fetch": (
        "download a set of images",
        "mnist",
        "fashion-mnist --folder data/",
        "emnist --split letters",
    ),
    "convert": (
        "write pictures or CSV files as a set of IDX files",
        "photos/ idx/ --size 28",
        "mnist.csv idx/",
        "emnist/ idx/ --split letters",
    ),
    "compile": (
        "compile kernels ahead",
        "",
        "--dtype float32",
        "--hidden 100 --batch-size 32",
    ),
}


# How much like an option a wrong one must be, by difflib; and what other programs call some.
_ALIKE = 0.7
_ELSEWHERE = {"--lr": "--learning-rate", "--layers": "--hidden"}


class Parser(argparse.ArgumentParser):
    """argparse with its errors in one line, options written in full only, and examples at the end of its help."""

    def __init__(self, command, description, **settings):
        self._command = called(command)
        super().__init__(prog=self._command, description=description, allow_abbrev=False, **settings)
        self._examples = COMMANDS[command][1:]

    def format_help(self):
        lines = (f"  {self._command} {example}".rstrip() for example in self._examples)
        return "\n".join([f"{super().format_help()}\nexamples:", *lines, ""])

    def error(self, message):
        raise InputError(f"{message}{self._nearest(message)} (--help lists the options)")

    def _nearest(self, message):
        """A question after an option that does not exist, if there is one much like it."""
        if message.startswith("unrecognized arguments: "):
            for word in message.split()[2:]:
                name = _ELSEWHERE.get(word.partition("=")[0], word.partition("=")[0])
                found = get_close_matches(name, self._option_string_actions, 1, _ALIKE) if name[0] == "-" else ()
                if found:
                    return f"; did you mean {found[0]}?"
        wrong = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message)
        found = get_close_matches(wrong[1], re.findall(r"[\w-]+", wrong[2]), 1) if wrong else ()
        return f"; did you mean {found[0]}?" if found else ""


def called(command):
    """How this command is called, by the script `neurone` or by Python."""
    return f"neurone {command}" if by_script() else f"python -m neurone.{command}"


def by_script():
    """Whether the script `neurone` was called, not Python; it is `neurone.exe` on Windows."""
    return os.path.splitext(os.path.basename(sys.argv[0]))[0] == "neurone"


def batch_size(text):
    """The type of --batch-size: an integer, or None for "all"."""
    try:
        return None if text == "all" else int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither an integer nor 'all'") from None


def run(command, main, argv=None):
    """Run `main(argv)` and return the exit code (docs/commands.md): an error is one line, never a traceback."""
    # A stream that was closed before the start is None in Python.
    sys.stdout = sys.stdout or open(os.devnull, "w")
    sys.stderr = sys.stderr or open(os.devnull, "w")
    # File names may hold characters that the terminal cannot print.
    sys.stdout.reconfigure(errors="backslashreplace")
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_, **__: _print_line(command, message)
            exactly(main)(argv)
        check_stopped()
        sys.stdout.flush()
        return 0
    except NeuroneError as error:
        code, message = error.exit_code, error
    except KeyboardInterrupt:
        code, message = 130, "interrupted"
    except BrokenPipeError:
        # The reader has gone (`| head`). Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (OSError, MemoryError, Warning) as error:  # a warning, if Python was asked for errors instead (-W error)
        code, message = 1, error or "out of memory"
    except RuntimeError as error:
        if "can't start new thread" not in str(error):
            raise
        code, message = 1, "no thread can be started; raise the limit (ulimit -u, or the container's), or use one"
    with suppress(OSError):  # the terminal may be gone
        _print_line(command, message)
    return code


def _print_line(command, message):
    print(f"neurone.{command}: {one_line(message)}", file=sys.stderr)


_stopped_by = []
_postponed = []


def _stop(number, _frame):
    """Handle a signal: leave through every `with` and `finally`, to remove temporary files. A second ends at once."""
    _stopped_by.append(number)
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_DFL)
    # Python drops an exception that is raised inside a callback of LLVM.
    if not compiling.active and not any(condition() for condition in _postponed):
        check_stopped()


def check_stopped():
    """Raise what a signal asked for, if it was postponed, or dropped while the cache of kernels was read."""
    if _stopped_by:
        raise KeyboardInterrupt if _stopped_by[0] == signal.SIGINT else SystemExit(128 + _stopped_by[0])


@contextmanager
def postponing(condition):
    """Signals that come while `condition()` is true wait for the next `check_stopped`."""
    _postponed.append(condition)
    try:
        yield
    finally:
        _postponed.remove(condition)


def one_line(text):
    """`text`, such as a file's name or a server's answer, without what would break the line or move the cursor."""
    return "".join(character if character.isprintable() else " " for character in str(text))


def add_data(add):
    """The options that name a set; `add` is a parser's or a group's `add_argument`."""
    add(
        "--data", metavar="DIR",
        help="a folder of IDX files, of pictures by class, or of CSV files; or a CSV file (default: $NEURONE_DATA, "
        "data/, fetched, embedded)",
    )  # fmt: skip
    add("--split", metavar="NAME", help="of EMNIST: letters, digits, balanced, ...")


def load_set(folder, split=None):
    """The set that `--data` and `--split` or their defaults name, else the embedded digits."""
    found = mnist.find_set(folder, split)
    if found is not None:
        return found
    train, test = _EMBEDDED
    images, labels = digits(train + test)
    where = "drawn, since no data set was found"
    return mnist.DataSet("embedded digits", where, images[:train], labels[:train], images[train:], labels[train:])


def load_together(paths):
    """The network of a file, or a committee of those of several files, which may hold committees themselves."""
    found = [load(path) for path in paths]
    if len(found) == 1:
        return found[0]
    networks = [network for each in found for network in (each.networks if isinstance(each, Committee) else [each])]
    return Committee(networks)


def check_goes_with(network, named, data):
    """Refuse a set of other images, labels or classes than those of the network in the file `named`."""
    pixels = data.test_images[0].size
    if network.sizes[0] != pixels:
        raise InputError(
            f"{named} takes {network.sizes[0]} inputs, images of {shown(data.name)} have {pixels} "
            "pixels; name a set of such images with --data"
        )
    largest = int(data.test_labels.max())
    if largest >= max(network.sizes[-1], 2):
        raise InputError(
            f"{named} has {network.sizes[-1]} outputs, {shown(data.name)} test labels up to {largest}; "
            "name a set of such labels with --data"
        )
    if None not in (network.classes, data.classes) and network.classes != data.classes:
        raise InputError(f"{named} has other classes than {shown(data.name)}; name a set of such classes with --data")


def describe(data):
    """The first line a command prints."""
    rows, columns = data.train_images.shape[1:]
    return (
        f"{shown(data.name)} ({shown(data.folder)}): {len(data.train_images)} training and {len(data.test_images)} "
        f"test images of {rows} x {columns}, {data.outputs} classes{data.note}"
    )


def print_test(network, data, threads=1):
    """Score the test set, print error and confusion matrix, and return the error in percent."""
    answers = network.predict(data.test_images, threads)
    wrong = int((answers != data.test_labels).sum())
    error = 100 * wrong / len(answers)
    counts = confusion(data.test_labels, answers)
    names = [class_name(network, label) for label in range(len(counts))]
    width = max(len(str(counts.max())), *map(len, names)) + 1
    print("confusion matrix (a row for each true class, a column for each answer):")
    print(" " * width + " |" + "".join(f"{name:>{width}}" for name in names))
    for name, row in zip(names, counts, strict=True):
        print(f"{name:>{width}} |" + "".join(f"{count:{width}}" for count in row))
    print(f"test error {error:.2f} % ({wrong} of {len(answers)})")
    return error
