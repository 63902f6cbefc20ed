"""Writes a trained student as a checkpoint folder: what the loader of the family reads."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save_file

from ....engine.networks.causal_wan import CausalWan
from .recipe import Recipe
from .sentences import SentenceEncoder

NOTE, WEIGHTS = "livestyle.json", "diffusion_pytorch_model.safetensors"


def save_rtr_dit(
    net: CausalWan, encoder: SentenceEncoder, recipe: Recipe, folder: Path, autoencoder: str, fps: int = 24
) -> None:
    """Weights in bfloat16 with the original Wan key names, text encoder, and how to run them.

    Args:
        autoencoder: folder name of the autoencoder beside this checkpoint.
        fps: frames per second that it was trained on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: t.to(torch.bfloat16).contiguous() for name, t in net.state_dict().items()}
    save_file(tensors, folder / WEIGHTS)
    encoder.save(folder)
    profile = {
        "injection": "channel",
        "prediction": recipe.prediction,
        "steps": list(recipe.steps),
        "shift": recipe.shift,
        "warped": True,
        "block": recipe.block,
        "window": recipe.window,
        "sink": recipe.sink,
        "context_noise": 0.0,
        "clean_pass": True,
        "rope": "relative",
        "text_length": encoder.length,
        "source_space": "normalised",
        "fps": fps,
        "text": "sentence",
    }
    note = {
        "family": "rtr_dit",
        "profile": profile,
        "network": asdict(net.config),
        "shared": {"vae": autoencoder},
    }
    (folder / NOTE).write_text(json.dumps(note, indent=1) + "\n")
