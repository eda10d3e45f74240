"""What an ONNX file says of itself and ONNX Runtime does not tell: class labels, further files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from skdistill._optional import import_optional

# Nodes between a label and what knows the labels, which they hand on.
_PASSING = {"Cast", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"}

# Nodes that pick labels out of a list by its index.
_PICKING = {"ArrayFeatureExtractor", "Gather"}

# Attributes with the labels of classifiers and of ZipMap.
_LABELS = ("classlabels_strings", "classlabels_int64s", "classlabels_ints")


def read_model(content: bytes) -> Any:
    """Parse an ONNX model; nothing of it is run, and weights in further files are not read.

    Parameters
    ----------
    content : bytes
        The file.

    Returns
    -------
    model : onnx.ModelProto

    Raises
    ------
    ValueError
        If it is no ONNX model.
    """
    onnx = import_optional("onnx", extra="onnx", purpose="OnnxTeacher")
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:
        raise ValueError(f"model is no ONNX model: {error}.") from error
    if not model.graph.output:
        raise ValueError("model is no ONNX model: it has no outputs.")
    return model


def class_labels(model: Any, outputs: list[str]) -> np.ndarray | None:
    """Find the labels of the columns of probabilities.

    From each output the graph is followed back to a node that lists class labels: a classifier,
    ``ZipMap``, or what picks labels out of a constant.

    Parameters
    ----------
    model : onnx.ModelProto
    outputs : list of str
        Where to start, the most trustworthy first.

    Returns
    -------
    labels : ndarray of shape (n_classes,) or None
        Strings or whole numbers; None if there is no such node.
    """
    producers = {name: node for node in model.graph.node for name in node.output}
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    for output in outputs:
        node = producers.get(output)
        while node is not None and node.op_type in _PASSING:
            node = producers.get(node.input[0])
        labels = _listed_labels(node, producers, constants)
        if labels is not None and len(labels) > 1:
            return labels
    return None


def _listed_labels(
    node: Any, producers: dict[str, Any], constants: dict[str, Any]
) -> np.ndarray | None:
    """Read the labels that a node lists."""
    if node is None:
        return None
    for attribute in node.attribute:
        values = list(attribute.strings) or list(attribute.ints)
        if attribute.name in _LABELS and values:
            return _as_labels(values)
    if node.op_type not in _PICKING:
        return None
    tensor = constants.get(node.input[0])
    source = producers.get(node.input[0])
    if source is not None and source.op_type == "Constant":
        tensor = next((a.t for a in source.attribute if a.name == "value"), None)
    if tensor is None:
        return None
    from onnx import numpy_helper

    return _as_labels(numpy_helper.to_array(tensor).reshape(-1).tolist())


def _as_labels(values: list[Any]) -> np.ndarray:
    return np.array([v.decode("utf-8") if isinstance(v, bytes) else v for v in values])


def further_files(model: Any, folder: Path | None) -> list[Path]:
    """List the files beside the model's own in which it keeps weights.

    Parameters
    ----------
    model : onnx.ModelProto
        Parsed.
    folder : Path or None
        Where further files are; None for a model that came as bytes.

    Returns
    -------
    files : list of Path
        Sorted by name.

    Raises
    ------
    ValueError
        If one is not in `folder`. A model may come from anyone: it must not name what is read.
    """
    if folder is None:
        return []
    return [_find_file(name, folder) for name in sorted(set(_external_files(model)))]


def content_key(content: bytes, files: Sequence[Path]) -> str:
    """Hash a model, with the weights that it keeps in further files.

    Parameters
    ----------
    content : bytes
        The model's own file.
    files : sequence of Path
        The further ones.

    Returns
    -------
    key : str
    """
    key = hashlib.sha256(content)
    for path in files:
        with path.open("rb") as file:
            for chunk in iter(lambda: file.read(1 << 20), b""):
                key.update(chunk)
    return key.hexdigest()


def _find_file(name: str, folder: Path) -> Path:
    """Return the path of a further file, which must be below `folder`, as ONNX Runtime wants it."""
    path = Path(name)
    if path.anchor or ".." in path.parts or not (folder / path).is_file():
        raise ValueError(
            f"model keeps weights in {name!r}, which is no file in its folder {str(folder)!r}; "
            "put the file there, and give a model that names it by a relative path."
        )
    return folder / path


def _external_files(model: Any) -> Iterator[str]:
    """List the files of weights beside the model's own."""
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                yield entry.value
