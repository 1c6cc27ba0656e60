"""The kernels' arguments, declared once: structures by subject.

Kernels, and steps that are called once for a tranche, take whole `Struct`s, which are pointers. Steps that are called
for each sample take a field or two, or one of the small tuples below, which are made within a kernel and passed by
value. `notes.py` explains letters and the notes' names; `online.py`, blocks and shapes.
"""

from typing import NamedTuple

from numpy import ndarray

from neurone.kernels.structs import Struct


class Network(Struct):
    """A network's parameters and shape, or those of one thread's share of it.

    `notes.py` does not use Transposed, back and blocks. It counts `debut` from 0, the other kernels from 1.
    """

    LesPoids: ndarray
    Transposed: ndarray
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
    """All samples. Images are whole, or lists of pixels that are not 0 (`sparse.py`), or groups of those (`groups.py`).

    labels (P,) or targets (P, outputs); factors (P,) of each sample's cost and error. What is not given is empty.
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
    """What a call trains on: the samples order[first:last]; `order` is the whole epoch's, and `epoch` its number.

    The image of sample order[q] is rows[q] among the images that the call gets.
    """

    order: ndarray
    first: int
    last: int
    epoch: int
    rows: ndarray


class Dropout(NamedTuple):
    """Which neurons of a layer are kept (`dropout.is_kept`), and the factor of those; `kept` is their share.

    With a threshold of 0 all are, and the factors are 1.
    """

    threshold: int
    scale: float
    kept: float


class Rule(Struct):
    """How a batch of at most P samples corrects the parameters (`update.py`; specification section 8).

    momentum is mu, and Adam's b1; powers, those of its b1 and b2, in 64 bits as are rate, decay and betas. With
    `proportions`, the sum of a batch's factors takes the place of its number of samples. With `squares`, each batch
    adds up its weights' squares, for a cost with the penalty. clip_norm, max_norm: in 64 bits; 0 where there is none.
    inputs, hidden: their `Dropout`; seed, of the masks.
    """

    P: int
    total: bool
    proportions: bool
    squares: bool
    method: int
    penalty: float
    decay: float
    momentum: float
    nesterov: bool
    second: float
    c1: float
    c2: float
    epsilon: float
    betas: ndarray
    clip_norm: float
    max_norm: float
    inputs: Dropout
    hidden: Dropout
    seed: int
    alpha: float
    rate: float


class Distortion(Struct):
    """How images are distorted, and the arrays for it (`distortion.py`). limits: of rotation, scale, shear and shift;
    elastic: how many pixels the field's numbers stand for."""

    seed: int
    limits: ndarray
    elastic: float
    weights: ndarray
    noise: ndarray
    halfway: ndarray
    field: ndarray
    page: ndarray
    matrix: ndarray


class Preparation(Struct):
    """How images are prepared, and the arrays for it (`preparation.py`). width: of the ink, in pixels, or 0."""

    upright: bool
    width: float
    weights: ndarray
    noise: ndarray
    halfway: ndarray
    field: ndarray
    page: ndarray
    matrix: ndarray


class NotesWorkspace(Struct):
    """The arrays of `notes.py`. memory: (numbers kept, parameters). powers: see `update.stride_of`. tally: the epoch's
    cost and wrong answers. squares: see `notes.add_squares`."""

    TabOutput: ndarray
    Delta: ndarray
    Gradient: ndarray
    memory: ndarray
    powers: ndarray
    tau: ndarray
    y: ndarray
    tally: ndarray
    squares: ndarray


class OnlineWorkspace(Struct):
    """The arrays of `online.py`; `memory` is empty, as plain SGD keeps nothing, and `powers` is not used."""

    TabOutput: ndarray
    Delta: ndarray
    y: ndarray
    memory: ndarray
    powers: ndarray
    tally: ndarray


class Workspace(Struct):
    """The arrays of `batch.py`. The first three are (tranches under way, samples of a tranche, numbers).

    holders, places: see `groups.py`. seen, touched, count: see `sparse.gather`; columns, values, stored: `sparse.thin`.
    squares, sums, scales, first: see `norms.py`.
    """

    TabXCachees: ndarray
    TabOutputs: ndarray
    Deltas: ndarray
    Gradient: ndarray
    memory: ndarray
    powers: ndarray
    y: ndarray
    holders: ndarray
    places: ndarray
    seen: ndarray
    touched: ndarray
    count: ndarray
    columns: ndarray
    values: ndarray
    stored: ndarray
    tally: ndarray
    squares: ndarray
    sums: ndarray
    scales: ndarray
    first: int


class Team(Struct):
    """A thread's place in its team (`team.py`): number `me` of `members`. norms: see `norms.py`."""

    me: int
    members: int
    meeting: ndarray
    messages: ndarray
    norms: ndarray


class Shapes(Struct):
    """Tuples whose lengths are numbers of registers: of a hidden layer's block, of several such blocks at a time, the
    same for the output, and of the rows of a group of pixels. Only the lengths matter."""

    hidden: tuple
    several: tuple
    output: tuple
    several_outputs: tuple
    rows: tuple


class Layout(Struct):
    """Where the parameters of a part of a network stand in the network's own array (`blocks.py`)."""

    place: ndarray
    stride: ndarray
    rows: ndarray
    columns: ndarray
    foreign: ndarray
    width: ndarray


class Copied(Struct):
    """Numbers laid out like a network's parameters, and their copy laid out like LesPoids."""

    parameters: ndarray
    blocks: ndarray


class Layer(NamedTuple):
    """A layer of n inputs and m neurons in `blocks` blocks, and where things begin: its parameters (`debut`), the
    transposed ones (`back`), its neurons (`offset`), and the layer before it (`bias`, its bias neuron)."""

    n: int
    m: int
    blocks: int
    debut: int
    back: int
    offset: int
    bias: int


class Image(NamedTuple):
    """One image's pixels that are not 0: [first:last] of the lists of all images."""

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
    """`count` samples taken together, from number q of `order` on. `turn`: which arrays of the workspace are theirs.
    `share`: what a cost counts (`update.weight`)."""

    q: int
    count: int
    turn: int
    share: float


class Correction(NamedTuple):
    """What a tranche does to the parameters. new: it begins its batch. at_once: it ends the batch, and plain SGD
    corrects them while the gradient is in registers, by `step_size` times the gradient, with the penalty."""

    new: bool
    at_once: bool
    step_size: float
    penalty: float


class Step(NamedTuple):
    """A batch's correction: the factor of its gradient or direction, the number of samples that a mean gradient is
    divided by (else 1), and the factor of decoupled weight decay."""

    size: float
    P: float
    decay: float
