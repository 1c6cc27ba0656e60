"""Which kernels serve a network: how its layers are cut into blocks, and how a team shares them.

The generic kernels have blocks of one size, and are compiled once for all networks. The tuned ones have the sizes that
fit a network, and are compiled for it. Either gives the same bits.
"""

from itertools import pairwise

from neurone.engine.samples import fills_groups
from neurone.kernels import groups
from neurone.kernels.arguments import Shapes
from neurone.kernels.simd import REGISTER_BYTES

# Registers of the generic kernels' blocks, of a hidden layer and of the output, and pixels of a group. With blocks of 4
# an epoch takes as long as a tuned one where they are full (32, 64, 128 neurons), and up to 1.45 times as long where
# they are not (100). Blocks of 7 are better for 50 and 100 neurons only, 8 for 64 and 128, 2 for none. Outputs are
# mostly few: 1 register instead of 2 saves 3 % of an epoch with 10 outputs, and 12 % with a single one.
GENERIC, GENERIC_GROUP = (4, 1), 4
# Registers of the tuned kernels' blocks. At most 13 running sums: that leaves three of AVX2's 16 registers for what is
# added to them.
_BLOCKS = (13, 10, 8, 7, 6, 5, 4, 2, 1)
# Registers of the several short blocks that a batch takes together.
_TOGETHER = 12
# At most this many samples are taken together: enough to make loading a row into the cache worth it, few enough that
# their errors, 13 registers each, leave room in the first-level cache of 32 KiB. With 64, dense gradients took 1.7
# times as long.
_TRANCHE = 48
# The same for a team, which waits for messages about each tranche.
_TRANCHE_OF_A_TEAM = groups.BITS
# A thread's share of the first layer has this many registers or more, on average. With fewer, adding a pixel to the
# sums has to wait for the pixel before.
_LEAST_SHARE = 4
# Costs in multiplications of registers: of activating a register's neurons; of a sample's softmax, cost and errors; of
# a row of a block, besides its registers. They serve to share the work of a team evenly.
_ACTIVATION, _ANSWER, _ROW = 25, 300, 2
# A group has at most this many pixels, and their rows of weights take at most this many registers: that leaves some of
# AVX-512's 32.
_GROUP, _ROWS = 4, 26
# A thread joins a team for this many multiplications in a tranche, and this many in an epoch. Messages take
# microseconds, and starting and ending a thread half a millisecond: where one thread took 0.9 ms for an epoch, two were
# 0.7 to 0.8 times as fast; where it took 1.75 ms, 1.2 times; and where it took 3.4 ms, 1.4 times.
_WORK_OF_A_TRANCHE, _WORK_OF_AN_EPOCH = 100_000, 20_000_000
# A kernel call cannot be interrupted: its work, in multiply-adds, is kept well below half a second.
_WORK_PER_CALL = 100_000_000
_WORK_PER_LAYER = 200  # what a sample costs besides, in each layer: exponentials, loops that begin and end


