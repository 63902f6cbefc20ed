"""Low-rank adaptation (LoRA, arXiv 2106.09685) of Linear layers, with a strength that may change live."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from ..errors import CheckpointError, one_line

ADAPTER = r"(?:\.[^.]+)?"
"""PEFT writes an adapter's name into its keys, mostly "default"."""

ENDINGS = {
    "down": re.compile(rf"\.(?:lora_A|lora_down|lora\.down){ADAPTER}\.weight$"),
    "up": re.compile(rf"\.(?:lora_B|lora_up|lora\.up){ADAPTER}\.weight$"),
    "alpha": re.compile(r"\.alpha$"),
    "magnitude": re.compile(rf"\.(?:dora_scale|lora_magnitude_vector{ADAPTER}(?:\.weight)?)$"),
    "weight": re.compile(r"\.diff$"),
    "bias": re.compile(r"\.diff_b$"),
}
"""How PEFT, diffusers, kohya-ss, DiffSynth, VideoX-Fun and lightx2v end a key, by what its tensor is."""

HEADS = re.compile(
    r"^(base_model\.model\.|model\.diffusion_model\.|diffusion_model\.|transformer\.|pipe\.|dit\.|unet\."
    r"|lora_unet_+)+"
)
TEXT = re.compile(r"^(base_model\.model\.)?(text_encoder|text_model|lora_te)")

NAMED = 3
"""Of what was left out, so many are named."""


class LoRALinear(nn.Linear):
    """``W x + b + strength * change(x)``: shares the host's Parameters, which stay as they are.

    The strength is a tensor that is written in place, so that a compiled network follows it.

    Args:
        host: the Linear to adapt.
        factors: the change of W as matrices that are applied one after the other: A of shape (rank, in)
            and B times alpha over rank, of shape (out, rank); or one of shape (out, in); or none.
        bias: the change of b, of shape (out,), or None.
    """

    def __init__(
        self, host: nn.Linear, factors: Sequence[torch.Tensor], bias: torch.Tensor | None = None
    ) -> None:
        super().__init__(host.in_features, host.out_features, host.bias is not None, device="meta")
        self.weight, self.bias = host.weight, host.bias
        like = host.weight
        self.factors = nn.ParameterList(
            nn.Parameter(factor.to(like), requires_grad=False) for factor in factors
        )
        self.bias_change = None if bias is None else nn.Parameter(bias.to(like), requires_grad=False)
        self.strength = nn.Parameter(like.new_ones(()), requires_grad=False)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        change = input
        for factor in self.factors:
            change = F.linear(change, factor)
        if self.bias_change is not None:
            change = change + self.bias_change if len(self.factors) else self.bias_change
        return torch.addcmul(super().forward(input), change, self.strength)


class Lora:
    """The LoRA on a network.

    Attributes:
        layers: by the name of the Linear that each adapts.
        strength: how strongly it acts now.
        remark: in one line, what of its file was left out; empty where all of it is used.
    """

    def __init__(self, layers: Mapping[str, LoRALinear], remark: str = "") -> None:
        self.layers = dict(layers)
        self.remark = remark
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
    """Put a LoRA file on a network, at strength 1: all of it that fits.

    Args:
        network: changed in place; must not have a LoRA yet.
        path: a safetensors file with the keys of any dialect in ``ENDINGS``. Without an ``alpha``, alpha
            is the rank, as all have it. The magnitudes of DoRA (arXiv 2402.09353) are those at strength 1.
        rename: a tensor's name in the file to its name in the network.
        read: gives the tensors of the file.

    Raises:
        CheckpointError: damaged, or nothing of it fits the network.
    """
    linears = {name: module for name, module in network.named_modules() if isinstance(module, nn.Linear)}
    layers, rest = _layers(path, linears, rename, read)
    adapted: dict[str, LoRALinear] = {}
    for name, parts in layers.items():
        host = linears[name]
        factors, bias = _factors(host, parts), parts.get("bias")
        if factors is None or (bias is not None and bias.shape != (host.out_features,)):
            rest.append(name)
        else:
            adapted[name] = LoRALinear(host, factors, bias)
    if not adapted:
        why = f"is for another model ({rest[0]} does not fit)"
        raise CheckpointError(f"LoRA {path.name} {why}: set lora to none or pick another.")
    for name, layer in adapted.items():
        parent, _, leaf = name.rpartition(".")
        setattr(network.get_submodule(parent), leaf, layer)
    return Lora(adapted, _left_out(path, rest))


