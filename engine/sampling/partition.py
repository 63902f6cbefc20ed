"""How StreamDiT divides its buffer into chunks and noise levels (arXiv 2507.03745, section 3.2)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..errors import SettingError
from .flow_match import warp


@dataclass(frozen=True)
class Partition:
    """B = K + N * c latent frames that pass T = s * N noise levels.

    Chunk i of 1..N, counted from the clean end, crosses the levels from i/N down to (i - 1)/N between
    two emissions. Table 1 of the paper in these terms: c = B is ordinary
    text-to-video (uniform), c = 1 with s = 1 is FIFO-Diffusion (diagonal), all others lie between.

    Attributes:
        chunks: N, at least 1.
        frames: c, latent frames in a chunk, at least 1.
        micro_steps: s, evaluations between two emissions, at least 1.
        references: K, clean frames before the chunks that are read and never denoised.
        shift: above 1, levels crowd at the noisy end, where a few latents decide what is in the picture
            (arXiv 2403.03206, section 5.3.2); 1 is the paper's even spacing, sigma = level.
    """

    chunks: int
    frames: int
    micro_steps: int = 1
    references: int = 0
    shift: float = 1.0

    def __post_init__(self) -> None:
        if min(self.chunks, self.frames, self.micro_steps) < 1 or self.references < 0:
            raise SettingError(
                f"partition {self}: chunks, frames and micro_steps start at 1, references at 0."
            )
        if self.shift <= 0.0:
            raise SettingError(f"partition {self}: shift is above 0.")

    @property
    def length(self) -> int:
        """N * c, the frames that are being denoised."""
        return self.chunks * self.frames

    @property
    def buffer(self) -> int:
        """B, all latent frames that the network sees at once."""
        return self.references + self.length

    @property
    def levels(self) -> int:
        """T, how often a frame is evaluated between entry and emission."""
        return self.micro_steps * self.chunks

    def at(self, level: float) -> float:
        """The sigma of a level, both 0..1."""
        return warp(level, self.shift)

    def level(self, sigma: float) -> float:
        """The level of a sigma, both 0..1; undoes ``at``."""
        return warp(sigma, 1.0 / self.shift)

    def sigma(self, slot: int, micro_step: int = 0) -> float:
        """Sigma of a frame slot (0 = oldest) after ``micro_step`` of the s evaluations."""
        chunk = slot // self.frames
        return self.at((self.micro_steps * (chunk + 1) - micro_step) / self.levels)

    def depth(self, strength: float) -> int:
        """N' = ceil(strength * N), at least 1: the segments that a truncated buffer keeps."""
        return max(1, math.ceil(strength * self.chunks - 1e-9))
