"""KVCacheStyleSwitch: change style in mid-stream, by hand or by schedule."""

from __future__ import annotations

from ..engine.cache.switch import POLICIES
from ..engine.conditioning.blend import INTERPOLATIONS
from ..engine.conditioning.recipe import ConditioningRecipe
from ..engine.conditioning.timeline import AnyConditioning, StyleTimeline, parse_schedule
from ..engine.errors import SettingError, one_of
from .checks import within
from .declare import StreamConditioning, check_widgets, combo_widget, int_widget, schema, string_widget
from .host import io, plain_errors

STYLES = 8
LONGEST_SCHEDULE = 4000


class KVCacheStyleSwitch(io.ComfyNode):
    """Puts up to eight styles on a timeline; another such node as the first style adds its own."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        more_styles = [
            StreamConditioning.Input(f"style_{number}", optional=True, tooltip=f"Style {number}.")
            for number in range(2, STYLES + 1)
        ]
        return schema(
            node_id="KVCacheStyleSwitch",
            display_name="KV Cache Style Switch",
            description=(
                "Switches between styles in mid-stream without a seam, by hand, by schedule or at scene cuts."
            ),
            search_aliases=["style switch", "prompt travel", "prompt schedule", "crossfade"],
            inputs=[
                StreamConditioning.Input("style", tooltip="Style 1, the one the stream starts with."),
                *more_styles,
                int_widget(
                    "active", 1, (1, STYLES), "The style that plays now. Live: acts while the stream runs."
                ),
                string_widget(
                    "schedule",
                    "",
                    "When to switch by itself: frame, second or scene cut, then the style.",
                    placeholder="0:1, 120:2, 8s:3, cut:next",
                ),
                combo_widget(
                    "policy", POLICIES, "What happens to the model's memory of the old style at a switch."
                ),
                int_widget("keep_frames", 0, (0, 256), "How many frames of that memory survive a switch."),
                int_widget(
                    "blend_frames", 8, (0, 256), "Over how many frames the policy 'blend' crosses over."
                ),
                combo_widget(
                    "interpolation",
                    INTERPOLATIONS,
                    "How 'blend' goes over: lerp in a straight line, slerp along an arc.",
                ),
            ],
            outputs=[StreamConditioning.Output(display_name="style", tooltip="The style that plays.")],
            is_experimental=True,
        )

    @classmethod
    @plain_errors
    def execute(
        cls,
        style: AnyConditioning,
        style_2: AnyConditioning | None = None,
        style_3: AnyConditioning | None = None,
        style_4: AnyConditioning | None = None,
        style_5: AnyConditioning | None = None,
        style_6: AnyConditioning | None = None,
        style_7: AnyConditioning | None = None,
        style_8: AnyConditioning | None = None,
        active: int = 1,
        schedule: str = "",
        policy: str = POLICIES[0],
        keep_frames: int = 0,
        blend_frames: int = 8,
        interpolation: str = INTERPOLATIONS[0],
    ) -> io.NodeOutput:
        check_widgets(cls, locals())
        if len(schedule) > LONGEST_SCHEDULE:
            raise SettingError(
                f"schedule has {len(schedule)} characters: shorten it to {LONGEST_SCHEDULE} at most."
            )
        styles = _styles(style, (style_2, style_3, style_4, style_5, style_6, style_7, style_8))
        within("active", active, 1, len(styles))
        timeline = StyleTimeline(
            styles=styles,
            active=active,
            triggers=parse_schedule(schedule, len(styles)),
            policy=one_of("policy", policy, POLICIES),
            keep_frames=keep_frames,
            blend_frames=blend_frames,
            interpolation=one_of("interpolation", interpolation, INTERPOLATIONS),
            node_id=str(cls.hidden.unique_id),
        )
        return io.NodeOutput(timeline)


def _styles(
    first: AnyConditioning, more: tuple[AnyConditioning | None, ...]
) -> tuple[ConditioningRecipe, ...]:
    """All styles in order; those of a timeline on the first input come first.

    Raises:
        SettingError: an input before a connected one is empty, or a timeline is not the first.
    """
    styles = list(StyleTimeline.of(first).styles)
    last = max((place for place, style in enumerate(more) if style is not None), default=-1)
    for number, style in enumerate(more[: last + 1], start=2):
        if style is None:
            raise SettingError(f"style_{number} is empty but style_{last + 2} is not: connect them in order.")
        if isinstance(style, StyleTimeline):
            raise SettingError(f"style_{number} is a style switch: connect it to the first input, style.")
        styles.append(style)
    return tuple(styles)
