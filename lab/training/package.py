"""Writes trained weights as a checkpoint folder in the published diffusers layout, with a model card."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import torch
from diffusers import AutoencoderTiny, FlowMatchEulerDiscreteScheduler

from ...engine.conditioning.mllm import MLLMEncoder
from ...engine.families.mllm_edit.denoiser import Denoiser
from ...engine.families.note import NOTE
from .processor import image_processor

SCHEDULER = {
    "num_train_timesteps": 1000,
    "shift": 3.0,
    "use_dynamic_shifting": True,
    "base_shift": 0.5,
    "max_shift": 1.15,
    "base_image_seq_len": 256,
    "max_image_seq_len": 4096,
    "time_shift_type": "exponential",
}


def save_autoencoder(model: AutoencoderTiny, folder: Path) -> None:
    """``demo-image``: weights in bfloat16."""
    model.to(torch.bfloat16).to(memory_format=torch.contiguous_format).save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    del config["block_out_channels"]  # diffusers writes it and then warns that it does not know it
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def save_mllm_edit(denoiser: Denoiser, encoder: MLLMEncoder, folder: Path, autoencoder: str) -> None:
    """The parts of a DreamLite folder, in bfloat16; the autoencoder is named, not copied.

    Args:
        autoencoder: folder name of the autoencoder beside this checkpoint.
    """
    contiguous = {"memory_format": torch.contiguous_format}
    denoiser.unet.to(torch.bfloat16).to(**contiguous).save_pretrained(folder / "unet")
    encoder.model.to(torch.bfloat16).save_pretrained(folder / "text_encoder")
    _spell_rope_twice(folder / "text_encoder" / "config.json")
    encoder.tokenizer.save_pretrained(folder / "tokenizer")
    FlowMatchEulerDiscreteScheduler(**SCHEDULER).save_pretrained(folder / "scheduler")
    image_processor(encoder).save_pretrained(folder / "processor")
    index = {
        "_class_name": "DreamLiteMobilePipeline",
        "unet": ["diffusers", "DreamLiteUNetModel"],
        "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
        "text_encoder": ["transformers", "Qwen3VLModel"],
        "tokenizer": ["transformers", "PreTrainedTokenizerFast"],
        "processor": ["transformers", "Qwen2VLImageProcessor"],
        "vae": ["diffusers", "AutoencoderTiny"],
    }
    (folder / "model_index.json").write_text(json.dumps(index, indent=1) + "\n")
    note = {**denoiser.profile.as_json(), "shared": {"vae": autoencoder}}
    (folder / NOTE).write_text(json.dumps(note, indent=1) + "\n")


def weight_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every weight file below a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.safetensors"))
    }


def _spell_rope_twice(config: Path) -> None:
    """transformers from 5 on writes ``rope_parameters``; before, it reads only the two older keys."""
    written = json.loads(config.read_text())
    text = written["text_config"]
    if rope := text.get("rope_parameters"):
        text["rope_scaling"] = {key: value for key, value in rope.items() if key != "rope_theta"}
        text["rope_theta"] = rope["rope_theta"]
    config.write_text(json.dumps(written, indent=2, sort_keys=True) + "\n")
