"""Loads a StreamDiT checkpoint folder."""

from __future__ import annotations

import torch

from ...errors import SettingError
from ..base import ModelHandle
from ..folder_parts import load_parts, refuse_other_parts
from .checkpoint import Description
from .fp8 import quantise
from .model import StreamDiTModel


def load(handle: ModelHandle, device: torch.device, dtype: torch.dtype) -> StreamDiTModel:
    """Load every part of a checkpoint.

    Raises:
        CheckpointError: a part is missing, damaged or doesn't fit the others.
        SettingError: a LoRA, a text encoder or a dtype that can't work.
    """
    refuse_other_parts(handle, Description.TITLE)
    if dtype == torch.float16:
        raise SettingError("dtype fp16 is too narrow for StreamDiT models: use bf16 or fp32.")
    model = load_parts(Description, StreamDiTModel, handle, device, dtype)
    if handle.dtype == "fp8":
        quantise(model.network)
    return model
