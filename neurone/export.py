"""`python -m neurone.export`: a saved network as a file for other programs."""

import os
import sys

from neurone.commands import Parser, run
from neurone.errors import InputError
from neurone.files import check_writable, shown
from neurone.formats import save_c, save_onnx
from neurone.network import load


def main(argv=None):
    parser = Parser("export", "Write a network as an ONNX model or as one C file, which says how to compile it.")
    parser.add_argument("network", metavar="FILE.npz", help="written by python -m neurone.train --save")
    parser.add_argument("--format", required=True, choices=("onnx", "c"), help="onnx needs the extra `export`")
    parser.add_argument("--output", required=True, metavar="OUT", help="the file to write")
    parser.add_argument("--int8", action="store_true", help="C with weights in 8 bits, a quarter of the size")
    args = parser.parse_args(argv)
    if args.int8 and args.format != "c":
        raise InputError(f"--int8 goes with --format c alone, not {args.format}; leave out one of them")
    network = load(args.network)
    check_writable("--output", args.output)
    if os.path.exists(args.output) and os.path.samefile(args.output, args.network):
        raise InputError(f"--output: {shown(args.output)} is the network itself; name another")
    if args.format == "c":
        save_c(network, args.output, int8=args.int8)
    else:
        save_onnx(network, args.output)


if __name__ == "__main__":
    sys.exit(run("export", main))
