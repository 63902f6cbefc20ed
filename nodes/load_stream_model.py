"""LoadStreamModel: which checkpoint a stream runs on."""

from __future__ import annotations

from pathlib import Path

from ..engine.errors import CheckpointError, SettingError
from ..engine.families import estimate_bytes, probe
from ..engine.families.base import ModelHandle
from . import host
from .checkpoints import checkpoint_names, checkpoint_path, fingerprint
from .checks import one_of, within
from .host import io, schema
from .sockets import CATEGORY, StreamModelSocket

AUTO = "auto"
NONE = "none"
DTYPES = (AUTO, "bf16", "fp32")
AUTOENCODER_FOLDERS = ("vae", "vae_approx")
TEXT_ENCODER_FOLDERS = ("text_encoders",)
LORA_FOLDERS = ("loras",)


class LoadStreamModel(io.ComfyNode):
    """Names a model; the session loads it when it starts."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="LoadStreamModel",
            display_name="Load Stream Model",
            category=CATEGORY,
            description=(
                "Chooses a streaming diffusion model: a demo checkpoint of the pack, or one in "
                "models/stream_models."
            ),
            search_aliases=["checkpoint", "model loader", "dreamlite", "streamdit", "rtr-dit", "streamedit"],
            inputs=[
                io.Combo.Input(
                    "checkpoint",
                    options=checkpoint_names(),
                    tooltip=(
                        "The model. Names that begin with 'demo' come with the pack and run on a plain CPU."
                    ),
                ),
                io.Combo.Input(
                    "autoencoder",
                    options=[AUTO, *_safetensors(AUTOENCODER_FOLDERS)],
                    default=AUTO,
                    optional=True,
                    tooltip=(
                        "Turns pixels into latents and back; auto takes the one that belongs to the "
                        "checkpoint."
                    ),
                ),
                io.Combo.Input(
                    "text_encoder",
                    options=[AUTO, *_safetensors(TEXT_ENCODER_FOLDERS)],
                    default=AUTO,
                    optional=True,
                    tooltip="Reads the instruction; auto takes the one that belongs to the checkpoint.",
                ),
                io.Combo.Input(
                    "lora",
                    options=[NONE, *_safetensors(LORA_FOLDERS)],
                    default=NONE,
                    optional=True,
                    tooltip="A LoRA to put on the model.",
                ),
                io.Float.Input(
                    "lora_strength",
                    default=1.0,
                    min=-4.0,
                    max=4.0,
                    step=0.05,
                    optional=True,
                    tooltip="How strongly the LoRA acts; 0 switches it off. Live where the model allows it.",
                ),
                io.Combo.Input(
                    "dtype",
                    options=list(DTYPES),
                    default=AUTO,
                    optional=True,
                    tooltip="Number format of the weights; auto takes the fastest that this machine has.",
                ),
            ],
            outputs=[StreamModelSocket.Output(display_name="model", tooltip="Connect it to Stream Denoise.")],
            hidden=[io.Hidden.unique_id],
            not_idempotent=True,  # the output names this node, so an equal node must not share it
        )

    @classmethod
    def validate_inputs(cls, checkpoint: str) -> bool:
        """Leave the check of ``checkpoint`` to ``execute``, whose line names what there is."""
        return True

    @classmethod
    def fingerprint_inputs(cls, checkpoint: str | None = None, **_: object) -> str | float:
        """Changes with the checkpoint's files; every time where that can't be told."""
        try:
            return fingerprint(checkpoint_path(checkpoint or ""))
        except (CheckpointError, OSError):
            return float("nan")

    @classmethod
    def execute(
        cls,
        checkpoint: str,
        autoencoder: str = AUTO,
        text_encoder: str = AUTO,
        lora: str = NONE,
        lora_strength: float = 1.0,
        dtype: str = AUTO,
    ) -> io.NodeOutput:
        within("lora_strength", lora_strength, -4, 4)
        path = checkpoint_path(checkpoint)
        family = probe(Path(path))
        handle = ModelHandle(
            checkpoint=path,
            autoencoder=_found("autoencoder", autoencoder, AUTO, AUTOENCODER_FOLDERS),
            text_encoder=_found("text_encoder", text_encoder, AUTO, TEXT_ENCODER_FOLDERS),
            dtype=one_of("dtype", dtype, DTYPES),
            lora=_found("lora", lora, NONE, LORA_FOLDERS),
            lora_strength=lora_strength,
            fingerprint=fingerprint(path),
            node_id=str(cls.hidden.unique_id),
        )
        host.show_text(handle.node_id, f"{family}, about {estimate_bytes(handle) / 1e6:.0f} MB of weights")
        return io.NodeOutput(handle)


def _safetensors(folders: tuple[str, ...]) -> list[str]:
    names = (name for folder in folders for name in host.model_files(folder))
    return sorted({name for name in names if name.endswith(".safetensors")})


def _found(widget: str, name: str, absent: str, folders: tuple[str, ...]) -> str:
    """Absolute path of a widget's choice, ``""`` for the choice that means none.

    Raises:
        SettingError: no such file.
    """
    if name == absent:
        return ""
    for folder in folders:
        path = host.model_path(folder, name)
        if path is not None:
            return path
    raise SettingError(
        f"{widget} '{name}' is not in models/{' or models/'.join(folders)}: choose '{absent}' or another."
    )
