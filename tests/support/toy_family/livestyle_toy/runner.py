"""One stream through a toy model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from livestyle.engine.families import StreamRequest
from livestyle.engine.families.base import Chunk, Runner, live_basics
from livestyle.engine.families.style_schedule import ChunkStyles, StyleSchedule

from .model import ToyModel


@dataclass
class StreamState:
    """All that a stream remembers.

    Attributes:
        styles: where it stands in its timeline; the style is how far the colours go.
    """

    styles: ChunkStyles[float]


class ToyRunner(Runner):
    """Mixes the colours, all the more the longer the prompt is."""

    def __init__(self, model: ToyModel, request: StreamRequest) -> None:
        self.model = model
        self.requirements = model.requirements(request.settings)
        self.styles = StyleSchedule(request.conditioning, check=None)
        strength, seed = live_basics(request.node_id, request.settings)
        self._strength = strength.key
        self.live_parameters = (strength, seed, *self.styles.live_parameters)
        self.reset()

    def reset(self) -> None:
        self.state = StreamState(ChunkStyles(self.styles, lambda recipe, style, prompt: len(prompt) / 10))

    def encode(self, chunk: Chunk) -> tuple[torch.Tensor, float]:
        """Pixels in 0..1 (N, H, W, 3), and how far their colours go."""
        frames = chunk.frames
        share = self.state.styles.advance(chunk.index, chunk.first_frame, frames.pts, (), chunk.live)
        weight = self.model.colours.weight
        return torch.from_numpy(frames.pixels).to(weight) / 255.0, min(1.0, share)

    def denoise(self, encoded: tuple[torch.Tensor, float], late: Mapping[str, Any]) -> torch.Tensor:
        pixels, share = encoded
        return torch.lerp(pixels, self.model.colours(pixels), share * float(late[self._strength]))

    def decode(self, denoised: torch.Tensor) -> np.ndarray:
        return (denoised.float().clamp(0, 1) * 255.0).round().to(torch.uint8).cpu().numpy()
