"""Styles on a timeline: which one plays at each frame, by hand and by schedule."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from ..cache.switch import PolicyName
from ..errors import SettingError
from .blend import Interpolation, blend_weight
from .recipe import ConditioningRecipe

SYNTAX = "write 'when:style' pairs such as 0:1, 120:2, 8s:3, cut:next, 600:loop"

Mix = tuple[tuple[int, float], ...]
"""Style numbers and their shares of a frame; shares add up to 1."""


@dataclass(frozen=True)
class Trigger:
    """When a style takes over.

    Attributes:
        at: a frame, seconds, or a scene cut.
        when: the frame or the second, counted from the start of the stream or of the last loop.
        target: a style's number, ``"next"`` (after the last comes the first), or ``"loop"``, which
            starts the schedule over.
    """

    at: Literal["frame", "seconds", "cut"]
    when: Fraction
    target: int | Literal["next", "loop"]


@dataclass(frozen=True)
class StyleTimeline:
    """What travels on a STREAM_CONDITIONING socket from KVCacheStyleSwitch.

    Attributes:
        styles: numbered from 1.
        active: the style that the stream starts with (live under ``"<node_id>.active"``).
        triggers: from ``parse_schedule``.
        policy: what a switch does to a model's memory; models without one know ``blend`` only.
        keep_frames: frames of that memory that ``refresh_last`` keeps; 0 lets the model decide.
        blend_frames: length of a ``blend``.
        interpolation: path of a ``blend``.
        node_id: the ComfyUI node that made it, owner of its live key.
    """

    styles: tuple[ConditioningRecipe, ...]
    active: int = 1
    triggers: tuple[Trigger, ...] = ()
    policy: PolicyName = "refresh_last"
    keep_frames: int = 0
    blend_frames: int = 8
    interpolation: Interpolation = "lerp"
    node_id: str = ""

    @property
    def watches_cuts(self) -> bool:
        """Whether scene cuts must be looked for."""
        return any(trigger.at == "cut" for trigger in self.triggers)

    @classmethod
    def of(cls, conditioning: ConditioningRecipe | StyleTimeline) -> StyleTimeline:
        """A timeline, or one of a single style."""
        return conditioning if isinstance(conditioning, StyleTimeline) else cls((conditioning,))


AnyConditioning = ConditioningRecipe | StyleTimeline


def only_style(conditioning: AnyConditioning) -> ConditioningRecipe:
    """The one style of a stream, for models that can't switch.

    Raises:
        SettingError: there are several.
    """
    styles = StyleTimeline.of(conditioning).styles
    if len(styles) > 1:
        raise SettingError("KVCacheStyleSwitch does not fit this model: bypass it (Ctrl+B), style 1 plays.")
    return styles[0]


def in_full(conditioning: AnyConditioning) -> None:
    """For models that can't weigh their prompt.

    Raises:
        SettingError: a style's prompt is not to count in full.
    """
    if any(recipe.text_strength != 1.0 for recipe in StyleTimeline.of(conditioning).styles):
        raise SettingError("text_strength acts on causal video models only: set it to 1 for this model.")


@dataclass(frozen=True)
class Switch:
    """A switch that the schedule made.

    Attributes:
        key: ``"<node_id>.active"``.
        value: the style's number.
        frame: the first frame that shows it.
    """

    key: str
    value: int
    frame: int


def parse_schedule(text: str, styles: int) -> tuple[Trigger, ...]:
    """Read a schedule such as ``0:1, 120:2, 8s:3, cut:next``.

    Args:
        text: ``when:style`` pairs; when is a frame, seconds with an ``s``, or ``cut``; style is a
            number, ``next`` or ``loop``. Empty is no schedule.
        styles: how many there are.

    Raises:
        SettingError: names the pair that can't be read, or the style that is not connected.
    """
    triggers = []
    for pair in filter(None, (part.strip() for part in re.split(r"[,;\n]", text.lower()))):
        match = re.fullmatch(r"(?:(cut)|(\d{1,9}(?:\.\d{1,6})?)\s*(s?))\s*:\s*(next|loop|\d{1,3})", pair)
        if match is None or (match[2] and "." in match[2] and not match[3]):
            raise SettingError(f"schedule: '{pair}' can't be read, {SYNTAX}.")
        cut, number, seconds, target = match.groups()
        if target.isdigit() and not 1 <= int(target) <= styles:
            raise SettingError(f"schedule: '{pair}' asks for style {target}, connected are 1 to {styles}.")
        if target == "loop" and (cut or not Fraction(number)):
            raise SettingError(f"schedule: '{pair}' would loop for ever, give it a later frame or second.")
        triggers.append(
            Trigger(
                "cut" if cut else "seconds" if seconds else "frame",
                Fraction(number or 0),
                int(target) if target.isdigit() else target,
            )
        )
    return tuple(triggers)


@dataclass(frozen=True)
class Moment:
    """What plays at a frame.

    Attributes:
        style: the style that has been switched to.
        mix: shares of all styles in this frame; more than one while a blend goes on.
        scheduled: whether this is the first frame of a switch that the schedule made.
    """

    style: int
    mix: Mix
    scheduled: bool = False


class TimelineCursor:
    """Goes along a stream and tells what plays; the latest of hand and schedule wins."""

    def __init__(self, timeline: StyleTimeline) -> None:
        self.timeline = timeline
        self._style = self._by_hand = timeline.active
        self._from: Mix = ()
        self._since = 0  # frames since the last switch
        self._done: set[int] = set()  # triggers that have acted since the last loop
        self._origin = (0, Fraction(0))  # frame and time from which the schedule counts

    def advance(
        self, first_frame: int, pts: Sequence[Fraction], cuts: Sequence[int] = (), active: int | None = None
    ) -> tuple[Moment, ...]:
        """The next frames.

        Args:
            first_frame: index of the first of them in the stream.
            pts: seconds of each.
            cuts: which of them (0 is the first) begin a scene.
            active: the live value at this moment; acts when it has changed.
        """
        if active is not None and active != self._by_hand:
            self._by_hand = active
            self._switch(active)
        moments = []
        for offset, time in enumerate(pts):
            before = self._style
            self._follow(first_frame + offset, time, offset in cuts)
            moments.append(Moment(self._style, self._mix(), self._style != before))
            self._since += 1
        return tuple(moments)

    def _follow(self, frame: int, time: Fraction, cut: bool) -> None:
        """Act on the triggers that are due, in the order in which they are due."""
        due = []
        for number, trigger in enumerate(self.timeline.triggers):
            past = (frame if trigger.at == "frame" else time) - self._origin[trigger.at == "seconds"]
            if trigger.at == "cut":
                if cut:
                    due.append((Fraction(0), number, trigger))
            elif past >= trigger.when and number not in self._done:
                self._done.add(number)
                due.append((trigger.when - past, number, trigger))
        for _, _, trigger in sorted(due, key=lambda entry: entry[:2]):
            if trigger.target == "loop":
                self._origin = (frame, time)
                self._done.clear()
                self._follow(frame, time, False)
                return
            after = self._style % len(self.timeline.styles) + 1
            self._switch(after if trigger.target == "next" else trigger.target)

    def _switch(self, style: int) -> None:
        if style == self._style:
            return
        if self._since:  # else the style before has not been seen
            self._from = self._mix()
        self._style, self._since = style, 0

    def _mix(self) -> Mix:
        timeline = self.timeline
        share = 1.0
        if timeline.policy == "blend" and self._from:
            share = blend_weight(self._since, timeline.blend_frames)
        if share == 1.0:
            return ((self._style, 1.0),)
        mixed = {style: part * (1.0 - share) for style, part in self._from}
        mixed[self._style] = mixed.get(self._style, 0.0) + share
        return tuple(mixed.items())
