"""A training on an emulated 64-bit ARM: the bits of this machine's. Only with --torture, and where such a system is.

On Debian, as root, $ROOT being an empty folder:

    apt install qemu-user; dpkg --add-architecture arm64; apt update
    apt download {python3.11-minimal,libpython3.11-minimal,libpython3.11-stdlib,libc6,libexpat1,zlib1g,libssl3}:arm64 \
        {libgcc-s1,libstdc++6,libffi8,libbz2-1.0,liblzma5,libuuid1,libcrypt1,libgomp1}:arm64
    for package in *.deb; do dpkg-deb -x $package $ROOT; done
    pip download --platform manylinux_2_28_aarch64 --python-version 3.11 --only-binary=:all: numpy numba
    for wheel in *.whl; do python -m zipfile -e $wheel $ROOT/usr/lib/python3/dist-packages; done

    NEURONE_AARCH64=$ROOT python -m pytest --torture tests/test_aarch64.py
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# Every kind of kernel: lists and groups of pixels, dense inputs, sparse rows; one sample, batches; notes and fast.
TRAINS = """
import hashlib, itertools, platform
import numpy as np, neurone
from neurone.datasets.digits import digits
images, labels = digits(300)
dense = (images.reshape(300, 784) / 255).astype("float32")
for kernels, inputs, batch_size in itertools.product(("notes", "fast"), (images, dense), (1, 32)):
    net = neurone.Network((784, 30, 10), seed=1)
    neurone.fit(net, inputs, labels, batch_size=batch_size, kernels=kernels, tuning="off")
    print(hashlib.sha256(net.parameters.tobytes()).hexdigest(), hashlib.sha256(net.predict_proba(images)).hexdigest())
print(platform.machine())
"""


def said(command, tmp_path, **variables):
    folder = str(Path(__file__).parent.parent)
    variables = os.environ | {"NEURONE_CACHE": str(tmp_path), "PYTHONPATH": folder} | variables
    done = subprocess.run([*command, "-c", TRAINS], env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_bits_of_this_machine(torture, tmp_path):
    root = os.environ.get("NEURONE_AARCH64")
    if not torture or not root or not shutil.which("qemu-aarch64"):
        pytest.skip("only with --torture, qemu-aarch64, and $NEURONE_AARCH64 a folder with such a system")
    packages = f"{Path(__file__).parent.parent}:{root}/usr/lib/python3/dist-packages"
    command = ["qemu-aarch64", "-L", root, f"{root}/usr/bin/python3.11"]
    *emulated, machine = said(command, tmp_path / "emulated", PYTHONPATH=packages)
    *here, _ = said([sys.executable], tmp_path / "here")
    assert machine == "aarch64" and len(here) == 16
    assert emulated == here
