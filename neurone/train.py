"""`python -m neurone.train`: train a network on a folder of IDX files, or on the embedded digits."""

import argparse
import hashlib
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
from neurone.commands import (
    Parser,
    add_data,
    batch_size,
    called,
    check_stopped,
    describe,
    load_set,
    postponing,
    print_test,
    run,
)  # fmt: skip
from neurone.committee import load_network
from neurone.datasets import mnist
from neurone.datasets.arrays import stratified
from neurone.datasets.look import remarks
from neurone.datasets.mnist import is_part
from neurone.datasets.pictures import is_picture
from neurone.datasets.table import is_table
from neurone.engine.distortion import Distortion
from neurone.engine.optimizer import Optimizer
from neurone.engine.preparation import Preparation
from neurone.errors import DivergenceError, InputError
from neurone.files import check_writable, lock_of, locked, refusal, shown
from neurone.kernels.jit import compiling
from neurone.network import Network
from neurone.recipes import RECIPES, table
from neurone.report import check_matplotlib, write_report
from neurone.training import checkpoint
from neurone.training.fit import iterate
from neurone.training.reports import Position
from neurone.training.rules import MONITORS, SCHEDULES, Rules
from neurone.trainings import join, path_of, train_committee

# Options that make a network, and those of the rules of training.
_OF_NETWORK = ("hidden", "activation", "output", "cost", "slope", "init", "dtype", "prepare")
_OF_RULES = (
    "learning_rate", "decay", "schedule", "power_t", "final_rate", "plateau_patience", "plateau_factor", "warmup",
    "patience", "tol", "monitor", "max_seconds",
)  # fmt: skip

# Time left is told where it is so many seconds or more, and judged by so many epochs.
_LONG, _LAST = 60.0, 5
# Of --distort.
_LIMITS = ("rotation", "scale", "shear", "shift", "elastic", "width")


