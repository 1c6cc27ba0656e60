"""A network's parameters as kernels take them: its own array, or copies in blocks."""

import numpy as np

from neurone import options
from neurone.engine.memory import aligned, rows_of
from neurone.kernels import arguments, blocks, jit
from neurone.kernels.simd import REGISTER_BYTES
from neurone.layout import parameter_offsets, state_offsets


def own(network):
    """The network's own array, for `kernels/notes.py` and `few.py`: changes are seen at once."""
    real, whole = np.empty(0, network.dtype), np.empty(0, np.int64)
    return arguments.Network(
        network.parameters, real, parameter_offsets(network.sizes), whole, np.array(network.sizes, np.int64),
        state_offsets(network.sizes), whole, *_codes(network),
    )  # fmt: skip


def _codes(network):
    """activation, output, pente and cost."""
    return (
        options.ACTIVATIONS[network.activation], options.OUTPUTS[network.output],
        network.dtype.type(network.slope), options.COSTS[network.cost],
    )  # fmt: skip


class Packed:
    """A copy of a network's parameters, or of a part's (`plan.Part`), as `kernels/online.py` describes it.

    It is for images in groups of `group` pixels: the inputs are padded to whole groups. `net` and `shapes` are what the
    kernels take. Without `trains`, there are no transposed parameters.
    """

    def __init__(self, network, part, group=1, trains=True):
        self._network = network
        sizes, registers = [-(-network.sizes[0] // group) * group, *part.sizes[1:]], part.registers
        dtype = network.dtype
        lanes, last = REGISTER_BYTES // dtype.itemsize, len(sizes) - 1
        hidden, output = part.blocks
        self.shapes = part.shapes(group)
        in_block = [0] + [hidden] * max(last - 1, 1) + [output] * (last > 1)
        count = [0] + [-(-registers[layer] // in_block[layer]) for layer in range(1, last + 1)]
        widths = [in_block[layer] * lanes for layer in range(last + 1)]

        starts, returns = [0, 0], [0, 0, 0]
        for layer in range(1, last + 1):
            starts.append(starts[-1] + count[layer] * (sizes[layer - 1] + 1) * widths[layer])
        for layer in range(2, last + 1):
            returns.append(returns[-1] + trains * count[layer - 1] * sizes[layer] * widths[layer - 1])
        # Each layer has whole blocks, and before them a register that ends with the bias neuron. The inputs come last.
        offsets = [0, lanes]
        for layer in range(1, last):
            offsets.append(offsets[-1] + count[layer] * widths[layer] + lanes)
        self._size = offsets[-1] + count[last] * widths[last]
        offsets[0] = self._size + lanes
        self.size, self._trains = starts[-1], trains
        self._layout = _layout(network, part, widths)
        integers = starts[:-1], returns[: last + 1], sizes, offsets, count
        debut, back, sizes, offset, count = (np.array(numbers, np.int64) for numbers in integers)
        self._bias = offset - 1  # places of the bias neurons in TabOutput; the output's is not used
        self.net = arguments.Network(
            aligned(starts[-1], dtype), aligned(returns[-1], dtype), debut, back, sizes, offset, count, *_codes(network)
        )
        self._parameters = arguments.Copied(network.parameters, self.net.LesPoids)

    def outputs_of(self, count, inputs=0):
        """TabOutput for `count` samples: (count, ...), its bias neurons set, with room for `inputs` inputs."""
        dtype = self._network.dtype
        states = rows_of(count, self._size + REGISTER_BYTES // dtype.itemsize + inputs, dtype)
        states[:, self._bias] = 1
        return states

    def inputs_of(self, count, images):
        """TabXCachee for `count` samples: (count, ...); (count, 0) if the images are not whole."""
        return rows_of(count, images.shape[1] + 1 if len(images) else 0, self._network.dtype)

    def deltas_of(self, count):
        """Delta for `count` samples: (count, ...)."""
        return rows_of(count, self._size, self._network.dtype)

    def compile(self):
        """Compile the kernel that copies, or load it from the cache."""
        jit.prepare(blocks.transfer, self.net, self._layout, self._parameters, blocks.PACK)

    def load(self):
        """Copy the network's parameters here."""
        what = blocks.PACK_AND_TURN if self._trains else blocks.PACK
        blocks.transfer(self.net, self._layout, self._parameters, what)

    def store(self):
        """Copy the parameters back to the network."""
        blocks.transfer(self.net, self._layout, self._parameters, blocks.UNPACK)

    def copy_from(self, copied):
        """Copy numbers laid out like the network's parameters (`arguments.Copied`) to those laid out like this copy."""
        blocks.transfer(self.net, self._layout, copied, blocks.PACK)

    def copy_to(self, copied):
        """Copy them back."""
        blocks.transfer(self.net, self._layout, copied, blocks.UNPACK)


def _layout(network, part, widths):
    """Where the part's parameters stand. In all parts but the first, row 0 of the second layer is not the bias's, but
    that of another part's neuron."""
    place, stride, rows, foreign = parameter_offsets(network.sizes)[: len(part.sizes) - 1], [0], [0], [0]
    place = np.array([0, *place], np.int64)
    for layer in range(1, len(part.sizes)):
        stride.append(network.sizes[layer])
        rows.append(part.sizes[layer - 1] + 1)
        foreign.append(int(layer == 2 and part.first > 0))
    place[1] += part.first
    if len(place) > 2:
        place[2] += part.first * stride[2]
    columns = [0, *part.sizes[1:]]
    others = stride, rows, columns, foreign, widths
    return arguments.Layout(place, *(np.array(numbers, np.int64) for numbers in others))
