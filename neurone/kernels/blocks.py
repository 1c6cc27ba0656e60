"""A network's parameters copied into blocks, as `online.py` describes them, and back.

The copy may hold only a part of the network. Of layer `layer`, from 1, it has rows[layer] rows of columns[layer]
numbers. They begin at place[layer] of the network's own array, stride[layer] apart; the first foreign[layer] of them
belong to another part, and are not copied back. The rows of the layer's blocks have width[layer] numbers.
"""

import numpy as np

from neurone.kernels.gradients import transpose
from neurone.kernels.jit import kernel
from neurone.kernels.online import layer_of

# What `transfer` does. One kernel does all three, because each would take a third of a second to compile.
PACK, PACK_AND_TURN, UNPACK = range(3)


@kernel
def transfer(net, layout, copied, what):
    """PACK parameters into blocks, padded with 0; PACK_AND_TURN writes Transposed too, from LesPoids; UNPACK copies
    back."""
    parameters, blocks = copied.parameters, copied.blocks
    for number in range(1, net.sizes.size):
        layer, numbers = layer_of(net, number), layout.width[number]
        for b in range(layer.blocks):
            here = layer.debut + b * (layer.n + 1) * numbers
            there = layout.place[number] + b * numbers
            columns = min(numbers, layout.columns[number] - b * numbers)
            for i in range(layer.n + 1):
                known = columns if i < layout.rows[number] else 0
                # Parts of arrays and indices without a sign: loops of vectors, which take a third of the time.
                block, row = blocks[here : here + numbers], parameters[there : there + known]
                if what == UNPACK:
                    for j in range(np.uint64(known if i >= layout.foreign[number] else 0)):
                        row[j] = block[j]
                else:
                    for j in range(np.uint64(known)):
                        block[j] = row[j]
                    for j in range(np.uint64(known), np.uint64(numbers)):
                        block[j] = 0
                here += numbers
                there += layout.stride[number]
        if what == PACK_AND_TURN and number > 1:
            transpose(net, layer, numbers, layout.width[1])
