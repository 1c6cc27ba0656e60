"""`python -m neurone.train`: train a network on a folder of IDX files, or on the embedded digits."""

import json
import math
import os
import shlex
import statistics
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from itertools import combinations
from pathlib import Path

from neurone import options, system
from neurone.answers import parameters_sha256
from neurone.commands import check_stopped, describe, load_set, postponing, print_test, run
from neurone.committee import load_network
from neurone.datasets import mnist
from neurone.datasets.arrays import stratified
from neurone.datasets.look import remarks
from neurone.datasets.mnist import is_part
from neurone.datasets.pictures import is_picture
from neurone.datasets.table import is_table
from neurone.engine.optimizer import Optimizer
from neurone.errors import DivergenceError, InputError
from neurone.files import check_writable, lock_of, locked, refusal, shown
from neurone.kernels.jit import compiling
from neurone.network import Network
from neurone.plots import check_matplotlib
from neurone.recipes import table
from neurone.report import write_report
from neurone.train_options import LIMITS, OF_NETWORK, OF_RULES, distortion_of, parsed, preparation_of, told_of
from neurone.training import checkpoint
from neurone.training.fit import iterate
from neurone.training.reports import Position
from neurone.training.rules import Rules
from neurone.trainings import join, path_of, train_committee

# Time left is told where it is so many seconds or more, and judged by so many epochs.
_LONG, _LAST = 60.0, 5


def main(argv=None):
    argv = sys.argv[1:] if argv is None else argv
    args = parsed(argv)
    if args.recipes:
        print(table())
        return
    with _options_named(args):
        if args.member is not None and not (args.committee or 0) >= args.member > 0:
            raise InputError("--member is for the processes of --committee alone; leave it out")
        if args.committee is not None and args.member is None:
            _train_committee(args, argv)
        else:
            _train(args if args.member is None else _member(args), argv)


def _train_committee(args, argv):
    begin, count = time.perf_counter(), options.integer("committee", args.committee)
    options.seed(options.seed(args.seed) + count - 1)  # before the first is trained
    if args.save is None:
        raise InputError("--committee needs a file for its networks; name it with --save FILE.npz")
    threads, paths = options.integer("threads", args.threads), dict(save=args.save, history=args.history)
    data = _prepare(args)
    if not args.resume:
        for path in (path_of(path, member) for path in paths.values() for member in range(1, count + 1)):
            if path is not None and os.path.lexists(path):
                raise InputError(f"{shown(path)} is there, where a member's would be written; move it away")
    committee = train_committee(count, argv, threads, paths, kept=args.checkpoint is not None)
    print(f"committee of {count}:")
    test_error, seconds = print_test(committee, data, args.threads), time.perf_counter() - begin
    if args.report is not None:
        write_report(args.report, committee, data, [], told_of(args))
    sha256 = parameters_sha256(committee.networks)
    end = {"event": "end", "test_error": test_error, "seconds": seconds, "parameters_sha256": sha256}
    join(count, paths, committee, end)


def _member(args):
    """The options of one training of a committee."""
    args.seed = options.seed(args.seed + args.member - 1)
    args.report = None  # one of all is written at the end
    for name in ("save", "history", "checkpoint"):
        setattr(args, name, path_of(getattr(args, name), args.member))
    return args


