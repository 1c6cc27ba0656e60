"""`python -m neurone.evaluate`: score a saved network, or several that answer together, on a test set."""

import sys

from neurone import options
from neurone.commands import Parser, add_data, check_goes_with, describe, load_set, load_together, print_test, run
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
    check_goes_with(network, named, data)
    print(describe(data))
    print_test(network, data, threads)


if __name__ == "__main__":
    sys.exit(run("evaluate", main))
