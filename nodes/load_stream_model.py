"""LoadStreamModel: which checkpoint a stream runs on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..engine.errors import LiveStyleError, SettingError, one_of
from ..engine.families import identify, probe, profiles
from ..engine.families.base import ModelHandle
from ..engine.families.devices import choices, devices_of
from ..engine.families.mllm_edit.loader import FP16_REFUSED
from ..engine.families.summary import summary
from . import host
from .checkpoints import (
    checkpoint_names,
    checkpoint_path,
    fetch_missing,
    fingerprint,
    weight_file,
    weight_files,
)
from .declare import StreamModelSocket, boolean_widget, check_widgets, combo_widget, float_widget, schema
from .host import io, plain_errors

AUTO = "auto"
NONE = "none"
DTYPES = (AUTO, "bf16", "fp32", "fp8")

PARTS = {
    "autoencoder": (AUTO, ("vae", "vae_approx")),
    "text_encoder": (AUTO, ("text_encoders",)),
    "lora": (NONE, ("loras",)),
}
"""Widgets that choose a file: the choice that means none, and ComfyUI's folders."""

FILES = {
    "autoencoder": "Pixels to latents and back; auto: the checkpoint's own. DreamLite: half of taesdxl.",
    "text_encoder": "Reads the instruction; auto: the checkpoint's own, or a UMT5 for causal video models.",
    "lora": "A LoRA for the model's U-Net, an LCM-LoRA for example.",
}
"""What they say."""

DEVICES = {
    "device": "Where the model computes; auto: where ComfyUI does. Nothing spreads over cards unasked.",
    "text_encoder_device": "Where prompts are read; auto: with the model. A second card saves memory.",
    "autoencoder_device": "Pixels to latents and back; auto: with the model. A second card saves time.",
}
"""Widgets that choose a device, and what they say."""


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
                *(
                    combo_widget(name, [absent, *weight_files(folders)], FILES[name])
                    for name, (absent, folders) in PARTS.items()
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
                *(combo_widget(name, [AUTO, *choices(name)], tip) for name, tip in DEVICES.items()),
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
        device: str = AUTO,
        text_encoder_device: str = AUTO,
        autoencoder_device: str = AUTO,
    ) -> io.NodeOutput:
        given = locals().copy()
        check_widgets(cls, given)
        if dtype == "fp16":
            raise SettingError(FP16_REFUSED)
        one_of("dtype", dtype, DTYPES)
        one_of("profile", profile, (AUTO, *profiles()))
        node_id = str(cls.hidden.unique_id)
        if download:
            fetch_missing(checkpoint, node_id)
        path = checkpoint_path(checkpoint)
        family = probe(Path(path))
        chosen = {name: weight_file(name, given[name], *PARTS[name]) for name in PARTS}
        handle = ModelHandle(
            checkpoint=path,
            dtype=dtype,
            lora_strength=lora_strength,
            host_text=host.text_file(chosen["text_encoder"]),
            profile="" if profile == AUTO else profile,
            fingerprint=fingerprint(path, *chosen.values()),
            node_id=node_id,
            **chosen,
            **{name: "" if given[name] == AUTO else given[name] for name in DEVICES},
        )
        told, devices = identify(handle), devices_of(handle, host.residency.device)
        free = {each: host.free_memory(each) for each in devices.each}
        line = summary(family.name, handle, host.weights_dtype(dtype, devices.denoiser), free)
        host.show_text(node_id, f"{line}; {told}" if told else line)
        return io.NodeOutput(handle)
