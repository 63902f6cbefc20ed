"""What a temporal adapter takes on the device, read from its file's header."""

from __future__ import annotations

import math
from collections import defaultdict
from pathlib import Path

from ..footprint import tensor_shapes


def adapter_values(path: Path, frames: int, height: int, width: int) -> int:
    """Values beside the model's for a stream in chunks of ``frames`` pictures; 0 where there is no header.

    Its weights; three times the pictures' part of every hook, which a refresh computes beside the one in
    use; and the pictures themselves, as a dry run counted it (docs/gpu.md).
    """
    shapes = tensor_shapes(path)
    strides: dict[str, int] = defaultdict(lambda: 1)
    for key, shape in shapes.items():
        hook, convolution, part = key.partition(".conditioning1.")
        if convolution and part.endswith(".weight"):
            strides[hook] *= shape[-1]
    terms = sum(
        (height // stride) * (width // stride) * shapes.get(f"{hook}.mid.0.weight", (0,))[0]
        for hook, stride in strides.items()
    )
    weights = sum(math.prod(shape) for shape in shapes.values())
    return weights + frames * (3 * terms + 6 * height * width) if shapes else 0
