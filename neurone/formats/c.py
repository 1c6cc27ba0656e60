"""A network as one C file that allocates nothing: its outputs are the network's own bits, or its weights have 8 bits.

The parts of the text say neurone_ and NEURONE_; the name that the caller gives takes their place. Numbers are written
in decimal, with enough digits to be read back exactly: hexadecimal floats are C99, but not C++ before 2017.
"""

import re
from contextlib import ExitStack

import numpy as np

import neurone.formats.c_parts as c_parts
import neurone.formats.c_programs as c_programs
from neurone.errors import InputError
from neurone.files import replacing, shown
from neurone.formats.int8 import LARGEST_LAYER, Quantised
from neurone.formats.models import networks_of

_A_LINE = 6  # numbers
_PIECE = 1 << 16  # numbers made into text at a time
_TYPES = {"float32": "float", "float64": "double"}
# The suffix f: without it a number would be rounded to a double first, and so twice.
_FORMS = {"float32": "%.8ef", "float64": "%.16e"}


def save_c(network, path, int8=False, *, name="neurone", header=None):
    """Write a network to `path` as one C99 file, whole or not at all.

    The file says at its head how to compile and call it: `neurone_predict` gives, from pixels already divided by
    255, the bits of `Network.predict_proba`.

    Parameters
    ----------
    network : Network, Committee, estimator or Pipeline
        See `network_of`. A committee's networks must have the same activation, slope and type.
    path : path-like
    int8 : bool
        Weights in 8 bits, a quarter of the size, for small controllers. Pixels are then taken as bytes, and the
        outputs, float32, are nearly those of the network.
    name : str
        What the function, the type and the macros of the sizes begin with: "left" gives `left_predict`, `left_real`
        and `LEFT_INPUTS`. Everything else is static, so that networks of different names link into one program.
    header : path-like, optional
        Where to write a header too, with the prototype, the type and the macros.

    Raises
    ------
    InputError
        Parameters or outputs that are not finite; a function that has no C; for `int8`, a layer of too many inputs, or
        numbers too large for float32; a name that C does not take.

    Examples
    --------
    >>> import neurone, pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "xor.c"
    >>> save_c(neurone.Network((2, 3, 1), output="logistic"), file, name="xor_gate")
    >>> "\\nvoid xor_gate_predict(const xor_gate_real *x, xor_gate_real *y)\\n" in file.read_text()
    True
    """
    if not isinstance(name, str) or not re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name):
        raise InputError(f"name is {name!r}; give a letter, then letters, digits and underscores alone")
    model, networks = network, networks_of(network)
    network = networks[0]
    if len(networks) > 1:
        check_alike(path, networks, int8)
    if not all(np.isfinite(each.parameters).all() for each in networks):
        raise InputError(f"{shown(path)}: not written, since the network's parameters hold NaN or infinity")
    for function in _layer_functions(network):
        if function not in c_parts.NAMES:
            raise InputError(
                f"{shown(path)}: not written, since there is no C for the function {function!r} of a layer; "
                f"there is for {', '.join(c_parts.NAMES)}"
            )
    quantised = Quantised(network) if int8 else None
    images = c_programs.test_images(network.sizes[0], network.sizes[-1])
    outputs = (quantised or (model if len(networks) > 1 else network)).predict_proba(images)
    if not np.isfinite(outputs).all():
        raise InputError(f"{shown(path)}: not written, since some outputs are NaN or infinity for pixels from 0 to 255")
    with ExitStack() as stack:
        if header is not None:
            file = stack.enter_context(replacing(header))
            for part in _header(networks, int8):
                file.write(_named(part, name))
        file = stack.enter_context(replacing(path))
        for part in _source(networks, quantised, images, outputs):
            file.write(_named(part, name))


def check_alike(path, networks, int8):
    """Refuse a committee that one file cannot hold."""
    if int8:
        raise InputError(f"{shown(path)}: not written, since a committee has no 8-bit weights; leave out int8")
    if len({(network.activation, network.slope, network.dtype) for network in networks}) > 1:
        raise InputError(
            f"{shown(path)}: not written, since the committee's networks differ in activation, slope or type; write "
            "each to a file of its own, with a name of its own"
        )


