"""A tiny StreamEdit-DiT checkpoint, built once."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny_streamedit_dit import write_tiny_checkpoint

from livestyle.engine.families.base import ModelHandle
from livestyle.engine.families.streamedit_dit.loader import load
from livestyle.engine.families.streamedit_dit.model import StreamEditDiTModel


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_checkpoint(tmp_path_factory.mktemp("streamedit_dit"))


@pytest.fixture(scope="session")
def model(folder: Path) -> StreamEditDiTModel:
    return load(ModelHandle(str(folder)), torch.device("cpu"), torch.float32)
