"""Networks as C files: compiled, they give the bits of `predict_proba`; with 8-bit weights, nearly its answers."""

import ctypes
import itertools
import os
import re
import shutil
import subprocess

import numpy as np
import pytest
from oracle_c import ACTIVATIONS, have_gcc, uniform

import neurone
from neurone.datasets.digits import digits
from neurone.formats import save_c
from neurone.formats.int8 import LARGEST_LAYER, Quantised

pytestmark = pytest.mark.skipif(not have_gcc(), reason="gcc is not installed: C cannot be compiled")

BITS = ("-O2", "-ffp-contract=off")
STRICT = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror")
OUTPUTS = ("softmax", "logistic", "tanh", "identity")
PAIRS = tuple(itertools.product(ACTIVATIONS, OUTPUTS))
COST = {"softmax": "log", "logistic": "log", "tanh": "quadratic", "identity": "quadratic"}


def make(sizes, activation="logistic", output="softmax", dtype="float32", *, slope=0.8, reach=1.0, seed=0):
    net = neurone.Network(sizes, activation=activation, output=output, cost=COST[output], slope=slope, dtype=dtype)
    net.parameters = uniform(seed, 5, net.parameters.shape, -reach, reach)
    return net


def depths(activation, output):
    first = (ACTIVATIONS.index(activation) + OUTPUTS.index(output)) % 2
    return first, first + 2


def pixels(count, inputs, seed=0):
    """About half of them 0; one image is empty, one all ink."""
    images = np.floor(np.maximum(uniform(seed, 6, (count, inputs), -256, 256), 0)).astype(np.uint8)
    images[0], images[1] = 0, 255
    return images


def have(compiler):
    return shutil.which(compiler) is not None


def compiled(source, *options, compiler="gcc"):
    """The path of the program, or of what the options ask for."""
    program = source.with_suffix(".out")
    language = "c++" if compiler == "g++" else "c"
    subprocess.run([compiler, *BITS, *STRICT, *options, "-x", language, source, "-o", program, "-lm"], check=True)
    return program


def outputs_of(program, images, dtype):
    """(digits, outputs) that the program prints."""
    done = subprocess.run([program], input=images.tobytes(), capture_output=True, check=True)
    lines = [line.split() for line in done.stdout.decode().splitlines()]
    values = np.array([[float.fromhex(text) for text in line[1:]] for line in lines])
    assert np.array_equal(values.astype(dtype), values)
    return np.array([int(line[0]) for line in lines]), values.astype(dtype)


def same_bits(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def function_of(library, net, type_=None):
    """neurone_predict of a shared library, as a function of the rows of an array."""
    function = ctypes.CDLL(str(library)).neurone_predict
    function.restype = None

    def predict(rows):
        rows = np.ascontiguousarray(rows, type_ or net.dtype)
        outputs = np.empty((len(rows), net.sizes[-1]), "float32" if type_ else net.dtype)
        for row, output in zip(rows, outputs, strict=True):
            function(row.ctypes.data_as(ctypes.c_void_p), output.ctypes.data_as(ctypes.c_void_p))
        return outputs

    return predict


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("activation", "output"), PAIRS)
def test_every_function(tmp_path, dtype, activation, output):
    """The program's bits, for weights of ordinary size, and for some so large that exponentials overflow and vanish.

    Two depths of 0 to 3 each; each depth has every function.
    """
    for depth in depths(activation, output):
        outputs = 1 if output != "softmax" and depth % 2 else 3
        large = 1000 if activation in ("logistic", "tanh") and output != "identity" else 10
        net = make((5, *(4, 2, 3)[:depth], outputs), activation, output, dtype, reach=(1, large)[depth > 1])
        save_c(net, tmp_path / "net.c")
        images = pixels(20, 5)
        answers, values = outputs_of(compiled(tmp_path / "net.c", "-DNEURONE_MAIN"), images, dtype)
        assert same_bits(values, net.predict_proba(images))
        assert np.array_equal(answers, net.predict(images))


