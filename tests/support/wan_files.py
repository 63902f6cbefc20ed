"""Files with the names and exact shapes of published Wan checkpoints; their data is a hole."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import torch

from livestyle.engine.networks.causal_wan import CausalWan, CausalWanConfig

Shapes = dict[str, tuple[int, ...]]

SMALL = CausalWanConfig()
SOURCE = CausalWanConfig(in_channels=32)
LARGE = CausalWanConfig(dim=5120, ffn_dim=13824, heads=40, layers=40)
FIVE = CausalWanConfig(in_channels=48, out_channels=48, dim=3072, ffn_dim=14336, heads=24)


@cache
def _shapes(config: CausalWanConfig) -> Mapping[str, tuple[int, ...]]:
    with torch.device("meta"):
        return {name: tuple(tensor.shape) for name, tensor in CausalWan(config).state_dict().items()}


def wan_shapes(config: CausalWanConfig, prefix: str = "model.") -> Shapes:
    """All tensors of a network, under a prefix."""
    return {prefix + name: shape for name, shape in _shapes(config).items()}


def lora_shapes(width: int, rank: int) -> Shapes:
    """A PEFT LoRA on one block."""
    target = "model.blocks.0.self_attn.q"
    return {f"{target}.lora_A.weight": (rank, width), f"{target}.lora_B.weight": (width, rank)}


def write_safetensors(path: Path, shapes: Shapes, **metadata: str) -> Path:
    """A sparse file: a true header, and as many bytes as it says."""
    header: dict[str, object] = {"__metadata__": metadata} if metadata else {}
    end = 0
    for name, shape in shapes.items():
        start, end = end, end + 2 * math.prod(shape)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + end)
    return path


def write_pickled(path: Path, said: Mapping[str, str] | None = None, **entries: Shapes) -> Path:
    """A ``.pt`` with these entries; ``flat`` lies at the top. Meta tensors store no data."""
    content: dict[str, object] = dict(said or {})
    for entry, shapes in entries.items():
        tensors = {n: torch.empty(s, device="meta", dtype=torch.bfloat16) for n, s in shapes.items()}
        content |= tensors if entry == "flat" else {entry: tensors}
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, path)
    return path