class Part:
    """One thread's part of a network: the neurons [first:last] of the first hidden layer, the second layer, whose sums
    it continues, and, in the last thread's part, all layers after that.

    stored: inputs of a sample that are not 0. `sizes` and `registers` are those of its layers; `blocks`, the registers
    of a hidden layer's and of the output's blocks; `work`, roughly the multiplications of registers for a sample.
    """

    def __init__(self, network, first=0, last=None, stored=None, tuned=False):
        inputs, hidden, *above = network.sizes
        last = hidden if last is None else last
        self.first, self.last, self._tuned = first, last, tuned
        self.sizes = (inputs, last - first, *(above if last == hidden else above[:1]))
        self.registers = [-(-m * network.dtype.itemsize // REGISTER_BYTES) for m in self.sizes]
        rows = [inputs if stored is None else stored, *self.sizes[1:]]
        *hidden, output = self.registers[1:]
        self.blocks = GENERIC
        if tuned and hidden:
            self.blocks = _block(hidden, rows), _block([output], rows[-2:])
        elif tuned:
            self.blocks = (_block([output], rows),) * 2  # the second is not used
        self.work = _ANSWER if last == network.sizes[1] else 0
        self.work += _ACTIVATION * sum(hidden)
        for layer in range(1, len(rows)):
            self.work += 2 * rows[layer - 1] * _filled(self.registers[layer], self.blocks[layer == len(rows) - 1 > 1])
            if layer > 1:
                self.work += rows[layer] * _filled(self.registers[layer - 1], self.blocks[0])

    def shapes(self, group):
        """The shapes of its kernels, for images in groups of `group` pixels; generic kernels take only one size."""
        hidden, output = self.blocks
        group = group if self._tuned else GENERIC_GROUP
        several, outputs = (block * max(1, _TOGETHER // block) for block in self.blocks)
        return Shapes(*((0,) * size for size in (hidden, several, output, outputs, hidden * group)))


def tranche(samples, threads=1):
    """How many of `samples` samples to take together, so that all tranches have nearly the same size."""
    most = _TRANCHE if threads == 1 else _TRANCHE_OF_A_TEAM
    return -(-samples // -(-samples // most))


def team_size(network, samples, batch_size, stored, threads):
    """How many of `threads` threads there is work for. stored: inputs of a sample that are not 0, on average."""
    # In the first layer, only the weights of inputs that are not 0 are work.
    first = network.layer(0).size
    work = stored / network.sizes[0] * first + network.parameters.size - first
    useful = tranche(batch_size, threads) * work / _WORK_OF_A_TRANCHE, samples * work / _WORK_OF_AN_EPOCH
    return min(threads, *(1 + int(limit) for limit in useful))


def parts(network, threads, stored, tuned=False):
    """A part of the network for each of at most `threads` threads, all with nearly the same work.

    stored: inputs of a sample that are not 0. All parts but the last have the same number of first-layer neurons.
    """
    lanes, hidden = REGISTER_BYTES // network.dtype.itemsize, network.sizes[1]
    whole = Part(network, 0, None, stored, tuned)
    most = min(threads, whole.registers[1] // _LEAST_SHARE) if len(network.sizes) > 2 else 1
    teams = [(whole.work, 1, hidden)]
    if most > 1:
        shares = range(lanes, hidden, lanes)
        below = {share: Part(network, 0, share, stored, tuned).work for share in shares}
        above = {share: Part(network, share, None, stored, tuned).work for share in shares}
        teams += [
            (max(below[share], above[share * (members - 1)]), members, share)
            for members in range(2, most + 1)
            for share in shares
            if share * (members - 1) < hidden
        ]
    _, members, share = min(teams)
    borders = [*range(0, members * share, share), hidden]
    return [Part(network, *ends, stored, tuned) for ends in pairwise(borders)]


def group_size(rows, members, tuned):
    """Pixels of a group. Where pixels are scattered: 1 with the tuned kernels, 0 (no groups) with the generic ones."""
    size = GENERIC_GROUP
    if tuned:
        size = max(1, min(_GROUP, _ROWS // max(part.blocks[0] for part in members)))
    return size if fills_groups(rows, size) else int(tuned)


def samples_per_call(network, parameters=None):
    """How many samples a kernel call may take. parameters: how many, by default the network's own."""
    work = (parameters or network.parameters.size) + _WORK_PER_LAYER * len(network.sizes)
    return max(1, _WORK_PER_CALL // work)


def _block(registers, inputs):
    """Registers of a block, so that there is little padding, and few blocks. registers, inputs: of each layer."""

    def cost(block):
        return sum((n + 1) * _filled(layer, block) for n, layer in zip(inputs, registers, strict=False))

    return min(reversed(_BLOCKS), key=cost)


def _filled(registers, block):
    """The cost of a row of `registers` registers in blocks of `block`, in registers."""
    return (block + _ROW) * -(-registers // block)
