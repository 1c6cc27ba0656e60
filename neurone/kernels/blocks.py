"""A network's parameters copied into blocks, as `online.py` describes them, and back.

A copy may be of a part of the network. Of layer `layer`, from 1, `rows[layer]` rows of `columns[layer]` numbers are
copied, which begin at place[layer] of the network's own array and follow each other at a distance of stride[layer]; the
first `foreign[layer]` of them are another part's, and are not copied back. The layer's blocks have width[layer] numbers.
"""

from neurone.kernels.gradients import transpose
from neurone.kernels.jit import kernel
from neurone.kernels.online import layer_of


@kernel
def pack(net, layout, parameters, blocks):
    """From an array laid out as the network's parameters to one as LesPoids; what fills up blocks becomes 0."""
    for number in range(1, net.sizes.size):
        layer, numbers = layer_of(net, number), layout.width[number]
        place, stride = layout.place[number], layout.stride[number]
        for b in range(layer.blocks):
            here = layer.debut + b * (layer.n + 1) * numbers
            columns = min(numbers, layout.columns[number] - b * numbers)
            for i in range(layer.n + 1):
                known = columns if i < layout.rows[number] else 0
                for j in range(known):
                    blocks[here + i * numbers + j] = parameters[place + i * stride + b * numbers + j]
                for j in range(known, numbers):
                    blocks[here + i * numbers + j] = 0


@kernel
def turn(net, layout):
    """Transposees from LesPoids."""
    for number in range(2, net.sizes.size):
        transpose(net, layer_of(net, number), layout.width[number], layout.width[1])


@kernel
def unpack(net, layout, parameters, blocks):
    """And back, but for rows that are another part's."""
    for number in range(1, net.sizes.size):
        layer, numbers = layer_of(net, number), layout.width[number]
        place, stride = layout.place[number], layout.stride[number]
        for b in range(layer.blocks):
            here = layer.debut + b * (layer.n + 1) * numbers
            columns = min(numbers, layout.columns[number] - b * numbers)
            for i in range(layout.foreign[number], layout.rows[number]):
                for j in range(columns):
                    parameters[place + i * stride + b * numbers + j] = blocks[here + i * numbers + j]


@kernel
def unchanged(net, layout, parameters, blocks):
    """Whether the parameters are still those that `pack` took. Of zeros the sign does not count, and NaN has changed."""
    for number in range(1, net.sizes.size):
        layer, numbers = layer_of(net, number), layout.width[number]
        place, stride, different = layout.place[number], layout.stride[number], 0
        for b in range(layer.blocks):
            here = layer.debut + b * (layer.n + 1) * numbers
            columns = min(numbers, layout.columns[number] - b * numbers)
            for i in range(layout.rows[number]):
                for j in range(columns):
                    different += parameters[place + i * stride + b * numbers + j] != blocks[here + i * numbers + j]
        if different:
            return False
    return True
