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
    parser.add_argument("--name", default="neurone", help="what C names begin with: left gives left_predict")
    parser.add_argument("--header", metavar="OUT.h", help="write a C header too")
    args = parser.parse_args(argv)
    if args.int8 and args.format != "c":
        raise InputError(f"--int8 goes with --format c alone, not {args.format}; leave out one of them")
    if (args.name != "neurone" or args.header) and args.format != "c":
        raise InputError(f"--name and --header go with --format c alone, not {args.format}; leave them out")
    network = load(args.network)
    check_writable("--output", args.output)
    if os.path.exists(args.output) and os.path.samefile(args.output, args.network):
        raise InputError(f"--output: {shown(args.output)} is the network itself; name another")
    if args.header:
        check_writable("--header", args.header)
        if os.path.abspath(args.header) in (os.path.abspath(args.output), os.path.abspath(args.network)):
            raise InputError(f"--header: {shown(args.header)} is the C file or the network itself; name another")
    if args.format == "c":
        save_c(network, args.output, int8=args.int8, name=args.name, header=args.header)
    else:
        save_onnx(network, args.output)


if __name__ == "__main__":
    sys.exit(run("export", main))
