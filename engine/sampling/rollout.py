"""Block-autoregressive rollout: a few denoising steps for a block, a clean pass, the next block.

Self Forcing (arXiv 2506.08009), algorithm 1, at inference: each step predicts the clean latents and
puts fresh noise of the next level on them; then one pass over the clean latents leaves their keys and
values in the cache. That pass waits for the next block, so that decoding need not wait for it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from ..cache.kv_cache import SegmentedKVCache
from ..cache.switch import SwitchPolicy
from ..networks.causal_wan.model import CausalWan
from .blending import Blend
from .block_pass import BlockPass, RolloutSettings, reference_bias
from .clean_frames import CleanFrames
from .flow_match import FlowMatchSchedule, renoise
from .style_states import StyleKV, StyleStates

Renoise = Callable[[int], torch.Tensor]
"""Fresh noise for the step after the given one, shaped like the block."""


class BlockRollout:
    """One stream through one network.

    Args:
        net: the network.
        cache: of this stream.
        settings: what the checkpoint was trained for.
        policy: what a change of style does.
    """

    def __init__(
        self,
        net: CausalWan,
        cache: SegmentedKVCache,
        settings: RolloutSettings,
        policy: SwitchPolicy | None = None,
    ) -> None:
        self.net, self.cache, self.settings = net, cache, settings
        self.policy = policy or SwitchPolicy()
        self._clean = CleanFrames(self.policy.remembered(cache.layout.window, cache.layout.block))
        self._style: StyleKV | None = None
        self._blend: Blend | None = None
        self._pending: tuple[torch.Tensor, torch.Tensor | None] | None = None
        self._pass: BlockPass | None = None

    def reset(self) -> None:
        """Forget the stream; the style stays."""
        self._forget()

    def _forget(self) -> None:
        """Nothing of the past is left in memory."""
        self.cache.reset()
        self._clean.clear()
        self._pending = None

    # style

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
            once.evaluate(references, source, 0.0)
        return StyleKV(states, text, staged)

    def switch(self, style: StyleStates | StyleKV) -> bool:
        """Another style from the next block on; False where it asks for the same as before."""
        before = self._style
        if style is before:
            return False
        if isinstance(style, StyleStates):
            style = self.project(style)
        if before is not None and before.states.equals(style.states):
            return False
        if before is None or (self._pending is None and not self.cache.history):
            self._take(style)
        elif self.policy.name == "blend":
            self.settle()
            self._begin_blend(before, style)
        else:
            self._change(style)
        return True

    def _change(self, style: StyleKV) -> None:
        """Take a style up at once, and do to the history what the policy says."""
        name = self.policy.name
        if name == "cross_attn_only":
            self.settle()
        else:
            self._remember()
        self._take(style)
        if name == "hard_reset":
            self._forget()
        elif name == "refresh_last":
            self.cache.clear_history()
            self._replay()
        elif name == "recache_window":
            keep_sink = self.cache.sinks > 0 and self.cache.rope == "relative"
            self.cache.clear_history(keep_sink=keep_sink)
            rolling = self.cache.layout.window - self.cache.layout.block - self.cache.sinks
            self._replay(rolling)

    def _take(self, style: StyleKV) -> None:
        self._style, self._blend = style, None
        self.cache.replace_references([style.references] if style.references else [])

    def _begin_blend(self, before: StyleKV, style: StyleKV) -> None:
        """Old and new references share the pinned segment until the blend is over."""
        old = before.states if self._blend is None else self._blend.standing()
        staged = [part.references for part in (before, style) if part.references is not None]
        self.cache.replace_references(staged)
        kept = before.references.frames if before.references else 0
        self._style, self._blend = style, Blend(old, style, kept, self.policy)

    # blocks

    def step(
        self,
        start: torch.Tensor,
        fresh: Renoise,
        source: torch.Tensor | None = None,
        schedule: FlowMatchSchedule | None = None,
    ) -> torch.Tensor:
        """Denoise the next block; gradients, where they are on, go through its last step only.

        Args:
            start: (B, F, C, h, w) at the schedule's first noise level.
            fresh: noise for the level after step i.
            source: latents of the block's source, or None.
            schedule: for this block, if it is not the one of the settings.

        Returns:
            Clean latents (B, F, C, h, w), float32.
        """
        self.settle()
        if self.policy.name == "rebuild_each_block":
            self.cache.clear_history()
            self._replay()
        block = self._begin(start)
        sigmas, x = (schedule or self.settings.schedule).sigmas, start.float()
        for index, sigma in enumerate(sigmas[:-1]):
            last = index == len(sigmas) - 2
            with torch.set_grad_enabled(torch.is_grad_enabled() and last):
                x = block.denoise(x, sigma, source)
            if not last:
                x = renoise(x, fresh(index), sigmas[index + 1])
        self._pending = (x, source)
        return x

    def settle(self) -> None:
        """Finish the block before: its clean pass, and its place in the history."""
        if self._pending is None or self._pass is None:
            return
        x0, source = self._pending
        self._remember()
        if self.policy.name == "rebuild_each_block":
            return
        if self.settings.clean_pass:
            self._pass.record(x0, source)
        self.cache.commit()

    def _remember(self) -> None:
        """Keep the clean frames that the policy may need."""
        if self._pending is not None:
            self._clean.add(*self._pending)
        self._pending = None

    def _replay(self, most: int | None = None) -> None:
        """Clean passes over the last ``most`` (or all) kept frames under the style of now."""
        for x0, source in self._clean.blocks(self.cache.layout.block, most):
            self._begin(x0, blending=False).record(x0, source)
            self.cache.commit()

    def _begin(self, x: torch.Tensor, *, blending: bool = True) -> BlockPass:
        """Bind the style and a view of the cache to a block shaped like ``x``."""
        assert self._style is not None, "a stream needs a style first"
        if blending and self._blend is not None and self._blend.over:
            self._take(self._style)
        if blending and self._blend is not None:
            states, strengths = self._blend.next(x.shape[1], self.cache.references)
            text = self.net.cross_attention_kv(states)
        else:
            text = self._style.text
            strengths = torch.full((1, self.cache.references), self._style.states.strength)
        view = self.cache.begin(x.shape[1])
        mask = reference_bias(strengths, view, self.cache.layout.tokens, self.net.patch_embedding.weight)
        size = (x.shape[-2], x.shape[-1])
        self._pass = BlockPass(self.net, self.settings, view, text, size, self.cache.batch, mask)
        return self._pass
