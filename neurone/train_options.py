"""The options of `python -m neurone.train`: the parser, recipes, and what the options of several words mean."""

import argparse

from neurone import options
from neurone.commands import Parser, add_data, batch_size, called
from neurone.engine.distortion import Distortion
from neurone.engine.preparation import Preparation
from neurone.errors import InputError
from neurone.recipes import RECIPES
from neurone.training.rules import MONITORS, SCHEDULES

# Options that make a network, and those of the rules of training.
OF_NETWORK = ("hidden", "activation", "output", "cost", "slope", "init", "dtype", "prepare")
OF_RULES = (
    "learning_rate", "decay", "schedule", "power_t", "final_rate", "plateau_patience", "plateau_factor", "warmup",
    "patience", "tol", "monitor", "max_seconds",
)  # fmt: skip
# Of --distort.
LIMITS = ("rotation", "scale", "shear", "shift", "elastic", "width")


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
        help=f"distort images anew in each epoch, or none; {', '.join(LIMITS)}",
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


def parsed(argv):
    """The options: those given, else those of --recipe, else the defaults."""
    parser = _parser()
    args = parser.parse_args(argv)
    if args.recipe is None:
        return args
    chosen = RECIPES[args.recipe].options
    if args.start is not None:  # that network has a shape of its own
        chosen = {name: value for name, value in chosen.items() if name not in OF_NETWORK}
    parser.set_defaults(**chosen)
    return parser.parse_args(argv)


def told_of(args):
    """What a report tells of the options: the usual ones, others not at their defaults, but no network's."""
    usual, defaults = ("epochs", "batch_size", "learning_rate", "decay", "seed"), vars(_parser().parse_args([]))
    silent = (*OF_NETWORK, "data", "split", "save", "history", "report", "checkpoint", "checkpoint_every", "resume",
              "recipes", "member", "committee")  # fmt: skip
    return {
        name.replace("_", " "): "all" if name == "batch_size" and value is None else value
        for name, value in vars(args).items()
        if name in usual or (name not in silent and value != defaults[name])
    }


def distortion_of(given):
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
        if not is_ or name not in LIMITS:
            raise InputError(f"--distort is {each!r}; give NAME=F, a number for one of {', '.join(LIMITS)}")
    try:
        return Distortion(**limits).checked()
    except InputError as error:
        raise InputError(f"--distort: {error}") from None


def preparation_of(given, shape):
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
