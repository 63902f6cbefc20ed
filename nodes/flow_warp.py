"""FlowWarp: optical flow against flicker (schema now, engine in a later release)."""

from __future__ import annotations

from typing import Any

from .checks import not_yet
from .host import io, schema
from .sockets import CATEGORY, Flow, FrameStream


class FlowWarp(io.ComfyNode):
    """Blends each frame with the flow-warped one before it."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="FlowWarp",
            display_name="Flow Warp",
            category=CATEGORY,
            description=(
                "Steadies a stream with optical flow, or warps images along it. Comes in a later release: "
                "bypass it until then."
            ),
            search_aliases=["optical flow", "deflicker", "warp", "temporal consistency"],
            inputs=[
                FrameStream.Input("frames", optional=True, tooltip="The stream to steady."),
                io.Image.Input("images", optional=True, tooltip="Images to warp, instead of a stream."),
                io.Image.Input(
                    "guide", optional=True, tooltip="Images whose motion the warp follows, as many as images."
                ),
                io.Combo.Input(
                    "estimator",
                    options=["dis_fast", "dis_medium", "farneback"],
                    default="dis_fast",
                    optional=True,
                    tooltip="How motion is found: dis_fast is the quickest, farneback the smoothest.",
                ),
                io.Float.Input(
                    "scale",
                    default=0.5,
                    min=0.1,
                    max=1.0,
                    step=0.05,
                    optional=True,
                    tooltip="Size at which motion is found; smaller is faster and coarser.",
                ),
                io.Boolean.Input(
                    "occlusion",
                    default=True,
                    optional=True,
                    tooltip="Leave out what was hidden in the frame before.",
                ),
                io.Float.Input(
                    "blend",
                    default=0.5,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    optional=True,
                    tooltip="Share of the warped frame in the picture. Live: acts while the stream runs.",
                ),
            ],
            outputs=[
                FrameStream.Output(display_name="frames", tooltip="The steadied stream."),
                io.Image.Output(display_name="images", tooltip="The warped images."),
                Flow.Output(display_name="flow", tooltip="The motion that was found."),
            ],
            is_experimental=True,
        )

    @classmethod
    def execute(cls, **inputs: Any) -> io.NodeOutput:
        raise not_yet("FlowWarp")
