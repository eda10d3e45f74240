"""An ONNX graph in the making: nodes, constants, and the bytes of the model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from skdistill._optional import import_optional

# The oldest operator sets that have what is needed: ReduceSum with its axes as an input, and trees
# that compare in double precision. ONNX 1.11 of March 2022 has both.
OPSET, ML_OPSET, IR_VERSION = 13, 3, 8
ML_DOMAIN = "ai.onnx.ml"


class Graph:
    """Nodes and constants, written in the order in which they are added.

    Parameters
    ----------
    dtype : {"float64", "float32"}
        Of what goes in and comes out.
    taken : iterable of str
        Names that no intermediate result may have.
    """

    def __init__(self, dtype: str, taken: Sequence[str]) -> None:
        self.onnx = import_optional("onnx", extra="onnx", purpose="Export to ONNX")
        self.dtype = np.dtype(dtype)
        self.type = self.onnx.helper.np_dtype_to_tensor_dtype(self.dtype)
        self.first_input = ""
        self._taken = set(taken)
        self._nodes: list[Any] = []
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._initializers: list[Any] = []

    @property
    def single(self) -> bool:
        """Whether the numbers are in single precision."""
        return self.dtype == np.float32

    def add_input(self, name: str, width: int, *, strings: bool = False) -> str:
        """Declare an input of shape (N, width)."""
        kind = self.onnx.TensorProto.STRING if strings else self.type
        self._inputs.append(self.onnx.helper.make_tensor_value_info(name, kind, ["N", width]))
        self.first_input = self.first_input or name
        return name

    def add_output(self, result: str, name: str, kind: int, shape: Sequence[Any]) -> None:
        """Declare a result as an output, and give it its name."""
        for node in self._nodes:
            for names in (node.input, node.output):
                names[:] = [name if old == result else old for old in names]
        self._outputs.append(self.onnx.helper.make_tensor_value_info(name, kind, shape))

    def add(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Add a node, and return the name of its only result."""
        result = self._fresh("r")
        node = self.onnx.helper.make_node(
            operator, list(inputs), [result], domain=domain, **attributes
        )
        self._nodes.append(node)
        return result

    def cast(self, tensor: str) -> str:
        """Turn a result into numbers of the graph's dtype."""
        return self.add("Cast", tensor, to=self.type)

    def widen(self, tensor: str) -> str:
        """Turn numbers of the graph's dtype into doubles."""
        return self.add("Cast", tensor, to=self.onnx.TensorProto.DOUBLE) if self.single else tensor

    def narrow(self, tensor: str) -> str:
        """Turn doubles into numbers of the graph's dtype."""
        return self.cast(tensor) if self.single else tensor

    def cast_index(self, tensor: str) -> str:
        """Turn whole numbers into indices."""
        return self.add("Cast", tensor, to=self.onnx.TensorProto.INT64)

    def concat(self, tensors: Sequence[str]) -> str:
        """Put columns side by side."""
        return tensors[0] if len(tensors) == 1 else self.add("Concat", *tensors, axis=1)

    def numbers(self, values: Any) -> str:
        """Return the name of a constant of the graph's dtype."""
        # What float32 cannot hold is infinite in it; the comparison with the student will tell.
        with np.errstate(over="ignore"):
            return self.constant(np.asarray(values, dtype=np.float64).astype(self.dtype))

    def doubles(self, values: Any) -> str:
        """Return the name of a constant of doubles."""
        return self.constant(np.asarray(values, dtype=np.float64))

    def constant(self, values: np.ndarray) -> str:
        """Return the name of a constant, of the same one for the same values."""
        key = (values.dtype.str, values.shape, repr(values.tolist()).encode())
        if key not in self._constants:
            name = self._fresh("c")
            self._constants[key] = name
            self._initializers.append(self.onnx.numpy_helper.from_array(values, name))
        return self._constants[key]

    def repeat(self, row: np.ndarray) -> str:
        """Return as many copies of a row of doubles as there are rows in the inputs."""
        shape = self.add("Shape", self.first_input)
        n_rows = self.add("Slice", shape, *(self.constant(np.array([k])) for k in (0, 1)))
        target = self.add("Concat", n_rows, self.constant(np.array([len(row)])), axis=0)
        return self.add("Expand", self.doubles(row[None, :]), target)

    def to_bytes(self, name: str, version: str, metadata: Mapping[str, Any]) -> bytes:
        """Check the model and return it; `metadata` is written as JSON."""
        helper = self.onnx.helper
        graph = helper.make_graph(
            self._nodes, name, self._inputs, self._outputs, self._initializers
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(ML_DOMAIN, ML_OPSET)]
        model = helper.make_model(
            graph,
            opset_imports=opsets,
            ir_version=IR_VERSION,
            producer_name="skdistill",
            producer_version=version,
        )
        helper.set_model_props(model, {key: json.dumps(value) for key, value in metadata.items()})
        self.onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString(deterministic=True))

    def _fresh(self, letter: str) -> str:
        name = f"{letter}{len(self._nodes) + len(self._initializers)}"
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name
