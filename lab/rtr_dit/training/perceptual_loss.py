"""How far made clips look from painted ones, by a perceptual trunk and by a discriminator."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ....engine.networks.taehv import TAEHV
from ...autoencoders.discriminator import PatchDiscriminator, judge
from ...autoencoders.video_training import decode_clip
from ...metrics.perceptual import EfficientNetLite0, distance


@dataclass(frozen=True)
class Verdict:
    """What is said of made clips.

    Attributes:
        apart: mean perceptual distance to the wanted ones.
        found: what a discriminator finds wrong with them, lower the more they look painted; None without one.
        mistaken: the discriminator's own hinge loss, 0 without one.
    """

    apart: torch.Tensor
    found: torch.Tensor | None
    mistaken: torch.Tensor


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

    def __call__(
        self, made: torch.Tensor, wanted: torch.Tensor, discriminator: PatchDiscriminator | None = None
    ) -> Verdict:
        """Judge latents (B, F, C, h, w); the discriminator looks at pairs of neighbouring frames."""
        with torch.no_grad():
            real = self._frames(wanted)
            target = self._features(real)
        fake = self._frames(made)
        apart = distance(self._features(fake), target).mean()
        if discriminator is None:
            return Verdict(apart, None, torch.zeros(()))
        with torch.autocast(made.device.type, torch.bfloat16):
            discriminator.requires_grad_(False)
            found = -discriminator(self._pairs(fake)).float().mean()
            discriminator.requires_grad_(True)
            scores = [discriminator(self._pairs(clip)).float() for clip in (real, fake.detach())]
        return Verdict(apart, found, judge(*scores))

    def _frames(self, latents: torch.Tensor) -> torch.Tensor:
        with torch.autocast(latents.device.type, torch.bfloat16):
            return decode_clip(self.autoencoder, latents[: self.clips]).float().clamp(0.0, 1.0)

    def _features(self, frames: torch.Tensor) -> list[torch.Tensor]:
        with torch.autocast(frames.device.type, torch.bfloat16):
            return self.trunk.maps(frames[:, :: self.every].flatten(0, 1) * 255.0)

    def _pairs(self, frames: torch.Tensor) -> torch.Tensor:
        step = self.every // 2
        return torch.cat([frames[:, :-1:step], frames[:, 1::step]], dim=2).flatten(0, 1)
