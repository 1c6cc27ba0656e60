"""Recipes of the command: what they ask for, what overrides them, and the test error that one of them promises."""

import pytest

from neurone.engine.distortion import Distortion
from neurone.recipes import RECIPES
from neurone.train_options import _parser, distortion_of, parsed

NAMES = (
    "notes", "lecun-1998", "simard-2003", "simard-2003-elastic", "ciresan-2010", "meier-2011", "srivastava-2014",
    "best",
)  # fmt: skip


def test_names_do_not_drift():
    assert tuple(RECIPES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_is_options_of_the_command(name):
    plain, args = vars(_parser().parse_args([])), vars(parsed(["--recipe", name]))
    options = RECIPES[name].options
    assert set(options) <= set(plain)
    assert args == plain | options | {"recipe": name}
    assert RECIPES[name].source and RECIPES[name].reached


def test_other_options_override_a_recipe():
    given = "--recipe", "simard-2003-elastic", "--epochs", "15", "--hidden", "20", "30", "--distort", "elastic=3"
    args = parsed(given)
    assert (args.epochs, args.hidden, args.schedule) == (15, [20, 30], "cosine")
    assert distortion_of(args.distort) == Distortion(elastic=3.0).checked()
    assert distortion_of(parsed(["--recipe", "simard-2003-elastic"]).distort) == Distortion().checked()
    assert distortion_of(parsed(["--recipe", "simard-2003-elastic", "--distort", "none"]).distort) is None


def test_a_saved_network_has_a_shape_of_its_own():
    args = parsed(["--recipe", "lecun-1998", "--from", "net.npz"])
    assert args.hidden is None and args.cost is None and args.batch_size == RECIPES["lecun-1998"].options["batch_size"]


def test_the_command_lists_them(call):
    done = call("train", "--recipes")
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and [line.partition(":")[0] for line in lines[1:]] == list(NAMES)
    assert call("train", "--recipe", "simard").returncode == 2


def test_a_recipe_trains_and_resumes(run, small_set):
    options = ("--data", small_set, "--recipe", "srivastava-2014", "--hidden", 70, 70, "--batch-size", 10)
    whole = run("train", *options, "--epochs", 4, "--threads", 2)
    assert whole.returncode == 0, whole.stderr
    kept = "--checkpoint", "run.state", "--resume", "--max-seconds"
    assert run("train", *options, "--epochs", 4, *kept, 1e-9).returncode == 0
    resumed = run("train", *options, "--epochs", 4, *kept, 1e9)
    assert resumed.stdout.splitlines()[-1] == whole.stdout.splitlines()[-1]


def test_fifteen_epochs_with_distortions(run, mnist, torture):
    """1.1 % or less on MNIST, with the same bits from two threads."""
    if not torture:
        pytest.skip("only with --torture: it takes minutes")
    options = ("--data", mnist.folder, "--recipe", "simard-2003-elastic", "--epochs", 15)
    told = [run("train", *options, "--threads", threads).stdout.splitlines()[-1] for threads in (1, 2)]
    assert told[0] == told[1]
    assert float(told[0].split()[2]) <= 1.1
