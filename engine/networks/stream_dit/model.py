"""StreamDiT: an adaLN diffusion transformer in which every frame has a noise level of its own.

arXiv 2507.03745, section 3.3. What the paper leaves open is ours: RMS-normed queries and keys, 3-D rotary
positions, and one time projection shared by all blocks with a table each (26 blocks of width 3072
then have 4 billion parameters).
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from einops import rearrange
from torch import nn

from ...conditioning.states import TextStates
from ..buffer_transformer import BufferTransformer
from ..rope import Rotation, grid_rotation
from ..transformer import Block, to_tokens
from ..window_attention import WindowAttention
from ..windows import WindowLayout, window_layout
from .config import StreamDiTConfig

CLEANEST = 1e-3  # sigma below which predicted data are no longer divided by it
PLANS = 16  # grids whose windows are kept: a paper-size buffer fills and empties over 8 lengths

Plan = tuple[Rotation, list[WindowLayout]]
"""The tokens' rotation, and the windows of even and of odd blocks."""


class LocalMixing(nn.Module):
    """A token and the eight around it in its own frame: a depthwise convolution that starts at nothing."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1, groups=width)
        for parameter in self.conv.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: torch.Tensor, columns: int) -> torch.Tensor:
        """x (B, F, S, d), S in rows of ``columns`` tokens, to the same."""
        planes = rearrange(x, "b f (r c) d -> (b f) d r c", c=columns)  # a view with its channels last
        return x + rearrange(self.conv(planes), "(b f) d r c -> b f (r c) d", f=x.shape[1])


class StreamDiT(BufferTransformer):
    """Predicts the velocity (noise - data) of every frame of the buffer."""

    def __init__(self, config: StreamDiTConfig) -> None:
        super().__init__(config, config.channels)
        self.config = config
        self.blocks = nn.ModuleList(Block(config, WindowAttention(config)) for _ in range(config.depth))
        self.local = nn.ModuleList(
            LocalMixing(config.width) for _ in range(config.depth if config.local else 0)
        )
        self.plans: OrderedDict[tuple, Plan] = OrderedDict()
        self._add_head()

    def forward(
        self,
        latents: torch.Tensor,
        sigma: torch.Tensor,
        text: TextStates,
        *,
        compiled: bool = True,
        plan: Plan | None = None,
    ) -> torch.Tensor:
        """One evaluation of a buffer.

        Args:
            latents: (B, F, C, h, w), oldest frame first; h and w are multiples of the patch.
            sigma: (B, F) noise level of each frame, 0..1.
            text: from ``read_text``, for B buffers.
            compiled: False runs blocks plainly that are compiled, for a shape that has no graph.
            plan: of this buffer, where the caller keeps it.

        Returns:
            Velocity (B, F, C, h, w).
        """
        frames, _, height, width = latents.shape[1:]
        x = to_tokens(self.patch_embedding, latents)
        embedding, time = self._modulation(sigma)
        rotation, layouts = plan or self.plan(frames, height, width)
        for index, block in enumerate(self.blocks):
            if self.local:
                x = self.local[index](x, width // self.patch)
            x = (block if compiled else block.forward)(x, time, text, layouts[index % 2], rotation)
        x = self._output(x, embedding, height, width)
        if self.config.predicts == "velocity":
            return x
        return (latents - x) / sigma.clamp(min=CLEANEST)[:, :, None, None, None]

    def plan(self, frames: int, height: int, width: int) -> Plan:
        """That of a buffer's grid on this device; the last ones are kept."""
        config, device = self.config, self.head.weight.device
        grid = (frames, height // self.patch, width // self.patch)
        key = (*grid, device)
        if key not in self.plans:
            wrap = (config.wrap_time, config.wrap_space, config.wrap_space)
            layouts = [
                window_layout(grid, config.window, shifted=shifted, wrap=wrap, device=device)
                for shifted in (False, True)
            ]
            self.plans[key] = (grid_rotation(grid, config.head_width, config.rope_theta, device), layouts)
            if len(self.plans) > PLANS:
                self.plans.popitem(last=False)
        self.plans.move_to_end(key)
        return self.plans[key]
