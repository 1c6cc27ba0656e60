"""A network as a web page of one file, on which one draws digits. It asks nothing of the network.

The page's parts lie in `page/`: `network.js` has the arithmetic, `ink.js` makes images of pictures as `images.py` does,
`page.js` has strokes and what is shown.
"""

import base64
import html
import json
import re
from importlib import resources

import numpy as np

from neurone.errors import InputError
from neurone.files import replacing, shown
from neurone.formats.c import check_alike, description
from neurone.formats.int8 import Quantised
from neurone.formats.models import networks_of

_PIXELS = 28 * 28


def save_html(network, path, int8=False):
    """Write a network to `path` as a page of one file, whole or not at all, that reads digits drawn on it.

    Any browser opens it, from disk too. In 32 bits its outputs are the bits of `predict_proba`; in 64, but for the last
    ones of `exp` and `tanh`, which are the browser's. What is drawn or dropped on it is prepared as `python -m
    neurone.predict` prepares pictures, to the byte where a digit can be seen; of noise and plain gradients bytes may
    differ, since least squares are solved by another method. Other scripts on the page call
    `window.neurone.predict(pixels)`: a `Uint8Array` of 784 pixels gives a `Float32Array` of the outputs (`Float64Array`
    of a network of 64 bits).

    Parameters
    ----------
    network : Network, Committee, estimator or Pipeline
        See `network_of`. It takes images of 28 x 28.
    path : path-like
    int8 : bool
        Weights in 8 bits, as in `save_c`: a page of a third of the size, whose outputs are nearly those of the network.

    Raises
    ------
    InputError
        Other inputs than 784; parameters that are not finite; a network with a preparation.

    Examples
    --------
    >>> import neurone, pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "digit.html"
    >>> save_html(neurone.Network((784, 30, 10)), file)
    >>> file.read_text(encoding="utf-8")[:15]
    '<!DOCTYPE html>'
    """
    networks = networks_of(network)
    if networks[0].sizes[0] != _PIXELS:
        raise InputError(
            f"{shown(path)}: not written, since the network takes {networks[0].sizes[0]} inputs, and the page makes "
            "images of 28 x 28; train one on such images"
        )
    if int8 and len(networks) > 1:
        check_alike(path, networks, int8)
    if not all(np.isfinite(each.parameters).all() for each in networks):
        raise InputError(f"{shown(path)}: not written, since the network's parameters hold NaN or infinity")
    labels = networks[0].classes or [str(k) for k in range(max(networks[0].sizes[-1], 2))]
    data = {
        "labels": list(labels),
        "names": list(labels) if networks[0].sizes[-1] > 1 else ["output"],
        # Where there is one output, answers have labels and the output a name.
        "networks": [_described(each, int8) for each in networks],
    }
    pages = resources.files("neurone.formats") / "page"
    parts = {
        "style": (pages / "page.css").read_text("utf-8"),
        "what": "digit" if networks[0].classes is None else "picture",
        "description": html.escape(description(networks, int8)),
        # "</script>" in a class's name would end the element.
        "networks": json.dumps(data).replace("<", "\\u003c"),
        "code": "\n".join((pages / name).read_text("utf-8") for name in ("network.js", "ink.js", "page.js")),
    }
    page = re.sub("<!--([a-z]+)-->", lambda mark: parts[mark[1]], (pages / "page.html").read_text("utf-8"))
    with replacing(path) as file:
        file.write(page.encode())


def _described(network, int8):
    """What the page knows of one network."""
    common = dict(sizes=network.sizes, activation=network.activation, output=network.output)
    if not int8:
        slope, width = float(network.dtype.type(network.slope)), 8 * network.dtype.itemsize
        return common | dict(slope=slope, width=width, parameters=_base64(network.parameters))
    weights, scales, biases = (
        np.concatenate([each.ravel() for each in of]) for of in zip(*Quantised(network).layers, strict=True)
    )
    arrays = dict(weights=_base64(weights), scales=_base64(scales), biases=_base64(biases))
    return common | dict(slope=float(np.float32(network.slope))) | arrays


def _base64(array):
    return base64.b64encode(array.astype(array.dtype.newbyteorder("<")).tobytes()).decode()
