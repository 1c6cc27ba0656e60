"""What the fast kernels take: parameters padded, aligned, in blocks and transposed; images in rows of pixels or groups
of them that are not 0."""

from itertools import pairwise
from mmap import PAGESIZE

import numpy as np

from neurone import options
from neurone.datasets.arrays import SparseRows, dense, index_type
from neurone.kernels import batch, groups, sparse
from neurone.kernels.simd import REGISTER_BYTES

# Registers of a block. At most 13 running sums: of AVX2's 16 registers, three are left for what is added to them. Few
# kinds, because kernels are compiled for each.
_BLOCKS = (13, 10, 7, 6, 5, 4, 2, 1)
# Registers of the several short blocks that a batch takes together.
_TOGETHER = 12
# At most so many samples' gradients are taken together: enough that a row's way into the cache pays, few enough that
# their errors, 13 registers each, leave room in 32 KiB of the first level. With 64, dense gradients took 1.7 times as
# long.
_TRANCHE = 48
# Of a team, which waits for messages about each.
_TRANCHE_OF_A_TEAM = groups.BITS
# A thread has a share in the first layer of so many registers or more, on average. With less, a sum of a pixel more has
# to wait for the one before.
_LEAST_SHARE = 4
# What the activation of a register's neurons costs, a sample's softmax, cost and errors, and each row of a block beside
# its registers, in multiplications of registers: so that the members of a team have as much to do.
_ACTIVATION, _ANSWER, _ROW = 25, 300, 2
# Above this share of pixels that are not 0, all are taken in their turn.
_DENSE = 0.5
# A group has at most so many pixels, and so many registers hold their rows of weights: of AVX-512's 32, some are left.
_GROUP, _ROWS = 4, 26
# Below this share of pixels that are not 0 in such groups, a group is one pixel; so many images show it.
_FULL, _SHOWN = 0.6, 200


