"""LiveEdit's mask cache (arXiv 2606.26740): self-attention only where the last block changed most.

An edit leaves most of the picture alone, and where it acts moves little from one block to the next. So the
steps between the first and the last work self-attention out for these tokens only; the others keep their
first step's output, keys and values.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from ..cache.view import LayerReuse
from ..networks.causal_wan.config import PATCH
from ..networks.causal_wan.model import CausalWan


class MaskCache:
    """What one stream reuses from step to step, and where.

    Args:
        share: of each frame's tokens that are worked out anew, above 0 to 1 (LiveEdit: 0.3).
        tokens: of a block.
    """

    def __init__(self, net: CausalWan, share: float, tokens: int) -> None:
        self.share = share
        weight = net.patch_embedding.weight
        self._outputs = [weight.new_zeros(1, tokens, net.config.dim) for _ in net.blocks]
        self._chosen: torch.Tensor | None = None

    @staticmethod
    def bytes(layers: int, dim: int, tokens: int, itemsize: int) -> int:
        """Bytes of the outputs that are kept."""
        return layers * dim * tokens * itemsize

    def forget(self) -> None:
        """The next block is worked out everywhere."""
        self._chosen = None

    def choose(self, x0: torch.Tensor, source: torch.Tensor) -> None:
        """Where the next block attends: in each frame the tokens with the largest squared difference.

        Args:
            x0, source: latents (1, F, C, h, w) of the block that is done.
        """
        change = F.avg_pool2d((x0.float() - source.float()).square().sum(2), PATCH)[0].flatten(1)
        frames, tokens = change.shape
        most = change.topk(max(1, round(self.share * tokens)), dim=1).indices
        first = torch.arange(0, frames * tokens, tokens, device=most.device)
        self._chosen = (most + first[:, None]).flatten()

    def of_step(self, index: int, count: int) -> list[LayerReuse] | None:
        """What each layer keeps in step ``index`` of ``count``, or reuses; None in the last one."""
        if self._chosen is None or index == count - 1:
            return None
        return [LayerReuse(output, self._chosen if index else None) for output in self._outputs]
