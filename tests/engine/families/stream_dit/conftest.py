"""A tiny StreamDiT checkpoint, built once."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny_stream_dit import write_tiny_checkpoint

from livestyle.engine.families.base import ModelHandle
from livestyle.engine.families.stream_dit.loader import load
from livestyle.engine.families.stream_dit.model import StreamDiTModel


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_checkpoint(tmp_path_factory.mktemp("stream_dit"))


@pytest.fixture(scope="session")
def model(folder: Path) -> StreamDiTModel:
    return load(ModelHandle(str(folder)), torch.device("cpu"), torch.float32)
