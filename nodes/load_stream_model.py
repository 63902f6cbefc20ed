"""LoadStreamModel: which checkpoint a stream runs on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from ..engine.errors import LiveStyleError, SettingError
from ..engine.families import identify, probe, profiles, release_of, weight_bytes
from ..engine.families.base import ModelHandle
from ..engine.families.mllm_edit.loader import FP16_REFUSED
from . import host
from .checkpoints import (
    checkpoint_names,
    checkpoint_path,
    fetch_missing,
    fingerprint,
    weight_file,
    weight_files,
)
from .checks import one_of
from .declare import StreamModelSocket, boolean_widget, check_widgets, combo_widget, float_widget, schema
from .host import io, plain_errors

AUTO = "auto"
NONE = "none"
DTYPES = (AUTO, "bf16", "fp32", "fp8")
AUTOENCODER_FOLDERS = ("vae", "vae_approx")
TEXT_ENCODER_FOLDERS = ("text_encoders",)
LORA_FOLDERS = ("loras",)

PARTS = {
    "autoencoder": (AUTO, AUTOENCODER_FOLDERS),
    "text_encoder": (AUTO, TEXT_ENCODER_FOLDERS),
    "lora": (NONE, LORA_FOLDERS),
}
"""Widgets that choose a file: the choice that means none, and ComfyUI's folders."""


class LoadStreamModel(io.ComfyNode):
    """Names a model; the session loads it when it starts."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="LoadStreamModel",
            display_name="Load Stream Model",
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
                        "The model. Names that begin with 'demo' come with the pack and run on a plain CPU; "
                        "the DreamLite ones can be fetched."
                    ),
                ),
                combo_widget(
                    "autoencoder",
                    [AUTO, *weight_files(AUTOENCODER_FOLDERS)],
                    "Pixels to latents and back; auto: the checkpoint's own. DreamLite: half of taesdxl.",
                ),
                combo_widget(
                    "text_encoder",
                    [AUTO, *weight_files(TEXT_ENCODER_FOLDERS)],
                    "Reads the instruction; auto: the checkpoint's own, or a UMT5 for causal video models.",
                ),
                combo_widget(
                    "lora",
                    [NONE, *weight_files(LORA_FOLDERS)],
                    "A LoRA for the model's U-Net, an LCM-LoRA for example.",
                ),
                float_widget(
                    "lora_strength",
                    1.0,
                    (-4.0, 4.0),
                    0.05,
                    "How strongly the LoRA acts, 0 is off. Live: acts while the stream runs.",
                ),
                combo_widget(
                    "dtype",
                    DTYPES,
                    "Number format; auto: the fastest here. fp8 halves the memory and needs torchao.",
                ),
                boolean_widget(
                    "download",
                    False,
                    (
                        "Fetch the chosen checkpoint from huggingface.co if it is not here (several GB). By "
                        "switching it on you accept its licence; DreamLite's is CC BY-NC 4.0, non-commercial."
                    ),
                ),
                combo_widget(
                    "profile",
                    [AUTO, *profiles()],
                    (
                        "For causal video models: which published checkpoint this is played as. auto reads "
                        "it from the file, and asks where that does not tell."
                    ),
                ),
            ],
            outputs=[StreamModelSocket.Output(display_name="model", tooltip="Connect it to Stream Denoise.")],
        )

    @classmethod
    def validate_inputs(cls, checkpoint: str) -> bool:
        """Leave the check of ``checkpoint`` to ``execute``, whose line names what there is."""
        return True

    @classmethod
    def fingerprint_inputs(cls, checkpoint: str | None = None, **parts: Any) -> str | float:
        """Changes with the files behind the choices; every time where that can't be told."""
        try:
            chosen = [
                weight_file(widget, parts.get(widget, absent), absent, folders)
                for widget, (absent, folders) in PARTS.items()
            ]
            text = host.text_file()
            return fingerprint(checkpoint_path(checkpoint or ""), *chosen, text.path if text else "")
        except (LiveStyleError, OSError):
            return float("nan")

    @classmethod
    @plain_errors
    def execute(
        cls,
        checkpoint: str,
        autoencoder: str = AUTO,
        text_encoder: str = AUTO,
        lora: str = NONE,
        lora_strength: float = 1.0,
        dtype: str = AUTO,
        download: bool = False,
        profile: str = AUTO,
    ) -> io.NodeOutput:
        check_widgets(cls, locals())
        if dtype == "fp16":
            raise SettingError(FP16_REFUSED)
        one_of("dtype", dtype, DTYPES)
        one_of("profile", profile, (AUTO, *profiles()))
        node_id = str(cls.hidden.unique_id)
        if download:
            fetch_missing(checkpoint, node_id)
        path = checkpoint_path(checkpoint)
        family = probe(Path(path))
        values = {"autoencoder": autoencoder, "text_encoder": text_encoder, "lora": lora}
        chosen = {name: weight_file(name, values[name], *PARTS[name]) for name in PARTS}
        handle = ModelHandle(
            checkpoint=path,
            dtype=dtype,
            lora_strength=lora_strength,
            host_text=host.text_file(chosen["text_encoder"]),
            profile="" if profile == AUTO else profile,
            fingerprint=fingerprint(path, *chosen.values()),
            node_id=node_id,
            **chosen,
        )
        told = identify(handle)
        line = summary(family.name, handle, host.weights_dtype(dtype), host.free_memory())
        host.show_text(node_id, f"{line}; {told}" if told else line)
        return io.NodeOutput(handle)


def summary(family: str, handle: ModelHandle, dtype: torch.dtype, free: int) -> str:
    """One line before anything is loaded: memory by part, what is free, and the licence."""
    sizes = weight_bytes(handle, dtype)
    parts = ", ".join(f"{part} {_size(size)}" for part, size in sizes.items())
    form = "fp8" if handle.dtype == "fp8" else str(dtype).removeprefix("torch.")
    line = f"{family}: {_size(sum(sizes.values()))} of weights in {form} ({parts}); {_size(free)} free"
    release = release_of(Path(handle.checkpoint))
    return f"{line}; {release.licence}, {release.terms}" if release else line


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
