"""`python -m neurone.evaluate`: score a saved network, or several that answer together, on a test set."""

import sys

from neurone import options
from neurone.commands import Parser, add_data, describe, load_set, load_together, print_test, run
from neurone.errors import InputError
from neurone.files import shown


def main(argv=None):
    parser = Parser(
        "evaluate", "Score a network on the test set of a data set; of several networks, the mean of their outputs."
    )
    parser.add_argument("networks", nargs="+", metavar="FILE.npz", help="written by python -m neurone.train --save")
    add_data(parser.add_argument)
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="share the images; the same answers")
    args = parser.parse_args(argv)
    threads = options.integer("threads", args.threads)
    network, named = load_together(args.networks), shown(args.networks[0])
    data = load_set(args.data, args.split)
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
    print(describe(data))
    print_test(network, data, threads)


if __name__ == "__main__":
    sys.exit(run("evaluate", main))
