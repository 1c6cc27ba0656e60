"""What the fast kernels take: parameters padded, aligned, in blocks and transposed; images cut into sparse rows."""

import numpy as np

from neurone import options
from neurone.datasets.arrays import SparseRows, index_type
from neurone.kernels import batch, sparse
from neurone.kernels.simd import REGISTER_BYTES

# Registers of a block. At most 13 running sums: of AVX2's 16 registers, three are left for what is added to them. Few
# kinds, because kernels are compiled for each.
_BLOCKS = (13, 10, 7, 5, 4, 2, 1)
# Registers of the several short blocks that a batch takes together.
_TOGETHER = 12
# At most so many samples' gradients are taken together: enough that a row's way into the cache pays, few enough that
# their errors, 13 registers each, leave room in 32 KiB of the first level. With 64, dense gradients took 1.7 times as
# long.
_TRANCHE = min(48, sparse.SAMPLES)
# Above this share of pixels that are not 0, all are taken in their turn.
_DENSE = 0.5


def aligned(size, dtype):
    """Zeros that begin at a cache line: a register that straddles two takes two reads."""
    bytes_ = np.zeros(size * dtype.itemsize + 64, np.uint8)
    start = -bytes_.ctypes.data % 64
    return bytes_[start : start + size * dtype.itemsize].view(dtype)


