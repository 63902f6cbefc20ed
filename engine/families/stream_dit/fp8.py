"""Eight-bit floating point for the transformer's matrices (torchao): products run in float8, too."""

from __future__ import annotations

import torch

from ...errors import SettingError
from ...networks.stream_dit.model import StreamDiT
from ..fp8 import is_matrix, takes, torchao_quantization


def quantise(network: StreamDiT) -> None:
    """Quantise the blocks in place: e4m3 weights and activations with a scale a row.

    Embeddings, time and head stay as they are; they are a small share of the work.

    Raises:
        SettingError: torchao is not installed, or the device has no float8 products.
    """
    device = network.place[0]
    if device.type != "cuda" or torch.cuda.get_device_capability(device) < (8, 9):
        raise SettingError(
            "dtype fp8 needs an NVIDIA GPU of the Ada, Hopper or a later generation: use bf16."
        )
    torchao = torchao_quantization()
    form = torchao.Float8DynamicActivationFloat8WeightConfig(granularity=torchao.PerRow())
    torchao.quantize_(network.blocks, form, filter_fn=takes)


def quantised(part: str, name: str, shape: tuple[int, ...]) -> bool:
    """Whether a weight of a checkpoint's file is stored in eight bits."""
    return part == "model" and name.startswith("blocks.") and is_matrix(name, shape)
