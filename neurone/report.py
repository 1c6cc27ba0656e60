"""`python -m neurone.report`, and `train --report`: a network on one page: settings, curves, errors, weights."""

import base64
import html
import io
import os
import platform
import statistics
import sys

import numpy as np

from neurone import __version__, plots
from neurone.answers import class_name, confusion, parameters_sha256
from neurone.commands import Parser, add_data, check_goes_with, load_set, load_together, run
from neurone.committee import Committee
from neurone.files import check_writable, replacing, shown
from neurone.training.reports import read_history

_STYLE = """
:root { color-scheme: light; }
body { margin: 0 auto; padding: 1rem; max-width: 80rem; color: #1d1d1f; background: #fff;
  font: 1rem/1.45 system-ui, "DejaVu Sans", sans-serif; }
h1 { margin: 0; font-size: 1.6rem; } h2 { margin: 0 0 .5rem; font-size: 1.05rem; } p { margin: .2rem 0; }
main { columns: 22rem; column-gap: 1rem; margin-top: 1rem; }
section { margin: 0 0 1rem; border: 1px solid #d9d6cf; border-radius: .6rem; padding: .9rem;
  break-inside: avoid; }
img { display: block; width: 100%; max-width: 36rem; margin: 0 auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .2rem .6rem .2rem 0; border-bottom: 1px solid #eceae5; vertical-align: top;
}
td { overflow-wrap: anywhere; }
th { font-weight: 600; } .numbers td, .numbers th:not(:first-child) { text-align: right; }
.large { font-size: 2.2rem; font-weight: 700; }
@media print { body { max-width: none; padding: 0; font-size: 10pt; } main { columns: 2; } }
"""
_FIGURE = (4.4, 3.3)  # inches: read at the width of a phone


def main(argv=None):
    parser = Parser(
        "report",
        "Write a page about a network: settings, errors, what it misreads, its weights. Of several networks, about the "
        "mean of their outputs. Needs the extra `plots`.",
    )
    parser.add_argument("networks", nargs="+", metavar="FILE.npz", help="written by python -m neurone.train --save")
    parser.add_argument(
        "--history", metavar="FILE.jsonl", help="of the training, by train --history: for curves and time"
    )
    parser.add_argument("--output", default="report.html", metavar="OUT.html", help="(default: %(default)s)")
    add_data(parser.add_argument)
    args = parser.parse_args(argv)
    plots.check_matplotlib()
    network = load_together(args.networks)
    check_writable("--output", args.output)
    history = [] if args.history is None else read_history(args.history)
    data = load_set(args.data, args.split)
    check_goes_with(network, shown(args.networks[0]), data)
    write_report(args.output, network, data, history, {"network": ", ".join(map(shown, args.networks))})
    print(args.output)


def write_report(path, network, data, history, settings):
    """Write a page about `network` and its errors on the test set of `data`, whole or not at all.

    history: list of Report, may be empty. settings: what else to tell of the training, name to value.
    """
    page = _page(network, data, history, settings)
    with replacing(path) as file:
        file.write(page.encode())


