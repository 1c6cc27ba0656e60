"""A converter for skl2onnx, with which our estimators may end any pipeline that it knows.

`neurone.sklearn` registers it, which takes half a second where skl2onnx is installed.
"""

import numpy as np

from neurone.formats.onnx import add_layers


def register(classifier, regressor):
    """Tell skl2onnx of the two estimators' classes."""
    from skl2onnx import update_registered_converter

    options = {"zipmap": [True, False, "columns"], "nocl": [True, False], "output_class_labels": [True, False]}
    update_registered_converter(classifier, "NeuroneClassifier", _shapes, _convert, options=options)
    update_registered_converter(regressor, "NeuroneRegressor", _shapes, _convert)


def _shapes(operator):
    """Outputs: (samples,) labels, or (samples, labels) where there are several, and probabilities; or numbers."""
    from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType

    model, count = operator.raw_operator, operator.inputs[0].get_first_dimension()
    if not hasattr(model, "classes_"):
        operator.outputs[0].type = FloatTensorType([count, model.n_outputs_])
        return
    kind = StringTensorType if _named(model) else Int64TensorType
    several = [model.n_outputs_] if model._several else []
    operator.outputs[0].type = kind([count, *several])
    operator.outputs[1].type = FloatTensorType([count, len(model.classes_)])


def _named(model):
    return model.classes_.dtype.kind in "UOS" and not model._several


def _convert(scope, operator, container):
    from onnx import TensorProto

    model = operator.raw_operator

    def node(kind, *inputs, output=None, domain="", **attributes):
        """Add a node, and return its output's name."""
        output = scope.get_unique_variable_name(kind.lower()) if output is None else output
        version = {"op_domain": domain} if domain else {}
        container.add_node(
            kind, list(inputs), [output], name=scope.get_unique_operator_name(kind), **version, **attributes
        )
        return output

    def constant(array, name):
        array, name = np.asarray(array), scope.get_unique_variable_name(name)
        kinds = {"f": TensorProto.FLOAT, "i": TensorProto.INT64, "U": TensorProto.STRING}
        values = (
            [text.encode() for text in array.ravel().tolist()] if array.dtype.kind == "U" else array.ravel().tolist()
        )
        container.add_initializer(name, kinds[array.dtype.kind], list(array.shape), values)
        return name

    value = node("Cast", operator.inputs[0].full_name, to=TensorProto.FLOAT)
    outputs = [variable.full_name for variable in operator.outputs]
    value = add_layers(model.network_, value, node, lambda array, name: constant(np.float32(array), name))
    if not hasattr(model, "classes_"):
        node("Identity", value, output=outputs[0])
        return
    if model._several:
        node("Identity", value, output=outputs[1])
        node(
            "Cast", node("Greater", value, constant(np.float32([0.5]), "half")), to=TensorProto.INT64, output=outputs[0]
        )
        return
    if model.n_outputs_ == 1:
        other = node("Sub", constant(np.float32([1]), "one"), value)
        value = node("Concat", other, value, axis=1) if len(model.classes_) == 2 else node("Add", value, other)
    node("Identity", value, output=outputs[1])
    classes = model.classes_.astype(str) if _named(model) else model.classes_.astype(np.int64)
    place = node("ArgMax", value, axis=1, keepdims=0)
    node("Gather", constant(classes, "classes"), place, axis=0, output=outputs[0])
