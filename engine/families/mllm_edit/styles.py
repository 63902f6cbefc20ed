"""What conditions each frame of an MLLM-edit stream: one instruction, or a timeline of them.

These models have no memory of a style, so a switch acts at its very frame, and the policy ``blend``
mixes the states of two instructions with a weight for every frame.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import torch

from ...conditioning.blend import interpolate
from ...conditioning.recipe import PROMPT_LIMIT, ConditioningRecipe
from ...conditioning.states import TextStates
from ...conditioning.timeline import (
    AnyConditioning,
    Mix,
    Moment,
    StyleTimeline,
    Switch,
    TimelineCursor,
    in_full,
)
from ...errors import SettingError
from ..base import LiveParameter

Encode = Callable[[str, torch.Tensor | None], TextStates]
Fit = Callable[[Any], TextStates]


class _Style:
    """One instruction, encoded as often as its recipe says."""

    def __init__(self, recipe: ConditioningRecipe, encode: Encode, fit: Fit) -> None:
        self.recipe, self._encode, self._fit = recipe, encode, fit
        self.key = f"{recipe.node_id}.prompt"
        self.reset()

    def reset(self) -> None:
        self._cached: tuple[str, TextStates] | None = None
        self._since_refresh = 0

    def states(self, prompt: str, frames: torch.Tensor | None) -> TextStates:
        """Encode anew when the prompt changed or ``te_refresh_every`` chunks have passed."""
        recipe = self.recipe
        if recipe.external is not None:
            self._cached = self._cached or ("", self._fit(recipe.external))
            return self._cached[1]
        due = recipe.te_refresh_every > 0 and self._since_refresh >= recipe.te_refresh_every
        if self._cached is None or self._cached[0] != prompt or due:
            shown = frames[:1] if frames is not None and recipe.te_batch_one else frames
            self._cached = (prompt, self._encode(prompt, shown))
            self._since_refresh = 0
        self._since_refresh += 1
        return self._cached[1]


class StylePlayer:
    """The conditioning of a stream, chunk by chunk.

    Args:
        conditioning: a recipe or a timeline of recipes.
        encode: an instruction and frames (B, H, W, 3) or None, to their states.
        check: raises SettingError for an instruction that the encoder can't take.
        fit: a core CONDITIONING to states.
        count: frames of a chunk.
        fps: frames a second where there is no source.
    """

    def __init__(
        self,
        conditioning: AnyConditioning,
        *,
        encode: Encode,
        check: Callable[[str], object],
        fit: Fit,
        count: int,
        fps: float,
    ) -> None:
        self.timeline = StyleTimeline.of(conditioning)
        if any(recipe.references for recipe in self.timeline.styles):
            raise SettingError(
                "references: MLLM-edit models follow words only, disconnect the style pictures."
            )
        in_full(self.timeline)
        self.count, self.fps = count, fps
        self._styles = [_Style(recipe, encode, fit) for recipe in self.timeline.styles]
        self._active = f"{self.timeline.node_id}.active"
        prompts = {
            style.key: LiveParameter(
                style.key, "text", style.recipe.prompt, maximum=PROMPT_LIMIT, check=check
            )
            for style in self._styles
        }
        self.live_parameters = tuple(prompts.values())
        if len(self._styles) > 1:
            self.live_parameters += (
                LiveParameter(self._active, "int", self.timeline.active, 1, len(self._styles)),
            )
        self.reset()

    def reset(self) -> None:
        """A new clip: the schedule starts over, and nothing is cached."""
        self._cursor = TimelineCursor(self.timeline)
        self._switches: dict[int, tuple[Switch, ...]] = {}
        self.release()

    def release(self) -> None:
        """Drop the cached states."""
        for style in self._styles:
            style.reset()

    def advance(
        self,
        index: int,
        first_frame: int,
        pts: Sequence[Fraction] | None,
        cuts: Sequence[int],
        live: Mapping[str, Any],
    ) -> tuple[Moment, ...]:
        """What plays at each frame of the next chunk.

        Args:
            index: of the chunk.
            first_frame: its first frame's index in the stream.
            pts: seconds of its frames; None without a source.
            cuts: which of its frames begin a scene.
            live: values bound to the chunk.
        """
        if pts is None:
            rate = Fraction(self.fps).limit_denominator(1001)
            pts = [Fraction(frame) / rate for frame in range(first_frame, first_frame + self.count)]
        moments = self._cursor.advance(first_frame, pts, cuts, live.get(self._active))
        self._switches[index] = tuple(
            Switch(self._active, moment.style, first_frame + offset)
            for offset, moment in enumerate(moments)
            if moment.scheduled
        )
        return moments

    def switches(self, index: int) -> tuple[Switch, ...]:
        """The switches that the schedule made in a chunk; asked once."""
        return self._switches.pop(index, ())

    def instruction(self, moments: Sequence[Moment], live: Mapping[str, Any]) -> str:
        """Changes where the picture is to change at once: a blend goes over by itself."""
        if self.timeline.policy == "blend":
            return "\n".join(self._prompt(style, live) for style in self._styles)
        return self._prompt(self._styles[moments[-1].style - 1], live)

    def condition(
        self, moments: Sequence[Moment], live: Mapping[str, Any], frames: torch.Tensor | None
    ) -> TextStates:
        """States for the frames of a chunk, or one row for all of them.

        Args:
            moments: from ``advance``.
            live: values bound to the chunk.
            frames: uint8 (B, H, W, 3), or None to generate.
        """
        mixes = [moment.mix for moment in moments]
        used = dict.fromkeys(number for mix in mixes for number, _ in mix)
        parts: dict[int, TextStates] = {}
        for number in used:
            style = self._styles[number - 1]
            parts[number] = style.states(self._prompt(style, live), frames)
        if len(used) == 1:
            return parts[next(iter(used))]
        count = len(mixes)
        rows = {n: part if len(part.states) == count else part.expand(count) for n, part in parts.items()}
        mixed = [self._mixed(mix, rows, row) for row, mix in enumerate(mixes)]
        return TextStates(
            torch.stack([part.states for part in mixed]), torch.stack([part.mask for part in mixed])
        )

    def _mixed(self, mix: Mix, rows: Mapping[int, TextStates], row: int) -> TextStates:
        """One frame's states (L, D) and their mask: what any of the styles keeps is kept."""
        states, mask, share = None, None, 0.0
        for number, weight in mix:
            part = rows[number]
            share += weight
            if states is None or mask is None:
                states, mask = part.states[row], part.mask[row]
            else:
                states = interpolate(states, part.states[row], weight / share, self.timeline.interpolation)
                mask = mask | part.mask[row]
        assert states is not None and mask is not None
        return TextStates(states, mask)

    def _prompt(self, style: _Style, live: Mapping[str, Any]) -> str:
        return str(live[style.key])
