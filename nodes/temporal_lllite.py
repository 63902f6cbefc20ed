"""TemporalLLLite: a temporal adapter on a streaming model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..engine.errors import SettingError, one_of
from ..engine.families import demo_adapters
from ..engine.families.base import ModelHandle, TemporalAdapter
from ..engine.motion.flow import FlowSettings
from ..engine.motion.refresh import RefreshPolicy
from ..engine.networks.lllite_file import describe_lllite
from . import host
from .checkpoints import fingerprint, weight_file, weight_files
from .declare import (
    Flow,
    StreamModelSocket,
    boolean_widget,
    check_widgets,
    combo_widget,
    float_widget,
    int_widget,
    schema,
)
from .host import io, plain_errors

NONE = "none"
FOLDERS = ("controlnet", "model_patches")
HOOKS = ("all", "down", "middle", "up")


class TemporalLLLite(io.ComfyNode):
    """Puts a temporal adapter on a model; several nodes in a row stack."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="TemporalLLLite",
            display_name="Temporal LLLite",
            description=(
                "Steadies a stylised stream: a small adapter shows the model its own previous picture, "
                "carried along the motion."
            ),
            search_aliases=["flicker", "temporal consistency", "lllite", "deflicker"],
            inputs=[
                StreamModelSocket.Input("model", tooltip="The model to put the adapter on."),
                Flow.Input(
                    "flow",
                    optional=True,
                    tooltip="How motion is found, from Flow Warp; open, it is dis_fast at half size.",
                ),
                combo_widget(
                    "adapter",
                    [NONE, *demo_adapters(), *weight_files(FOLDERS)],
                    (
                        "The adapter's weights: a demo of the pack, or a file in models/controlnet or "
                        "models/model_patches."
                    ),
                ),
                float_widget(
                    "multiplier",
                    1.0,
                    (0.0, 4.0),
                    0.05,
                    "How strongly the adapter acts; 0 switches it off. Live: acts while the stream runs.",
                ),
                combo_widget("hooks", HOOKS, "Which blocks of the network the adapter acts on."),
                int_widget(
                    "refresh_every",
                    1,
                    (0, 1000),
                    "Show it a new picture every this many chunks; 0 leaves it to motion and cuts.",
                ),
                float_widget(
                    "refresh_motion",
                    0.0,
                    (0.0, 64.0),
                    0.1,
                    "Show it a new picture when the source moved this many pixels on average; 0 is off.",
                ),
                boolean_widget(
                    "refresh_cuts",
                    True,
                    "Drop the old picture at every scene cut and show a new one after it.",
                ),
                boolean_widget(
                    "refresh_prompt",
                    True,
                    "Expert: drop the old picture when the prompt changes, so that its style goes.",
                ),
            ],
            outputs=[
                StreamModelSocket.Output(display_name="model", tooltip="The model with the adapter on.")
            ],
        )

    @classmethod
    def validate_inputs(cls, adapter: str = NONE) -> bool:
        """Leave the check of ``adapter`` to ``execute``, whose line says where files belong."""
        return True

    @classmethod
    def fingerprint_inputs(cls, adapter: str = NONE, **_: object) -> str | float:
        """Changes with the adapter's file; every time where that can't be told."""
        try:
            path = _path(adapter)
            return fingerprint(path) if path else ""
        except (SettingError, OSError):
            return float("nan")

    @classmethod
    @plain_errors
    def execute(
        cls,
        model: ModelHandle,
        flow: FlowSettings | None = None,
        adapter: str = NONE,
        multiplier: float = 1.0,
        hooks: str = "all",
        refresh_every: int = 1,
        refresh_motion: float = 0.0,
        refresh_cuts: bool = True,
        refresh_prompt: bool = True,
    ) -> io.NodeOutput:
        check_widgets(cls, locals())
        node_id, path = str(cls.hidden.unique_id), _path(adapter)
        if not path:
            host.show_text(node_id, "adapter is none: the model passes as it is")
            return io.NodeOutput(model)
        host.show_text(node_id, describe_lllite(Path(path)))
        patch = TemporalAdapter(
            path,
            hooks=one_of("hooks", hooks, HOOKS),
            multiplier=multiplier,
            refresh=RefreshPolicy(refresh_every, refresh_motion, refresh_cuts, refresh_prompt),
            flow=flow or FlowSettings(),
            fingerprint=fingerprint(path),
            node_id=node_id,
        )
        return io.NodeOutput(replace(model, patches=(*model.patches, patch)))


def _path(adapter: str) -> str:
    """Absolute path of the widget's choice, a demo's too; ``""`` for none."""
    demo = demo_adapters().get(adapter)
    return str(demo) if demo else weight_file("adapter", adapter, NONE, FOLDERS)
