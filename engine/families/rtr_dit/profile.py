"""What a causal video checkpoint expects, where checkpoints differ.

RTR-DiT's abstract names its parts (a bidirectional teacher, Self Forcing with DMD, a cache update
that preserves the reference); what it leaves open is a field here, with our choice as the default.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from ...cache.roll import RopeMode
from ...cache.switch import PolicyName
from ...errors import CheckpointError, SettingError
from ...sampling.block_pass import Sampler
from ...sampling.few_step import few_step_schedule
from ...sampling.flow_match import FlowMatchSchedule
from ...sampling.unipc import unipc_schedule

FOUR_STEPS = (1000, 750, 500, 250)
SHOT = "the scene transitions."
"""How a prompt that cuts to a new shot begins, in LongLive 2's training data; in small letters."""


@dataclass(frozen=True)
class Profile:
    """The defaults are Self-Forcing's (arXiv 2506.08009).

    Attributes:
        injection: how the source reaches the network: ``"channel"`` stacks its latents on the noisy
            ones; ``"token"`` puts them beside the noisy ones as tokens of their own; ``"sdedit"`` starts
            from a noisy source instead of from noise.
        prediction: what the network's output means.
        steps: the step list it was distilled with.
        first_steps: that of a stream's first block, where it is another.
        shift, warped: see ``few_step_schedule``.
        sampler: from one step to the next, see ``RolloutSettings``; ``"unipc"`` has a table of its own, of
            which ``steps`` is only as long as the list.
        block: latent frames that are denoised together.
        rolling: whether as many blocks as there are steps, each at a level of its own, are denoised at once.
        window: latent frames that a query sees, sink and current block included.
        sink: how many of them are the stream's first.
        bank: past frames besides the window that the text chooses (MemFlow); for absolute positions.
        sink_similarity, sink_average: make the sink adaptive, see ``SegmentedKVCache``; None keeps it fixed.
        references: the most reference pictures of one style; 0 for a model that follows words only.
        switch: what a new prompt does to the history where no KVCacheStyleSwitch says it.
        shot_jump: latent frames of time between two shots, for a model that knows shots; 0 for others. A new
            prompt that starts with ``SHOT`` begins one.
        image_start: whether a style's picture is the first latent of a stream without a source.
        context_noise: timestep of the clean pass.
        clean_pass: whether there is one.
        rope: ``"relative"`` or ``"absolute"`` positions in the cache.
        text: the kind of text encoder.
        text_length: rows of text, zero beyond the prompt's end.
        source_space: latents that the checkpoint was shown as the source.
        pixels: what the autoencoder was given and gave in training: ``"signed"`` from -1 to 1, as it is
            made for, or ``"unit"`` from 0 to 1.
        noise_scale: noise on the source at full strength, for ``"sdedit"``.
        noise_offset: how much cleaner than it is the first step is told that start to be
            (StreamDiffusionV2: 0.1).
        motion_sensitivity: how much less noise fast motion gets, for ``"sdedit"``.
        fps: frames a second where there is no source.
        averaged: whether a ``.pt`` with both is played from ``generator_ema`` or from ``generator``.
        note: one line that the artist should know, such as a licence.
    """

    injection: Literal["channel", "token", "sdedit"] = "sdedit"
    prediction: Literal["velocity", "x0"] = "velocity"
    steps: tuple[float, ...] = FOUR_STEPS
    first_steps: tuple[float, ...] = ()
    shift: float = 5.0
    warped: bool = True
    sampler: Sampler = "renoise"
    block: int = 3
    rolling: bool = False
    window: int = 21
    sink: int = 0
    bank: int = 0
    sink_similarity: float | None = None
    sink_average: float | None = None
    references: int = 2
    switch: PolicyName = "refresh_last"
    shot_jump: int = 0
    image_start: bool = False
    context_noise: float = 0.0
    clean_pass: bool = True
    rope: RopeMode = "relative"
    text: Literal["umt5", "sentence"] = "umt5"
    text_length: int = 512
    source_space: Literal["normalised", "raw"] = "normalised"
    pixels: Literal["signed", "unit"] = "signed"
    noise_scale: float = 0.8
    noise_offset: float = 0.0
    motion_sensitivity: float = 0.1
    fps: float = 16.0
    averaged: bool = True
    note: str = ""

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Profile:
        """From a checkpoint's ``livestyle.json``; ``{"base": "longlive", ...}`` starts from a named one.

        Raises:
            CheckpointError: an unknown field or name.
        """
        given = dict(values)
        base = given.pop("base", None)
        try:
            start = cls() if base is None else PROFILES[base]
            given |= {name: tuple(given[name]) for name in ("steps", "first_steps") if name in given}
            return replace(start, **given)
        except (KeyError, TypeError) as error:
            raise CheckpointError(
                f"livestyle.json has a profile that can't be read ({error}): its base is one of "
                f"{', '.join(PROFILES)}."
            ) from error

    def as_json(self) -> dict[str, Any]:
        """The ``profile`` entry of ``livestyle.json``."""
        return dataclasses.asdict(self)

    def schedule(self, steps: int) -> FlowMatchSchedule:
        """The first noise level and ``steps - 1`` others, spread over the step list.

        Raises:
            SettingError: the checkpoint has fewer.
        """
        if steps > len(self.steps):
            most = len(self.steps)
            raise SettingError(
                f"steps is {steps}: this model was made for {most}, use {f'1 to {most}' if most > 1 else 1}."
            )
        if self.sampler == "unipc":
            return unipc_schedule(steps, self.shift)
        chosen = [self.steps[index * len(self.steps) // steps] for index in range(steps)]
        return few_step_schedule(chosen, self.shift, warped=self.warped)

    @property
    def first_schedule(self) -> FlowMatchSchedule | None:
        """Of a stream's first block, where it is another; always all of its steps."""
        if not self.first_steps:
            return None
        return few_step_schedule(self.first_steps, self.shift, warped=self.warped)


_WORDS = Profile(references=0, rope="absolute")
_FRAMEWISE = replace(_WORDS, block=1, image_start=True)
_ROLLING = replace(
    _WORDS, rolling=True, sink=3, rope="relative", note="licence of the code: academic use only"
)
_LONGLIVE_2 = replace(
    _WORDS,
    sampler="unipc",
    block=8,
    window=32,
    sink=8,
    image_start=True,
    fps=24.0,
    switch="cross_attn_only",
    shot_jump=8,
)
_LIVE_EDIT = replace(_WORDS, injection="channel", averaged=False, pixels="unit")

PROFILES: dict[str, Profile] = {
    "self_forcing": _WORDS,
    "self_forcing_framewise": _FRAMEWISE,
    "causal_forcing": replace(_WORDS, averaged=False),
    "causal_forcing_2step": replace(_FRAMEWISE, steps=(1000, 500), first_steps=FOUR_STEPS),
    "causal_forcing_1step": replace(_FRAMEWISE, steps=(1000,), first_steps=FOUR_STEPS),
    "causal_forcing_long": _ROLLING,
    "rolling_forcing": replace(_ROLLING, steps=(1000, 800, 600, 400, 200)),
    "reward_forcing": Profile(references=0, window=9, sink=3, sink_average=0.999),
    "streamdiffusion_v2": Profile(
        references=0,
        steps=(700, 500, 400, 200),
        shift=8.0,
        warped=False,
        block=1,
        window=6,
        sink=3,
        sink_similarity=0.2,
        clean_pass=False,
        source_space="raw",
        noise_offset=0.1,
    ),
    "longlive": replace(_WORDS, window=12, sink=3, switch="recache_window"),
    "memflow": replace(_WORDS, window=12, sink=3, bank=3, switch="recache_window"),
    "krea": Profile(
        references=0,
        window=6,
        noise_scale=0.7,
        note="Krea realtime's weights are CC BY-NC-SA 4.0: not for commercial use.",
    ),
    "rtr_dit": Profile(injection="channel", window=9),
    "longlive_2": _LONGLIVE_2,
    "longlive_2_2step": replace(_LONGLIVE_2, steps=(1000, 500)),
    "liveedit": _LIVE_EDIT,
    "liveedit_unwarped": replace(_LIVE_EDIT, warped=False),
}
"""By name (arXiv 2506.08009, 2602.02214, 2605.15141, 2509.25161, 2512.04678, 2511.07399, 2509.22622,
2512.14699, 2605.18739, 2606.26740; krea-realtime-video). StreamDiffusionV2's positions stay relative: its
own are absolute and set back at 50, without turning what the cache keeps."""