def _train(args, argv):
    begin = time.perf_counter()
    if args.calibrate and args.validation is None:
        raise InputError("--calibrate needs samples that are not trained on; hold some out with --validation N")
    data = _prepare(args)
    images, labels, validation = _split(data, args.validation, args.seed)
    network = _network(args, images.shape[1:], data.outputs, data.classes)
    rules = {name: getattr(args, name) for name in OF_RULES}
    optimizer = Optimizer(
        args.optimizer, args.momentum, args.nesterov, args.alpha, args.weight_decay, args.beta_1, args.beta_2,
        args.epsilon, args.clip_norm, args.max_norm, args.input_dropout, args.dropout,
    )  # fmt: skip
    distortion = distortion_of(args.distort)
    decisive = dict(batch_size=args.batch_size, epochs=args.epochs, reduction=args.reduction, seed=args.seed)
    with ExitStack() as stack:
        check_lock = stack.enter_context(locked(args.checkpoint)) if args.checkpoint is not None else None
        asked = network.settings() | rules | decisive
        start = None if args.start is None else checkpoint.fingerprint(network.parameters)
        asked |= optimizer.settings() | {"start": start, "validation": args.validation}
        if args.window is not None:
            asked |= {"window": args.window, "block": args.block}
        asked["distortion"] = None if distortion is None else [getattr(distortion, name) for name in LIMITS]
        keeper = _Keeper(args, asked, network, data, check_lock)
        position = keeper.position
        done, seconds = len(position.reports), position.seconds + sum(report.seconds for report in position.reports)
        progress = stack.enter_context(_Progress(args.epochs * len(images), done * len(images) + position.sample))

        def after_call(samples):
            keeper.keep_at_times()
            check_stopped()
            progress.advance(samples)

        def told_tuned(epoch, sample):
            progress.print(f"tuned kernels from epoch {epoch + 1}, sample {sample} on")

        reports = iterate(
            network, images, labels, rules=Rules(**rules), **decisive, optimizer=optimizer, shuffle=True,
            kernels=args.kernels, tuning=args.tuning, told_tuned=told_tuned, threads=args.threads,
            validation=validation, progress=after_call, position=position, distortion=distortion,
            window=args.window, block=args.block,
        )  # fmt: skip
        history = stack.enter_context(_History(args.history))
        progress.print(describe(data))
        for line in remarks(data) if args.window is None else ():
            progress.print(line)
        progress.print(_describe_network(network))
        if keeper.resumed:
            progress.print(f"going on from {shown(args.checkpoint)}: epochs done {done}, samples {position.sample}")
        if compiling.seconds:
            progress.print(f"kernels compiled in {compiling.seconds:.1f} s")
        for report in position.reports:
            history.write(_event(report))
        with keeper.interruptions(argv, progress):
            for report in reports:
                keeper.keep()
                check_stopped()
                history.write(_event(report))
                progress.print(_line(position.reports, args.epochs))
            progress.close()
            trained = _best(network, position, Rules(**rules))
            if args.calibrate:
                trained.calibrate(*validation, args.threads)
                print(f"calibrated by {len(validation[0])} samples: temperature {trained.temperature:.2f}")
            test_error = print_test(trained, data, args.threads)
            check_stopped()
            if args.save is not None:
                trained.save(args.save)
            if args.report is not None:
                write_report(args.report, trained, data, position.reports, told_of(args))
            seconds = keeper.finish(seconds + time.perf_counter() - begin)
        sha256 = parameters_sha256([trained])
        history.write({"event": "end", "test_error": test_error, "seconds": seconds, "parameters_sha256": sha256})


def _event(report):
    """An epoch's line of the history."""
    return {"event": "epoch"} | {name: value for name, value in vars(report).items() if name != "penalty"}


def _network(args, shape, outputs, classes):
    """A new network, or that of --from, which decides what the other options would."""
    inputs = math.prod(shape)
    given = {name: getattr(args, name) for name in OF_NETWORK if getattr(args, name) is not None}
    if args.start is None:
        chosen = {"hidden": [100], "activation": "logistic", "output": "softmax", "cost": "log"} | given
        hidden = [options.integer("hidden", neurons) for neurons in chosen.pop("hidden")]
        if "prepare" in chosen:
            chosen["preparation"] = preparation_of(chosen.pop("prepare"), shape)
        return Network((inputs, *hidden, outputs), seed=args.seed, classes=classes, **chosen)
    if given:
        name = next(iter(given))
        raise InputError(f"--{name} and --from are given; the network of --from has a {name} of its own, leave one out")
    network = load_network(args.start)
    if (network.sizes[0], network.sizes[-1]) != (inputs, outputs):
        raise InputError(
            f"--from: {shown(args.start)} has {network.sizes[0]} inputs and {network.sizes[-1]} outputs, and the data "
            f"set takes {inputs} and {outputs}; name another network, or other data"
        )
    if network.classes is not None and network.classes != classes:
        raise InputError(f"--from: {shown(args.start)} has other classes than the data set; name another of the two")
    network.classes = classes
    return network