def aligned(size, dtype):
    """Zeros in pages of their own, so that they begin at a cache line: a register that straddles two takes two reads.

    Whole pages for a team's sake: within the page that it reads a processor fetches ahead, it seems, and so takes lines
    from another that writes them. While two cores were far from each other, an epoch of 50-100-5 by two threads in
    batches of 128 took 34 ms with their arrays side by side, and 28 ms with pages of their own.
    """
    pages = -(-size * dtype.itemsize // PAGESIZE)
    bytes_ = np.zeros((pages + 1) * PAGESIZE, np.uint8)
    start = -bytes_.ctypes.data % PAGESIZE
    return bytes_[start : start + size * dtype.itemsize].view(dtype)


def rows_of(count, size, dtype):
    """Zeros (count, size or more), or (count, 0). Each row begins a cache line; lines are odd, or all could share few
    sets."""
    line = 64 // dtype.itemsize
    row = (-(-size // line) | 1) * line if size else 0
    return aligned(count * row, dtype).reshape(count, row)


def each(count, array):
    """So many copies of `array` (count, ...), which begins at a cache line."""
    copies = aligned(count * array.size, array.dtype).reshape(count, *array.shape)
    copies[:] = array
    return copies


class Part:
    """What one of a team has of a network: neurons of its first hidden layer, from `first` on up to `last`, the layer
    behind them, whose sums it goes on with, and, who is the last, all others.

    stored: inputs of a sample that are not 0. `sizes` and `registers` are those of its layers; `blocks`, registers of
    the blocks of a hidden layer and of the output; `work`, multiplications of registers for a sample, about.
    """

    def __init__(self, network, first=0, last=None, stored=None):
        inputs, hidden, *above = network.sizes
        last = hidden if last is None else last
        self.first, self.last = first, last
        self.sizes = (inputs, last - first, *(above if last == hidden else above[:1]))
        self.registers = [-(-m * network.dtype.itemsize // REGISTER_BYTES) for m in self.sizes]
        rows = [inputs if stored is None else stored, *self.sizes[1:]]
        *hidden, output = self.registers[1:]
        if hidden:
            self.blocks = _block(hidden, rows), _block([output], rows[-2:])
        else:
            # One kind of kernels, and one less to compile.
            self.blocks = (_block([output], rows),) * 2
        self.work = _ANSWER if last == network.sizes[1] else 0
        self.work += _ACTIVATION * sum(hidden)
        for layer in range(1, len(rows)):
            self.work += 2 * rows[layer - 1] * _filled(self.registers[layer], self.blocks[layer == len(rows) - 1])
            if layer > 1:
                self.work += rows[layer] * _filled(self.registers[layer - 1], self.blocks[0])

    def of(self, network, parameters):
        """For each of its layers, a view of `parameters`, laid out as the network's. All but the first have another's
        neuron in the place of the second layer's bias."""
        yield network.layer(0, parameters)[:, self.first : self.last]
        for layer in range(1, len(self.sizes) - 1):
            matrix = network.layer(layer, parameters)
            yield matrix[self.first : self.last + 1] if layer == 1 else matrix


class Packed:
    """Copies of a network's parameters, or of a part's, as `kernels/online.py` describes them.

    Made for images in groups of so many pixels, which a multiple of makes the inputs. `arguments` are the kernels'
    arguments from LesPoids to pente; `shapes` are forme and forme_sortie, `all_shapes` forme, formes, forme_sortie,
    formes_sortie and rangees.
    """

    def __init__(self, network, group=1, part=None):
        self.network, self._part = network, part or Part(network)
        sizes, registers = [-(-network.sizes[0] // group) * group, *self._part.sizes[1:]], self._part.registers
        dtype = network.dtype
        lanes = REGISTER_BYTES // dtype.itemsize
        last = len(sizes) - 1
        hidden, output = self._part.blocks
        self.shapes = (0,) * hidden, (0,) * output
        several, outputs = (block * max(1, _TOGETHER // block) for block in (hidden, output))
        self.all_shapes = tuple((0,) * size for size in (hidden, several, output, outputs, hidden * group))
        in_block = [0] + [hidden] * (last - 1) + [output]
        blocks = [0] + [-(-registers[layer] // in_block[layer]) for layer in range(1, last + 1)]
        widths = [in_block[layer] * lanes for layer in range(last + 1)]

        starts, returns = [0, 0], [0, 0, 0]
        for layer in range(1, last + 1):
            starts.append(starts[-1] + blocks[layer] * (sizes[layer - 1] + 1) * widths[layer])
        for layer in range(2, last + 1):
            returns.append(returns[-1] + blocks[layer - 1] * sizes[layer] * widths[layer - 1])
        # Whole blocks, and a register in front in which the bias neuron has the last place. The inputs come last.
        offsets = [0, lanes]
        for layer in range(1, last):
            offsets.append(offsets[-1] + blocks[layer] * widths[layer] + lanes)
        self._size = offsets[-1] + blocks[last] * widths[last]
        offsets[0] = self._size + lanes
        self._rows, self.blocks, self.widths = [n + 1 for n in sizes], blocks, widths
        self.weights, self.transposed = aligned(starts[-1], dtype), aligned(returns[-1], dtype)
        self._starts, self._returns = np.array(starts[:-1], np.int64), np.array(returns[: last + 1], np.int64)
        offsets = np.array(offsets, np.int64)
        self._bias = offsets - 1  # places of the bias neurons in TabOutput; the output's is not used
        self.arguments = (
            self.weights, self.transposed, self._starts, self._returns,
            np.array(sizes, np.int64), offsets, np.array(blocks, np.int64),
            options.ACTIVATIONS[network.activation], options.OUTPUTS[network.output], dtype.type(network.slope),
        )  # fmt: skip

    def outputs_of(self, count, inputs=0):
        """TabOutput of so many samples (count, ...), its bias neurons set; with room for inputs if there are any."""
        states = rows_of(count, self._size + REGISTER_BYTES // self.network.dtype.itemsize + inputs, self.network.dtype)
        states[:, self._bias] = 1
        return states

    def inputs_of(self, count, samples):
        """TabXCachee of so many samples (count, ...); none where they are sparse rows, as `cut` makes them."""
        inputs = samples[0].shape[1] if len(samples[0]) else 0
        return rows_of(count, inputs + 1 if inputs else 0, self.network.dtype)

    def deltas_of(self, count):
        """Delta of so many samples (count, ...)."""
        return rows_of(count, self._size, self.network.dtype)

    def predict(self, rows, divisor, outputs):
        """The outputs (P, outputs), written, of images (P, inputs)."""
        samples = cut(rows, divisor, self.network.dtype, lines_of(rows))
        together = tranche(len(rows))
        weights, _, starts, _, *rest = self.arguments
        batch.predict(
            weights, starts, *rest, *samples, np.arange(len(rows)),
            self.inputs_of(together, samples), self.outputs_of(together), self.deltas_of(together), outputs,
            *self.all_shapes[:-1],
        )  # fmt: skip

    def _blocks(self, packed, parameters):
        """For each layer its part of `parameters`, and of their padded copy `packed` a view (blocks, rows, width)."""
        for layer, matrix in enumerate(self._part.of(self.network, parameters), 1):
            shape = self.blocks[layer], self._rows[layer - 1], self.widths[layer]
            yield matrix, packed[self._starts[layer] :][: np.prod(shape)].reshape(shape)[:, : len(matrix)]

    def load(self):
        """Copy the network's parameters here."""
        self.copy_from(self.network.parameters, self.weights)
        for layer, matrix in enumerate(self._part.of(self.network, self.network.parameters), 1):
            if layer > 1:
                shape = self.blocks[layer - 1], matrix.shape[1], self.widths[layer - 1]
                transposed = self.transposed[self._returns[layer] :][: np.prod(shape)].reshape(shape)
                _fill(transposed, matrix[1:].T)

    def store(self):
        """Copy the parameters back to the network."""
        self.copy_to(self.network.parameters, self.weights)

    def copy_from(self, parameters, packed):
        """From an array laid out as the network's parameters to one as `weights`."""
        for matrix, blocks in self._blocks(packed, parameters):
            _fill(blocks, matrix)

    def copy_to(self, parameters, packed):
        """And back."""
        for layer, (matrix, blocks) in enumerate(self._blocks(packed, parameters), 1):
            rows, columns = matrix.shape
            mine = slice(int(layer == 2 and self._part.first > 0), None)
            matrix[mine] = blocks.transpose(1, 0, 2).reshape(rows, -1)[mine, :columns]


def tranche(samples, threads=1):
    """How many of so many samples to take together, in parts of nearly one size."""
    most = _TRANCHE if threads == 1 else _TRANCHE_OF_A_TEAM
    return -(-samples // -(-samples // most))


def parts(network, threads, stored):
    """A part of the network for each of at most so many threads, all with nearly the same to do.

    stored: inputs of a sample that are not 0. All but the last have as many neurons of the first layer.
    """
    whole, lanes, hidden = Part(network, stored=stored), REGISTER_BYTES // network.dtype.itemsize, network.sizes[1]
    most = min(threads, whole.registers[1] // _LEAST_SHARE) if len(network.sizes) > 2 else 1
    teams = [(whole.work, 1, hidden)]
    if most > 1:
        shares = range(lanes, hidden, lanes)
        below = {share: Part(network, 0, share, stored).work for share in shares}
        above = {share: Part(network, share, None, stored).work for share in shares}
        teams += [
            (max(below[share], above[share * (members - 1)]), members, share)
            for members in range(2, most + 1)
            for share in shares
            if share * (members - 1) < hidden
        ]
    _, members, share = min(teams)
    return [Part(network, first, last, stored) for first, last in pairwise([*range(0, members * share, share), hidden])]


def _block(registers, inputs):
    """Registers of a block, for layers of so many registers from so many inputs: little padding, and few blocks."""

    def cost(block):
        return sum((n + 1) * _filled(layer, block) for n, layer in zip(inputs, registers, strict=False))

    return min(reversed(_BLOCKS), key=cost)


def _filled(registers, block):
    """As many registers as a layer of so many takes the time of, in such blocks."""
    return (block + _ROW) * -(-registers // block)


def _fill(blocks, matrix):
    count, rows, width = blocks.shape
    padded = np.zeros((rows, count * width), matrix.dtype)
    padded[:, : matrix.shape[1]] = matrix
    blocks[:] = padded.reshape(rows, count, width).transpose(1, 0, 2)


def lines_of(rows):
    """Where each image's inputs that are not 0 begin in a list of them, and where the last one's end: (P + 1,)."""
    if isinstance(rows, SparseRows):
        return rows.lines
    lines = np.empty(len(rows) + 1, np.int64)
    sparse.count(rows, lines)
    return lines


def is_dense(rows, lines):
    """Whether so many inputs are not 0 that all are better taken in their turn; `lines` are `lines_of` rows."""
    return not isinstance(rows, SparseRows) and lines[-1] > _DENSE * rows.size


def cut(rows, divisor, dtype, lines):
    """The inputs as the fast kernels take them: (images, diviseur, lignes, colonnes, valeurs, quotients), one kind of
    them empty. `lines` as `lines_of` gives them."""
    if isinstance(rows, SparseRows):
        return (
            _no_images(rows.inputs, dtype),
            dtype.type(1),
            lines,
            rows.columns,
            rows.values,
            _quotients(rows.values, divisor, dtype),
        )
    quotients = _quotients(rows, divisor, dtype)
    if is_dense(rows, lines):
        none = np.empty(0, np.int64), np.empty(0, np.uint16), np.empty(0, rows.dtype)
        return quotients[rows] if quotients.size else rows, dtype.type(1), *none, quotients
    columns = np.empty(lines[-1] + 1, index_type(rows.shape[1]))
    values = np.empty(lines[-1] + 1, rows.dtype)
    sparse.cut(rows, columns, values)
    return _no_images(rows.shape[1], dtype), dtype.type(1), lines, columns, values, quotients


def cut_in_groups(rows, divisor, dtype, lines, group):
    """As `cut`, in groups of so many inputs, colonnes being empty; and presences."""
    inputs = rows.inputs if isinstance(rows, SparseRows) else rows.shape[1]
    stored = int(lines[-1] - lines[0])
    words = -(-inputs // (group * groups.BITS))
    words = -(-words * 8 // REGISTER_BYTES) * REGISTER_BYTES // 8
    presences = aligned(len(rows) * words, np.dtype(np.uint64)).reshape(len(rows), words)
    starts = np.empty(len(rows) + 1, np.int64)
    if isinstance(rows, SparseRows):
        values = np.zeros(stored * group, rows.values.dtype)
        groups.regroup(lines, rows.columns, rows.values, group, starts, values, presences)
    else:
        values = np.empty((stored + 1) * group, rows.dtype)
        groups.cut(rows, (0,) * group, starts, values, presences)
    images, columns, quotients = _no_images(inputs, dtype), np.empty(0, np.uint16), _quotients(values, divisor, dtype)
    return images, dtype.type(1), starts, columns, values, quotients, presences


def group_size(rows, registers):
    """Pixels of a group, where a block of the first layer has so many registers."""
    most = max(1, min(_GROUP, _ROWS // registers))
    present = dense(rows[:_SHOWN]) != 0
    padded = np.pad(present, ((0, 0), (0, -present.shape[1] % most)))
    full = padded.reshape(len(present), -1, most).any(axis=2).sum() * most
    return most if present.sum() >= _FULL * full else 1


def _no_images(inputs, dtype):
    return np.empty((0, inputs), dtype)


def _quotients(values, divisor, dtype):
    """What bytes are divided by `divisor`; empty for others."""
    return (np.arange(256).astype(dtype) / divisor)[: 256 * (values.dtype == np.uint8)]
