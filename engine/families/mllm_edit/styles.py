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
from ...conditioning.recipe import ConditioningRecipe
from ...conditioning.states import TextStates
from ...conditioning.timeline import Mix, Moment
from ..style_schedule import StyleCursor, StyleSchedule

Encode = Callable[[str, torch.Tensor | None], TextStates]
Fit = Callable[[Any], TextStates]


class _Style:
    """One instruction, encoded as often as its recipe says."""

    def __init__(self, encode: Encode, fit: Fit) -> None:
        self._encode, self._fit = encode, fit
        self._edition = 0
        self._cached: tuple[str, TextStates] | None = None
        self._since_refresh = 0

    def states(
        self, recipe: ConditioningRecipe, edition: int, prompt: str, frames: torch.Tensor | None
    ) -> TextStates:
        """Encode anew when recipe or prompt changed, or ``te_refresh_every`` chunks have passed."""
        if edition != self._edition:
            self._edition, self._cached = edition, None
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


class FrameStyles(StyleCursor):
    """The text of a stream, frame by frame, and what is encoded of it; a new clip gets a new one.

    Args:
        schedule: the styles and their live keys.
        encode: an instruction and frames (B, H, W, 3) or None, to their states.
        fit: a core CONDITIONING to states.
        count: frames of a chunk.
        fps: frames a second where there is no source.
    """

    def __init__(self, schedule: StyleSchedule, encode: Encode, fit: Fit, *, count: int, fps: float) -> None:
        super().__init__(schedule)
        self.count, self.fps = count, fps
        self._styles = [_Style(encode, fit) for _ in schedule.timeline.styles]

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
        moments = self.moments(first_frame, pts, cuts, live)
        scheduled = {at: moment.style for at, moment in enumerate(moments, first_frame) if moment.scheduled}
        self.note(index, scheduled)
        return moments

    def instruction(self, moments: Sequence[Moment], live: Mapping[str, Any]) -> str:
        """Changes where the picture is to change at once: a blend goes over by itself."""
        styles = range(1, len(self._styles) + 1)
        if self.schedule.timeline.policy == "blend":
            return "\n".join(self.schedule.prompt(style, live) for style in styles)
        return self.schedule.prompt(moments[-1].style, live)

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
            recipe, prompt = self.schedule.recipe(number), self.schedule.prompt(number, live)
            parts[number] = self._styles[number - 1].states(recipe, self.schedule.edition, prompt, frames)
        if len(used) == 1:
            return parts[next(iter(used))]
        count = len(mixes)
        rows = {n: part if len(part.states) == count else part.expand(count) for n, part in parts.items()}
        mixed = [self._mixed(mix, rows, row) for row, mix in enumerate(mixes)]
        return TextStates(
            torch.stack([part.states for part in mixed]), torch.stack([part.said for part in mixed])
        )

    def _mixed(self, mix: Mix, rows: Mapping[int, TextStates], row: int) -> TextStates:
        """One frame's states (L, D) and their mask: what any of the styles keeps is kept."""
        states, mask, share = None, None, 0.0
        path = self.schedule.timeline.interpolation
        for number, weight in mix:
            part = rows[number]
            share += weight
            if states is None or mask is None:
                states, mask = part.states[row], part.said[row]
            else:
                states = interpolate(states, part.states[row], weight / share, path)
                mask = mask | part.said[row]
        assert states is not None and mask is not None
        return TextStates(states, mask)
