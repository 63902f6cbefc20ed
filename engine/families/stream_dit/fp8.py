"""Eight-bit floating point for the transformer's matrices (torchao): products run in float8, too."""

from __future__ import annotations

import torch
from torch import nn

from ...errors import SettingError
from ...networks.stream_dit.model import StreamDiT

MULTIPLE = 16
"""Float8 kernels need matrices whose sides are multiples of it."""


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
    try:
        from torchao.quantization import Float8DynamicActivationFloat8WeightConfig, PerRow, quantize_
    except ImportError as error:
        raise SettingError(
            "dtype fp8 needs torchao: install it (pip install torchao), or use bf16."
        ) from error
    quantize_(
        network.blocks, Float8DynamicActivationFloat8WeightConfig(granularity=PerRow()), filter_fn=_is_matrix
    )


def _is_matrix(module: nn.Module, _name: str) -> bool:
    return isinstance(module, nn.Linear) and not any(side % MULTIPLE for side in module.weight.shape)
