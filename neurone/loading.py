"""What must hold before a command's modules load, which takes a second.

Python runs the package before the command's own file, so `neurone/__init__.py` calls this first.
"""

# Nothing that takes milliseconds itself.
import os
import signal
import sys


def begin():
    """Prepare for the imports of `python -m neurone.COMMAND`; in any other process, do nothing."""
    # While Python looks for the module that -m names, argv[0] is "-m", and what follows is the same in both lists.
    argv = getattr(sys, "argv", [])
    if argv[:1] != ["-m"]:
        return
    flags, _, command = sys.orig_argv[-len(argv)].rpartition("neurone.")
    if not command.isidentifier() or (flags and flags[0] != "-"):
        return
    # No command uses NumPy's OpenBLAS. Where it cannot start its threads (ulimit -u), it says so in four lines and
    # sends this process Ctrl-C.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

    def interrupted(*_):
        # An exception would have to pass all importers, some of them in C. Nothing is open that has to be closed.
        try:
            os.write(2, f"neurone.{command}: interrupted\n".encode())
        finally:
            os._exit(130)

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # until `commands.run` handles it
        signal.signal(signal.SIGINT, interrupted)
