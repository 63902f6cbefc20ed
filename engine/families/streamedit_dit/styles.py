"""What each chunk of an edited stream is asked for, and what a change does to the stream's past."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import torch
import torch.nn.functional as F

from ...conditioning.blend import blend_weight, interpolate
from ...conditioning.recipe import ConditioningRecipe
from ...conditioning.states import TextStates
from ...errors import SettingError
from ..style_schedule import ChunkStyles, StyleSchedule

AGELESS = 1 << 30
"""Age of a prompt that the stream started with: it has no past to be rid of."""


@dataclass(frozen=True)
class PromptState:
    """The prompt of one chunk, and where it stands in the stream.

    Attributes:
        text: the prompt's states, for one buffer.
        age: chunks since the prompt changed.
        keep: edited frames to remember from before a change; None for all that the window holds.
    """

    text: TextStates
    age: int
    keep: int | None


class EditStyles:
    """The prompts of a stream, chunk by chunk; a new clip gets a new one.

    Every change starts the prompt's age over, so that an adaptive window shrinks and regrows. What else it
    does, the timeline's policy says: ``refresh_last`` keeps the last edited frames of the history,
    ``hard_reset`` none, ``blend`` goes over from one text to the other. ``cross_attn_only``,
    ``recache_window`` and ``rebuild_each_block`` leave the history to the window: this family has no cache,
    and looks at all of its window anew at every evaluation.

    Args:
        schedule: the styles and their live keys.
        read: a prompt as the network reads it.
        temporal: pictures of a latent frame, in which a policy's frames are counted.
    """

    def __init__(self, schedule: StyleSchedule, read: Callable[[str], TextStates], temporal: int) -> None:
        def encode(recipe: ConditioningRecipe, style: int, prompt: str) -> TextStates:
            if recipe.external is not None:
                raise SettingError(
                    "conditioning: StreamEdit-DiT models read the prompt themselves, disconnect it."
                )
            return read(prompt)

        self.styles = ChunkStyles[TextStates](schedule, encode)
        self._latents: Callable[[int], int] = lambda frames: max(1, -(-frames // temporal))
        self._shown: TextStates | None = None
        self._asked: TextStates | None = None
        self._from: TextStates | None = None
        self._age = AGELESS
        self._since = 0

    def advance(
        self,
        index: int,
        first_frame: int,
        pts: Sequence[Fraction],
        cuts: Sequence[int],
        live: Mapping[str, Any],
    ) -> PromptState:
        """The next chunk's; arguments as ``ChunkStyles.advance`` has them."""
        asked = self.styles.advance(index, first_frame, pts, cuts, live)
        changed = self._asked is not None and not _equal(asked, self._asked)
        self._asked = asked
        self._age = 0 if changed else min(self._age + 1, AGELESS)
        if changed and self.styles.schedule.timeline.policy == "blend":
            self._from, self._since = self._shown, 0
        self._shown = self._blended(asked)
        return PromptState(self._shown, self._age, self._kept() if changed else None)

    def _kept(self) -> int | None:
        """Edited frames that the policy remembers at a change; None leaves them to the window."""
        timeline = self.styles.schedule.timeline
        if timeline.policy == "refresh_last":
            return self._latents(timeline.keep_frames)
        return 0 if timeline.policy == "hard_reset" else None

    def _blended(self, asked: TextStates) -> TextStates:
        if self._from is None:
            return asked
        weight = blend_weight(self._since, self._latents(self.styles.schedule.timeline.blend_frames))
        self._since += 1
        if weight < 1.0:
            return mix(self._from, asked, weight, self.styles.schedule.timeline.interpolation)
        self._from = None
        return asked


def mix(old: TextStates, new: TextStates, weight: float, kind: str) -> TextStates:
    """Between two prompts, place by place; the shorter one is zero where the longer goes on."""
    length = max(old.states.shape[1], new.states.shape[1])

    def padded(text: TextStates) -> tuple[torch.Tensor, torch.Tensor]:
        more = length - text.states.shape[1]
        tokens = text.states * text.said[..., None]
        return F.pad(tokens, (0, 0, 0, more)), F.pad(text.said, (0, more))

    (a, mask_a), (b, mask_b) = padded(old), padded(new)
    whole = old.mask is None and new.mask is None  # one of them has a word in every place
    return TextStates(interpolate(a, b, weight, kind), None if whole else mask_a | mask_b)


def _equal(one: TextStates, other: TextStates) -> bool:
    if one is other:
        return True
    return one.states.shape == other.states.shape and torch.equal(one.states, other.states)
