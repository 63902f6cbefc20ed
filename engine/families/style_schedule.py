"""The styles of a stream: the live keys of a timeline, and a cursor that goes along it chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Generic, TypeVar

from ..conditioning.recipe import PROMPT_LIMIT, ConditioningRecipe
from ..conditioning.timeline import AnyConditioning, Moment, StyleTimeline, Switch, TimelineCursor
from ..errors import SettingError
from .base import LiveParameter

Style = TypeVar("Style")


class StyleSchedule:
    """What stays the same while a stream plays.

    Args:
        conditioning: a recipe or a timeline of recipes.
        check: raises SettingError for a prompt that the model can't take.
        most: reference pictures that a style may have.
        checks: the same by node, for recipes that bring the host's text encoder.
        words_only: what an artist is told who gives some to a model that takes none.

    Attributes:
        active: live key of the style that plays, where there are several.
        live_parameters: the prompts of all styles, and ``active``.
    """

    def __init__(
        self,
        conditioning: AnyConditioning,
        *,
        check: Callable[[str], object] | None,
        most: int = 0,
        checks: Mapping[str, Callable[[str], object]] | None = None,
        words_only: str = "this model follows words only",
    ) -> None:
        self.timeline = StyleTimeline.of(conditioning)
        for recipe in self.timeline.styles:
            if len(recipe.references) > most:
                raise SettingError(
                    f"references: {len(recipe.references)} pictures for one style, this model takes {most}."
                    if most
                    else f"references: {words_only}, disconnect the style pictures."
                )
            if recipe.clip is not None and checks is None:
                raise SettingError(
                    "clip is for causal video models: disconnect it, this one reads the prompt itself."
                )
        by_node = checks or {}
        self.active = f"{self.timeline.node_id}.active"
        prompts = {
            key(recipe): LiveParameter(
                key(recipe),
                "text",
                recipe.prompt,
                maximum=PROMPT_LIMIT,
                check=by_node.get(recipe.node_id, check),
            )
            for recipe in self.timeline.styles
        }
        self.live_parameters = tuple(prompts.values())
        styles = len(self.timeline.styles)
        if styles > 1:
            self.live_parameters += (LiveParameter(self.active, "int", self.timeline.active, 1, styles),)

    def recipe(self, style: int) -> ConditioningRecipe:
        """The recipe of a style; the first is number 1."""
        return self.timeline.styles[style - 1]

    def prompt(self, style: int, live: Mapping[str, Any]) -> str:
        """The prompt of a style, as it is now."""
        return str(live[key(self.recipe(style))])


def key(recipe: ConditioningRecipe) -> str:
    """Live key of a recipe's prompt."""
    return f"{recipe.node_id}.prompt"


class StyleCursor:
    """Where a stream stands in its schedule; a new clip gets a new one."""

    def __init__(self, schedule: StyleSchedule) -> None:
        self.schedule = schedule
        self._cursor = TimelineCursor(schedule.timeline)
        self._switches: dict[int, tuple[Switch, ...]] = {}

    def moments(
        self, first_frame: int, pts: Sequence[Fraction], cuts: Sequence[int], live: Mapping[str, Any]
    ) -> tuple[Moment, ...]:
        """What plays at each of the next frames; arguments as ``TimelineCursor.advance`` has them."""
        return self._cursor.advance(first_frame, pts, cuts, live.get(self.schedule.active))

    def note(self, index: int, switches: Mapping[int, int]) -> None:
        """Keep the switches that the schedule made in a chunk: the new style by its first frame."""
        if switches:
            active = self.schedule.active
            self._switches[index] = tuple(Switch(active, style, frame) for frame, style in switches.items())

    def switches(self, index: int) -> tuple[Switch, ...]:
        """The switches that the schedule made in a chunk; they are forgotten then."""
        return self._switches.pop(index, ())


class ChunkStyles(StyleCursor, Generic[Style]):
    """One style for each chunk: a switch inside a chunk waits for the next one.

    Args:
        encode: what the network makes of a recipe (style number 1 and up) with a prompt; called on the
            encode lane when either changes.

    Attributes:
        chosen: the style and the prompt of the last chunk; None before the first.
    """

    def __init__(
        self, schedule: StyleSchedule, encode: Callable[[ConditioningRecipe, int, str], Style]
    ) -> None:
        super().__init__(schedule)
        self._encode = encode
        self._playing = schedule.timeline.active
        self._by_schedule = False
        self.chosen: tuple[int, str] | None = None
        self.release()

    def release(self) -> None:
        """Drop what is encoded."""
        self._encoded: tuple[tuple[int, str], Style] | None = None

    def advance(
        self,
        index: int,
        first_frame: int,
        pts: Sequence[Fraction],
        cuts: Sequence[int],
        live: Mapping[str, Any],
    ) -> Style:
        """The style of the next chunk.

        Args:
            index: of the chunk.
            first_frame: index of its first frame in the stream.
            pts: seconds of its frames.
            cuts: which of its frames (0 is the first) begin a scene.
            live: values bound to the chunk.
        """
        moments = self.moments(first_frame, pts, cuts, live)
        if moments:
            style = moments[0].style
            scheduled = self._by_schedule or moments[0].scheduled
            self._by_schedule = any(moment.scheduled for moment in moments[1:])
            if style != self._playing and scheduled:
                self.note(index, {first_frame: style})
            self._playing = style
        self.chosen = (self._playing, self.schedule.prompt(self._playing, live))
        if self._encoded is None or self._encoded[0] != self.chosen:
            self._encoded = (self.chosen, self._encode(self.schedule.recipe(self._playing), *self.chosen))
        return self._encoded[1]