def _prepare(args):
    """The data set, once it is known that the outputs can be written and would not overwrite it."""
    if args.checkpoint is None and (args.resume or args.checkpoint_every is not None):
        raise InputError("--resume and --checkpoint-every need a file; name it with --checkpoint FILE")
    if args.checkpoint_every is not None:
        options.positive("checkpoint_every", args.checkpoint_every)
    outputs = {}
    if args.report is not None:
        check_matplotlib()
    for option in ("save", "history", "report", "checkpoint"):
        if getattr(args, option) is not None:
            outputs[f"--{option}"] = target = check_writable(f"--{option}", getattr(args, option))
            setattr(args, option, target)  # links are followed once: what is locked and what is written are one file
    data = load_set(args.data, args.split) if args.window is None else _left_on_disk(args)
    _refuse_overwriting(outputs, data.folder)
    return data


def _left_on_disk(args):
    """The set of --data, whose training images are a memory map."""
    options.integer("window", args.window)
    if args.data is None or args.validation is not None or args.committee is not None:
        raise InputError("--window goes with a folder that --data names, and without --validation and --committee")
    return mnist.load_set(args.data, args.split, mapped=True)


def _refuse_overwriting(outputs, folder):
    """No output may be one of the data set's files, or pass for one, or be another output; links are followed."""
    folder = Path(folder)
    if folder.is_file():
        inputs = [folder]
    else:  # of pictures, two levels below
        within = [file for pattern in ("*", "*/*", "*/*/*") for file in folder.glob(pattern)]
        inputs = [file for file in within if is_part(file.name) or is_table(file.name) or is_picture(file.name)]
    for name, target in outputs.items():
        if is_part(target.path.name) and os.path.isdir(folder) and target.path.parent.samefile(folder):
            raise InputError(f"{name}: {shown(target)} would pass for a part of the data set; name another")
    if "--checkpoint" in outputs:
        outputs = outputs | {"the lock of --checkpoint": lock_of(outputs["--checkpoint"])}
    for name, path in outputs.items():
        if os.path.exists(path) and any(file.exists() and file.samefile(path) for file in inputs):
            raise InputError(f"{name}: {shown(path)} is a file of the data set; name another")
    for (name, path), (other, second) in combinations(outputs.items(), 2):
        both_exist = os.path.exists(path) and os.path.exists(second)
        if os.fspath(path) == os.fspath(second) or (both_exist and os.path.samefile(path, second)):
            raise InputError(f"{name} and {other} are one file, {shown(path)}; name two")


class _Keeper:
    """The run's state, and the file that --checkpoint names; without one nothing is kept."""

    def __init__(self, args, asked, network, data, check_lock):
        self.check_lock = check_lock
        self.path, self.every = args.checkpoint, args.checkpoint_every or 30.0
        self.position, self.end, self.resumed = Position(), None, False
        if self.path is None:
            return
        arrays = data.train_images, data.train_labels, data.test_images, data.test_labels
        library = checkpoint.library() if network.dtype == "float64" else None
        self.asked, self.network = asked | {"data": checkpoint.fingerprint(*arrays), "library": library}, network
        if os.path.exists(self.path):
            if not args.resume:
                raise InputError(
                    f"--checkpoint: {shown(self.path)} exists; go on from it with --resume, remove it, or name another"
                )
            samples = len(data.train_labels) - (args.validation or 0)
            self.position, self.end = checkpoint.load(self.path, self.asked, network, samples)
            self.resumed = True
        self._kept = time.monotonic()

    def keep(self):
        if self.path is not None:
            self.check_lock()
            checkpoint.save(self.path, self.asked, self.position, self.network.parameters, self.end)
            self._kept = time.monotonic()

    def keep_at_times(self):
        if self.path is not None and time.monotonic() - self._kept >= self.every:
            self.keep()

    def finish(self, seconds):
        """Keep the end of the run; returns its seconds, those of the first time if it was reached before."""
        self.end = seconds if self.end is None else self.end
        self.keep()
        return self.end

    @contextmanager
    def interruptions(self, argv, progress):
        """Let signals wait until parameters and position belong together; then keep them, and say how to go on."""
        try:
            with postponing(lambda: not self.position.whole):
                yield
        except (KeyboardInterrupt, SystemExit):
            with suppress(OSError):  # the terminal may be gone
                progress.close()
            if self.path is not None:
                self.keep()
                again = shlex.join([*argv, *([] if "--resume" in argv else ["--resume"])])
                with suppress(OSError):  # standard error may be closed
                    print(f"neurone.train: kept; go on with: python -m neurone.train {again}", file=sys.stderr)
            raise
        except DivergenceError as error:
            if self.path is not None and os.path.exists(self.path):
                raise DivergenceError(f"{error}; {shown(self.path)} holds the last state kept before") from None
            raise


