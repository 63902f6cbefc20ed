"""A checkpoint folder, which the family's loader reads: written from a student, read to go on training."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from ....engine.autoencoders.load import load_video_autoencoder
from ....engine.autoencoders.video import VideoAutoencoder
from ....engine.networks.causal_wan import CausalWan
from ....engine.networks.causal_wan.config import PATCH
from ...training.graft import PatchMaps, graft
from .recipe import Recipe
from .sentences import SentenceEncoder
from .triples import clip_latents

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


def moved_weights(
    checkpoint: Path, autoencoder: VideoAutoencoder, windows: np.ndarray
) -> dict[str, torch.Tensor]:
    """A written checkpoint's weights, moved to another autoencoder; see ``training.graft``.

    Args:
        windows: uint8 RGB clips (N, V, T, S, S, 3), in which the two latent spaces are compared.
    """
    name = json.loads((checkpoint / NOTE).read_text())["shared"]["vae"]
    before = load_video_autoencoder(checkpoint.parent / name, torch.bfloat16)
    shown = [windows[index, 0] for index in range(0, len(windows), max(1, len(windows) // 64))]
    old, new = (torch.cat([clip_latents(each, clip) for clip in shown]) for each in (before, autoencoder))
    return graft(load_file(checkpoint / WEIGHTS), PatchMaps.fit(old, new, PATCH), channels_last=True)
