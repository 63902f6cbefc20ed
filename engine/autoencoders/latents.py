"""Latent spaces: what an autoencoder computes against what a diffusion model reads."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch

from ..transfers import upload


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
        mean, deviation = _columns(self, raw.device)
        return (raw.float() - mean) / deviation

    def denormalise(self, latents: torch.Tensor) -> torch.Tensor:
        """Normalised latents (..., C, h, w) to raw ones, in float32."""
        if not self.mean:
            return latents
        mean, deviation = _columns(self, latents.device)
        return latents.float() * deviation + mean


@cache
@torch.inference_mode(False)
def _columns(numbers: LatentFormat, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and deviation (C, 1, 1) on a device."""
    mean, deviation = upload(torch.tensor((numbers.mean, numbers.deviation)), device)[..., None, None]
    return mean, deviation


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(map(float, text.split()))


WAN_21 = LatentFormat(
    _numbers(
        "-0.7571 -0.7089 -0.9113 0.1075 -0.1745 0.9653 -0.1517 1.5508 "
        "0.4134 -0.0715 0.5517 -0.3632 -0.1922 -0.9497 0.2503 -0.2921"
    ),
    _numbers(
        "2.8184 1.4541 2.3275 2.6558 1.2196 1.7708 2.6052 2.0743 "
        "3.2687 2.1526 2.8652 1.5579 1.6382 1.1253 2.8251 1.9160"
    ),
)
"""Wan 2.1's 16 channels (the ``latents_mean`` and ``latents_std`` of its published configuration)."""

WAN_22 = LatentFormat(
    _numbers(
        "-0.2289 -0.0052 -0.1323 -0.2339 -0.2799 0.0174 0.1838 0.1557 -0.1382 0.0542 0.2813 0.0891 "
        "0.1570 -0.0098 0.0375 -0.1825 -0.2246 -0.1207 -0.0698 0.5109 0.2665 -0.2108 -0.2158 0.2502 "
        "-0.2055 -0.0322 0.1109 0.1567 -0.0729 0.0899 -0.2799 -0.1230 -0.0313 -0.1649 0.0117 0.0723 "
        "-0.2839 -0.2083 -0.0520 0.3748 0.0152 0.1957 0.1433 -0.2944 0.3573 -0.0548 -0.1681 -0.0667"
    ),
    _numbers(
        "0.4765 1.0364 0.4514 1.1677 0.5313 0.4990 0.4818 0.5013 0.8158 1.0344 0.5894 1.0901 "
        "0.6885 0.6165 0.8454 0.4978 0.5759 0.3523 0.7135 0.6804 0.5833 1.4146 0.8986 0.5659 "
        "0.7069 0.5338 0.4889 0.4917 0.4069 0.4999 0.6866 0.4093 0.5709 0.6065 0.6415 0.4944 "
        "0.5726 1.2042 0.5458 1.6887 0.3971 1.0600 0.3943 0.5537 0.5444 0.4089 0.7468 0.7744"
    ),
)
"""Wan 2.2's 48 channels, of its TI2V-5B (the same two lists of its published code)."""
