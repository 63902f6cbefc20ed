"""Latent spaces: what an autoencoder computes against what a diffusion model reads."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class LatentFormat:
    """Mean and deviation of each raw latent channel; a model reads ``(raw - mean) / deviation``.

    Attributes:
        mean, deviation: one value a channel; empty where raw and normalised are the same.
    """

    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()

    def normalise(self, raw: torch.Tensor) -> torch.Tensor:
        """Raw latents (..., C, h, w) to normalised ones, in float32."""
        if not self.mean:
            return raw
        mean, deviation = self._columns(raw)
        return (raw.float() - mean) / deviation

    def denormalise(self, latents: torch.Tensor) -> torch.Tensor:
        """Normalised latents (..., C, h, w) to raw ones, in float32."""
        if not self.mean:
            return latents
        mean, deviation = self._columns(latents)
        return latents.float() * deviation + mean

    def _columns(self, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mean, deviation = (
            torch.tensor(values, dtype=torch.float32, device=like.device).view(-1, 1, 1)
            for values in (self.mean, self.deviation)
        )
        return mean, deviation


WAN_21 = LatentFormat(
    mean=(
        -0.7571,
        -0.7089,
        -0.9113,
        0.1075,
        -0.1745,
        0.9653,
        -0.1517,
        1.5508,
        0.4134,
        -0.0715,
        0.5517,
        -0.3632,
        -0.1922,
        -0.9497,
        0.2503,
        -0.2921,
    ),
    deviation=(
        2.8184,
        1.4541,
        2.3275,
        2.6558,
        1.2196,
        1.7708,
        2.6052,
        2.0743,
        3.2687,
        2.1526,
        2.8652,
        1.5579,
        1.6382,
        1.1253,
        2.8251,
        1.9160,
    ),
)
"""Wan 2.1's 16 channels (the ``latents_mean`` and ``latents_std`` of its published configuration)."""