def _named(part, name):
    """`part` with the name in place of neurone and NEURONE, except in the options that ask for a program."""
    part = re.sub(r"\bneurone_", lambda _: f"{name}_", part)
    return re.sub(r"\bNEURONE_(?!MAIN\b|SELFTEST\b)", lambda _: f"{name.upper()}_", part).encode("ascii")


def _header(networks, int8):
    yield f"/* A neural network: {description(networks, int8)}. */\n"
    yield "\n#include <stdint.h>\n" if int8 else ""
    yield _interface(networks, int8)


def _interface(networks, int8):
    sizes = networks[0].sizes
    return c_parts.INTERFACE.format(
        type="float" if int8 else _TYPES[networks[0].dtype.name],
        macros=_macros(sizes if len(networks) == 1 else (sizes[0], sizes[-1])),
        input="uint8_t" if int8 else "neurone_real",
        classes="" if networks[0].classes is None else f"extern {_classes(networks[0])};\n",
    )


def _classes(network):
    """The declaration of the names of classes."""
    return f"const char *const neurone_classes[{len(network.classes)}]"


def _string(name):
    """A name as a C string, what is not ASCII by its bytes in UTF-8."""
    codes = name.encode()
    plain = (32 <= code < 127 and code not in b'"\\?' for code in codes)
    return '"' + "".join(chr(code) if is_ else f"\\{code:03o}" for code, is_ in zip(codes, plain, strict=True)) + '"'


def _source(networks, quantised, images, outputs):
    """The file's text, piece by piece."""
    # The deepest one uses all functions that any uses.
    network = max(networks, key=lambda each: len(each.sizes))
    stack = max(sum(each.sizes[1:-1]) for each in networks)
    int8, type_ = quantised is not None, _TYPES[network.dtype.name]
    library = outputs.dtype == np.float64 and _exponential(network)
    promise = c_parts.PROMISE["int8" if int8 else network.dtype.name].format(condition=c_parts.CONDITION[library])
    yield c_parts.HEAD.format(
        description=description(networks, int8),
        input="uint8_t" if int8 else "neurone_real",
        inputs="bytes, an image's pixels as they are"
        if int8
        else f"{type_}s, such as an image's pixels divided by 255",
        promise=promise,
        library=c_parts.LIBRARY[library],
        stack=stack * (4 + 2 if int8 else network.dtype.itemsize) + 8 * network.sizes[-1] * (len(networks) > 1),
        tests=len(images),
    )
    yield "\n#include <float.h>\n" + "#include <math.h>\n" * library + "#include <stdint.h>\n"
    yield c_parts.ARITHMETIC + _interface(networks, int8)
    if network.classes is not None:
        yield f"\n{_classes(network)} = {{\n    " + ",\n    ".join(map(_string, network.classes)) + "\n};\n"
    if int8:
        yield from _of_bytes(network, quantised)
    elif len(networks) == 1:
        yield from _of_reals(network)
    else:
        yield from _of_committee(networks, network)
    yield from _programs(network, images, outputs, int8)


def _of_reals(network):
    """Weights and functions."""
    yield from _weights(network, "weights")
    yield from _tools(network)
    yield "\nvoid neurone_predict(const neurone_real *x, neurone_real *y)\n{\n"
    yield from _layers(network, "weights", _names(network.sizes)[1:])


def _of_committee(networks, deepest):
    """The same of several networks, each with a function of its own, and the mean, in 64 bits."""
    for number, network in enumerate(networks, 1):
        yield from _weights(network, f"weights_{number}")
    yield from _tools(deepest)
    for number, network in enumerate(networks, 1):
        yield f"\nstatic void network_{number}(const neurone_real *x, neurone_real *y)\n{{\n"
        yield from _layers(network, f"weights_{number}", [*map(str, network.sizes[1:-1]), "NEURONE_OUTPUTS"])
    yield c_parts.ADD + "\nvoid neurone_predict(const neurone_real *x, neurone_real *y)\n{\n"
    yield "    double total[NEURONE_OUTPUTS] = {0};\n    int k;\n\n"
    for number in range(1, len(networks) + 1):
        yield f"    network_{number}(x, y);\n    add(total, y);\n"
    yield f"    for (k = 0; k < NEURONE_OUTPUTS; k++) y[k] = (neurone_real)(total[k] / {len(networks)});\n}}\n"


def _weights(network, name):
    for layer in range(len(network.sizes) - 1):
        yield from _array("neurone_real", f"{name}_{layer + 1}", network.layer(layer))