def _page(network, data, history, settings):
    images, labels = data.test_images, data.test_labels
    answers = network.predict(images)
    wrong = int((answers != labels).sum())
    networks = network.networks if isinstance(network, Committee) else (network,)
    error = 100 * wrong / len(labels)
    summary = f'<p class="large">{error:.2f} %</p><p>of {len(labels)} test images misread ({wrong}).</p>'
    if history:
        summary += _table(_time(history))
    sections = [("Test error", summary)]
    if history and history[0].train_error is not None:
        sections.append(("Errors", _figure(lambda ax: plots.learning_curves(history, ax=ax))))
    if history:
        sections.append(("Cost", _figure(lambda ax: plots.learning_curves(history, what="cost", ax=ax))))
    sections += [
        ("Confusion matrix", _figure(lambda ax: plots.confusion_matrix(network, images, labels, ax=ax), (5.2, 5.0))),
        ("Classes", _classes(network, labels, answers)),
    ]
    if images.ndim == 3 and wrong:
        sections.append(
            ("Misread most surely", _figure(lambda ax: plots.misread(network, images, labels, 12, ax), (5, 3.6)))
        )
    if len(networks) == 1 and images.ndim == 3:
        shape = images.shape[1:]
        sections.append(
            ("Weights of the first layer", _figure(lambda ax: plots.first_layer(network, shape, ax=ax), (4.6, 4.8)))
        )
    if network.sizes[-1] > 1 and networks[0].output == "softmax":
        sections.append(("How sure it is", _figure(lambda ax: plots.calibration(network, images, labels, ax=ax))))
    sections += [
        ("Settings", _table(_of_networks(networks) | {"data": f"{data.name}, {data.folder}"} | settings)),
        ("Environment", _table(_environment(networks))),
    ]
    body = "\n".join(f"<section><h2>{html.escape(title)}</h2>{content}</section>" for title, content in sections)
    title = f"{_shapes(networks)} on {data.name}"
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><title>{html.escape(title)}</title><style>{_STYLE}</style></head>
<body><header><h1>{html.escape(title)}</h1></header>
<main>
{body}
</main></body></html>
"""


def _figure(draw, size=_FIGURE):
    """What `draw` draws, as an image within the page."""
    from matplotlib import rc_context, rcdefaults
    from matplotlib.figure import Figure

    with rc_context():
        rcdefaults()  # not the user's style: a page is light
        # Names of classes may be of any script; as text, the browser finds letters for them.
        with rc_context({"svg.fonttype": "none", "svg.hashsalt": "neurone", "font.family": "sans-serif"}):
            ax = draw(Figure(size, layout="constrained").add_subplot())
            picture = io.BytesIO()
            ax.figure.savefig(picture, format="svg", transparent=True, metadata={"Date": None})
    source = base64.b64encode(picture.getvalue()).decode()
    return f'<img src="data:image/svg+xml;base64,{source}" alt="{html.escape(plots.alternative_text(ax), quote=True)}">'


def _table(rows):
    cells = (
        f"<tr><th>{html.escape(str(name))}</th><td>{html.escape(str(value))}</td></tr>" for name, value in rows.items()
    )
    return f"<table>{''.join(cells)}</table>"


def _classes(network, labels, answers):
    """Precision and recall of each class."""
    counts = confusion(labels, answers)
    head = "<tr><th>class</th><th>images</th><th>precision</th><th>recall</th></tr>"
    rows = []
    for label, row in enumerate(counts):
        right = counts[label, label]
        shares = (f"{100 * right / total:.2f} %" if total else "-" for total in (counts[:, label].sum(), row.sum()))
        cells = (class_name(network, label), row.sum(), *shares)
        name, *others = (html.escape(str(cell)) for cell in cells)
        rows.append(f"<tr><th>{name}</th>" + "".join(f"<td>{cell}</td>" for cell in others) + "</tr>")
    return f'<table class="numbers">{head}{"".join(rows)}</table>'


def _time(history):
    seconds = [report.seconds for report in history]
    found = {"epochs": len(history), "time of training": f"{sum(seconds):.1f} s"}
    found["an epoch (median)"] = f"{statistics.median(seconds):.2f} s"
    if history[-1].train_error is not None:
        found["training error at the end"] = f"{history[-1].train_error:.2f} %"
    if history[-1].validation_error is not None:
        found["validation error at the end"] = f"{history[-1].validation_error:.2f} %"
    return found


def _shapes(networks):
    return "; ".join(dict.fromkeys("-".join(map(str, each.sizes)) for each in networks))


def _of_networks(networks):
    first = networks[0].settings()
    found = {"networks": len(networks)} if len(networks) > 1 else {}
    found |= {name: value for name, value in first.items() if name != "classes" and value is not None}
    return found | {"parameters": sum(each.parameters.size for each in networks)}


def _environment(networks):
    import numba

    return {
        "SHA-256 of the parameters": parameters_sha256(networks),
        "neurone": __version__,
        "Python": platform.python_version(),
        "NumPy, Numba": f"{np.__version__}, {numba.__version__}",
        "system": f"{platform.system()}, {platform.machine()}, {os.cpu_count()} cores",
    }


if __name__ == "__main__":
    sys.exit(run("report", main))
