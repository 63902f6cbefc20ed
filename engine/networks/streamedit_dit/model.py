"""StreamEdit-DiT: an adaLN video transformer that edits a source under a text (preprint 202602.0223).

From the paper: full-resolution and pooled tokens with a learned gate (3.1), PTCM, content-dependent sparse
attention (Eq. 3), a noise level for each frame of the buffer. It does not say how the source
comes in: here its latents are further input channels. Layers in common with StreamDiT are shared with it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import nn

from ...conditioning.states import TextStates
from ..buffer_transformer import BufferTransformer
from ..rope import grid_rotation
from ..sparse_attention.attention import Selections, SparseAttention, pays
from ..sparse_attention.dsa import lay_blocks
from ..transformer import Block, to_tokens
from ..window_attention import WindowAttention
from ..windows import NO_WRAP, window_layout
from .config import StreamEditDiTConfig
from .multi_scale import CoarseBranch
from .ptcm import PTCM

Grid = tuple[int, int, int]


class StreamEditDiT(BufferTransformer):
    """Predicts the velocity (noise - data), or the noise, of every frame of the buffer."""

    def __init__(self, config: StreamEditDiTConfig) -> None:
        super().__init__(config, 2 * config.channels)
        self.config = config
        self.blocks = nn.ModuleList(Block(config, _attention(config, i)) for i in range(config.depth))
        layers = range(config.depth)
        self.coarse = nn.ModuleDict(
            {str(i): CoarseBranch(config, config.rope_theta) for i in layers if config.has_coarse(i)}
        )
        self.ptcm = nn.ModuleDict(
            {str(i): PTCM(config, config.context(i), config.rope_theta) for i in layers if config.has_ptcm(i)}
        )
        self._patterns: dict[tuple, tuple[tuple[Any, ...], ...]] = {}
        self._add_head()

    def forward(
        self,
        latents: torch.Tensor,
        sigma: torch.Tensor,
        source: torch.Tensor,
        text: TextStates,
        references: int = 0,
        selections: Selections | None = None,
    ) -> torch.Tensor:
        """One evaluation of a buffer.

        Args:
            latents: (B, F, C, h, w), oldest frame first; h and w are multiples of the patch.
            sigma: (B, F) noise level of each frame, 0..1; 0 for history.
            source: (B, F, C, h, w) what each frame is an edit of.
            text: from ``read_text``, for B buffers.
            references: the first frames of the buffer that sparse attention always keeps.
            selections: of the stream, so that a choice of blocks serves several evaluations.

        Returns:
            (B, F, C, h, w).
        """
        frames, _, height, width = latents.shape[1:]
        rows, columns = height // self.patch, width // self.patch
        x = to_tokens(self.patch_embedding, torch.cat([latents, source.to(latents)], 2))
        embedding, time = self._modulation(sigma)
        patterns = self._pattern((frames, rows, columns), references)
        selections = selections or Selections()
        chosen = selections if self.selects(selections, x.shape[1] * x.shape[2]) else None
        extra = (chosen,) if self.config.attention == "sparse" else ()
        for index, block in enumerate(self.blocks):
            if str(index) in self.coarse:
                x = self.coarse[str(index)](x, rows, columns)
            # what is selected decides shapes: only the layers inside a block can then be compiled
            run = block if chosen is None else block.forward
            x = run(x, time, text, *patterns[index % 2], *extra)
            if str(index) in self.ptcm:
                x = self.ptcm[str(index)](x, sigma)
        return self._output(x, embedding, height, width)

    def selects(self, selections: Selections, tokens: int) -> bool:
        """Whether attention selects among so many tokens, or takes the buffer whole."""
        forced = selections.backend is not None
        return self.config.attention == "sparse" and (forced or pays(self.head.weight.device, tokens))

    def _pattern(self, grid: Grid, references: int) -> tuple[tuple[Any, ...], ...]:
        """Layout and rotation for the attention of even and of odd blocks, cached by grid and device."""
        key = (grid, references, self.head.weight.device)
        if key not in self._patterns:
            with torch.inference_mode(False):  # training may follow a preview
                self._patterns[key] = self._make_pattern(grid, references)
        return self._patterns[key]

    def _make_pattern(self, grid: Grid, references: int) -> tuple[tuple[Any, ...], ...]:
        config, device = self.config, self.head.weight.device
        side = {"sparse": config.dsa.block, "windowed": config.window, "dense": grid}[config.attention]
        layouts = [
            window_layout(grid, side, shifted=moved, wrap=NO_WRAP, device=device)
            for moved in (False, config.attention == "windowed")
        ]
        rotation = grid_rotation(grid, config.head_width, config.rope_theta, device)
        if config.attention == "sparse":
            layouts = [lay_blocks(layout, grid, config.dsa, references) for layout in layouts]
        return tuple((layout, rotation) for layout in layouts)


def _attention(config: StreamEditDiTConfig, layer: int) -> WindowAttention:
    sparse = config.attention == "sparse"
    return SparseAttention(config, config.dsa, layer) if sparse else WindowAttention(config)


def ablated(
    network: StreamEditDiT, *, ptcm: bool = True, sparse: bool = True, multi_scale: bool = True
) -> StreamEditDiT:
    """The same parameters without some of the paper's parts; without ``sparse`` attention is windowed."""
    config = network.config
    changes: dict[str, Any] = {} if ptcm else {"ptcm_every": 0}
    changes |= {} if sparse else {"attention": "windowed"}
    changes |= {} if multi_scale else {"multi_scale_every": 0}
    with torch.device("meta"):
        smaller = StreamEditDiT(replace(config, **changes))
    kept = {name: tensor for name, tensor in network.named_parameters() if name in smaller.state_dict()}
    smaller.load_state_dict(kept, strict=True, assign=True)
    return smaller.train(network.training)