def _parser():
    """Options by subject, the usual subjects first."""
    about = "Train a network and score it once, at the end, on the test set."
    parser = Parser("train", about, usage=f"{called('train')} [options]")
    add = parser.add_argument_group("data").add_argument
    add_data(add)
    add("--validation", type=int, metavar="N", help="training samples to hold out, and score after each epoch")
    add("--window", type=int, metavar="W", help="leave plain IDX files of --data on the disk; mix W blocks at a time")
    add("--block", type=int, default=4096, metavar="B", help="samples of such a block (default: %(default)s)")
    add(
        "--distort",
        nargs="*",
        metavar="NAME=F",
        help=f"distort images anew in each epoch, or none; {', '.join(_LIMITS)}",
    )
    add("--prepare", nargs="+", metavar="NAME", help="of images, first: upright, width=F, blur=F (pixels), or none")

    add = parser.add_argument_group("network").add_argument
    add("--hidden", nargs="*", type=int, metavar="N", help="neurons of each hidden layer (default: 100)")
    add("--activation", choices=options.ACTIVATIONS, help="of the hidden layers (default: logistic)")
    add("--output", choices=options.OUTPUTS, help="(default: softmax)")
    add("--cost", choices=options.COSTS, help="(default: log)")
    add("--slope", type=float, metavar="A", help="slope of every logistic neuron (default: 1)")
    add("--init", choices=options.INITS, help="initial weights (default: glorot)")
    add("--dtype", choices=options.DTYPES, help="width of the arithmetic (default: float32)")
    add("--from", dest="start", metavar="FILE.npz", help="train this network further, instead of a new one")
    add("--committee", type=int, metavar="N", help="train N networks, of seeds from --seed on, that answer together")

    add = parser.add_argument_group("training").add_argument
    add("--recipe", choices=RECIPES, help="settings of a known result, which other options override")
    add("--recipes", action="store_true", help="print the recipes, their sources and test errors, and end")
    add("--epochs", type=int, default=10, metavar="N", help="(default: %(default)s)")
    add("--batch-size", type=batch_size, default=1, metavar="N|all", help="samples in a batch (default: 1)")
    add("--learning-rate", type=float, default=0.05, metavar="F", help="(default: %(default)s)")
    add("--decay", type=float, default=0.85, metavar="F", help="of the rate, for each epoch (default: %(default)s)")
    add("--seed", type=int, default=0, metavar="N", help="of initial weights, order, samples held out, and dropout")
    add("--reduction", choices=options.REDUCTIONS, default="mean", help="of a batch's gradients")

    add = parser.add_argument_group("output").add_argument
    add("--save", metavar="FILE.npz", help="write the network here")
    add("--history", metavar="FILE.jsonl", help="write a JSON line for each epoch here, and one for the end")
    add("--report", metavar="FILE.html", help="write a page about the training here (needs the extra `plots`)")
    add(
        "--calibrate",
        action="store_true",
        help="by the samples of --validation, at the end: temperature, and what is unlike",
    )
    add("--checkpoint", metavar="FILE", help="keep the run's whole state here: an interrupted one loses nothing")
    add("--checkpoint-every", type=float, metavar="S", help="seconds between two, besides each epoch's (default: 30)")
    add("--resume", action="store_true", help="continue from the checkpoint, if there is one, to the same bits")

    add = parser.add_argument_group("learning rate, and the end of training").add_argument
    add("--schedule", choices=SCHEDULES, default="constant", help="of the learning rate, besides --decay")
    add("--power-t", type=float, default=0.5, metavar="F", help="of --schedule invscaling (default: %(default)s)")
    add("--final-rate", type=float, default=0.0, metavar="F", help="of linear and cosine, plateau's least (default: 0)")
    add("--plateau-patience", type=int, default=10, metavar="N", help="of --schedule plateau (default: %(default)s)")
    add("--plateau-factor", type=float, default=0.1, metavar="F", help="of --schedule plateau (default: %(default)s)")
    add("--warmup", type=int, default=0, metavar="N", help="let the rate grow in the first N epochs (default: 0)")
    add("--patience", type=int, metavar="N", help="allow N epochs in a row without progress; end with the best weights")
    add("--tol", type=float, default=1e-4, metavar="F", help="least progress for --patience (default: %(default)s)")
    add("--monitor", choices=MONITORS, help="what --patience watches (default: validation_error, else cost)")
    add("--max-seconds", type=float, metavar="S", help="begin no epoch after so many seconds of training")

    add = parser.add_argument_group("optimizer, and means against overfitting").add_argument
    add("--optimizer", choices=options.OPTIMIZERS, default="sgd", help="rprop goes with --batch-size all")
    add("--momentum", type=float, default=0.0, metavar="F", help="of sgd, from 0 to below 1 (default: 0)")
    add("--no-nesterov", dest="nesterov", action="store_false", help="plain momentum, not Nesterov's")
    for name, default in (("--beta-1", 0.9), ("--beta-2", 0.999), ("--epsilon", 1e-8)):
        add(name, type=float, default=default, metavar="F", help="of adam (default: %(default)s)")
    add("--dropout", type=float, default=0.0, metavar="F", help="share of hidden neurons to drop (default: 0)")
    add("--input-dropout", type=float, default=0.0, metavar="F", help="share of inputs to drop (default: 0)")
    add("--alpha", type=float, default=0.0, metavar="F", help="factor of the penalty on large weights (default: 0)")
    add("--weight-decay", type=float, default=0.0, metavar="F", help="decoupled: AdamW's, with adam (default: 0)")
    add("--clip-norm", type=float, metavar="F", help="shorten longer gradients of a batch to this norm")
    add("--max-norm", type=float, metavar="F", help="shorten longer weights into a neuron to this norm")

    add = parser.add_argument_group("machine: none of these changes a bit of the result").add_argument
    add("--threads", type=int, default=1, metavar="N", help="share the work of a batch (default: 1)")
    add("--kernels", choices=options.KERNELS, default="fast", help="notes is for reading (default: fast)")
    add("--tuning", choices=options.TUNINGS, default="background", help="when to compile kernels for this very network")
    parser.add_argument("--member", type=int, help=argparse.SUPPRESS)  # which of the processes of --committee this is
    return parser


def main(argv=None):
    argv = sys.argv[1:] if argv is None else argv
    args = _parsed(argv)
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


