"""Low-rank adaptation (LoRA, arXiv 2106.09685) of Linear layers, with a strength that may change live."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from ..errors import CheckpointError, one_line

ENDINGS = {
    "lora_A.weight": "down",
    "lora_A.default.weight": "down",
    "lora_down.weight": "down",
    "lora.down.weight": "down",
    "lora_B.weight": "up",
    "lora_B.default.weight": "up",
    "lora_up.weight": "up",
    "lora.up.weight": "up",
    "alpha": "alpha",
}
"""How PEFT, diffusers and kohya-ss end a key."""

HEADS = re.compile(r"^(base_model\.model\.|unet\.|lora_unet_)+")
TEXT = re.compile(r"^(base_model\.model\.)?(text_encoder|text_model|lora_te)")


class LoRALinear(nn.Linear):
    """``W x + b + strength * B A x``: shares the host's Parameters, which stay as they are.

    The strength is a tensor that is written in place, so that a compiled network follows it.

    Args:
        host: the Linear to adapt.
        down: A, of shape (rank, in).
        up: B times alpha over rank, of shape (out, rank).
    """

    def __init__(self, host: nn.Linear, down: torch.Tensor, up: torch.Tensor) -> None:
        super().__init__(host.in_features, host.out_features, host.bias is not None, device="meta")
        self.weight, self.bias = host.weight, host.bias
        like = host.weight
        self.down = nn.Parameter(down.to(like), requires_grad=False)
        self.up = nn.Parameter(up.to(like), requires_grad=False)
        self.strength = nn.Parameter(like.new_ones(()), requires_grad=False)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        change = F.linear(F.linear(input, self.down), self.up)
        return torch.addcmul(super().forward(input), change, self.strength)


class Lora:
    """The LoRA on a network.

    Attributes:
        layers: by the name of the Linear that each adapts.
        strength: how strongly it acts now.
    """

    def __init__(self, layers: Mapping[str, LoRALinear]) -> None:
        self.layers = dict(layers)
        self.strength = 1.0

    def turn(self, strength: float) -> None:
        """Let it act this strongly from now on; 0 is the network without."""
        if strength != self.strength:
            self.strength = strength
            for layer in self.layers.values():
                layer.strength.fill_(strength)


def apply_lora(
    network: nn.Module,
    path: Path,
    *,
    rename: Callable[[str], str] = str,
    read: Callable[[Path], Mapping[str, torch.Tensor]] = load_file,
) -> Lora:
    """Put a LoRA file on a network, at strength 1.

    Args:
        network: changed in place; must not have a LoRA yet.
        path: a safetensors file with PEFT's, diffusers' or kohya-ss' keys. Without an ``alpha``, alpha
            is the rank, as all three have it.
        rename: a layer's name in the file to its name in the network.
        read: gives the tensors of the file.

    Raises:
        CheckpointError: damaged, of another network, or for layers that are not Linear.
    """
    linears = {name: module for name, module in network.named_modules() if isinstance(module, nn.Linear)}
    adapted: dict[str, LoRALinear] = {}
    for name, parts in _layers(path, linears, rename, read).items():
        host, down, up = linears[name], parts["down"], parts["up"]
        wanted = (host.out_features, len(down), host.in_features)
        if not down.ndim == up.ndim == 2 or (*up.shape, down.shape[1]) != wanted:
            raise CheckpointError(_another_model(path, name))
        scale = float(parts["alpha"]) / len(down) if "alpha" in parts else 1.0
        adapted[name] = LoRALinear(host, down, up * scale)
    for name, layer in adapted.items():
        parent, _, leaf = name.rpartition(".")
        setattr(network.get_submodule(parent), leaf, layer)
    return Lora(adapted)


def _layers(
    path: Path,
    linears: Mapping[str, nn.Linear],
    rename: Callable[[str], str],
    read: Callable[[Path], Mapping[str, torch.Tensor]],
) -> dict[str, dict[str, torch.Tensor]]:
    """Down, up and alpha of each Linear by its name in the network."""
    try:
        tensors = read(path)
    except (OSError, SafetensorError) as error:
        line = one_line(error)
        raise CheckpointError(f"LoRA {path.name} is damaged ({line}): download it again.") from error
    # kohya-ss writes "_" for ".", which can't be split back without knowing the names
    known = {name.replace(".", "_"): name for name in linears} | {name: name for name in linears}
    layers: dict[str, dict[str, torch.Tensor]] = {}
    for key, tensor in tensors.items():
        if TEXT.match(key):
            raise CheckpointError(f"LoRA {path.name} changes the text encoder too: pick one for the U-Net.")
        ending = next((ending for ending in ENDINGS if key.endswith(f".{ending}")), None)
        name = None if ending is None else known.get(rename(HEADS.sub("", key.removesuffix(f".{ending}"))))
        if ending is None or name is None:
            raise CheckpointError(_another_model(path, key))
        layers.setdefault(name, {})[ENDINGS[ending]] = tensor
    for name, parts in layers.items():
        if not {"down", "up"} <= set(parts):
            raise CheckpointError(f"LoRA {path.name} is incomplete at {name}: download it again.")
    if not layers:
        raise CheckpointError(f"LoRA {path.name} is empty: pick another.")
    return layers


def _another_model(path: Path, key: str) -> str:
    return f"LoRA {path.name} is for another model ({key} does not fit): set lora to none or pick another."
