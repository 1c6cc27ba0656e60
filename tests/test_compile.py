"""`python -m neurone.compile`: it compiles everything that trainings and predictions call."""

import os
import subprocess
import sys

CODE = """
import numpy as np
from numba.core import event
from scipy.sparse import csr_array
import neurone
from neurone.datasets.digits import digits

compiled = []
class Listener(event.Listener):
    def on_start(self, begun): compiled.append(begun)
    def on_end(self, _): pass
event.register("numba:compile", Listener())

images, labels = digits(1500)
rows = images.reshape(1500, 784)
rng = np.random.Generator(np.random.Philox(1))
scattered = (rows * (rng.random(rows.shape) < 0.1)).astype(np.uint8)
for inputs in (images, rows / 255, rows / np.float32(7), rng.random((1500, 784)), scattered, scattered / np.float32(7),
               csr_array(rows), csr_array(rows / np.float32(7)), csr_array(scattered)):
    for options in (dict(batch_size=1), dict(batch_size=1, momentum=0.9), dict(batch_size=32, alpha=0.1),
                    dict(batch_size=32, dropout=0.5, input_dropout=0.2, max_norm=2.0),
                    dict(batch_size=None, threads=2)):
        net = neurone.Network((784, 70, 30, 10))
        neurone.fit(net, inputs, labels, epochs=1, learning_rate=0.001, **options)
        net.predict(inputs), net.predict(inputs[:1]), net.predict(inputs[:20])
for inputs in (images, images / np.float32(7), images / 7):
    neurone.fit(neurone.Network((784, 9, 10)), inputs, labels, epochs=1, distortion=neurone.Distortion())
print(len(compiled))
"""


# A read-only array, a file mapped into memory, another width or order in memory, another shape of network.
KINDS = """
import numpy as np
from numba.core import event
import neurone
from neurone.datasets.digits import digits

compiled = []
class Listener(event.Listener):
    def on_start(self, begun): compiled.append(begun)
    def on_end(self, _): pass
event.register("numba:compile", Listener())

images, labels = digits(1200); images = images.reshape(1200, 784)
def train(images, labels, hidden=(9,)):
    for batch_size in (1, 8):
        net = neurone.Network((784, *hidden, 10))
        neurone.fit(net, images, labels, batch_size=batch_size, epochs=1)
        net.predict(images), net.predict(images[:1])
    return net.parameters.tobytes()

floats = np.random.Generator(np.random.Philox(1)).random((1200, 784), np.float32)
train(images, labels), train(images / np.float32(255), labels)
expected = train(floats, labels)
def frozen(array):
    array = array.copy(); array.flags.writeable = False
    return array
mapped = np.memmap("mapped", np.float32, "w+", shape=floats.shape); mapped[:] = floats
for name, other in dict(
    read_only=frozen(floats), mapped=np.memmap("mapped", np.float32, "r", shape=floats.shape),
    float64=floats.astype(np.float64), float16=floats.astype(np.float16).astype(np.float64),
    fortran=np.asfortranarray(floats),
).items():
    same = train(other, labels) == expected
    print(name, same or name == "float16", len(compiled))
for kind in ("int8", "uint8", "int16", "uint32", "int64", "uint64"):
    print(kind, train(floats, frozen(labels.astype(kind))) == expected, len(compiled))
train(frozen(images), labels), train(images / 255.0, labels)
train(floats, labels, (3, 50, 4)), train(floats, labels, ())
print("others", True, len(compiled))
"""


def test_nothing_is_left_to_compile(tmp_path, small_set):
    def run(*arguments):
        command = [sys.executable, *arguments]
        environment = os.environ | {"NEURONE_CACHE": str(tmp_path / "cache")}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    tuned = "--hidden", "21", "--batch-size", "8", "--data", str(small_set)
    told = run("-m", "neurone.compile", "--dtype", "float32", *tuned)
    assert str(tmp_path / "cache") in told.splitlines()[-1] and "float32, tuned" in told
    assert run("-c", CODE) == "0\n"
    lines = [line.split() for line in run("-c", KINDS).splitlines()]
    assert len(lines) == 12 and all(line[1:] == ["True", "0"] for line in lines), lines
    train = run("-m", "neurone.train", *tuned, "--epochs", "1", "--tuning", "first", "--threads", "2")
    assert "kernels compiled" not in train and "test error" in train


def test_refusals(call):
    done = call("compile", "--hidden", "0")
    assert done.returncode == 2 and "hidden is 0; give an integer of at least 1" in done.stderr
