"""Self Forcing's rollout: a few denoising steps for a block, a clean pass, the next block.

arXiv 2506.08009, algorithm 2 (section 3.4), and algorithm 1 where gradients are on: each step predicts
the clean latents and puts fresh noise of the next level on them; then one pass over the clean latents
leaves their keys and values in the cache. That pass waits for the next block, so that decoding need not
wait for it. One style for the whole stream; ``rollout`` adds switches and blends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from ..cache.kv_cache import SegmentedKVCache
from ..networks.causal_wan.model import CausalWan, CrossAttentionKV
from ..networks.causal_wan.replayed import ReplayedNetwork
from ..networks.cuda_graphs import Graphs
from .block_pass import BlockPass, RolloutSettings, reference_bias
from .flow_match import FlowMatchSchedule, renoise
from .mask_cache import MaskCache
from .style_states import StyleKV, StyleStates
from .unipc import UniPC

Renoise = Callable[[int], torch.Tensor]
"""Fresh noise for the step after the given one, shaped like the block."""


def denoise_block(
    block: BlockPass,
    start: torch.Tensor,
    fresh: Renoise,
    sigmas: Sequence[float],
    source: torch.Tensor | None = None,
    held: torch.Tensor | None = None,
    masks: MaskCache | None = None,
) -> torch.Tensor:
    """The inner loop of algorithms 1 and 2; gradients, where they are on, go through its last step only.

    Args:
        block: evaluates the network.
        start: (B, F, C, h, w) at the first noise level.
        fresh: noise for the level after step i.
        sigmas: falling noise levels, the last one 0.
        source: latents of the block's source, or None.
        held: clean latents (B, 1 to F, C, h, w) of its first frames, which stay as they are.
        masks: spares some of the steps' self-attention.

    Returns:
        Clean latents (B, F, C, h, w), float32.
    """
    x, count = start.float(), 0 if held is None else held.shape[1]
    if count == x.shape[1]:
        return _holding(x, held)
    solver = UniPC(sigmas) if block.settings.sampler == "unipc" else None
    for index, sigma in enumerate(sigmas[:-1]):
        last = index == len(sigmas) - 2
        levels = torch.tensor([[0.0] * count + [sigma] * (x.shape[1] - count)]) if count else sigma
        x = _holding(x, held)
        reuse = None if masks is None else masks.of_step(index, len(sigmas) - 1)
        with torch.set_grad_enabled(torch.is_grad_enabled() and last):
            x0 = _holding(block.denoise(x, levels, source, reuse), held)
        if last:
            return x0
        x = solver.step(x, x0) if solver else renoise(x0, fresh(index), sigmas[index + 1])
    return x


def _holding(x: torch.Tensor, held: torch.Tensor | None) -> torch.Tensor:
    """A block with its first frames put back."""
    return x if held is None else torch.cat([held.to(x), x[:, held.shape[1] :]], dim=1)


class SelfForcingRollout:
    """One stream through one network.

    Args:
        net: the network.
        cache: of this stream.
        settings: what the checkpoint was trained for.

    Attributes:
        block: latent frames that go through the network together.
        masks: spares self-attention where a source is given; None for all of it.
        graphs: replay evaluations once the window is full, on this cache; None evaluates plainly.
    """

    def __init__(self, net: CausalWan, cache: SegmentedKVCache, settings: RolloutSettings) -> None:
        self.net, self.cache, self.settings = net, cache, settings
        self.block = cache.layout.block
        self.masks: MaskCache | None = None
        self.graphs: Graphs | None = None
        self._style: StyleKV | None = None
        self.pending: tuple[torch.Tensor, torch.Tensor | None] | None = None  # clean latents, their source
        self._pass: BlockPass | None = None  # of the pending block
        self._generated = False  # a block of this stream

    def reset(self) -> None:
        """Forget the stream; the style stays."""
        self.cache.reset()
        self.pending = None
        self._generated = False
        if self.masks is not None:
            self.masks.forget()

    @property
    def schedule(self) -> FlowMatchSchedule:
        """Noise levels of the next block."""
        first = None if self._generated else self.settings.first
        return first or self.settings.schedule

    def project(self, states: StyleStates) -> StyleKV:
        """Text keys and values, and the references' in a staged buffer; touches no state of the stream."""
        text = self.net.cross_attention_kv(states.text)
        references, staged = states.references, None
        if references is not None and references.shape[1]:
            batch, count, channels, height, width = references.shape
            staged = self.cache.staged(count)
            source = None
            if missing := self.net.config.in_channels - channels:
                source = references.new_zeros(batch, count, missing, height, width)
            once = BlockPass(self.net, self.settings, staged.view, text, (height, width), self.cache.batch)
            once.remember(references, source, 0.0)
        return StyleKV(states, text, staged)

    def take(self, style: StyleKV) -> None:
        """The style from the next block on; its references replace those in the cache."""
        self._style = style
        self.cache.replace_references([style.references] if style.references else [])

    def step(
        self,
        start: torch.Tensor,
        fresh: Renoise,
        source: torch.Tensor | None = None,
        schedule: FlowMatchSchedule | None = None,
        held: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Denoise the next block; arguments and result as in ``denoise_block``.

        Args:
            schedule: for this block, if it is not the one of the settings.
        """
        self.settle()
        sigmas = (schedule or self.schedule).sigmas
        x0 = denoise_block(self.begin(start), start, fresh, sigmas, source, held, self.masks)
        if self.masks is not None and source is not None:
            self.masks.choose(x0, source)
        self._generated |= held is None or held.shape[1] < start.shape[1]
        self.pending = (x0, source)
        return x0

    def settle(self) -> None:
        """Finish the block before: its clean pass, and its place in the history."""
        if self.pending is not None:
            x0, source = self.pending
            self.pending = None
            self._enter_history(x0, source)

    def begin(self, x: torch.Tensor) -> BlockPass:
        """Bind the style and a view of the cache to a block shaped like x (B, F, C, h, w)."""
        assert self._style is not None, "a stream needs a style first"
        strengths = torch.full((1, self.cache.references), self._style.states.strength)
        return self._bind(x, self._style.text, strengths)

    def _bind(self, x: torch.Tensor, text: CrossAttentionKV, strengths: torch.Tensor) -> BlockPass:
        """``strengths`` are the references' weights, (F or 1, references)."""
        view = self.cache.begin(x.shape[1])
        mask = reference_bias(strengths, view, self.cache.layout.tokens, self.net.patch_embedding.weight)
        size, layout, network = (x.shape[-2], x.shape[-1]), self.cache.layout, None
        full = self.cache.history == layout.window - layout.block and x.shape[1] in (self.block, layout.block)
        if self.graphs is not None and full:
            network = ReplayedNetwork(self.net, self.graphs, (*self.cache.roll.filled, x.shape[1]))
        self._pass = BlockPass(self.net, self.settings, view, text, size, self.cache.batch, mask, network)
        return self._pass

    def _enter_history(self, x0: torch.Tensor, source: torch.Tensor | None) -> None:
        if self.settings.clean_pass and self._pass is not None:
            self._pass.record(x0, source)
        self.cache.commit(None if self._pass is None else self._pass.text)
