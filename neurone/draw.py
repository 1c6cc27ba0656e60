"""`python -m neurone.draw`: a saved network on a page in the browser, to draw digits on."""

import os
import sys
import tempfile
import webbrowser

from neurone.commands import Parser, load_together, run
from neurone.errors import InputError
from neurone.files import shown
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
    page = os.path.join(folder, "digit.html")
    try:
        save_html(network, page)
    except BaseException as error:
        os.rmdir(folder)
        if isinstance(error, InputError):  # it names the page, which nobody asked for by name
            raise InputError(str(error).replace(shown(page), shown(args.networks[0]), 1)) from None
        raise
    print(page, flush=True)
    if not webbrowser.open("file://" + page):
        print("no browser was found; open the page in one", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(run("draw", main))
