"""`python -m neurone.train --committee N`: N trainings as processes of their own, as many at once as cores are free.

Each is the same command with another seed, counted from --seed, and with files of its own, whose names end with its
number. Their networks and histories are joined at the end, and the parts removed. Checkpoints stay.
"""

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress

from neurone.commands import check_stopped
from neurone.committee import Committee, load_network
from neurone.errors import DivergenceError, InputError, NeuroneError
from neurone.files import replacing
from neurone.system import cores

# Seconds between looks at the processes, and those that one has to end by itself.
_LOOK, _PATIENCE = 0.05, 60.0


def path_of(path, member):
    """The file of one member, counted from 1."""
    return None if path is None else f"{os.fspath(path)}.{member}"


class _Member:
    """A training that runs; its lines are printed as they come, with its number in front."""

    def __init__(self, number, argv, say):
        command = [sys.executable, "-m", "neurone.train", *argv, "--member", str(number)]
        # In a session of its own: a terminal's Ctrl-C comes to us alone, and a second signal would end it at once.
        pipe = dict(
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="backslashreplace", start_new_session=True
        )
        self.number, self._process, self._errors = number, subprocess.Popen(command, **pipe), []
        self._readers = [
            threading.Thread(target=self._read, args=(self._process.stdout, say), daemon=True),
            threading.Thread(target=self._read, args=(self._process.stderr, self._errors.append), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream, tell):
        for line in stream:
            tell(f"[{self.number}] {line}")

    def ended(self):
        """Whether it has; raises what ended it, if it failed."""
        code = self._process.poll()
        if code is None:
            return False
        for reader in self._readers:
            reader.join()
        told = "".join(self._errors).strip().replace("] neurone.train: ", "] ")
        if code == 0:
            if told:
                print(told, file=sys.stderr)
            return True
        failure = {2: InputError, 3: DivergenceError}.get(code, NeuroneError)
        raise failure(told.splitlines()[-1] if told else f"[{self.number}] ended with exit code {code}")

    def stop(self):
        """Ask it to end, as Ctrl-C would: it keeps its checkpoint."""
        with suppress(OSError):
            self._process.terminate()

    def wait(self):
        """Until it has ended; after some patience, by force."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_PATIENCE)
            return
        self._process.kill()


def train_committee(count, argv, threads, paths, kept):
    """Train `count` networks by `argv`, the command's own arguments.

    Returns the Committee. paths: `save` and `history` of the whole, the latter or None. However this ends, no training
    goes on; those that keep checkpoints (`kept`) can be resumed, of others nothing stays.
    """
    at_once, waiting, running = max(1, cores() // threads), list(range(1, count + 1)), []

    def say(line):
        print(line, end="", flush=True)

    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                running.append(_Member(waiting.pop(0), argv, say))
            running = [member for member in running if not member.ended()]
            time.sleep(_LOOK)
            check_stopped()
    except BaseException:
        for member in running:
            member.stop()
        for member in running:
            member.wait()
        if not kept:
            _remove(count, paths)
        raise
    return Committee([load_network(path_of(paths["save"], number)) for number in range(1, count + 1)])


def join(count, paths, committee, end):
    """Write the committee's files and remove the members'."""
    committee.save(paths["save"])
    if paths["history"] is not None:
        with replacing(paths["history"]) as file:
            for number in range(1, count + 1):
                with open(path_of(paths["history"], number), encoding="utf-8") as part:
                    for line in part:
                        file.write(f"{json.dumps({'network': number} | json.loads(line))}\n".encode())
            file.write(f"{json.dumps(end)}\n".encode())
    _remove(count, paths)


def _remove(count, paths):
    """The files of the members."""
    for path in paths.values():
        for number in range(1, count + 1):
            if path is not None:
                with suppress(FileNotFoundError):
                    os.remove(path_of(path, number))
