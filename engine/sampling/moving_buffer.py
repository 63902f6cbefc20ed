"""StreamDiT's moving buffer: frames flow from noise to picture, a chunk leaves as a chunk of noise enters.

Index 0 is the oldest and cleanest frame. The paper (arXiv 2507.03745, section 3) counts tau from 0
(noise) to 1 and predicts data minus noise; here, as in ``flow_match``, sigma = 1 - tau runs from 1 to
0 and velocity = noise - data, so one sampler serves all families.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import torch

from ..transfers import upload
from .flow_match import renoise, x0_from_velocity
from .partition import Partition

Advance = Literal["euler", "renoise"]
Velocity = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""(n, C, h, w) latents, references first, and their (n,) sigmas to the velocity of each frame."""
Noise = Callable[[int, int, int], torch.Tensor]
"""(first frame, count, draw) to Gaussian noise (count, C, h, w), whose dtype the buffer keeps."""
CLOSE = 1e-6  # sigmas nearer than this are the same


class MovingBuffer:
    """The frames between noise and picture, and the rule that moves them on.

    A stream is driven by ``push`` while there is ``room``, then ``cycle``. From an empty buffer that
    is the ramp-up: the first chunk travels alone, the buffer grows by a chunk a cycle. At the end of a
    stream ``cycle`` alone is the ramp-down. ``prime`` fills the buffer at once instead, as the paper does.
    Every frame moves T times from entry to emission (N' * s in a truncated buffer). After a ``switch``
    frames keep their sigmas: one that is noisier than its new slot's sigma first comes down to it by the
    new layout's own steps, one that is cleaner waits.

    Args:
        partition: layout of the buffer.
        noise: where Gaussian noise comes from.
        depth: N', the cleanest segments in use; a truncated buffer for video to video has fewer than N.
        advance: ``"euler"`` follows the velocity (the paper), ``"renoise"`` jumps to the picture and
            puts fresh noise on it (few-step models distilled that way).
    """

    def __init__(
        self, partition: Partition, noise: Noise, *, depth: int | None = None, advance: Advance = "euler"
    ) -> None:
        self.partition = partition
        self.depth = partition.chunks if depth is None else depth
        if not 1 <= self.depth <= partition.chunks:
            raise ValueError(f"depth {depth} is outside 1..{partition.chunks}")
        self.advance = advance
        self.first_frame = 0  # of the oldest frame that is still being denoised
        self._share = self.depth / partition.chunks  # of the levels, the same in every layout
        self._noise = noise
        self._lead = 0  # empty slots before the oldest frame, while ramping up
        self._latents: torch.Tensor | None = None
        self._references: torch.Tensor | None = None
        self._sigmas: list[float] = []
        self._draws = 0

    def __len__(self) -> int:
        """Frames that are being denoised."""
        return len(self._sigmas)

    @property
    def latents(self) -> torch.Tensor | None:
        """The frames being denoised, oldest first; None when there are none."""
        return self._latents

    @property
    def sigmas(self) -> tuple[float, ...]:
        """Noise level of each frame, oldest first, without references."""
        return tuple(self._sigmas)

    @property
    def references(self) -> int:
        """Clean frames that stand before those that are being denoised."""
        return 0 if self._references is None else len(self._references)

    @property
    def room(self) -> int:
        """Frames that may enter before the next cycle."""
        if not self._sigmas:
            return self.partition.frames
        return self.depth * self.partition.frames - self._lead - len(self)

    def push(self, source: torch.Tensor | None = None, strength: float = 1.0) -> None:
        """A chunk enters at the noisy end.

        Args:
            source: clean latents (c, C, h, w) to keep, for video to video; a truncated buffer needs them.
            strength: level at which the source enters, at most N'/N; 1 keeps nothing of it.
        """
        count = self.partition.frames
        if self.room < count:
            raise ValueError(f"no room for {count} frames: {len(self)} wait for a cycle")
        if source is None and self.depth < self.partition.chunks:
            raise ValueError("noise enters at level 1, which a truncated buffer does not have")
        fresh = self._noise(self.first_frame + len(self), count, 0)
        sigma = 1.0
        if source is not None:
            sigma = self.partition.at(strength)
            fresh = renoise(source.to(fresh), fresh, sigma)
        if not self._sigmas:
            self._lead = (self.depth - 1) * count
        self._latents = fresh if self._latents is None else torch.cat([self._latents, fresh])
        self._sigmas += [sigma] * count

    def cycle(self, velocity: Velocity) -> torch.Tensor | None:
        """s evaluations of the whole buffer, after a switch some more; a chunk that became clean leaves.

        Returns:
            The emitted latents (c, C, h, w), or None while ramping up or when the buffer is empty.
        """
        if self._latents is None:
            return None
        self._settle(velocity)
        for micro_step in range(1, self.partition.micro_steps + 1):
            # a frame that is already cleaner (a low strength, a switch of layout) waits for its turn
            self._move(velocity, list(map(min, self._sigmas, self._slots(micro_step))))
        count = self.partition.frames
        if self._lead:
            self._lead -= count
            return None
        emitted, rest = self._latents.split([count, len(self) - count])
        self._latents = rest if len(rest) else None
        self._sigmas = self._sigmas[count:]
        self.first_frame += count
        self._remember(emitted)
        return emitted

    def prime(self, velocity: Velocity) -> None:
        """Fill an empty buffer by ordinary generation: chunk i stops at its own level (paper, Fig. 13)."""
        layout, length = self.partition, self.partition.length
        if self._sigmas or self.depth < layout.chunks:
            raise ValueError("only an empty buffer of full depth can be primed")
        self._lead = 0
        self._latents = self._noise(self.first_frame, length, 0)
        self._sigmas = [1.0] * length
        kept = self._latents.clone()
        for level in range(layout.levels - 1, layout.micro_steps - 1, -1):
            target = layout.at(level / layout.levels)
            self._move(velocity, [target] * length)
            waiting = [index for index in range(length) if layout.sigma(index) <= target]
            kept[waiting] = self._latents[waiting]
        self._latents, self._sigmas = kept, self._slots()

    def keep(self, references: int) -> None:
        """From now on up to K = ``references`` emitted frames are kept; older ones are forgotten at once."""
        self.partition = replace(self.partition, references=references)
        if self._references is not None:
            self._references = self._references[-references:] if references else None

    def fits(self, partition: Partition) -> bool:
        """Whether ``switch`` may be called now; if not, cycle without pushing until it may."""
        most = (self._depth_in(partition) - 1) * partition.frames
        return not self._lead and len(self) % partition.frames == 0 and len(self) <= most

    def switch(self, partition: Partition) -> None:
        """Go on in another layout, between two cycles and before the next push.

        Raises:
            ValueError: the frames in the buffer don't fill whole chunks of the new layout yet.
        """
        if not self.fits(partition):
            raise ValueError(f"{len(self)} frames do not fit {partition} yet")
        self.partition, self.depth = partition, self._depth_in(partition)
        self.keep(partition.references)

    def _depth_in(self, partition: Partition) -> int:
        """N' in another layout."""
        return partition.depth(self._share)

    def _slots(self, micro_step: int = 0) -> list[float]:
        """The layout's sigma for each frame after ``micro_step`` of the s evaluations."""
        return [self.partition.sigma(self._lead + index, micro_step) for index in range(len(self))]

    def _settle(self, velocity: Velocity) -> None:
        """Bring frames that are noisier than their slots down to them, by steps of 1/T."""
        layout, slots = self.partition, self._slots()
        while any(sigma > slot + CLOSE for sigma, slot in zip(self._sigmas, slots, strict=True)):
            lower = [layout.at(max(0.0, layout.level(sigma) - 1 / layout.levels)) for sigma in self._sigmas]
            self._move(velocity, list(map(min, self._sigmas, map(max, lower, slots))))

    def _move(self, velocity: Velocity, targets: list[float]) -> None:
        """One evaluation: every frame from its sigma to its target."""
        self._latents, self._sigmas = self._moved(velocity, targets), targets

    def _moved(self, velocity: Velocity, targets: list[float]) -> torch.Tensor:
        """The frames at their targets, by one evaluation."""
        latents, references = self._latents, self._references
        assert latents is not None
        before = 0 if references is None else len(references)
        seen = latents if references is None else torch.cat([references, latents])
        clean = [0.0] * before
        levels = torch.tensor([clean + self._sigmas, clean + targets], dtype=latents.dtype)
        sigmas, targeted = upload(levels, latents.device)
        flow = velocity(seen, sigmas)[before:].to(latents.dtype)
        now, then = (part[before:].view(-1, 1, 1, 1) for part in (sigmas, targeted))
        if self.advance == "euler":
            return latents + (then - now) * flow
        self._draws += 1
        fresh = self._noise(self.first_frame, len(self), self._draws)
        return torch.where(then < now, renoise(x0_from_velocity(latents, flow, now), fresh, then), latents)

    def _remember(self, emitted: torch.Tensor) -> None:
        """Slide emitted frames into the K reference slots."""
        if self.partition.references:
            past = emitted if self._references is None else torch.cat([self._references, emitted])
            self._references = past[-self.partition.references :]
