"""What the kernels are handed, declared once: structures by subject.

A kernel, and a step that is called for a tranche, takes whole `Struct`s, which are pointers. A step that is called for
each sample takes a field or two, or one of the small tuples below, which are made within a kernel and handed over by
value. Letters and the notes' names are explained in `notes.py`; blocks and shapes, in `online.py`.
"""

from typing import NamedTuple

from numpy import ndarray

from neurone.kernels.structs import Struct


class Network(Struct):
    """A network's parameters and shape, or those of one thread's share of it.

    `notes.py` has no use for Transposees, back and blocks, and counts the layers' parameters from 0, the others from 1.
    """

    LesPoids: ndarray
    Transposees: ndarray
    debut: ndarray
    back: ndarray
    sizes: ndarray
    offset: ndarray
    blocks: ndarray
    activation: int
    output: int
    pente: float
    cost: int


class Samples(Struct):
    """All samples. Their images are whole, or lists of what is not 0 (`sparse.py`), or groups of that (`groups.py`).

    labels (P,) or targets (P, outputs), and factors (P,), of each sample's cost and error: empty where there are none.
    """

    images: ndarray
    divisor: float
    lines: ndarray
    columns: ndarray
    values: ndarray
    quotients: ndarray
    present: ndarray
    labels: ndarray
    targets: ndarray
    factors: ndarray


class Pixels(Struct):
    """Images (P, n) that are only read."""

    images: ndarray


class Span(Struct):
    """What a call trains: samples number `first` to `last` of an epoch that takes them in the order `order`."""

    order: ndarray
    first: int
    last: int


class Rule(Struct):
    """How a batch of P samples corrects the parameters (`update.py`)."""

    P: int
    total: bool
    method: int
    momentum: float
    nesterov: bool
    penalty: float
    alpha: float


class NotesWorkspace(Struct):
    """The arrays of `notes.py`. memory: (numbers kept, parameters). tally: the epoch's cost and wrong answers."""

    TabOutput: ndarray
    Delta: ndarray
    Gradient: ndarray
    memory: ndarray
    tau: ndarray
    y: ndarray
    tally: ndarray


class OnlineWorkspace(Struct):
    """The arrays of `online.py`; nothing is kept in memory."""

    TabOutput: ndarray
    Delta: ndarray
    y: ndarray
    memory: ndarray
    tally: ndarray


class Workspace(Struct):
    """The arrays of `batch.py`, one line of the first three for each sample of a tranche, one of each for each tranche
    under way.

    holders, places: of `groups.py`. seen, touched, count: of `sparse.gather`.
    """

    TabXCachees: ndarray
    TabOutputs: ndarray
    Deltas: ndarray
    Gradient: ndarray
    memory: ndarray
    y: ndarray
    holders: ndarray
    places: ndarray
    seen: ndarray
    touched: ndarray
    count: ndarray
    tally: ndarray


class Team(Struct):
    """Who works together (`team.py`): number `me` of `members` threads."""

    me: int
    members: int
    meeting: ndarray
    messages: ndarray


class Shapes(Struct):
    """Tuples as long as blocks have registers: one block of a hidden layer, and several at a time; the same of the
    output; and the rows of a group of pixels. Only their lengths count."""

    hidden: tuple
    several: tuple
    output: tuple
    several_outputs: tuple
    rows: tuple


class Layout(Struct):
    """Where the parameters of a network's part stand in the network's own array (`blocks.py`)."""

    place: ndarray
    stride: ndarray
    rows: ndarray
    columns: ndarray
    foreign: ndarray
    width: ndarray


class Copied(Struct):
    """Numbers laid out as a network's parameters, and their copy laid out as LesPoids."""

    parameters: ndarray
    blocks: ndarray


class Layer(NamedTuple):
    """Where a layer of n inputs and m neurons, in `blocks` blocks, stands: its parameters, the transposed ones, its
    neurons, and the bias neuron in front of the layer before it."""

    n: int
    m: int
    blocks: int
    debut: int
    back: int
    offset: int
    bias: int


class Image(NamedTuple):
    """One image's pixels that are not 0: numbers `first` to `last` of the lists of all images."""

    columns: ndarray
    values: ndarray
    quotients: ndarray
    first: int
    last: int


class Rows(NamedTuple):
    """Tab[place + r * stride:] for r = 0, 1, ...: the same neurons of one sample after another."""

    Tab: ndarray
    place: int
    stride: int


class Tranche(NamedTuple):
    """Samples that are taken together: `count` from number q of `order` on. `turn`: which of the arrays are theirs."""

    q: int
    count: int
    turn: int


class Correction(NamedTuple):
    """What a tranche does to the parameters: whether it begins its batch, and whether the gradient is complete with it,
    to be taken `step_size` times, with the penalty."""

    new: bool
    complete: bool
    step_size: float
    penalty: float
