"""A network as an ONNX file. Needs the extra `export` (onnx)."""

import json

import numpy as np

from neurone.errors import ExtraError, InputError
from neurone.files import replacing, shown
from neurone.formats.models import networks_of

# The oldest versions that suffice: runtimes since 2020 read the file, since newer ones read older files too.
_OPSET = 13
_IR_VERSION = 7
# What one protobuf message can hold, minus room for everything but the parameters.
_MOST_BYTES = 2**31 - 2**20
_NODES = {"logistic": "Sigmoid", "tanh": "Tanh", "relu": "Relu", "softmax": "Softmax", "exp": "Exp", "identity": None}


def save_onnx(network, path):
    """Write a network to `path` as an ONNX model, whole or not at all.

    Its input is called `input`: float32 (batch, inputs), pixels already divided by 255. Its output is called
    `probabilities`: (batch, outputs), of the network's type, which is also that of the arithmetic in between.

    Parameters
    ----------
    network : Network, Committee, estimator or Pipeline
        See `network_of`. The mean of a committee's outputs is taken in the network's type, not in 64 bits.
    path : path-like

    Raises
    ------
    InputError
        Parameters that hold NaN or infinity, or 2 GiB and more of them.
    ExtraError
        onnx is not installed.

    Examples
    --------
    >>> import neurone
    >>> save_onnx(neurone.Network((784, 100, 10)), "digits.onnx")  # doctest: +SKIP
    """
    networks = networks_of(network)
    if not all(np.isfinite(each.parameters).all() for each in networks):
        raise InputError(f"{shown(path)}: not written, since the network's parameters hold NaN or infinity")
    if sum(each.parameters.nbytes for each in networks) > _MOST_BYTES:
        raise InputError(f"{shown(path)}: not written, since more than 2 GiB do not fit in one ONNX file")
    for function in (function for each in networks for function in (each.activation, each.output)):
        if function not in _NODES:
            raise InputError(
                f"{shown(path)}: not written, since there is no ONNX node for the function {function!r} of a layer; "
                f"there is for {', '.join(_NODES)}"
            )
    data = _model(networks).SerializeToString(deterministic=True)
    with replacing(path) as file:
        file.write(data)


def add_layers(network, value, node, constant):
    """Add the nodes of a network's layers after the one whose output is called `value`; returns the last one's.

    node : called with a kind and the names of its inputs, returns its output's
    constant : called with an array and a name, returns the name that it was given
    """
    last = len(network.sizes) - 2
    for layer in range(last + 1):
        block = network.layer(layer)
        weights, bias = constant(block[1:], f"weights_{layer + 1}"), constant(block[0], f"bias_{layer + 1}")
        value = node("Gemm", value, weights, bias)
        function = network.output if layer == last else network.activation
        if function == "logistic" and network.slope != 1:
            value = node("Mul", value, constant(network.dtype.type(network.slope).reshape(1), f"slope_{layer + 1}"))
        if _NODES[function] is not None:
            value = node(_NODES[function], value)
    return value


def _model(networks):
    """The networks, whose outputs are averaged, as onnx.ModelProto, checked."""
    try:
        import onnx
    except ImportError:
        raise ExtraError(
            "writing ONNX files needs onnx: pip install onnx, or this package with its extra 'export'"
        ) from None
    helper, constant = onnx.helper, onnx.numpy_helper.from_array
    width = helper.np_dtype_to_tensor_dtype(np.result_type(*(network.dtype for network in networks)))
    nodes, constants = [], []

    def node(kind, *inputs, **attributes):
        """Add a node, and return its output's name."""
        output = f"{kind.lower()}_{len(nodes)}"
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def stored(array, name):
        constants.append(constant(array, name))
        return name

    outputs = []
    for number, network in enumerate(networks, 1):
        suffix = f"_of_{number}" if len(networks) > 1 else ""
        # The input is float32; for a network of another type, a node casts it, and its output to the widest.
        own = helper.np_dtype_to_tensor_dtype(network.dtype)
        value = "input" if own == onnx.TensorProto.FLOAT else node("Cast", "input", to=own)
        value = add_layers(network, value, node, lambda array, name, end=suffix: stored(array, name + end))
        outputs.append(value if own == width else node("Cast", value, to=width))
    if len(outputs) > 1:
        # Not "Mean", which onnxruntime has not in 64 bits.
        count = np.array([len(outputs)], helper.tensor_dtype_to_np_dtype(width))
        node("Div", node("Sum", *outputs), stored(count, "count"))
    nodes[-1].output[0] = "probabilities"
    network = networks[0]

    used = {name for each in nodes for name in each.input}
    graph = helper.make_graph(
        nodes,
        "neurone",
        [helper.make_tensor_value_info("input", onnx.TensorProto.FLOAT, ["batch", network.sizes[0]])],
        [helper.make_tensor_value_info("probabilities", width, ["batch", network.sizes[-1]])],
        [each for each in constants if each.name in used],
    )
    opset = helper.make_opsetid("", _OPSET)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=_IR_VERSION, producer_name="neurone")
    if network.classes is not None:
        helper.set_model_props(model, {"classes": json.dumps(network.classes)})
    onnx.checker.check_model(model, full_check=True)
    return model
