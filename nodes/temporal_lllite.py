"""TemporalLLLite: a temporal adapter for a streaming model (schema now, engine in a later release)."""

from __future__ import annotations

from typing import Any

from .checks import not_yet
from .host import io, model_files, schema
from .sockets import CATEGORY, Flow, StreamModelSocket


class TemporalLLLite(io.ComfyNode):
    """Puts a temporal adapter on a model."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="TemporalLLLite",
            display_name="Temporal LLLite",
            category=CATEGORY,
            description=(
                "Steadies a stylised stream with a small adapter. Comes in a later release: bypass it until "
                "then."
            ),
            search_aliases=["flicker", "temporal consistency", "lllite", "deflicker"],
            inputs=[
                StreamModelSocket.Input("model", tooltip="The model to put the adapter on."),
                Flow.Input(
                    "flow", optional=True, tooltip="Motion to follow; without it the node estimates its own."
                ),
                io.Combo.Input(
                    "adapter",
                    options=["none", *model_files("controlnet")],
                    default="none",
                    optional=True,
                    tooltip="The adapter's weights, from models/controlnet.",
                ),
                io.Float.Input(
                    "multiplier",
                    default=1.0,
                    min=0.0,
                    max=4.0,
                    step=0.05,
                    optional=True,
                    tooltip=(
                        "How strongly the adapter acts; 0 switches it off. Live: acts while the stream runs."
                    ),
                ),
                io.Combo.Input(
                    "hooks",
                    options=["all", "down", "middle", "up"],
                    default="all",
                    optional=True,
                    tooltip="Which blocks of the network the adapter acts on.",
                ),
                io.Int.Input(
                    "refresh_every",
                    default=1,
                    min=0,
                    max=1000,
                    optional=True,
                    tooltip="Renew the condition every this many frames; 0 leaves it to motion and cuts.",
                ),
                io.Float.Input(
                    "refresh_motion",
                    default=0.0,
                    min=0.0,
                    max=64.0,
                    step=0.1,
                    optional=True,
                    tooltip=(
                        "Renew the condition when the picture moved this many pixels on average; 0 is off."
                    ),
                ),
                io.Boolean.Input(
                    "refresh_cuts",
                    default=True,
                    optional=True,
                    tooltip="Renew the condition at every scene cut.",
                ),
            ],
            outputs=[
                StreamModelSocket.Output(display_name="model", tooltip="The model with the adapter on.")
            ],
            is_experimental=True,
        )

    @classmethod
    def execute(cls, **inputs: Any) -> io.NodeOutput:
        raise not_yet("TemporalLLLite")
