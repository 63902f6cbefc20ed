"""Block-autoregressive rollout: a few denoising steps for a block, a clean pass, the next block.

Self Forcing (arXiv 2506.08009), algorithm 1, at inference: each step predicts the clean latents and
puts fresh noise of the next level on them; then one pass over the clean latents leaves their keys and
values in the cache. That pass waits for the next block, so that decoding need not wait for it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch

from ..cache.kv_cache import SegmentedKVCache, Shadow
from ..cache.switch import SwitchPolicy
from ..cache.view import BlockView
from ..conditioning.blend import blend_weight, interpolate
from ..networks.causal_wan.model import CausalWan, TextContext
from ..networks.causal_wan.rope import Rotation
from .flow_match import FlowMatchSchedule, renoise, x0_from_velocity

Renoise = Callable[[int], torch.Tensor]
"""Fresh noise for the step after the given one, shaped like the block."""


@dataclass(frozen=True)
class RolloutSettings:
    """What a checkpoint was trained for.

    Attributes:
        schedule: noise levels of the steps.
        prediction: what the network's output means.
        context_noise: timestep (0 to 1000) that the clean pass is told.
        clean_pass: without it the cache keeps what the last denoising step left (StreamDiffusionV2).
    """

    schedule: FlowMatchSchedule
    prediction: Literal["velocity", "x0"] = "velocity"
    context_noise: float = 0.0
    clean_pass: bool = True


@dataclass(frozen=True)
class Conditions:
    """What a stream is to look like.

    Attributes:
        text: states (B, length, text_dim), padded as the model was trained.
        references: latents (B, R, C, h, w) of reference pictures, or None.
        strength: weight of the references in the attention, 0 to 1 (or beyond).
    """

    text: torch.Tensor
    references: torch.Tensor | None = None
    strength: float = 1.0

    def equals(self, other: Conditions) -> bool:
        """Whether the two ask for the same picture."""
        mine, its = self.references, other.references
        if (mine is None) != (its is None) or self.strength != other.strength:
            return False
        same = mine is None or its is None or torch.equal(mine, its)
        return same and torch.equal(self.text, other.text)


@dataclass(frozen=True)
class Encoded:
    """Conditions as the network attends to them; made ahead, while the stream goes on."""

    conditions: Conditions
    context: TextContext
    shadow: Shadow | None


@dataclass(frozen=True)
class _Pass:
    """All that evaluations of one block have in common."""

    view: BlockView
    queries: Rotation
    keys: Rotation | None
    context: TextContext
    mask: torch.Tensor | None


@dataclass
class _Blend:
    """A change of conditions under way; ``done`` latent frames of it are past."""

    old: Conditions
    new: Encoded
    before: int  # reference frames of the old conditions that are still in the cache
    done: int = 0


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
        remembered = self.policy.remembered(cache.layout.window, cache.layout.block)
        self._clean: deque[tuple[torch.Tensor, torch.Tensor | None]] = deque(maxlen=remembered)
        self._encoded: Encoded | None = None
        self._blend: _Blend | None = None
        self._pending: tuple[torch.Tensor, torch.Tensor | None] | None = None
        self._pass: _Pass | None = None

    def reset(self) -> None:
        """Forget the stream; conditions stay."""
        self.cache.reset()
        self._clean.clear()
        self._pending = None

    # conditions

    def encode(self, conditions: Conditions) -> Encoded:
        """Text keys and values, and the references' in a shadow buffer; touches no state of the stream."""
        context = self.net.text_context(conditions.text)
        references, shadow = conditions.references, None
        if references is not None and references.shape[1]:
            batch, count, _, height, width = references.shape
            shadow = self.cache.shadow(count)
            source = None
            if self.net.config.in_channels > references.shape[2]:
                missing = self.net.config.in_channels - references.shape[2]
                source = references.new_zeros(batch, count, missing, height, width)
            self._evaluate(references, source, 0.0, self._over(shadow.view, context, height, width))
        return Encoded(conditions, context, shadow)

    def switch(self, conditions: Conditions | Encoded) -> bool:
        """New conditions from the next block on; False where they ask for the same as before."""
        before = self._encoded
        if conditions is before:
            return False
        encoded = conditions if isinstance(conditions, Encoded) else self.encode(conditions)
        if before is not None and before.conditions.equals(encoded.conditions):
            return False
        if before is None or self._pending is None and not self.cache.history:
            self._take(encoded)
            return True
        name = self.policy.name
        if name == "blend":
            self.settle()
            self._begin_blend(before, encoded)
            return True
        if name == "cross_attn_only":
            self.settle()
        else:
            self._remember()
        self._take(encoded)
        if name == "hard_reset":
            self.reset()
        elif name == "refresh_last":
            self.cache.clear_history()
            self._replay(self._clean)
        elif name == "recache_window":
            keep_sink = self.cache.sinks > 0 and self.cache.rope == "relative"
            self.cache.clear_history(keep_sink=keep_sink)
            rolling = self.cache.layout.window - self.cache.layout.block - self.cache.sinks
            self._replay(list(self._clean)[-rolling:] if rolling else [])
        return True

    def _take(self, encoded: Encoded) -> None:
        self._encoded, self._blend = encoded, None
        self.cache.replace_references([encoded.shadow] if encoded.shadow else [])

    def _begin_blend(self, before: Encoded, encoded: Encoded) -> None:
        """Old and new references share the pinned segment until the blend is over."""
        old = before.conditions
        if self._blend is not None:  # from wherever the last one has got to
            weight = blend_weight(self._blend.done, self.policy.frames)
            old = Conditions(
                interpolate(self._blend.old.text, old.text, weight, self.policy.interpolation),
                old.references,
                old.strength * weight,
            )
        shadows = [part.shadow for part in (before, encoded) if part.shadow is not None]
        self.cache.replace_references(shadows)
        kept = before.shadow.frames if before.shadow else 0
        self._encoded, self._blend = encoded, _Blend(old, encoded, kept)

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
            source: latents stacked on the channels, or None.
            schedule: for this block, if it is not the one of the settings.

        Returns:
            Clean latents (B, F, C, h, w), float32.
        """
        self.settle()
        if self.policy.name == "rebuild_each_block":
            self.cache.clear_history()
            self._replay(self._clean)
        self._begin(start)
        sigmas, x = (schedule or self.settings.schedule).sigmas, start.float()
        for index, sigma in enumerate(sigmas[:-1]):
            last = index == len(sigmas) - 2
            with torch.set_grad_enabled(torch.is_grad_enabled() and last):
                x = self.denoise(x, sigma, source)
            if not last:
                x = renoise(x, fresh(index), sigmas[index + 1])
        self._pending = (x, source)
        return x

    def denoise(self, x: torch.Tensor, sigma: float, source: torch.Tensor | None = None) -> torch.Tensor:
        """One evaluation for the block that has begun: the clean latents as of now, float32."""
        assert self._pass is not None
        output = self._evaluate(x, source, sigma * 1000.0, self._pass).float()
        return output if self.settings.prediction == "x0" else x0_from_velocity(x, output, sigma)

    def settle(self) -> None:
        """Finish the block before: its clean pass, and its place in the history."""
        if self._pending is None or self._pass is None:
            return
        x0, source = self._pending
        self._remember()
        if self.policy.name == "rebuild_each_block":
            return
        if self.settings.clean_pass:
            with torch.no_grad():
                self._evaluate(x0.detach(), source, self.settings.context_noise, self._pass)
        self.cache.commit()

    def _remember(self) -> None:
        """Keep the clean frames that the policy may need."""
        if self._pending is not None:
            x0, source = self._pending
            for frame in range(x0.shape[1]):
                part = slice(frame, frame + 1)
                self._clean.append((x0[:, part].detach(), None if source is None else source[:, part]))
        self._pending = None

    def _replay(self, clean: deque | list) -> None:
        """Clean passes over frames of the past, under the conditions of now, block by block."""
        frames = list(clean)
        size = self.cache.layout.block
        while frames:
            count = len(frames) % size or size
            chunk, frames = frames[:count], frames[count:]
            x0 = torch.cat([latent for latent, _ in chunk], dim=1)
            sources = [source for _, source in chunk if source is not None]
            self._begin(x0, blending=False)
            assert self._pass is not None
            stacked = torch.cat(sources, dim=1) if sources else None
            self._evaluate(x0, stacked, self.settings.context_noise, self._pass)
            self.cache.commit()

    def _begin(self, x: torch.Tensor, *, blending: bool = True) -> None:
        """Bind conditions and a view of the cache to a block shaped like ``x``."""
        assert self._encoded is not None, "a stream needs conditions first"
        frames, height, width = x.shape[1], *x.shape[-2:]
        context, strengths = self._encoded.context, None
        if blending and self._blend is not None:
            context, strengths = self._blended(self._blend, frames)
        elif self._encoded.conditions.strength != 1.0:
            strengths = torch.full((1, self.cache.references), self._encoded.conditions.strength)
        view = self.cache.begin(frames)
        mask = None if strengths is None else self._bias(view, strengths)
        self._pass = self._over(view, context, height, width, mask)

    def _blended(self, blend: _Blend, frames: int) -> tuple[TextContext, torch.Tensor]:
        """Text for every frame, and the weight of every reference for every frame (F, references)."""
        weights = torch.tensor(
            [blend_weight(blend.done + frame, self.policy.frames) for frame in range(frames)]
        )
        old, new = blend.old, blend.new.conditions
        along = weights.view(1, -1, 1, 1).to(old.text.device)
        text = interpolate(old.text[:, None], new.text[:, None], along, self.policy.interpolation)
        added = self.cache.references - blend.before
        strengths = torch.cat(
            [
                ((1 - weights) * old.strength)[:, None].expand(-1, blend.before),
                (weights * new.strength)[:, None].expand(-1, added),
            ],
            dim=1,
        )
        blend.done += frames
        if blend.done >= self.policy.frames + frames:
            self._take(blend.new)
            return blend.new.context, torch.full((1, self.cache.references), new.strength)
        return self.net.text_context(text), strengths

    def _bias(self, view: BlockView, strengths: torch.Tensor) -> torch.Tensor | None:
        """Log of the references' weights, added to the attention: (1, 1, query tokens or 1, key tokens)."""
        tokens = self.cache.layout.tokens
        if not view.references or bool((strengths == 1).all()):
            return None
        bias = torch.zeros(len(strengths), view.frames)
        bias[:, : view.references] = strengths.clamp(min=1e-30).log()
        bias = bias.repeat_interleave(tokens, dim=1)
        if len(bias) > 1:
            bias = bias.repeat_interleave(tokens, dim=0)
        return bias[None, None].to(self.net.device, self.net.dtype)

    # evaluations

    def _over(
        self,
        view: BlockView,
        context: TextContext,
        height: int,
        width: int,
        mask: torch.Tensor | None = None,
    ) -> _Pass:
        queries = self.net.rotation(view.positions, height, width)
        keys = None if view.key_positions is None else self.net.rotation(view.key_positions, height, width)
        return _Pass(view, queries, keys, context, mask)

    def _evaluate(
        self, x: torch.Tensor, source: torch.Tensor | None, timestep: float, over: _Pass
    ) -> torch.Tensor:
        stacked = x if source is None else torch.cat([x, source.to(x)], dim=2)
        times = torch.full(x.shape[:2], timestep, device=x.device)
        return self.net(
            stacked.to(self.net.dtype), times, over.context, over.queries, over.view, over.keys, over.mask
        )
