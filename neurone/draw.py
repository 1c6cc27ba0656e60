"""`python -m neurone.draw`: a saved network on a page in the browser, to draw digits on."""

import os
import sys
import tempfile
import webbrowser

from neurone.commands import Parser, load_together, run
from neurone.formats import save_html


def main(argv=None):
    parser = Parser(
        "draw",
        "Open a page in the browser that reads the digits one draws on it; of several networks, by the mean of their "
        "outputs. The page is one file, which works offline.",
    )
    parser.add_argument("networks", nargs="+", metavar="FILE.npz", help="written by python -m neurone.train --save")
    args = parser.parse_args(argv)
    network = load_together(args.networks)
    folder = tempfile.mkdtemp(prefix="neurone-")
    # An error names the page: by the network's name, which the user knows.
    page = os.path.join(folder, os.path.splitext(os.path.basename(args.networks[0]))[0] + ".html")
    try:
        save_html(network, page)
    except BaseException:  # Ctrl-C too leaves no folder behind
        os.rmdir(folder)
        raise
    print(page, flush=True)
    if not webbrowser.open("file://" + page):
        print("no browser was found; open the page in one", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(run("draw", main))
