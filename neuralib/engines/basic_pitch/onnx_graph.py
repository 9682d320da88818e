"""Writes an ONNX graph, node by node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Union

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto

_OPSET = 15
_IR_VERSION = 8
"""What onnxruntime reads since 2021."""

Operand = Union[str, np.float32, "NDArray[Any]"]
"""A value by its name, or a constant."""


class OnnxGraph:
    """A graph of float32 values that grows from its inputs to its outputs."""

    def __init__(self, name: str) -> None:
        from onnx import TensorProto, helper, numpy_helper

        self._helper = helper
        self._constant = numpy_helper.from_array
        self._float = TensorProto.FLOAT
        self._name = name
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []
        self._inputs: list[ValueInfoProto] = []
        self._outputs: list[ValueInfoProto] = []

    def input(self, name: str, dtype: type[np.generic], *shape: int) -> str:
        """Add an input; give its name."""
        kind = self._helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        self._inputs.append(self._helper.make_tensor_value_info(name, kind, shape))
        return name

    def output(self, name: str, value: str, *shape: int | str) -> None:
        """Let `value` be an output called `name`; a length that varies has a name in its shape."""
        self._nodes.append(self._helper.make_node("Identity", [value], [name]))
        self._outputs.append(self._helper.make_tensor_value_info(name, self._float, shape))

    def add(self, operator: str, *operands: Operand, **attributes: Any) -> str:
        """Add a node with one output; give the output's name."""
        names = [self._named(operand) for operand in operands]
        output = f"{operator}_{len(self._nodes)}"
        self._nodes.append(self._helper.make_node(operator, names, [output], **attributes))
        return output

    def reshape(self, value: str, *shape: int) -> str:
        """Give `value` another shape."""
        return self.add("Reshape", value, np.array(shape))

    def pad(self, value: str, before: tuple[int, ...], after: tuple[int, ...], mode: str) -> str:
        """Pad each axis of `value`; `mode` is `constant` (zeros) or `reflect`."""
        return self.add("Pad", value, np.array([*before, *after]), mode=mode)

    def cut(self, value: str, axis: int, start: Operand, stop: Operand) -> str:
        """Cut a range out of an axis of `value`; `start` and `stop` have one number each."""
        return self.add("Slice", value, start, stop, np.array([axis]))

    def model(self) -> ModelProto:
        """Close the graph."""
        graph = self._helper.make_graph(
            self._nodes, self._name, self._inputs, self._outputs, self._constants
        )
        return self._helper.make_model(
            graph, opset_imports=[self._helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION
        )

    def _named(self, operand: Operand) -> str:
        if isinstance(operand, str):
            return operand
        name = f"constant_{len(self._constants)}"
        self._constants.append(self._constant(np.ascontiguousarray(operand), name))
        return name