def _layers(
    path: Path,
    linears: Mapping[str, nn.Linear],
    rename: Callable[[str], str],
    read: Callable[[Path], Mapping[str, torch.Tensor]],
) -> tuple[dict[str, dict[str, torch.Tensor]], list[str]]:
    """The tensors of each Linear by its name in the network, as float32; keys for which there is none."""
    try:
        tensors = read(path)
    except (OSError, SafetensorError) as error:
        line = one_line(error)
        raise CheckpointError(f"LoRA {path.name} is damaged ({line}): download it again.") from error
    # kohya-ss writes "_" for ".", which can't be split back without knowing the names
    known = {name.replace(".", "_"): name for name in linears} | {name: name for name in linears}
    layers: dict[str, dict[str, torch.Tensor]] = {}
    rest: list[str] = []
    for key, tensor in tensors.items():
        if TEXT.match(key):
            raise CheckpointError(f"LoRA {path.name} changes the text encoder too: pick one for the U-Net.")
        part, target = _split(key)
        name = known.get(rename(f"{HEADS.sub('', target)}.weight").removesuffix(".weight"))
        if not part or name is None:
            rest.append(key)
        else:
            # fp8 has no arithmetic of its own
            layers.setdefault(name, {})[part] = tensor.float()
    for name, parts in layers.items():
        if ("down" in parts) != ("up" in parts):
            raise CheckpointError(f"LoRA {path.name} is incomplete at {name}: download it again.")
    if not tensors:
        raise CheckpointError(f"LoRA {path.name} is empty: pick another.")
    return layers, rest


def _split(key: str) -> tuple[str, str]:
    """What a key's tensor is (empty: unknown), and the layer that it belongs to."""
    for part, ending in ENDINGS.items():
        if found := ending.search(key):
            return part, key[: found.start()]
    return "", key


def _factors(host: nn.Linear, parts: Mapping[str, torch.Tensor]) -> list[torch.Tensor] | None:
    """The change of the weight as ``LoRALinear`` takes it; None where a shape does not fit."""
    full = parts.get("weight")
    if full is not None and full.shape != host.weight.shape:
        return None
    if "down" not in parts:
        return [] if full is None and "bias" in parts else None if full is None else [full]
    down, up = parts["down"], parts["up"]
    wanted = (host.out_features, len(down), host.in_features)
    if not down.ndim == up.ndim == 2 or (*up.shape, down.shape[1]) != wanted:
        return None
    up = up * (float(parts["alpha"]) / len(down) if "alpha" in parts else 1.0)
    if full is None and "magnitude" not in parts:
        return [down, up]
    change = up @ down if full is None else up @ down + full
    if "magnitude" in parts:
        weight = host.weight.detach().float().cpu() + change
        magnitude = parts["magnitude"].reshape(-1, 1) if parts["magnitude"].ndim < 2 else parts["magnitude"]
        if magnitude.shape not in ((len(weight), 1), (1, weight.shape[1])):
            return None
        length = weight.norm(dim=1 if magnitude.shape[1] == 1 else 0, keepdim=True)
        change = weight * magnitude / length - host.weight.detach().float().cpu()
    return [change]


def _left_out(path: Path, rest: Sequence[str]) -> str:
    if not rest:
        return ""
    named = ", ".join(one_line(Exception(key), 60) for key in rest[:NAMED])
    more = f" and {len(rest) - NAMED} more" if len(rest) > NAMED else ""
    return f"LoRA {path.name}: what fits is applied; left out: {named}{more}"
