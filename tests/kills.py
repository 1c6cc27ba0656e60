"""Kill trainings at random moments and see that nothing is lost: python tests/kills.py COUNT [--seed N] [--in-place].

A training of four epochs keeps its state after every batch. It is killed (SIGKILL) at a uniformly random moment; then
the checkpoint must load and be no older than the last that was acknowledged, and a copy of it must lead to the
parameters of a run that was never killed. The killed run itself goes on, to be killed again, until it ends. Prints one
JSON object; "within" counts the states that were kept in the middle of an epoch.
With --in-place a mutant writes over the old file, as many programs do: faults must be found.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np

PROJECT = Path(__file__).resolve().parent.parent
# Before neurone is imported, which makes the folder.
os.environ.setdefault("NEURONE_CACHE", str(PROJECT / ".cache"))

from neurone import container, train  # noqa: E402
from neurone.commands import run  # noqa: E402
from neurone.datasets.idx import write_idx  # noqa: E402
from neurone.engine import learners, plan, tuning  # noqa: E402
from neurone.errors import InputError  # noqa: E402
from neurone.training import checkpoint, fit  # noqa: E402

VARIANTS = [
    ["--kernels", kernels, "--batch-size", batch, "--threads", threads, "--validation", "12"]
    for kernels, batch, threads in (("fast", "1", "1"), ("fast", "7", "2"), ("notes", "1", "1"), ("fast", "all", "2"))
]
# Momentum; a penalty; a patience that runs out in the third epoch and lowers the rate; the best parameters.
_RULES = ["--momentum", "0.9", "--alpha", "0.01", "--schedule", "adaptive", "--patience", "1", "--tol", "100"]
VARIANTS += [VARIANTS[1] + _RULES, VARIANTS[2] + [*_RULES, "--no-nesterov"]]
VARIANTS += [VARIANTS[1] + "--optimizer adam --learning-rate 0.01 --schedule cosine --warmup 1".split()]


@contextmanager
def _in_place(path):
    with open(path, "wb") as file:
        yield file


def _data(folder):
    rng = np.random.Generator(np.random.Philox(1))
    for part, count in (("train", 36), ("t10k", 12)):
        write_idx(folder / f"{part}-images-idx3-ubyte", rng.integers(0, 256, (count, 5, 4), np.uint8))
        write_idx(folder / f"{part}-labels-idx1-ubyte", (np.arange(count) % 3).astype(np.uint8))


def _train(folder, data, variant):
    """A training in this process; its exit code."""
    os.chdir(folder)
    with open(os.devnull, "w") as sys.stdout, open("errors.txt", "w") as sys.stderr:
        options = ["--data", str(data), "--hidden", "2000", "--epochs", "4", "--learning-rate", "0.01"]
        files = ["--checkpoint", "run", "--checkpoint-every", "1e-9", "--history", "history", "--resume"]
        code = run("train", train.main, [*options, *variant, *files])
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    return code


def _start(folder, data, variant, acknowledge=None, in_place=False):
    """A training in a child process; its number."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        save = checkpoint.save

        def save_and_say(path, asked, position, *rest):
            save(path, asked, position, *rest)
            os.write(acknowledge, f"{len(position.reports)} {position.sample}\n".encode())

        if acknowledge is not None:
            checkpoint.save = save_and_say
        if in_place:
            container.replacing = _in_place
        signal.alarm(60)  # longer than any run takes: one that hangs ends, and its status shows it
        code = _train(folder, data, variant)
    finally:
        os._exit(code)


def _finished(folder):
    """SHA-256 of the parameters at the end."""
    return json.loads((folder / "history").read_text().splitlines()[-1])["parameters_sha256"]


def _place(path):
    settings, arrays = container.read(path, "checkpoint")
    return len(arrays["history"]), settings["sample"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--in-place", action="store_true")
    args = parser.parse_args()
    # One sample a call: the parameters must be whole at any of them.
    for learner in tuning.LEARNERS.values():
        learner.samples_per_call = lambda *_: 1
    fit._CALL_SECONDS = 0
    # Teams of two, however short an epoch and however few the cores.
    plan._WORK_OF_AN_EPOCH, learners.cores = 1, lambda: 2
    teams, gather = [], learners.team

    def team(work, threads, meeting):
        teams.append(threads)
        gather(work, threads, meeting)

    learners.team = team
    rng = random.Random(args.seed)
    result = {"kills": 0, "within": 0, "runs": 0, "lost": 0, "old": 0, "wrong_bits": 0, "left": 0, "failed": 0}
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        data = base / "data"
        data.mkdir()
        _data(data)
        references, durations = [], []
        for number, variant in enumerate(VARIANTS):
            for attempt in ("first", "second"):  # the first compiles, or reads kernels, for all children
                folder = base / f"{attempt}-{number}"
                folder.mkdir()
                begin = time.monotonic()
                assert _train(folder, data, variant) == 0, (folder / "errors.txt").read_text()
                seconds = time.monotonic() - begin
            references.append(_finished(folder))
            durations.append(seconds)
        assert max(teams) == 2
        killed, resumed = base / "killed", base / "resumed"
        while result["kills"] < args.count:
            number = rng.randrange(len(VARIANTS))
            shutil.rmtree(killed, ignore_errors=True)
            killed.mkdir()
            result["runs"] += 1
            reached, fruitless = (-1, -1), 0
            while True:
                told, tell = os.pipe()
                child = _start(killed, data, VARIANTS[number], tell, args.in_place)
                os.close(tell)
                # Longer after fruitless tries: on a busy machine, a run may be killed before its first batch.
                time.sleep(rng.uniform(0, durations[number] * (1 + fruitless)))
                os.kill(child, signal.SIGKILL)
                _, status = os.waitpid(child, 0)
                with open(told) as pipe:
                    acknowledged = [tuple(map(int, line.split())) for line in pipe]
                reached, fruitless = max([reached, *acknowledged]), 0 if acknowledged else fruitless + 1
                if fruitless > 20:
                    result["failed"] += 1  # it hangs
                    break
                result["within"] += sum(0 < sample < 24 for _, sample in acknowledged)
                if not os.WIFSIGNALED(status):
                    code = os.waitstatus_to_exitcode(status)
                    result["failed"] += code != 0 or _finished(killed) != references[number]
                    break
                result["kills"] += 1
                try:
                    place = _place(killed / "run") if (killed / "run").exists() else (-1, -1)
                except InputError:
                    result["lost"] += 1
                    break
                if place < reached:
                    result["old"] += 1
                    break
                shutil.rmtree(resumed, ignore_errors=True)
                shutil.copytree(killed, resumed)
                _, status = os.waitpid(_start(resumed, data, VARIANTS[number]), 0)
                if status:
                    result["failed"] += 1
                    break
                result["wrong_bits"] += _finished(resumed) != references[number]
                left = {path.name for path in resumed.iterdir()} - {"run", "history", "errors.txt"}
                result["left"] += bool(left)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
