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
from .conditions import Conditions, Encoded
from .flow_match import FlowMatchSchedule, renoise

Renoise = Callable[[int], torch.Tensor]
"""Fresh noise for the step after the given one, shaped like the block."""


class BlockRollout:
    """One stream through one network.

    Args:
        net: the network.
        cache: of this stream.
        settings: what the checkpoint was trained for.
        policy: what a change of conditions does.
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
        self._encoded: Encoded | None = None
        self._blend: Blend | None = None
        self._pending: tuple[torch.Tensor, torch.Tensor | None] | None = None
        self._pass: BlockPass | None = None

    def reset(self) -> None:
        """Forget the stream; conditions stay."""
        self._forget()

    def _forget(self) -> None:
        """Nothing of the past is left in memory."""
        self.cache.reset()
        self._clean.clear()
        self._pending = None

    # conditions

    def encode(self, conditions: Conditions) -> Encoded:
        """Text keys and values, and the references' in a staged buffer; touches no state of the stream."""
        context = self.net.text_context(conditions.text)
        references, staged = conditions.references, None
        if references is not None and references.shape[1]:
            batch, count, channels, height, width = references.shape
            staged = self.cache.staged(count)
            source = None
            if missing := self.net.config.in_channels - channels:
                source = references.new_zeros(batch, count, missing, height, width)
            once = BlockPass(self.net, self.settings, staged.view, context, (height, width), self.cache.batch)
            once.evaluate(references, source, 0.0)
        return Encoded(conditions, context, staged)

    def switch(self, conditions: Conditions | Encoded) -> bool:
        """New conditions from the next block on; False where they ask for the same as before."""
        before = self._encoded
        if conditions is before:
            return False
        encoded = conditions if isinstance(conditions, Encoded) else self.encode(conditions)
        if before is not None and before.conditions.equals(encoded.conditions):
            return False
        if before is None or (self._pending is None and not self.cache.history):
            self._take(encoded)
        elif self.policy.name == "blend":
            self.settle()
            self._begin_blend(before, encoded)
        else:
            self._change(encoded)
        return True

    def _change(self, encoded: Encoded) -> None:
        """Take conditions up at once, and do to the history what the policy says."""
        name = self.policy.name
        if name == "cross_attn_only":
            self.settle()
        else:
            self._remember()
        self._take(encoded)
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

    def _take(self, encoded: Encoded) -> None:
        self._encoded, self._blend = encoded, None
        self.cache.replace_references([encoded.staged] if encoded.staged else [])

    def _begin_blend(self, before: Encoded, encoded: Encoded) -> None:
        """Old and new references share the pinned segment until the blend is over."""
        old = before.conditions if self._blend is None else self._blend.standing()
        staged = [part.staged for part in (before, encoded) if part.staged is not None]
        self.cache.replace_references(staged)
        kept = before.staged.frames if before.staged else 0
        self._encoded, self._blend = encoded, Blend(old, encoded, kept, self.policy)

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
        """Clean passes over the last ``most`` (or all) kept frames under the conditions of now."""
        for x0, source in self._clean.blocks(self.cache.layout.block, most):
            self._begin(x0, blending=False).record(x0, source)
            self.cache.commit()

    def _begin(self, x: torch.Tensor, *, blending: bool = True) -> BlockPass:
        """Bind conditions and a view of the cache to a block shaped like ``x``."""
        assert self._encoded is not None, "a stream needs conditions first"
        if blending and self._blend is not None and self._blend.over:
            self._take(self._encoded)
        if blending and self._blend is not None:
            text, strengths = self._blend.next(x.shape[1], self.cache.references)
            context = self.net.text_context(text)
        else:
            context = self._encoded.context
            strengths = torch.full((1, self.cache.references), self._encoded.conditions.strength)
        view = self.cache.begin(x.shape[1])
        mask = reference_bias(strengths, view, self.cache.layout.tokens, self.net.patch_embedding.weight)
        size = (x.shape[-2], x.shape[-1])
        self._pass = BlockPass(self.net, self.settings, view, context, size, self.cache.batch, mask)
        return self._pass
