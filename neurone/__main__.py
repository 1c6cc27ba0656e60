"""`python -m neurone`, and the script `neurone`: which commands there are, and `neurone train` for each of them."""

import importlib
import sys
from difflib import get_close_matches

from neurone import __version__
from neurone.commands import COMMANDS, by_script, called, one_line, run


def main():
    """Run the command that the arguments name, and end with its exit code."""
    sys.exit(_main(sys.argv[1:]))


def _main(argv):
    name, *rest = argv or ["--help"]
    if name in COMMANDS:
        return run(name, importlib.import_module(f"neurone.{name}").main, rest)
    if name in ("-h", "--help", "help", "--version"):
        return run("", lambda _: print(__version__ if name == "--version" else _listed()))
    near = get_close_matches(name, COMMANDS, 1)
    meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(COMMANDS)}"
    print(f"neurone: {one_line(name)!r} is no command; {meant}", file=sys.stderr)
    return 2


def _listed():
    start = "neurone" if by_script() else "python -m neurone"
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {about}" for name, (about, *_) in COMMANDS.items()]
    head = ["Trains small dense neural networks on a CPU: fast, and with the same bits every time.", ""]
    usage = [f"usage: {start} COMMAND ...", "", "commands:"]
    return "\n".join([*head, *usage, *lines, "", f"{start} COMMAND --help tells of one. The first steps:", "",
                      f"  {called('train')} --save digits.npz", f"  {called('draw')} digits.npz"])  # fmt: skip


if __name__ == "__main__":
    main()
