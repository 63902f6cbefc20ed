"""KVCacheStyleSwitch: change style in mid-stream (schema now, engine in a later release)."""

from __future__ import annotations

from typing import Any

from .checks import not_yet
from .host import io, schema
from .sockets import CATEGORY, StreamConditioning

POLICIES = ("refresh_last", "recache_window", "rebuild_each_block", "cross_attn_only", "hard_reset", "blend")
STYLES = 8


class KVCacheStyleSwitch(io.ComfyNode):
    """Chooses between up to eight styles while the stream plays."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        more_styles = [
            StreamConditioning.Input(f"style_{number}", optional=True, tooltip=f"Style {number}.")
            for number in range(2, STYLES + 1)
        ]
        return schema(
            node_id="KVCacheStyleSwitch",
            display_name="KV Cache Style Switch",
            category=CATEGORY,
            description=(
                "Switches between styles in mid-stream without a seam. Comes in a later release: bypass it "
                "until then."
            ),
            search_aliases=["style switch", "prompt travel", "prompt schedule", "crossfade"],
            inputs=[
                StreamConditioning.Input("style", tooltip="Style 1, the one the stream starts with."),
                *more_styles,
                io.Int.Input(
                    "active",
                    default=1,
                    min=1,
                    max=STYLES,
                    optional=True,
                    tooltip="The style that plays now. Live: acts while the stream runs.",
                ),
                io.String.Input(
                    "schedule",
                    default="",
                    optional=True,
                    placeholder="0:1, 120:2, 8s:3, cut:next",
                    tooltip="When to switch by itself: frame, second or scene cut, then the style.",
                ),
                io.Combo.Input(
                    "policy",
                    options=list(POLICIES),
                    default=POLICIES[0],
                    optional=True,
                    tooltip="What happens to the model's memory of the old style at a switch.",
                ),
                io.Int.Input(
                    "keep_frames",
                    default=0,
                    min=0,
                    max=256,
                    optional=True,
                    tooltip="How many frames of that memory survive a switch.",
                ),
                io.Int.Input(
                    "blend_frames",
                    default=8,
                    min=0,
                    max=256,
                    optional=True,
                    tooltip="Over how many frames the policy 'blend' crosses over.",
                ),
            ],
            outputs=[StreamConditioning.Output(display_name="style", tooltip="The style that plays.")],
            is_experimental=True,
        )

    @classmethod
    def execute(cls, **inputs: Any) -> io.NodeOutput:
        raise not_yet("KVCacheStyleSwitch")
