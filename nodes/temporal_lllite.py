"""TemporalLLLite: a temporal adapter on a streaming model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..engine.errors import SettingError
from ..engine.families import demo_adapters
from ..engine.families.base import ModelHandle, TemporalAdapter
from ..engine.motion.flow import FlowSettings
from ..engine.motion.refresh import RefreshPolicy
from ..engine.networks.lllite_file import describe_lllite
from . import host
from .checkpoints import fingerprint
from .checks import one_of, within
from .host import advanced, io, schema
from .sockets import CATEGORY, Flow, StreamModelSocket

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
            category=CATEGORY,
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
                io.Combo.Input(
                    "adapter",
                    options=[NONE, *demo_adapters(), *_files()],
                    default=NONE,
                    optional=True,
                    tooltip=(
                        "The adapter's weights: a demo of the pack, or a file in models/controlnet or "
                        "models/model_patches."
                    ),
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
                    options=list(HOOKS),
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
                    tooltip="Show it a new picture every this many chunks; 0 leaves it to motion and cuts.",
                ),
                io.Float.Input(
                    "refresh_motion",
                    default=0.0,
                    min=0.0,
                    max=64.0,
                    step=0.1,
                    optional=True,
                    tooltip=(
                        "Show it a new picture when the source moved this many pixels on average; 0 is off."
                    ),
                ),
                io.Boolean.Input(
                    "refresh_cuts",
                    default=True,
                    optional=True,
                    tooltip="Drop the old picture at every scene cut and show a new one after it.",
                ),
                advanced(
                    io.Boolean.Input,
                    "refresh_prompt",
                    default=True,
                    optional=True,
                    tooltip="Expert: drop the old picture when the prompt changes, so that its style goes.",
                ),
            ],
            outputs=[
                StreamModelSocket.Output(display_name="model", tooltip="The model with the adapter on.")
            ],
            hidden=[io.Hidden.unique_id],
            not_idempotent=True,  # the output names this node, so an equal node must not share it
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
        within("multiplier", multiplier, 0, 4)
        within("refresh_every", refresh_every, 0, 1000)
        within("refresh_motion", refresh_motion, 0, 64)
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


def _files() -> list[str]:
    names = (name for folder in FOLDERS for name in host.model_files(folder))
    return sorted({name for name in names if name.endswith(".safetensors")})


def _path(adapter: str) -> str:
    """Absolute path of the widget's choice, ``""`` for none.

    Raises:
        SettingError: no such file.
    """
    if adapter == NONE:
        return ""
    demos = demo_adapters()
    if adapter in demos:
        return str(demos[adapter])
    for folder in FOLDERS:
        path = host.model_path(folder, adapter)
        if path is not None:
            return path
    raise SettingError(
        f"adapter '{adapter}' is not in models/{' or models/'.join(FOLDERS)}: choose '{NONE}' or another."
    )
