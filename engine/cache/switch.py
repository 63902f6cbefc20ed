"""What a change of style does to a model's memory of the old style."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..conditioning.blend import Interpolation

PolicyName = Literal[
    "refresh_last", "recache_window", "rebuild_each_block", "cross_attn_only", "hard_reset", "blend"
]
POLICIES: tuple[PolicyName, ...] = (
    "refresh_last",
    "recache_window",
    "rebuild_each_block",
    "cross_attn_only",
    "hard_reset",
    "blend",
)


@dataclass(frozen=True)
class SwitchPolicy:
    """How a block-autoregressive stream takes up a new style, always between two blocks.

    Attributes:
        name: ``refresh_last`` encodes the last clean frames anew under the new style and forgets
            the rest (after RTR-DiT, arXiv 2604.13509). ``recache_window`` encodes the whole window anew
            and keeps the sink (LongLive, arXiv 2509.22622). ``rebuild_each_block`` does so before
            every block, switch or not (Krea realtime). ``cross_attn_only`` changes text and references
            and leaves the history. ``hard_reset`` forgets the history. ``blend`` goes over gradually.
        keep: latent frames that ``refresh_last`` keeps, at least 1.
        frames: latent frames that ``blend`` takes.
        interpolation: of the text in a ``blend``.
    """

    name: PolicyName = "refresh_last"
    keep: int = 1
    frames: int = 2
    interpolation: Interpolation = "lerp"

    def remembered(self, window: int, block: int) -> int:
        """How many clean latent frames must be kept for it."""
        if self.name == "refresh_last":
            return max(1, min(self.keep, window - block))
        return window - block if self.name in ("recache_window", "rebuild_each_block") else 0