def _parsed(argv):
    """The options: those given, else those of --recipe, else the defaults."""
    parser = _parser()
    args = parser.parse_args(argv)
    if args.recipe is None:
        return args
    chosen = RECIPES[args.recipe].options
    if args.start is not None:  # that network has a shape of its own
        chosen = {name: value for name, value in chosen.items() if name not in _OF_NETWORK}
    parser.set_defaults(**chosen)
    return parser.parse_args(argv)


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
        write_report(args.report, committee, data, [], _told_of(args))
    sha256 = hashlib.sha256(b"".join(network.parameters.tobytes() for network in committee.networks)).hexdigest()
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
    rules = {name: getattr(args, name) for name in _OF_RULES}
    optimizer = Optimizer(
        args.optimizer, args.momentum, args.nesterov, args.alpha, args.weight_decay, args.beta_1, args.beta_2,
        args.epsilon, args.clip_norm, args.max_norm, args.input_dropout, args.dropout,
    )  # fmt: skip
    distortion = _distortion(args.distort)
    decisive = dict(batch_size=args.batch_size, epochs=args.epochs, reduction=args.reduction, seed=args.seed)
    with ExitStack() as stack:
        check_lock = stack.enter_context(locked(args.checkpoint)) if args.checkpoint is not None else None
        asked = network.settings() | rules | decisive
        start = None if args.start is None else checkpoint.fingerprint(network.parameters)
        asked |= optimizer.settings() | {"start": start, "validation": args.validation}
        if args.window is not None:
            asked |= {"window": args.window, "block": args.block}
        asked["distortion"] = None if distortion is None else [getattr(distortion, name) for name in _LIMITS]
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
                write_report(args.report, trained, data, position.reports, _told_of(args))
            seconds = keeper.finish(seconds + time.perf_counter() - begin)
        sha256 = hashlib.sha256(trained.parameters.tobytes()).hexdigest()
        history.write({"event": "end", "test_error": test_error, "seconds": seconds, "parameters_sha256": sha256})


def _told_of(args):
    """What a report tells of the options: the usual ones, others not at their defaults, but no network's."""
    usual, defaults = ("epochs", "batch_size", "learning_rate", "decay", "seed"), vars(_parser().parse_args([]))
    silent = (*_OF_NETWORK, "data", "split", "save", "history", "report", "checkpoint", "checkpoint_every", "resume",
              "recipes", "member", "committee")  # fmt: skip
    return {
        name.replace("_", " "): "all" if name == "batch_size" and value is None else value
        for name, value in vars(args).items()
        if name in usual or (name not in silent and value != defaults[name])
    }


def _distortion(given):
    """What --distort asks for: a list of NAME=F, or None."""
    if given is None or given == ["none"]:
        return None
    limits = {}
    for each in given:
        name, is_, value = each.partition("=")
        if name in limits:
            raise InputError(f"--distort has {name} twice; give it once")
        try:
            limits[name] = float(value)
        except ValueError:
            is_ = ""
        if not is_ or name not in _LIMITS:
            raise InputError(f"--distort is {each!r}; give NAME=F, a number for one of {', '.join(_LIMITS)}")
    try:
        return Distortion(**limits).checked()
    except InputError as error:
        raise InputError(f"--distort: {error}") from None


def _event(report):
    """An epoch's line of the history."""
    return {"event": "epoch"} | {name: value for name, value in vars(report).items() if name != "penalty"}


def _preparation(given, shape):
    """What --prepare asks for, or None."""
    if given == ["none"]:
        return None
    chosen = {}
    for each in given:
        name, is_, value = each.partition("=")
        if name in chosen:
            raise InputError(f"--prepare has {name} twice; give it once")
        try:
            chosen[name] = float(value) if is_ else True
        except ValueError:
            name = ""
        if (name, bool(is_)) not in (("upright", False), ("width", True), ("blur", True)):
            raise InputError(f"--prepare is {each!r}; give upright, width=F or blur=F, numbers of pixels, or none")
    return Preparation(shape, **chosen)


def _network(args, shape, outputs, classes):
    """A new network, or that of --from, which decides what the other options would."""
    inputs = math.prod(shape)
    given = {name: getattr(args, name) for name in _OF_NETWORK if getattr(args, name) is not None}
    if args.start is None:
        chosen = {"hidden": [100], "activation": "logistic", "output": "softmax", "cost": "log"} | given
        hidden = [options.integer("hidden", neurons) for neurons in chosen.pop("hidden")]
        if "prepare" in chosen:
            chosen["preparation"] = _preparation(chosen.pop("prepare"), shape)
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