def rows_of(count, size, dtype):
    """Zeros (count, size or more), or (count, 0). Each row begins a cache line; lines are odd, or all could share few
    sets."""
    line = 64 // dtype.itemsize
    row = (-(-size // line) | 1) * line if size else 0
    return aligned(count * row, dtype).reshape(count, row)


class Packed:
    """Copies of a network's parameters as `kernels/online.py` describes them.

    `arguments` are the kernels' arguments from LesPoids to pente; `shapes` are forme and forme_sortie, `all_shapes`
    forme, formes, forme_sortie and formes_sortie.
    """

    def __init__(self, network):
        self.network, sizes = network, network.sizes
        dtype = network.dtype
        lanes = REGISTER_BYTES // dtype.itemsize
        last = len(sizes) - 1
        registers = [0] + [-(-m // lanes) for m in sizes[1:]]
        hidden = _block(registers[1:last], sizes)
        output = _block(registers[last:], sizes[last - 1 :])
        if last == 1:
            hidden = output  # only the kind of the kernels: one less to compile
        self.shapes = (0,) * hidden, (0,) * output
        self.all_shapes = tuple(
            (0,) * registers for block in (hidden, output) for registers in (block, max(1, _TOGETHER // block) * block)
        )
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
        self.blocks, self.widths = blocks, widths
        self.weights, self.transposed = aligned(starts[-1], dtype), aligned(returns[-1], dtype)
        self._starts, self._returns = np.array(starts[:-1], np.int64), np.array(returns[: last + 1], np.int64)
        offsets = np.array(offsets, np.int64)
        self._bias = offsets - 1  # places of the bias neurons in TabOutput; the output's is not used
        self.arguments = (
            self.weights, self.transposed, self._starts, self._returns,
            np.array(sizes, np.int64), offsets, np.array(blocks, np.int64),
            options.ACTIVATIONS[network.activation], options.OUTPUTS[network.output], dtype.type(network.slope),
        )  # fmt: skip

    def outputs_of(self, count, inputs):
        """TabOutput of so many samples (count, ...), its bias neurons set; with room for inputs if there are any."""
        states = rows_of(count, self._size + REGISTER_BYTES // self.network.dtype.itemsize + inputs, self.network.dtype)
        states[:, self._bias] = 1
        return states

    def deltas_of(self, count):
        """Delta of so many samples (count, ...)."""
        return rows_of(count, self._size, self.network.dtype)

    def predict(self, rows, divisor, outputs):
        """The outputs (P, outputs), written, of images (P, inputs)."""
        samples = cut(rows, divisor, self.network.dtype)
        together = tranche(len(rows))
        weights, _, starts, _, *rest = self.arguments
        batch.predict(
            weights, starts, *rest, *samples, np.arange(len(rows)),
            self.outputs_of(together, samples[0].shape[1]), self.deltas_of(together),
            np.empty(0, np.uint64), np.empty((0, 0), samples[4].dtype), outputs,
            *self.all_shapes,
        )  # fmt: skip

    def _blocks(self, packed, parameters):
        """For each layer its part of `parameters`, and of their padded copy `packed` a view (blocks, rows, width)."""
        for layer in range(1, len(self.network.sizes)):
            shape = self.blocks[layer], self.network.sizes[layer - 1] + 1, self.widths[layer]
            blocks = packed[self._starts[layer] :][: np.prod(shape)].reshape(shape)
            yield self.network.layer(layer - 1, parameters), blocks

    def load(self):
        """Copy the network's parameters here."""
        self.copy_from(self.network.parameters, self.weights)
        for layer in range(2, len(self.network.sizes)):
            shape = self.blocks[layer - 1], self.network.sizes[layer], self.widths[layer - 1]
            transposed = self.transposed[self._returns[layer] :][: np.prod(shape)].reshape(shape)
            _fill(transposed, self.network.layer(layer - 1)[1:].T)

    def store(self):
        """Copy the parameters back to the network."""
        self.copy_to(self.network.parameters, self.weights)

    def copy_from(self, parameters, packed):
        """From an array laid out as the network's parameters to one as `weights`."""
        for matrix, blocks in self._blocks(packed, parameters):
            _fill(blocks, matrix)

    def copy_to(self, parameters, packed):
        """And back."""
        for matrix, blocks in self._blocks(packed, parameters):
            rows, columns = matrix.shape
            matrix[:] = blocks.transpose(1, 0, 2).reshape(rows, -1)[:, :columns]


def tranche(samples, threads=1):
    """How many of so many samples to take together, in parts of nearly one size.

    More by several threads, which meet after each: of 48 they take 5 % longer in batches of 128.
    """
    most = _TRANCHE if threads == 1 else sparse.SAMPLES
    return -(-samples // -(-samples // most))


def _block(registers, inputs):
    """Registers of a block, for layers of so many registers from so many inputs.

    Little padding, and few blocks, each of which costs some two registers more.
    """

    def cost(block):
        return sum((n + 1) * -(-layer // block) * (block + 2) for layer, n in zip(registers, inputs, strict=False))

    return min(reversed(_BLOCKS), key=cost)


def _fill(blocks, matrix):
    count, rows, width = blocks.shape
    padded = np.zeros((rows, count * width), matrix.dtype)
    padded[:, : matrix.shape[1]] = matrix
    blocks[:] = padded.reshape(rows, count, width).transpose(1, 0, 2)


def cut(rows, divisor, dtype):
    """The inputs as the fast kernels take them: (images, diviseur, lignes, colonnes, valeurs, quotients), one kind of
    them empty."""
    if isinstance(rows, SparseRows):
        quotients = (np.arange(256).astype(dtype) / divisor)[: 256 * (rows.values.dtype == np.uint8)]
        return np.empty((0, rows.inputs), dtype), dtype.type(1), rows.lines, rows.columns, rows.values, quotients
    none = np.empty(0, np.int64), np.empty(0, np.uint16), np.empty(0, rows.dtype)
    bytes_ = rows.dtype == np.uint8
    quotients = (np.arange(256).astype(dtype) / divisor)[: 256 * bytes_]
    lines = np.empty(len(rows) + 1, np.int64)
    sparse.count(rows, lines)
    if lines[-1] > _DENSE * rows.size:
        if bytes_:
            rows = quotients[rows]
        return rows, dtype.type(1), *none, quotients
    columns = np.empty(lines[-1] + 1, index_type(rows.shape[1]))
    values = np.empty(lines[-1] + 1, rows.dtype)
    sparse.cut(rows, columns, values)
    return np.empty((0, rows.shape[1]), dtype), dtype.type(1), lines, columns, values, quotients
