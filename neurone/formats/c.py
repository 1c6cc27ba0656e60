"""A network as one C file that allocates nothing: its outputs are the network's own bits, or its weights have 8 bits.

Numbers are written in decimal, with enough digits to be read back exactly: hexadecimal floats are C99, but not C++
before 2017.
"""

import numpy as np

import neurone.formats.c_parts as c_parts
from neurone.errors import InputError
from neurone.files import replacing, shown
from neurone.formats.int8 import LARGEST_LAYER, Quantised
from neurone.randomness import uniform

_TESTS = 3  # images in the file, with their outputs
_A_LINE = 6  # numbers
_PIECE = 1 << 16  # numbers made into text at a time
_TYPES = {"float32": "float", "float64": "double"}
# The suffix f: without it a number would be rounded to a double first, and so twice.
_FORMS = {"float32": "%.8ef", "float64": "%.16e"}


def save_c(network, path, int8=False):
    """Write a network to `path` as one C99 file, whole or not at all.

    The file says at its head how to compile and call it: `neurone_predict` gives, from pixels already divided by
    255, the bits of `Network.predict_proba`.

    Parameters
    ----------
    network : Network
    path : path-like
    int8 : bool
        Weights in 8 bits, a quarter of the size, for small controllers. Pixels are then taken as bytes, and the
        outputs, float32, are nearly those of the network.

    Raises
    ------
    InputError
        Parameters or outputs that are not finite; for `int8`, a layer of too many inputs.

    Examples
    --------
    >>> import neurone, pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "xor.c"
    >>> save_c(neurone.Network((2, 3, 1), output="logistic"), file)
    >>> "\\nvoid neurone_predict(const neurone_real *x, neurone_real *y)\\n" in file.read_text()
    True
    """
    if not np.isfinite(network.parameters).all():
        raise InputError(f"{shown(path)}: not written, since the network's parameters hold NaN or infinity")
    images = _test_images(network.sizes[0])
    if int8:
        quantised = Quantised(network)
        outputs, parts = quantised.predict_proba(images), _of_bytes(network, quantised)
    else:
        outputs, parts = network.predict_proba(images), _of_reals(network)
    if not np.isfinite(outputs).all():
        raise InputError(f"{shown(path)}: not written, since some outputs are NaN or infinity for pixels from 0 to 255")
    with replacing(path) as file:
        for part in parts:
            file.write(part.encode("ascii"))
        for part in _programs(images, outputs, int8):
            file.write(part.encode("ascii"))


def _of_reals(network):
    """The file's text up to its programs, piece by piece."""
    type_ = _TYPES[network.dtype.name]
    yield c_parts.HEAD.format(
        description=_description(network),
        type="neurone_real",
        inputs=f"{type_}s, such as an image's pixels divided by 255",
        promise="The outputs are the network's own, bit for bit",
        library=c_parts.LIBRARY[network.dtype.name],
        stack=sum(network.sizes[1:-1]) * network.dtype.itemsize,
        tests=_TESTS,
    )
    yield f"\ntypedef {type_} neurone_real;\n\n" + _macros(network.sizes)
    for layer in range(len(network.sizes) - 1):
        yield from _array("neurone_real", f"weights_{layer + 1}", network.layer(layer))
    yield c_parts.MADD[network.dtype.name]
    yield from _functions(network, network.dtype)
    yield c_parts.SUMS
    yield "\nvoid neurone_predict(const neurone_real *x, neurone_real *y)\n{\n"
    *hidden, _ = sizes = _names(network.sizes)[1:]
    yield "".join(f"    neurone_real hidden_{k + 1}[{size}];\n" for k, size in enumerate(hidden)) + "\n" * bool(hidden)
    x, n = "x", "NEURONE_INPUTS"
    for layer, m in enumerate(sizes):
        u = f"hidden_{layer + 1}" if layer < len(hidden) else "y"
        yield f"    sums(weights_{layer + 1}, {n}, {m}, {x}, {u});\n" + _call(network, layer, u, m)
        x, n = u, m
    yield "}\n"


