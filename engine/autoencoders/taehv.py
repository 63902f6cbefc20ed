"""TAEHV on a stream: published files (taew2_1 and its like) and our ``demo-video``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from itertools import pairwise
from math import isqrt
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from ..errors import CheckpointError, one_line
from ..networks.taehv import TAEHV, TAEHVConfig
from .latents import WAN_21, WAN_22, LatentFormat
from .video import VideoAutoencoder

CONFIG, WEIGHTS = "config.json", "diffusion_pytorch_model.safetensors"
CLASS = "TAEHV"


class TAEHVAutoencoder(VideoAutoencoder):
    """TAEHV's latents are normalised as they come; ``latent_format`` says what the raw ones would be.

    The network itself always has pixels from 0 to 1, which are Wan's from -1 to 1.

    Args:
        raw: its network gives and takes raw latents (lighttae). That it takes raw ones is known; that it
            gives them is concluded.
    """

    def __init__(self, model: TAEHV, latent_format: LatentFormat, *, raw: bool = False) -> None:
        super().__init__()
        self._raw = raw
        config = model.config
        self.model, self.latent_format = model, latent_format
        self.spatial, self.temporal, self.channels = config.spatial, config.temporal, config.latent_channels
        self.lookahead = self.temporal - 1 - config.lead

    def working_values(self, frames: int) -> int:
        """Two planes of the width at full size, the pixels, and a frame more for what is remembered."""
        config = self.model.config
        widths = config.encoder_channels[0] + config.decoder_channels[-1]
        return (frames + 1) * (2 * widths // config.patch**2 + 14)

    def _encode(self, pixels: torch.Tensor, first: bool) -> torch.Tensor:
        if self.unit_pixels:
            pixels = pixels * 0.5 + 0.5
        if first:
            pixels = torch.cat([pixels[:1].expand(self.model.config.lead, -1, -1, -1), pixels])
        latents, memory = self.model.encode(pixels.unsqueeze(0), self._state.encoder)
        self._state = replace(self._state, encoder=memory)
        return self.normalise(latents[0]).to(latents) if self._raw else latents[0]

    def _decode(self, latents: torch.Tensor, first: bool) -> torch.Tensor:
        if self._raw:
            latents = self.denormalise(latents)
        frames, memory = self.model.decode(latents.to(self.place[1]).unsqueeze(0), self._state.decoder)
        self._state = replace(self._state, decoder=memory)
        shown = frames[0, self.temporal - 1 if first else 0 :]
        return shown * 2.0 - 1.0 if self.unit_pixels else shown


def save_taehv(model: TAEHV, folder: Path) -> None:
    """Write ``config.json`` and the weights in bfloat16."""
    folder.mkdir(parents=True, exist_ok=True)
    note = {"_class_name": CLASS, **asdict(model.config)}
    (folder / CONFIG).write_text(json.dumps(note, indent=2) + "\n")
    tensors = {name: t.to(torch.bfloat16).contiguous() for name, t in model.state_dict().items()}
    save_file(tensors, folder / WEIGHTS)


def load_taehv(path: Path, dtype: torch.dtype) -> TAEHVAutoencoder:
    """Load a folder that ``save_taehv`` wrote, or a published ``.safetensors`` file.

    Raises:
        CheckpointError: files are missing, damaged, or of another layout.
    """
    try:
        if path.is_dir():
            note = json.loads((path / CONFIG).read_text())
            del note["_class_name"]
            config = TAEHVConfig(**{k: tuple(v) if isinstance(v, list) else v for k, v in note.items()})
            tensors = load_file(path / WEIGHTS)
        else:
            tensors = load_file(path)
            config = published_config(tensors)
        model = TAEHV(config)
        model.load_state_dict(tensors)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise CheckpointError(f"Autoencoder {path.name} can't be read as TAEHV: {one_line(error)}") from error
    model = model.requires_grad_(False).eval().to(dtype).to(memory_format=torch.channels_last)
    # a published file of 16 or 48 channels has Wan's latents; a folder has its own, however many
    wan = {len(each.mean): each for each in (WAN_21, WAN_22)} if path.is_file() else {}
    latents = wan.get(config.latent_channels, LatentFormat())
    return TAEHVAutoencoder(model, latents, raw=bool(latents.mean) and _has_raw_latents(path.name))


def _has_raw_latents(name: str) -> bool:
    """Whether a published file's latents are raw, which only its name tells.

    Raises:
        CheckpointError: it does not.
    """
    plain = name.lower()
    if "lighttae" in plain:
        return True
    if "tae" in plain:
        return False
    raise CheckpointError(
        f"Autoencoder {name} has the tensors of taew and of lighttaew, whose latents differ: give it its "
        "published name again."
    )


def published_config(tensors: Mapping[str, torch.Tensor]) -> TAEHVConfig:
    """The configuration of a file in the published layout, read from the shapes.

    What shapes can't tell is as in taew2_1: every level halves the picture, no lead. taew2_2_super's decoder
    begins with another layer.
    """
    wide = "decoder.1.weight" not in tensors
    stem, first = tensors["encoder.0.weight"].shape, tensors[f"decoder.{0 if wide else 1}.weight"].shape
    pools, grows = _levels(tensors, "encoder"), _levels(tensors, "decoder")
    exits = [len([i for i in _blocks(tensors, "decoder") if i < grow]) for grow in grows]
    entries = [len([i for i in _blocks(tensors, "encoder") if i > pool]) for pool in pools]
    return TAEHVConfig(
        latent_channels=first[1],
        patch=isqrt(stem[1] // 3),
        encoder_channels=(stem[0], *(len(tensors[f"encoder.{i + 1}.weight"]) for i in pools)),
        encoder_blocks=tuple(more - fewer for more, fewer in pairwise((*entries, 0))),
        encoder_time=tuple(_ratio(tensors[f"encoder.{i}.conv.weight"]) for i in pools),
        decoder_channels=(
            first[0],
            *(
                tensors[f"decoder.{i}.conv.weight"].shape[1]
                if wide
                else len(tensors[f"decoder.{i + 1}.weight"])
                for i in grows
            ),
        ),
        decoder_blocks=tuple(more - fewer for fewer, more in pairwise((0, *exits))),
        decoder_time=tuple(_ratio(tensors[f"decoder.{i}.conv.weight"]) for i in grows),
        wide=wide,
    )


def _levels(tensors: Mapping[str, torch.Tensor], part: str) -> list[int]:
    """Positions of a stack's TPool or TGrow layers, in order."""
    return sorted(
        int(name.split(".")[1]) for name in tensors if re.fullmatch(rf"{part}\.\d+\.conv\.weight", name)
    )


def _blocks(tensors: Mapping[str, torch.Tensor], part: str) -> list[int]:
    """Positions of a stack's MemBlocks."""
    return [
        int(name.split(".")[1]) for name in tensors if re.fullmatch(rf"{part}\.\d+\.conv\.0\.weight", name)
    ]


def _ratio(weight: torch.Tensor) -> int:
    """Frames that a TPool merges or a TGrow makes."""
    return max(weight.shape[:2]) // min(weight.shape[:2])
