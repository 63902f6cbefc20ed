"""How far made clips look from painted ones, through the autoencoder and a perceptual trunk."""

from __future__ import annotations

import torch

from ....engine.networks.taehv import TAEHV
from ...autoencoders.video_training import decode_clip
from ...metrics.perceptual import EfficientNetLite0, distance


class PerceptualLoss:
    """Squared error in latents averages brush strokes away; features of the pictures don't.

    Args:
        autoencoder: frozen; gradients pass through its decoder.
        clips: of a batch that are looked at.
        every: one frame of so many is.
    """

    def __init__(self, autoencoder: TAEHV, clips: int = 2, every: int = 8) -> None:
        self.autoencoder = autoencoder.eval().requires_grad_(False)
        self.trunk = EfficientNetLite0()
        self.clips, self.every = clips, every

    def __call__(self, made: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        """Perceptual distance of latents (B, F, C, h, w), a mean."""
        with torch.no_grad():
            target = self._features(wanted)
        return distance(self._features(made), target).mean()

    def _features(self, latents: torch.Tensor) -> list[torch.Tensor]:
        with torch.autocast(latents.device.type, torch.bfloat16):
            frames = decode_clip(self.autoencoder, latents[: self.clips])[:, :: self.every]
            return self.trunk.maps(frames.flatten(0, 1).float().clamp(0.0, 1.0) * 255.0)
