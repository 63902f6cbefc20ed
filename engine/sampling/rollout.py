"""A rollout whose style may change: what each switch policy does to the history, and gradual blends.

The policies and their papers are listed in ``cache.switch``; the rollout itself is ``self_forcing``.
"""

from __future__ import annotations

import torch

from ..cache.kv_cache import SegmentedKVCache
from ..cache.switch import SwitchPolicy
from ..networks.causal_wan.model import CausalWan
from .blending import Blend
from .block_pass import BlockPass, RolloutSettings
from .clean_frames import CleanFrames
from .flow_match import FlowMatchSchedule
from .self_forcing import Renoise, SelfForcingRollout
from .style_states import StyleKV, StyleStates


class BlockRollout(SelfForcingRollout):
    """One stream through one network, with styles that change between two blocks.

    Args:
        net: the network.
        cache: of this stream.
        settings: what the checkpoint was trained for.
        policy: what a change of style does.

    Attributes:
        clean_frames: the last clean latents, which some policies encode anew.
    """

    def __init__(
        self,
        net: CausalWan,
        cache: SegmentedKVCache,
        settings: RolloutSettings,
        policy: SwitchPolicy | None = None,
    ) -> None:
        super().__init__(net, cache, settings)
        self.policy = policy or SwitchPolicy()
        self.clean_frames = CleanFrames(self.policy.remembered(cache.layout.window, cache.layout.block))
        self._blend: Blend | None = None

    def reset(self) -> None:
        self._forget()

    def _forget(self) -> None:
        """Leave nothing of the past in memory; what a subclass keeps besides goes on."""
        super().reset()
        self.clean_frames.clear()

    def switch(self, style: StyleStates | StyleKV, jump: int = 0) -> bool:
        """Another style from the next block on; False where it equals the one before.

        Args:
            jump: above 0 the style begins a new shot, so many latent frames of time later; the history stays.
        """
        before = self._style
        if style is before:
            return False
        if isinstance(style, StyleStates):
            style = self.project(style)
        if before is not None and before.states.equals(style.states):
            return False
        if self.masks is not None:
            self.masks.forget()  # another style changes other places
        if before is None or (self.pending is None and not self.cache.history):
            self.take(style)
        elif jump:
            self.settle()
            self.take(style)
            self.cache.new_shot(jump)
        elif self.policy.name == "blend":
            self.settle()
            self._begin_blend(before, style)
        else:
            self._change(style)
        return True

    def take(self, style: StyleKV) -> None:
        super().take(style)
        self._blend = None

    def step(
        self,
        start: torch.Tensor,
        fresh: Renoise,
        source: torch.Tensor | None = None,
        schedule: FlowMatchSchedule | None = None,
        held: torch.Tensor | None = None,
    ) -> torch.Tensor:
        self.settle()
        if self.policy.name == "rebuild_each_block":
            self.cache.clear_history()
            self.replay()
        return super().step(start, fresh, source, schedule, held)

    def begin(self, x: torch.Tensor) -> BlockPass:
        assert self._style is not None, "a stream needs a style first"
        if self._blend is not None and self._blend.over:
            self.take(self._style)
        if self._blend is None:
            return super().begin(x)
        states, strengths = self._blend.next(x.shape[1], self.cache.references)
        return self._bind(x, self.net.cross_attention_kv(states), strengths)

    def replay(self, most: int | None = None) -> None:
        """Clean passes over the last ``most`` (or all) clean frames under the style of now."""
        for x0, source in self.clean_frames.blocks(self.block, most):
            super().begin(x0).record(x0, source)
            self.cache.commit()

    def _change(self, style: StyleKV) -> None:
        """Take a style up at once, and do to the history what the policy says."""
        name, pending = self.policy.name, 0
        if name == "cross_attn_only":
            self.settle()
        elif self.pending is not None:  # its clean pass would be one under the old style
            self.clean_frames.add(*self.pending)
            pending, self.pending = self.pending[0].shape[1], None
        self.take(style)
        if name == "hard_reset":
            self._forget()
        elif name == "refresh_last":
            self.cache.clear_history()
            self.replay()
        elif name == "recache_window":
            self._recache_window(pending)

    def _recache_window(self, pending: int) -> None:
        """Encode all but the sink anew, each frame where it was; ``pending`` frames are in no cache yet."""
        cache = self.cache
        count = min(cache.layout.window - cache.layout.block - cache.sinks, len(self.clean_frames))
        if cache.sinks:
            count = min(count, cache.history - cache.sinks + pending)
        cache.clear_history(keep_sink=cache.sinks > 0, back=count - pending)
        self.replay(count)

    def _begin_blend(self, before: StyleKV, style: StyleKV) -> None:
        """Old and new references share the pinned segment until the blend is over."""
        old = before.states if self._blend is None else self._blend.standing()
        staged = [part.references for part in (before, style) if part.references is not None]
        self.cache.replace_references(staged)
        kept = before.references.frames if before.references else 0
        self._style, self._blend = style, Blend(old, style, kept, self.policy)

    def _enter_history(self, x0: torch.Tensor, source: torch.Tensor | None) -> None:
        self.clean_frames.add(x0, source)
        if self.policy.name != "rebuild_each_block":
            super()._enter_history(x0, source)
