"""What the documentation says of real MNIST. Needs $NEURONE_DATA."""

import json
import os

import pytest

import neurone
from neurone.datasets.digits import digits


def test_default_training(run, mnist, tmp_path):
    """The whole command, the documentation's figure for seed 0: in 32 bits it is the same on every machine."""
    done = run("train", "--history", "history.jsonl", NEURONE_DATA=os.path.abspath(os.environ["NEURONE_DATA"]))
    assert done.returncode == 0 and done.stdout.startswith("MNIST (")
    assert done.stdout.endswith("test error 1.92 % (192 of 10000)\n")
    end = json.loads((tmp_path / "history.jsonl").read_text().splitlines()[-1])
    assert end["test_error"] == pytest.approx(1.92)


def test_digits_alone_teach_to_read_mnist(mnist):
    """After one epoch; the documentation's figure is that of ten."""
    net = neurone.Network((784, 100, 10))
    neurone.fit(net, *digits(60_000), learning_rate=0.05, epochs=1)
    assert (net.predict(mnist.test_images) != mnist.test_labels).mean() < 0.15
