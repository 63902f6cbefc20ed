"""The styles of a stream: the live keys of a timeline, and a cursor that goes along it chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Generic, TypeVar

from ..conditioning.external import fit_external
from ..conditioning.recipe import PROMPT_LIMIT, ConditioningRecipe
from ..conditioning.timeline import AnyConditioning, Moment, StyleTimeline, Switch, TimelineCursor, in_full
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
        weighs: whether a prompt may count in part.
        embeddings: rows, at most, and width of those that may take a prompt's place; None where none may,
            and the family says so itself.

    Attributes:
        timeline: what plays; one that was given to ``restyle`` from the next chunk on.
        edition: how many have come since the start.
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
        weighs: bool = False,
        embeddings: tuple[int, int] | None = None,
    ) -> None:
        self._most, self._words_only, self._weighs = most, words_only, weighs
        self._reads_clips, self._embeddings = checks is not None, embeddings
        self.timeline = self._wanted = self._fitting(conditioning)
        self.edition = 0
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

    def restyle(self, conditioning: AnyConditioning) -> None:
        """Any thread: play these recipes from the next chunk on; the timeline is otherwise the same.

        Raises:
            SettingError: the model can't take one; nothing has changed.
        """
        self._wanted = self._fitting(conditioning)

    def turn(self) -> None:
        """Encode lane, before each chunk: take over what was given since the last one."""
        if self._wanted is not self.timeline:
            self.timeline = self._wanted
            self.edition += 1

    def _fitting(self, conditioning: AnyConditioning) -> StyleTimeline:
        timeline = StyleTimeline.of(conditioning)
        if not self._weighs:
            in_full(timeline)
        for recipe in timeline.styles:
            if len(recipe.references) > self._most:
                raise SettingError(
                    f"references: {len(recipe.references)} pictures for one style, this model takes "
                    f"{self._most}."
                    if self._most
                    else f"references: {self._words_only}, disconnect the style pictures."
                )
            if recipe.clip is not None and not self._reads_clips:
                raise SettingError(
                    "clip is for causal video models: disconnect it, this one reads the prompt itself."
                )
            if recipe.external is not None and self._embeddings is not None:
                fit_external(recipe.external, *self._embeddings)
        return timeline

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
        """What plays at each frame of the next chunk; arguments as ``TimelineCursor.advance`` has them."""
        self.schedule.turn()
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
        self._encoded: tuple[tuple[int, int, str], Style] | None = None

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
        known = (self.schedule.edition, *self.chosen)
        if self._encoded is None or self._encoded[0] != known:
            self._encoded = (known, self._encode(self.schedule.recipe(self._playing), *self.chosen))
        return self._encoded[1]