@pytest.mark.parametrize(("dtype", "activation", "output", "int8"), [
    ("float32", "logistic", "softmax", False), ("float32", "tanh", "identity", False),
    ("float32", "relu", "identity", False), ("float64", "logistic", "softmax", False),
    ("float64", "tanh", "tanh", False), ("float32", "logistic", "softmax", True),
    ("float32", "tanh", "tanh", True), ("float32", "relu", "identity", True),
])  # fmt: skip
def test_no_warning_as_c99_nor_as_cpp(tmp_path, dtype, activation, output, int8):
    """As both programs; the self-test finds the same bits, and gcc's sanitizers nothing undefined."""
    net = make((6, 5, 4, 3), activation, output, dtype)
    save_c(net, tmp_path / "net.c", int8=int8)
    for compiler, standard in [("gcc", "-std=c99"), ("g++", "-std=c++11")]:
        if not have(compiler):
            continue
        compiled(tmp_path / "net.c", standard, "-DNEURONE_MAIN", "-c", compiler=compiler)
        program = compiled(tmp_path / "net.c", standard, "-DNEURONE_SELFTEST", compiler=compiler)
        done = subprocess.run([program], capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (0, "100 images, the same bits\n")
    sanitizers = "-fsanitize=undefined,address", "-fno-sanitize-recover"
    try:
        program = compiled(tmp_path / "net.c", *sanitizers, "-DNEURONE_SELFTEST")
    except subprocess.CalledProcessError:
        return  # a gcc without them
    assert subprocess.run([program]).returncode == 0


@pytest.mark.parametrize("int8", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nothing_is_used_but_math(tmp_path, dtype, int8):
    save_c(make((6, 5, 4, 3), "logistic", "tanh", dtype), tmp_path / "net.c", int8=int8)
    function, _ = (tmp_path / "net.c").read_text().split("#if defined NEURONE_MAIN")
    library = ["math.h"] if dtype == "float64" and not int8 else []
    assert re.findall("#include <(.*)>", function) == ["float.h", *library, "stdint.h"]
    program = compiled(tmp_path / "net.c", "-c", "-fno-pic")
    undefined = subprocess.run(["nm", "-u", program], capture_output=True, text=True, check=True).stdout.split()
    assert set(undefined) - {"U"} <= {"memset", "__stack_chk_fail"} | ({"exp", "tanh"} if library else set())


def test_the_self_test_can_fail(tmp_path):
    net = make((6, 5, 3))
    save_c(net, tmp_path / "net.c")
    text = (tmp_path / "net.c").read_text()
    weight = net.layer(1)[1, 0]  # changed by a unit or two in the last place
    assert text.count(f"{weight:.8e}f") == 1
    (tmp_path / "net.c").write_text(text.replace(f"{weight:.8e}f", f"{weight * np.float32(1 + 2e-7):.8e}f"))
    done = subprocess.run([compiled(tmp_path / "net.c", "-DNEURONE_SELFTEST")], capture_output=True, text=True)
    assert done.returncode == 1 and re.match(r"image \d+, output \d: \S+, expected ", done.stdout)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_floats_as_they_are(tmp_path, dtype):
    """Called as a function, with inputs of either sign."""
    net = make((7, 30, 4), "tanh", "logistic", dtype)
    save_c(net, tmp_path / "net.c")
    inputs = uniform(1, 7, (50, 7), -3, 3).astype(dtype)
    predict = function_of(compiled(tmp_path / "net.c", "-shared", "-fPIC"), net)
    assert same_bits(predict(inputs), net.predict_proba(inputs))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_number_is_read_back_as_itself(tmp_path, dtype):
    """Each output is one weight, times an input of 1: subnormal, the largest, -0 as 0, and any bits."""
    info = np.finfo(dtype)
    special = np.array([info.smallest_subnormal, -info.smallest_subnormal, info.tiny, info.max / 4, -0.0, 0.1, 1e-30])
    words = np.random.Philox(key=3).random_raw(2000).view(f"u{info.bits // 8}")
    random = words.view(dtype)[np.isfinite(words.view(dtype))]
    values = np.concatenate([special.astype(dtype), random[np.abs(random) < info.max / 4]])
    net = make((1, len(values)), output="identity", dtype=dtype)
    net.layer(0)[0], net.layer(0)[1] = 0, values
    save_c(net, tmp_path / "net.c")
    predict = function_of(compiled(tmp_path / "net.c", "-shared", "-fPIC"), net)
    one = np.ones((1, 1), dtype)
    assert np.array_equal(predict(one)[0], values) and same_bits(predict(one), net.predict_proba(one))


def test_mnist_sized(tmp_path):
    """784 pixels, four in five of them 0, and 100 neurons."""
    for dtype in ("float32", "float64"):
        net = make((784, 100, 10), dtype=dtype, reach=0.1)
        save_c(net, tmp_path / "net.c")
        images = np.floor(np.maximum(uniform(1, 3, (50, 784), -1024, 256), 0)).astype(np.uint8)
        _, values = outputs_of(compiled(tmp_path / "net.c", "-DNEURONE_MAIN"), images, dtype)
        assert same_bits(values, net.predict_proba(images))


@pytest.mark.parametrize("int8", [False, True])
def test_the_last_image_must_be_whole(tmp_path, int8):
    save_c(make((5, 3)), tmp_path / "net.c", int8=int8)
    program = compiled(tmp_path / "net.c", "-DNEURONE_MAIN")
    done = subprocess.run([program], input=b"\0" * 12, capture_output=True)
    assert done.returncode == 2 and done.stdout.count(b"\n") == 2
    assert done.stderr == b"the last image has 2 bytes, 5 expected\n"
    assert subprocess.run([program], input=b"", capture_output=True).returncode == 0
    with open("/dev/full", "wb") as full:
        done = subprocess.run([program], input=b"\0" * 10, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1 and done.stderr.startswith(b"standard output: ")
    folder = os.open(tmp_path, os.O_RDONLY)  # which cannot be read
    done = subprocess.run([program], stdin=folder, capture_output=True)
    os.close(folder)
    assert done.returncode == 1 and done.stderr.startswith(b"standard input: ")


def test_refused(tmp_path):
    net = make((2, 2))
    net.parameters[1] = np.nan
    with pytest.raises(neurone.InputError, match=r"net\.c: not written.*NaN"):
        save_c(net, tmp_path / "net.c")
    net = make((2, 2), output="identity")
    net.parameters[:] = 3e38
    with pytest.raises(neurone.InputError, match="infinity for pixels"):
        save_c(net, tmp_path / "net.c")
    with pytest.raises(neurone.InputError, match="exceed float32"):
        save_c(net, tmp_path / "net.c", int8=True)
    with pytest.raises(neurone.InputError, match=f"{LARGEST_LAYER + 1} inputs"):
        save_c(neurone.Network((LARGEST_LAYER + 1, 1), output="logistic"), tmp_path / "net.c", int8=True)
    with pytest.raises(neurone.InputError, match=r"slope is .*, too large for float32"):
        save_c(
            neurone.Network((2, 2, 1), output="logistic", dtype="float64", slope=1e300), tmp_path / "net.c", int8=True
        )
    assert list(tmp_path.iterdir()) == []


def test_the_head_tells_the_stack_of_hidden_layers(tmp_path):
    for int8, size in ((False, 8 * 7), (True, 6 * 7)):
        save_c(neurone.Network((2, 3, 4, 1), output="logistic", dtype="float64"), tmp_path / "net.c", int8=int8)
        assert f"hidden layers on the stack, {size} bytes" in (tmp_path / "net.c").read_text()


# Weights in 8 bits.


@pytest.mark.parametrize(("activation", "output"), PAIRS)
def test_int8_every_function(tmp_path, activation, output):
    """The program's bits are those that the package computes, which are near the network's."""
    depth = (ACTIVATIONS.index(activation) + OUTPUTS.index(output)) % 4
    net = make((9, *(8, 7, 9)[:depth], 3), activation, output, "float64", reach=0.5)
    save_c(net, tmp_path / "net.c", int8=True)
    images = pixels(20, 9)
    _, values = outputs_of(compiled(tmp_path / "net.c", "-DNEURONE_MAIN"), images, "float32")
    assert same_bits(values, Quantised(net).predict_proba(images))
    exact = net.predict_proba(images)
    assert 0 < np.abs(values - exact).max() <= 0.02 * max(1, np.abs(exact).max())


def test_int8_worked_by_hand():
    """One hidden neuron, one output: 1 and -0.5 become 127 and -64 times 1/127; the hidden output, all 255 steps."""
    net = neurone.Network((2, 1, 1), activation="identity", output="identity", cost="quadratic", dtype="float64")
    net.parameters = [0.25, 1.0, -0.5, 0.125, 2.0]
    (weights, scales, biases), (second, _, _) = Quantised(net).layers
    assert weights.tolist() == [[127, -64]] and weights.dtype == np.int8 and second.tolist() == [[127]]
    assert scales.tolist() == [np.float32(1 / 127)] and biases.tolist() == [0.25]
    hidden = (127 * 255 - 64 * 51) / 127 / 255 + 0.25
    (output,) = Quantised(net).predict_proba(np.array([[255, 51]], np.uint8))
    assert output == pytest.approx([2 * hidden + 0.125], rel=1e-6)


def test_int8_largest_sum(tmp_path):
    """As many inputs as are allowed, all products the largest: the sum is 1912 below 2^31."""
    net = neurone.Network((LARGEST_LAYER, 1), output="identity", cost="quadratic")
    net.parameters = np.ones(LARGEST_LAYER + 1)
    save_c(net, tmp_path / "net.c", int8=True)
    assert 2**31 - 127 * 255 <= LARGEST_LAYER * 127 * 255 < 2**31
    predict = function_of(compiled(tmp_path / "net.c", "-shared", "-fPIC"), net, np.uint8)
    ink = np.full((1, LARGEST_LAYER), 255, np.uint8)
    assert predict(ink)[0, 0] == pytest.approx(LARGEST_LAYER + 1, rel=1e-6)


def test_int8_zero_weights_and_zero_layers(tmp_path):
    net = neurone.Network((3, 2, 2), activation="relu")
    net.parameters = np.zeros(net.parameters.shape)
    save_c(net, tmp_path / "net.c", int8=True)
    _, values = outputs_of(compiled(tmp_path / "net.c", "-DNEURONE_MAIN"), pixels(3, 3), "float32")
    assert np.array_equal(values, np.full((3, 2), 0.5))


def _errors(tmp_path, net, images, labels):
    """Wrong answers of the float program, of the 8-bit one, and the bits compared on the way."""
    wrong = []
    for int8 in (False, True):
        save_c(net, tmp_path / "net.c", int8=int8)
        program = compiled(tmp_path / "net.c", "-DNEURONE_MAIN")
        answers, values = outputs_of(program, images, "float32" if int8 else net.dtype)
        assert int8 or same_bits(values, net.predict_proba(images))
        wrong.append(int((answers != labels).sum()))
    return wrong


@pytest.mark.parametrize(("activation", "rate"), [("logistic", 0.05), ("relu", 0.01)])
def test_int8_keeps_the_errors_and_a_quarter_of_the_size(tmp_path, activation, rate):
    net = neurone.Network((784, 100, 10), activation=activation)
    neurone.fit(net, *digits(20_000), learning_rate=rate, epochs=1)
    images, labels = digits(5_000, first=20_000)
    exact, rounded = _errors(tmp_path, net, images, labels)
    assert rounded - exact <= 0.002 * len(images)
    sizes = sum(array.nbytes for layer in Quantised(net).layers for array in layer)
    assert sizes <= 0.253 * net.parameters.nbytes  # the scale and the bias of each neuron have 4 bytes


@pytest.mark.parametrize(("activation", "rate"), [("logistic", 0.05), ("relu", 0.01)])
def test_mnist(tmp_path, mnist, activation, rate):
    """All of the test images: the float program's bits, and the errors that 8-bit weights add."""
    net = neurone.Network((784, 100, 10), activation=activation)
    neurone.fit(net, mnist.train_images, mnist.train_labels, learning_rate=rate, epochs=1)
    exact, rounded = _errors(tmp_path, net, mnist.test_images, mnist.test_labels)
    assert exact < 500 and rounded - exact <= 20


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shapes", [[(12, 7, 4)] * 3, [(12, 4), (12, 9, 3, 4), (12, 5, 4)]], ids=["alike", "others"])
def test_committees(tmp_path, shapes, dtype):
    """The mean of the networks' outputs, in 64 bits, to the last bit; also in C++, and with a name."""
    members = [make(sizes, "tanh", dtype=dtype, seed=seed) for seed, sizes in enumerate(shapes)]
    committee = neurone.Committee(members)
    images = pixels(200, 12)
    save_c(committee, tmp_path / "all.c", name="several", header=tmp_path / "all.h")
    expected = committee.predict_proba(images)
    for compiler in filter(have, ("gcc", "g++", "clang")):
        program = compiled(tmp_path / "all.c", "-DNEURONE_MAIN", compiler=compiler)
        digits_, outputs = outputs_of(program, images, dtype)
        assert same_bits(outputs, expected) and np.array_equal(digits_, committee.predict(images))
        assert subprocess.run([compiled(tmp_path / "all.c", "-DNEURONE_SELFTEST", compiler=compiler)]).returncode == 0
    assert "the mean of 3" in (tmp_path / "all.h").read_text()


def test_committees_that_one_file_cannot_hold(tmp_path):
    members = [make((12, 7, 4)), make((12, 7, 4), "relu")]
    for given, options, message in (
        (members, {}, "differ in activation"),
        (members[:1] * 2, {"int8": True}, "leave out int8"),
    ):
        with pytest.raises(neurone.InputError, match=message):
            save_c(neurone.Committee(given), tmp_path / "all.c", **options)
    assert not list(tmp_path.iterdir())
