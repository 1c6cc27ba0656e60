"""Random networks and inputs through exported C, and through `predict_proba`: a hundred, or 100,000 with --torture.

The exported file of a shape is compiled once; its constant arrays then take the numbers of one network after another.
"""

import platform
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from oracle_c import have_gcc

import neurone
from neurone.formats import save_c
from neurone.formats.int8 import Quantised

pytestmark = pytest.mark.skipif(not have_gcc(), reason="gcc is not installed: C cannot be compiled")

KINDS = ("float32", "float64", "int8")
ROWS = 8  # inputs of each network
OUTPUTS = {"softmax": "log", "logistic": "log", "tanh": "quadratic", "identity": "quadratic", "exp": "poisson"}
_ARRAY = re.compile(r"static const (\w+) ((?:weights|scales|biases)_\d+)\[(\d+)\] = \{[^}]*\};")
_MAIN = """
#include <stdio.h>

int main(void)
{{
    static {input} x[NEURONE_INPUTS];
    static neurone_real y[NEURONE_OUTPUTS];
    int row;

    for (;;) {{
        {read}
        for (row = 0; row < {rows}; row++) {{
            if (fread(x, sizeof x, 1, stdin) != 1) return 1;
            neurone_predict(x, y);
            if (fwrite(y, sizeof y, 1, stdout) != 1) return 1;
        }}
    }}
}}
"""


def has_fma():
    """Whether this processor has the instruction, as Linux tells."""
    flags = Path("/proc/cpuinfo")
    return platform.machine() == "x86_64" and flags.exists() and " fma " in flags.read_text()


def drawn(rng, kind):
    """A network without numbers."""
    sizes = rng.integers(1, 13, rng.integers(2, 6)).tolist()
    output = str(rng.choice(list(OUTPUTS)))
    sizes[-1] += output == "softmax"
    return neurone.Network(
        sizes, activation=str(rng.choice(["logistic", "tanh", "relu", "identity"])), output=output,
        cost=OUTPUTS[output], slope=float(rng.choice([1.0, 0.7, 3.0])),
        dtype="float64" if kind == "float64" else "float32",
    )  # fmt: skip


def numbers(rng, shape):
    """Of many sizes, some 0."""
    return rng.normal(size=shape) * 2.0 ** rng.integers(-12, 4) * (rng.random(shape) < 0.9)


def programs(net, kind, folder):
    """The file's `neurone_predict` with its numbers read from standard input, with and without the instruction."""
    net.parameters = np.ones(net.parameters.size)
    save_c(net, folder / "net.c", int8=kind == "int8")
    text = (folder / "net.c").read_text()
    found = _ARRAY.findall(text)
    assert len(found) == (len(net.sizes) - 1) * (3 if kind == "int8" else 1)
    text = _ARRAY.sub(r"static \1 \2[\3];", text)
    read = "\n        ".join(f"if (fread({name}, sizeof {name}, 1, stdin) != 1) return 0;" for _, name, _ in found)
    text += _MAIN.format(input="uint8_t" if kind == "int8" else "neurone_real", read=read, rows=ROWS)
    (folder / "net.c").write_text(text)
    for options in (["-O2"], ["-O3", "-mfma", "-mavx2"])[: 1 + has_fma()]:
        program = folder / f"net{len(options)}"
        subprocess.run(["gcc", *options, folder / "net.c", "-o", program, "-lm"], check=True)
        yield program


@pytest.mark.parametrize("kind", KINDS)
def test_random_networks(tmp_path, torture, tried, kind):
    """With the numbers of up to 500 networks of a shape."""
    shapes, networks = (67, 500) if torture else (3, 12)
    for shape in range(shapes):
        rng = np.random.Generator(np.random.Philox(key=[shape, KINDS.index(kind)]))
        net = drawn(rng, kind)
        compiled = list(programs(net, kind, tmp_path))
        data, expected = [], []
        for _ in range(networks):
            net.parameters = numbers(rng, net.parameters.size)
            if kind == "int8":
                images, of = rng.integers(0, 256, (ROWS, net.sizes[0])).astype(np.uint8), Quantised(net)
                data += [array for layer in of.layers for array in layer]
            else:
                images, of = numbers(rng, (ROWS, net.sizes[0])).astype(net.dtype), net
                data.append(net.parameters.copy())
            data.append(images)
            expected.append(of.predict_proba(images))
        given = b"".join(np.ascontiguousarray(array).tobytes() for array in data)
        for program in compiled:
            found = subprocess.run([program], input=given, capture_output=True, check=True).stdout
            found = np.frombuffer(found, expected[0].dtype).reshape(networks, ROWS, -1)
            np.testing.assert_array_equal(
                found, np.array(expected), err_msg=f"{program}, shape {shape}, {net.settings()}"
            )
        tried["networks through exported C"] += networks
