"""What answers are called, and how often which was given: for commands, plots and reports."""

import hashlib

import numpy as np


def class_name(network, label):
    """The name of a class, where the network knows them, else its number."""
    return str(label) if network.classes is None else network.classes[label]


def confusion(labels, answers):
    """How often each label got which answer: integers (classes, classes), a row for each label.

    >>> confusion(np.array([0, 1, 1]), np.array([0, 0, 1])).tolist()
    [[1, 0], [1, 1]]
    """
    classes = 1 + max(int(labels.max()), int(answers.max()))
    return np.bincount(classes * labels.astype(np.int64) + answers, minlength=classes**2).reshape(classes, classes)


def parameters_sha256(networks):
    """SHA-256 of the parameters of several networks, one after the other, in hexadecimal."""
    return hashlib.sha256(b"".join(network.parameters.tobytes() for network in networks)).hexdigest()
