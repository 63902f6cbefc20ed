"""The shipped demo checkpoint, loaded for a test."""

from __future__ import annotations

import torch

from livestyle.engine.families import demo_checkpoints, load_model
from livestyle.engine.families.base import ModelHandle
from livestyle.engine.families.mllm_edit.model import MLLMEditModel


def demo_model() -> MLLMEditModel:
    """On the CPU in float32."""
    folder = demo_checkpoints()["demo: mllm-edit"]
    return load_model(ModelHandle(str(folder)), torch.device("cpu"), torch.float32)