def _of_bytes(network, quantised):
    """The same with 8-bit weights."""
    yield c_parts.HEAD.format(
        description=_description(network) + ", its weights rounded to 8 bits",
        type="uint8_t",
        inputs="bytes, an image's pixels as they are",
        promise="The outputs are the same bits everywhere",
        library=c_parts.LIBRARY["float32"],
        stack=sum(network.sizes[1:-1]) * (4 + 2),
        tests=_TESTS,
    )
    yield "\ntypedef float neurone_real;\n\n" + _macros(network.sizes)
    for number, (weights, scales, biases) in enumerate(quantised.layers, 1):
        yield from _array("int8_t", f"weights_{number}", weights)
        yield from _array("float", f"scales_{number}", scales)
        yield from _array("float", f"biases_{number}", biases)
    yield c_parts.MADD["float32"] if _exponential(network) else ""
    yield from _functions(network, np.dtype("float32"))
    yield c_parts.LAYER_8.format(name="first_layer", type="uint8_t", most=LARGEST_LAYER)
    *hidden, _ = sizes = _names(network.sizes)[1:]
    if hidden:
        yield c_parts.LAYER_8.format(name="layer", type="int16_t", most=LARGEST_LAYER) + c_parts.STEPS_8
    yield "\nvoid neurone_predict(const uint8_t *x, neurone_real *y)\n{\n"
    for k, size in enumerate(hidden):
        yield f"    float hidden_{k + 1}[{size}];\n    int16_t x_{k + 1}[{size}];\n"
    yield "    float step = 1.0f / 255.0f;\n\n"
    x, n = "x", "NEURONE_INPUTS"
    for layer, m in enumerate(sizes):
        k, last = layer + 1, layer == len(hidden)
        name, u = "layer" if layer else "first_layer", "y" if last else f"hidden_{k}"
        yield f"    {name}(weights_{k}, scales_{k}, biases_{k}, {n}, {m}, {x}, step, {u});\n"
        yield _call(network, layer, u, m)
        if not last:
            yield f"    step = steps({u}, {m}, x_{k});\n"
        x, n = f"x_{k}", m
    yield "}\n"


def _programs(images, outputs, int8):
    """The programs that -DNEURONE_MAIN and -DNEURONE_SELFTEST add."""
    yield "\n#if defined NEURONE_MAIN || defined NEURONE_SELFTEST\n\n#include <stdio.h>\n#include <string.h>\n"
    yield c_parts.BYTES if int8 else c_parts.PIXELS
    yield "\n#endif\n\n#if defined NEURONE_SELFTEST\n"
    yield f"\n#define TESTS {len(images)}\n"
    yield from _array("uint8_t", "test_images", images)
    yield from _array("neurone_real", "test_outputs", outputs)
    yield c_parts.SELFTEST + "\n#elif defined NEURONE_MAIN\n" + c_parts.MAIN + "\n#endif\n"


def _test_images(inputs):
    """Bytes (_TESTS, inputs) to compare outputs on: images with all pixels, with half of them, with an eighth."""
    words = (uniform(2 * _TESTS * inputs, 0, 0) + 0.5) * 256
    values, chances = words.astype(np.uint8).reshape(2, _TESTS, inputs)
    return np.where(chances < np.array([[256], [128], [32]]), values, np.uint8(0))


def _description(network):
    hidden = f"{network.activation} hidden, " if len(network.sizes) > 2 else ""
    return f"{'-'.join(map(str, network.sizes))}, {hidden}{network.output} output, {network.dtype}"


def _names(sizes):
    """The macros of the layers' sizes."""
    return ["NEURONE_INPUTS", *(f"NEURONE_HIDDEN_{k}" for k in range(1, len(sizes) - 1)), "NEURONE_OUTPUTS"]


def _macros(sizes):
    return "".join(f"#define {name} {size}\n" for name, size in zip(_names(sizes), sizes, strict=True))


def _array(type_, name, values):
    """A constant array, in pieces."""
    yield f"\nstatic const {type_} {name}[{values.size}] = {{\n"
    form = _FORMS.get(values.dtype.name, "%d")
    flat = values.reshape(-1)
    a_line = _A_LINE if values.dtype.name in _FORMS else 4 * _A_LINE
    for first in range(0, flat.size, _PIECE):
        texts = [form % value for value in flat[first : first + _PIECE].tolist()]
        lines = [", ".join(texts[k : k + a_line]) for k in range(0, len(texts), a_line)]
        yield "    " + ",\n    ".join(lines) + ",\n"
    yield "};\n"


def _layer_functions(network):
    """Name of each layer's function, `identity` among them."""
    return [network.activation] * (len(network.sizes) - 2) + [network.output]


def _exponential(network):
    return bool({"logistic", "softmax", "tanh"} & set(_layer_functions(network)))


def _functions(network, dtype):
    """The functions that the network's layers use, and what those use; an unused function would be a warning."""
    used = _layer_functions(network)
    if dtype == np.float32 and _exponential(network):
        yield c_parts.REDUCE_32
    if "logistic" in used or "softmax" in used:
        yield c_parts.EXP[dtype.name]
    if "tanh" in used:
        yield c_parts.TANH[dtype.name]
    slope = _FORMS[dtype.name] % dtype.type(network.slope)
    for name, part in c_parts.FUNCTIONS.items():
        if name in used:
            yield part.format(slope=slope)


def _call(network, layer, u, m):
    name = c_parts.NAMES.get(_layer_functions(network)[layer])
    return f"    {name}({u}, {m});\n" if name else ""
