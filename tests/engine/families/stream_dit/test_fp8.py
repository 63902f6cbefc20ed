"""Which matrices of a StreamDiT network fp8 takes; products in float8 need a GPU, the rule does not."""

from __future__ import annotations

from pathlib import Path

import torch

from livestyle.engine.families import weight_bytes
from livestyle.engine.families.base import ModelHandle
from livestyle.engine.families.fp8 import takes
from livestyle.engine.families.stream_dit.model import StreamDiTModel


def test_the_footprint_counts_what_is_quantised(folder: Path, model: StreamDiTModel) -> None:
    blocks = model.network.blocks
    quantised = sum(module.weight.numel() for name, module in blocks.named_modules() if takes(module, name))
    assert 0 < quantised < sum(weight.numel() for weight in blocks.parameters())
    plain, fp8 = (
        weight_bytes(ModelHandle(str(folder), dtype=dtype), torch.bfloat16) for dtype in ("bf16", "fp8")
    )
    assert plain.pop("model") - fp8.pop("model") == quantised
    assert plain == fp8
