"""A random StreamEdit-DiT checkpoint in the documented layout, small enough to build in a test."""

from __future__ import annotations

from pathlib import Path

import torch
from tiny_rtr_dit import CHANNELS, WORDS, tiny_autoencoder

from livestyle.engine.autoencoders.latents import LatentFormat
from livestyle.engine.conditioning.ensemble import TextEncoder, TextEnsemble
from livestyle.engine.families.streamedit_dit.checkpoint import save_checkpoint
from livestyle.engine.families.streamedit_dit.profile import Profile
from livestyle.engine.networks.streamedit_dit.config import StreamEditDiTConfig
from livestyle.engine.networks.streamedit_dit.model import StreamEditDiT
from livestyle.engine.sampling.edit_stream import DIAGONAL, PIPELINED, SEQUENTIAL
from livestyle.lab.mllm_edit.training.text import build_tokenizer
from livestyle.lab.rtr_dit.training.sentences import build_sentence_encoder

SIZES = StreamEditDiTConfig(
    channels=CHANNELS,
    width=16,
    depth=2,
    heads=2,
    window=(2, 2, 2),
    ptcm_every=1,
    multi_scale_every=1,
    text=(("sentence", 96),),
)
PROFILE = Profile(
    (PIPELINED, DIAGONAL, SEQUENTIAL),
    latents=LatentFormat((0.1,) * CHANNELS, (0.9,) * CHANNELS),
    text_limits=(("sentence", 24),),
)


def write_tiny_checkpoint(folder: Path, name: str = "tiny-edit", profile: Profile = PROFILE) -> Path:
    """``folder/<name>`` and its autoencoder ``folder/tiny-video``; returns the checkpoint folder."""
    tiny_autoencoder(folder / "tiny-video")
    torch.manual_seed(0)
    network = StreamEditDiT(SIZES)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    tokenizer = build_tokenizer(WORDS, torch.linspace(1.0, 0.0, len(WORDS)), 600)
    encoder = build_sentence_encoder(tokenizer)
    text = TextEnsemble({"sentence": TextEncoder(encoder.model, tokenizer, 24)})
    save_checkpoint(folder / name, network, text, profile, "tiny-video")
    return folder / name
