"""The last clean frames of a stream: what a change of style encodes anew."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import torch


class CleanFrames:
    """Latent frames with their sources, the oldest forgotten first.

    Args:
        most: how many are kept.
    """

    def __init__(self, most: int) -> None:
        self.kept: deque[tuple[torch.Tensor, torch.Tensor | None]] = deque(maxlen=most)

    def __len__(self) -> int:
        return len(self.kept)

    def clear(self) -> None:
        self.kept.clear()

    def add(self, x0: torch.Tensor, source: torch.Tensor | None) -> None:
        """The frames of a block, (B, F, C, h, w) both."""
        sources = [None] * x0.shape[1] if source is None else source.split(1, dim=1)
        self.kept.extend(zip(x0.detach().split(1, dim=1), sources, strict=True))

    def blocks(
        self, size: int, most: int | None = None
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor | None]]:
        """The last ``most`` (or all) of them in blocks of ``size``, of which the first may be shorter."""
        frames = list(self.kept)
        frames = frames if most is None else frames[max(0, len(frames) - most) :]
        while frames:
            count = len(frames) % size or size
            chunk, frames = frames[:count], frames[count:]
            sources = [source for _, source in chunk if source is not None]
            x0 = torch.cat([latent for latent, _ in chunk], dim=1)
            yield x0, torch.cat(sources, dim=1) if sources else None