@contextmanager
def _options_named(args):
    """Errors about a setting name the option that it came from: --learning-rate, not learning_rate."""
    try:
        yield
    except InputError as error:
        name, is_, rest = str(error).partition(" is ")
        if name not in vars(args):
            raise
        raise InputError(f"--{name.replace('_', '-')}{is_}{rest}") from None


def _split(data, count, seed):
    """Training images and labels, and the (images, labels) held out from them, or None."""
    if count is None:
        return data.train_images, data.train_labels, None
    held_out = stratified(data.train_labels, options.integer("validation", count), seed)
    kept = ~held_out
    validation = data.train_images[held_out], data.train_labels[held_out]
    return data.train_images[kept], data.train_labels[kept], validation


def _describe_network(network):
    hidden = f"{network.activation} hidden, " if len(network.sizes) > 2 else ""
    return (
        f"{'-'.join(map(str, network.sizes))}: {hidden}{network.output} output, {network.cost} cost, "
        f"{network.dtype}, {network.parameters.size} parameters, seed {network.seed}"
    )


def _line(reports, count):
    """What is printed of the last epoch; in a long run also the best so far, and the time left, by the last epochs."""
    report = reports[-1]
    line = f"epoch {report.epoch + 1:{len(str(count))}}/{count}  cost {report.cost:.5f}  "
    line += f"training error {report.train_error:5.2f} %  "
    if report.validation_error is not None:
        best = min(reports, key=lambda each: each.validation_error)
        line += f"validation error {report.validation_error:5.2f} % (least {best.validation_error:.2f})  "
    line += f"{report.seconds:.1f} s"
    left = statistics.median(each.seconds for each in reports[-_LAST:]) * (count - report.epoch - 1)
    return f"{line}, {left / 60:.0f} min left" if left >= _LONG else line


def _best(network, position, rules):
    """`network`, or, if the best parameters are kept, a second one with them; a line then says so.

    `network` stays as it is: if more epochs are asked for, the checkpoint continues from the last parameters.
    """
    course = position.course
    if course.parameters is None:
        return network
    losses = list(map(rules.loss, position.reports))
    end = f"ended by patience after epoch {len(losses)}; " if course.ended else ""
    print(f"{end}the best parameters are those of epoch {1 + losses.index(course.best)}")
    best = Network(**network.settings())
    best.parameters = course.parameters
    return best


class _Progress:
    """A bar on standard error where that is a terminal and tqdm is installed; lines on standard output."""

    def __init__(self, total, done):
        self.bar = None
        if sys.stderr.isatty():
            with suppress(ImportError):
                from tqdm import tqdm

                self.bar = tqdm(total=total, initial=done, unit=" images", unit_scale=True, leave=False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def advance(self, samples):
        if self.bar is not None:
            self.bar.update(samples)

    def print(self, line):
        if self.bar is not None:
            self.bar.clear()
        print(line, flush=True)

    def close(self):
        if self.bar is not None:
            self.bar.close()


class _History:
    """JSON lines in a file, each written at once; without a path, nothing is written.

    The file is locked, where it can be, so that no other training writes lines between these.
    """

    def __init__(self, path):
        self.file, self.path = None, path
        if path is None:
            return
        # "a": nothing of another training is lost before the lock is known.
        with ExitStack() as stack:
            file = stack.enter_context(open(path, "a", buffering=1, encoding="utf-8", opener=system.open_plainly))
            with suppress(OSError):
                if not system.lock(file):
                    raise refusal(path, "is in use by another training; wait for its end, or name another file")
            file.truncate(0)
            stack.pop_all()
        self.file = file

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.file is not None:
            self._or_say_whose(self.file.close)

    def write(self, event):
        if self.file is not None:
            self._or_say_whose(lambda: self.file.write(json.dumps(event) + "\n"))

    def _or_say_whose(self, work):
        """Name the file in an error: a full disk's has no name, neither on writing nor when closing tries once more."""
        try:
            work()
        except OSError as error:
            error.filename = str(self.path)
            raise


if __name__ == "__main__":
    sys.exit(run("train", main))
