"""TAESD's published single files as diffusers' ``AutoencoderTiny``.

Three layouts: two files ``NAME_encoder`` and ``NAME_decoder`` with the original ``nn.Sequential``
keys (ComfyUI's ``vae_approx``), both in one file under ``taesd_encoder.`` and ``taesd_decoder.``,
and diffusers' own keys. The decoder's index 0 is a clamp without weights, which diffusers does not
count. Sizes are read from the tensors: a convolution ends a stage, the blocks before it belong to it.
"""

from __future__ import annotations

import re
from pathlib import Path

import torch
from diffusers import AutoencoderTiny
from safetensors import SafetensorError
from safetensors.torch import load_file

from ..errors import CheckpointError, one_line

Tensors = dict[str, torch.Tensor]

HALVES = ("encoder", "decoder")
LAYER = re.compile(r"^(\d+)\.(weight|conv\.0\.weight)$")


def load_taesd(path: Path, dtype: torch.dtype) -> AutoencoderTiny:
    """Load a file in ``dtype``; of two halves, either names both.

    Raises:
        CheckpointError: damaged, the other half is missing, or no TAESD.
    """
    halves = {half: _numbered(tensors) for half, tensors in _read(path).items()}
    stages = {half: _stages(tensors) for half, tensors in halves.items()}
    model = AutoencoderTiny(
        encoder_block_out_channels=stages["encoder"][0],
        decoder_block_out_channels=stages["decoder"][0],
        num_encoder_blocks=stages["encoder"][1],
        num_decoder_blocks=stages["decoder"][1],
        latent_channels=halves["decoder"]["0.weight"].shape[1],
    )
    state = {
        f"{half}.layers.{key}": value.to(dtype) for half in HALVES for key, value in halves[half].items()
    }
    try:
        model.load_state_dict(state, strict=True, assign=True)
    except RuntimeError as error:
        raise CheckpointError(_refusal(path)) from error
    return model


def _read(path: Path) -> dict[str, Tensors]:
    """The tensors of both halves, with keys that start at a layer's number."""
    tensors = _file(path)
    for head in ("taesd_{}.", "{}.layers."):
        both = {half: _below(head.format(half), tensors) for half in HALVES}
        if all(map(_is_half, both.values())):
            return both
    half = next((half for half in HALVES if half in path.stem), None)
    if half is None or not _is_half(tensors):
        raise CheckpointError(_refusal(path))
    other = HALVES[1 - HALVES.index(half)]
    sibling = path.with_name(path.name.replace(half, other))
    if not sibling.exists():
        raise CheckpointError(f"Autoencoder {path.name} is one half: put {sibling.name} beside it.")
    return {half: tensors, other: _file(sibling)}


def _file(path: Path) -> Tensors:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        line = one_line(error)
        raise CheckpointError(
            f"Autoencoder {path.name} is damaged or cut off ({line}): download it again."
        ) from error


def _is_half(tensors: Tensors) -> bool:
    return "0.weight" in tensors or "1.weight" in tensors


def _below(head: str, tensors: Tensors) -> Tensors:
    return {key.removeprefix(head): tensor for key, tensor in tensors.items() if key.startswith(head)}


def _numbered(tensors: Tensors) -> Tensors:
    """Layers counted from 0, as diffusers does."""
    if "0.weight" in tensors:
        return tensors
    return {_shifted(key): tensor for key, tensor in tensors.items()}


def _shifted(key: str) -> str:
    number, _, rest = key.partition(".")
    return f"{int(number) - 1}.{rest}" if number.isdigit() else key


def _stages(tensors: Tensors) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Width and number of blocks of each stage.

    Between the first and the last convolution, one convolution separates two stages. The encoder's
    convolution begins a stage and the decoder's ends one; both have the width of their stage.
    """
    layers = sorted((int(match[1]), match[2]) for match in map(LAYER.match, tensors) if match)
    kinds = [(kind == "weight", tensors[f"{number}.{kind}"].shape[0]) for number, kind in layers]
    widths, blocks = [kinds[0][1]], [0]
    for convolution, width in kinds[1:-1]:
        if convolution:
            widths.append(width)
            blocks.append(0)
        else:
            blocks[-1] += 1
    return tuple(widths), tuple(blocks)


def _refusal(path: Path) -> str:
    return (
        f"Autoencoder {path.name} is no TAESD: DreamLite takes TAESDXL, as taesdxl_encoder and "
        "taesdxl_decoder in models/vae_approx."
    )
