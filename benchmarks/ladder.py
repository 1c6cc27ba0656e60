"""The literature's ladder of test errors on MNIST, by the recipes: python benchmarks/ladder.py [NAME ...] [--seeds N].

Each recipe is trained by the command, as a process of its own, with seeds 0, 1, ...; the test set is scored once, at a
run's end. Prints a Markdown table. Options after -- go to the command: -- --epochs 15.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import neurone
from neurone.recipes import RECIPES
from neurone.system import cores

COLUMNS = "recipe", "hidden neurons", "parameters", "epochs", "minutes", "cores", "test error, %", "range", "literature"


def trained(name, seed, more):
    """(test error, seconds, epochs, the network or committee) of one run."""
    with tempfile.TemporaryDirectory() as folder:
        history, saved = Path(folder) / "history", Path(folder) / "net.npz"
        command = [sys.executable, "-m", "neurone.train", "--recipe", name, "--seed", str(seed)]
        command += ["--threads", str(cores())]
        begin = time.perf_counter()
        subprocess.run([*command, "--history", history, "--save", saved, *more], check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - begin
        events = [json.loads(line) for line in history.read_text().splitlines()]
        epochs = 1 + max(event["epoch"] for event in events if event["event"] == "epoch")
        return events[-1]["test_error"], seconds, epochs, neurone.load(saved)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", default=list(RECIPES))
    parser.add_argument("--seeds", type=int, default=3)
    own, more = _split(sys.argv[1:])
    args = parser.parse_args(own)
    print(f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|", flush=True)
    for name in args.names:
        runs = [trained(name, seed, more) for seed in range(args.seeds)]
        errors, seconds, (_, _, epochs, network) = [run[0] for run in runs], [run[1] for run in runs], runs[0]
        members = network.networks if isinstance(network, neurone.Committee) else [network]
        hidden = "-".join(map(str, members[0].sizes[1:-1])) + (f" x {len(members)}" if len(members) > 1 else "")
        row = (
            name, hidden, f"{sum(each.parameters.size for each in members):,}", epochs,
            f"{statistics.median(seconds) / 60:.1f}", min(cores(), os.cpu_count()), f"{statistics.median(errors):.2f}",
            f"{min(errors):.2f} to {max(errors):.2f}", RECIPES[name].published,
        )  # fmt: skip
        print(f"| {' | '.join(map(str, row))} |", flush=True)


def _split(arguments):
    """Before and after --."""
    place = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:place], arguments[place + 1 :]


if __name__ == "__main__":
    main()
