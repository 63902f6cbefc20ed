"""Loads a StreamEdit-DiT checkpoint folder."""

from __future__ import annotations

import torch

from ...errors import SettingError
from ..base import ModelHandle
from ..folder_parts import load_parts, refuse_other_parts
from .checkpoint import Description
from .model import StreamEditDiTModel


def load(handle: ModelHandle, device: torch.device, dtype: torch.dtype) -> StreamEditDiTModel:
    """Load every part of a checkpoint.

    Raises:
        CheckpointError: a part is missing, damaged or doesn't fit the others.
        SettingError: a LoRA, a text encoder or a dtype that can't work.
    """
    refuse_other_parts(handle, Description.TITLE)
    if handle.dtype == "fp8" or dtype == torch.float16:
        raise SettingError("dtype: StreamEdit-DiT models compute in bf16 or fp32, choose one of them.")
    return load_parts(Description, StreamEditDiTModel, handle, device, dtype)
