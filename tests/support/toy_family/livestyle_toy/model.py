"""The loaded weights of a toy checkpoint, and how they are read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from livestyle.engine.errors import CheckpointError, SettingError
from livestyle.engine.families.base import DenoiseSettings, ModelHandle, Requirements, StreamModel
from livestyle.engine.families.note import read_note

NAME, WEIGHTS, CHUNK = "toy", "model.safetensors", 4


@dataclass(frozen=True)
class ToyModel(StreamModel):
    """A 3 x 3 matrix from the source's colours to the result's."""

    colours: nn.Linear
    family: str = NAME
    fps: float = 24.0

    def modules(self) -> tuple[nn.Module, ...]:
        return (self.colours,)

    def stream_bytes(self, settings: DenoiseSettings, width: int, height: int) -> int:
        """Source and result of a chunk in float32."""
        return 2 * CHUNK * width * height * 3 * 4

    def requirements(self, settings: DenoiseSettings) -> Requirements:
        if settings.chunk not in (0, CHUNK):
            raise SettingError(f"chunk is {settings.chunk}: toy models take {CHUNK} frames, set it to 0.")
        return Requirements(first=CHUNK, chunk_frames=CHUNK, multiple=2)


def recognises(path: Path) -> bool:
    """Whether a folder's ``livestyle.json`` says that it is a toy checkpoint."""
    return read_note(path).get("family") == NAME


def load(handle: ModelHandle, device: torch.device, dtype: torch.dtype) -> ToyModel:
    """Read a checkpoint; raises CheckpointError where it is damaged."""
    folder = Path(handle.checkpoint)
    colours = nn.Linear(3, 3, bias=False)
    try:
        colours.load_state_dict(load_file(folder / WEIGHTS))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise CheckpointError(
            f"{WEIGHTS} of {folder.name} can't be read: get the checkpoint again."
        ) from error
    return ToyModel(colours.requires_grad_(False).to(device, dtype))