def _tools(network):
    """What all layers call."""
    yield c_parts.MADD[network.dtype.name]
    yield from _functions(network, network.dtype)
    yield c_parts.SUMS


def _layers(network, name, sizes):
    """The body of a function of x that writes y. sizes: of all layers but the inputs, as C has them."""
    *hidden, _ = sizes
    yield "".join(f"    neurone_real hidden_{k + 1}[{size}];\n" for k, size in enumerate(hidden)) + "\n" * bool(hidden)
    x, n = "x", "NEURONE_INPUTS"
    for layer, m in enumerate(sizes):
        u = f"hidden_{layer + 1}" if layer < len(hidden) else "y"
        yield f"    sums({name}_{layer + 1}, {n}, {m}, {x}, {u});\n" + _call(network, layer, u, m)
        x, n = u, m
    yield "}\n"


def _of_bytes(network, quantised):
    """The same with 8-bit weights."""
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


def _programs(network, images, outputs, int8):
    """The programs that -DNEURONE_MAIN and -DNEURONE_SELFTEST add."""
    dtype = outputs.dtype
    yield "\n#if defined NEURONE_MAIN || defined NEURONE_SELFTEST\n\n#include <stdio.h>\n#include <string.h>\n"
    yield (c_programs.BYTES if int8 else c_programs.PIXELS) + c_programs.NUMBER
    yield "\n#endif\n\n#if defined NEURONE_SELFTEST\n" + c_programs.WORDS
    checks = ""
    if dtype == np.float32 and (not int8 or _exponential(network)):
        yield (c_parts.BITS_32 if not _exponential(network) else "") + c_programs.CHECK_MADD
        checks += "    check_madd();\n"
    if int8 or dtype == np.float64:
        yield c_programs.CHECK_CONTRACTION["int8" if int8 else "float64"] + c_programs.CHECKED_CONTRACTION
        checks += "    check_contraction();\n"
    functions = [name for name in c_parts.FUNCTIONS if name in _layer_functions(network)]
    if functions:
        yield c_programs.CHECK_FUNCTION.format(bits=f"uint{8 * dtype.itemsize}_t")
    for function in functions:
        sum_ = c_programs.checksum(function, network.slope, dtype)
        checks += f'    check_function("{function}", {c_parts.NAMES[function]}, 0x{sum_:08X}u);\n'
    yield f"\n#define TESTS {len(images)}\n"
    yield from _array("neurone_real", "test_outputs", outputs)
    yield c_programs.SELFTEST.format(checks=checks) + "\n#elif defined NEURONE_MAIN\n"
    yield "\n#if defined _WIN32\n#include <fcntl.h>\n#include <io.h>\n#endif\n"
    answer = '"%d", digit(y)' if network.classes is None else '"%s", neurone_classes[digit(y)]'
    yield c_programs.MAIN.replace("ANSWER", answer) + "\n#endif\n"


def description(networks, int8):
    network = networks[0]
    hidden = f"{network.activation} hidden, " if len(network.sizes) > 2 else ""
    rounded = ", its weights rounded to 8 bits" if int8 else ""
    shapes = "; ".join(dict.fromkeys("-".join(map(str, each.sizes)) for each in networks))
    several = f"the mean of {len(networks)}, " if len(networks) > 1 else ""
    return f"{several}{shapes}, {hidden}{network.output} output, {network.dtype}{rounded}"


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
    return bool({"logistic", "softmax", "tanh", "exp"} & set(_layer_functions(network)))


def _functions(network, dtype):
    """The functions that the network's layers use, and what those use; an unused function would be a warning."""
    used = _layer_functions(network)
    if dtype == np.float32 and _exponential(network):
        yield c_parts.BITS_32 + c_parts.REDUCE_32
    if {"logistic", "softmax", "exp"} & set(used):
        yield c_parts.EXP[dtype.name]
    if "tanh" in used:
        yield c_parts.TANH[dtype.name]
    slope = _FORMS[dtype.name] % dtype.type(network.slope)
    for name, part in c_parts.FUNCTIONS.items():
        if name in used:
            yield part.format(slope=slope)


def _call(network, layer, u, m):
    name = c_parts.NAMES[_layer_functions(network)[layer]]
    return f"    {name}({u}, {m});\n" if name else ""
