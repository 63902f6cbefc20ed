"""A tiny checkpoint for the family's tests, built once."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny_checkpoint import write_tiny_checkpoint

from livestyle.engine.families import load_model
from livestyle.engine.families.base import ModelHandle
from livestyle.engine.families.mllm_edit.model import MLLMEditModel


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_checkpoint(tmp_path_factory.mktemp("channel"))


@pytest.fixture(scope="session")
def tiny_model(tiny_folder: Path) -> MLLMEditModel:
    return load_model(ModelHandle(str(tiny_folder)), torch.device("cpu"), torch.float32)
