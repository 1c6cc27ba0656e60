"""`python -m neurone.export`: a saved network as a file for other programs, or as a web page."""

import os
import sys

from neurone.commands import Parser, run
from neurone.committee import load
from neurone.errors import ExtraError, InputError, NeuroneError
from neurone.files import check_writable, reading, refusal, shown
from neurone.formats import network_of, save_c, save_html, save_onnx


def main(argv=None):
    parser = Parser(
        "export",
        "Write a network as an ONNX model, as one C file, which says how to compile it, or as a web page to draw on.",
    )
    parser.add_argument("network", metavar="FILE", help="written by python -m neurone.train --save")
    parser.add_argument(
        "--pickle", action="store_true",
        help="FILE is an estimator or a Pipeline, by joblib or pickle; it runs what is in it: trust the file",
    )  # fmt: skip
    parser.add_argument("--format", required=True, choices=("onnx", "c", "html"), help="onnx needs the extra `export`")
    parser.add_argument("--output", required=True, metavar="OUT", help="the file to write")
    parser.add_argument("--int8", action="store_true", help="C or a page with weights in 8 bits, a quarter of the size")
    parser.add_argument("--name", default="neurone", help="what C names begin with: left gives left_predict")
    parser.add_argument("--header", metavar="OUT.h", help="write a C header too")
    args = parser.parse_args(argv)
    if args.int8 and args.format == "onnx":
        raise InputError("--int8 goes with --format c and html, not onnx; leave out one of them")
    if (args.name != "neurone" or args.header) and args.format != "c":
        raise InputError(f"--name and --header go with --format c alone, not {args.format}; leave them out")
    network = network_of(_unpickled(args.network)) if args.pickle else load(args.network)
    check_writable("--output", args.output)
    if os.path.exists(args.output) and os.path.samefile(args.output, args.network):
        raise InputError(f"--output: {shown(args.output)} is the network itself; name another")
    if args.header:
        check_writable("--header", args.header)
        if os.path.abspath(args.header) in (os.path.abspath(args.output), os.path.abspath(args.network)):
            raise InputError(f"--header: {shown(args.header)} is the C file or the network itself; name another")
    if args.format == "c":
        save_c(network, args.output, int8=args.int8, name=args.name, header=args.header)
    elif args.format == "html":
        save_html(network, args.output, int8=args.int8)
    else:
        save_onnx(network, args.output)


def _unpickled(path):
    try:
        import joblib
    except ImportError:
        raise ExtraError("joblib is not installed; run: pip install 'neurone[sklearn]'") from None
    try:
        with reading(path) as file:
            return joblib.load(file)
    except NeuroneError:
        raise
    except Exception as error:  # a pickle can raise anything
        raise refusal(path, f"cannot be unpickled ({type(error).__name__}: {error})") from None


if __name__ == "__main__":
    sys.exit(run("export", main))
