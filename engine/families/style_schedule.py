"""Which style conditions each chunk of a stream, encoded once and kept while it plays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Generic, TypeVar

from ..conditioning.recipe import PROMPT_LIMIT, ConditioningRecipe
from ..conditioning.timeline import AnyConditioning, StyleTimeline, Switch, TimelineCursor
from ..errors import SettingError
from .base import LiveParameter

Style = TypeVar("Style")


class StyleSchedule(Generic[Style]):
    """A timeline, chunk by chunk: a switch inside a chunk waits for the next one.

    Args:
        conditioning: a recipe or a timeline of recipes.
        encode: what the network makes of a recipe (style number 1 and up) with a prompt; called on the
            side lane when either changes.
        check: raises SettingError for a prompt that the model can't take.
        most: reference pictures that a style may have.
    """

    def __init__(
        self,
        conditioning: AnyConditioning,
        *,
        encode: Callable[[ConditioningRecipe, int, str], Style],
        check: Callable[[str], object] | None,
        most: int,
    ) -> None:
        self.timeline = StyleTimeline.of(conditioning)
        for recipe in self.timeline.styles:
            if len(recipe.references) > most:
                raise SettingError(
                    f"references: {len(recipe.references)} pictures for one style, this model takes {most}."
                    if most
                    else "references: this model follows words only, disconnect the style pictures."
                )
        self._encode = encode
        self._active = f"{self.timeline.node_id}.active"
        prompts = {
            f"{recipe.node_id}.prompt": LiveParameter(
                f"{recipe.node_id}.prompt", "text", recipe.prompt, maximum=PROMPT_LIMIT, check=check
            )
            for recipe in self.timeline.styles
        }
        self.live_parameters = tuple(prompts.values())
        styles = len(self.timeline.styles)
        if styles > 1:
            self.live_parameters += (LiveParameter(self._active, "int", self.timeline.active, 1, styles),)
        self.reset()

    def reset(self) -> None:
        """A new clip: the schedule starts over, and nothing is kept."""
        self._cursor = TimelineCursor(self.timeline)
        self._playing = self.timeline.active
        self._by_schedule = False
        self._switches: dict[int, tuple[Switch, ...]] = {}
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
        """The style of the next chunk; arguments as ``TimelineCursor.advance`` has them."""
        moments = self._cursor.advance(first_frame, pts, cuts, live.get(self._active))
        if moments:
            style = moments[0].style
            scheduled = self._by_schedule or moments[0].scheduled
            self._by_schedule = any(moment.scheduled for moment in moments[1:])
            if style != self._playing and scheduled:
                self._switches[index] = (Switch(self._active, style, first_frame),)
            self._playing = style
        recipe = self.timeline.styles[self._playing - 1]
        key = (self._playing, str(live[f"{recipe.node_id}.prompt"]))
        if self._encoded is None or self._encoded[0] != key:
            self._encoded = (key, self._encode(recipe, *key))
        return self._encoded[1]

    def switches(self, index: int) -> tuple[Switch, ...]:
        """The switches that the schedule made in a chunk; asked once."""
        return self._switches.pop(index, ())
