"""A random MLLM-edit checkpoint, small enough to build in a test, in the published layout."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import AutoencoderTiny, DreamLiteUNetModel

from livestyle.engine.families.mllm_edit.denoiser import Denoiser
from livestyle.engine.families.mllm_edit.profile import Profile
from livestyle.lab.mllm_edit.training.text import build_encoder, build_tokenizer
from livestyle.lab.training.package import save_autoencoder, save_mllm_edit

WORDS = ["paint", "picture", "colour", "sketch", "light", "dark", "water", "stone", "glass", "paper"]
SIDE, LENGTH = 64, 96


def tiny_unet(injection: str, channels: int = 4, text_width: int = 96, width: int = 32) -> DreamLiteUNetModel:
    """DreamLite's block types, ``width`` wide; random weights by the global seed."""
    return DreamLiteUNetModel(
        sample_size=16,
        in_channels=channels * (2 if injection == "channel" else 1),
        out_channels=channels,
        block_out_channels=(width, width, 2 * width),
        layers_per_block=1,
        attention_head_dim=(2, 2, 4),
        transformer_layers_per_block=(1, 1, 1),
        cross_attention_dim=48,
        encoder_hid_dim=text_width,
        encoder_hid_dim_type="text_proj_rms",
        addition_embed_type="time",
        addition_time_embed_dim=32,
        projection_class_embeddings_input_dim=64,
        num_kv_heads=1,
        ff_mult=2,
        use_linear_projection=True,
    )


def write_tiny_checkpoint(
    folder: Path, injection: str = "channel", prediction: str = "x0", width: int = 32
) -> Path:
    """``folder/tiny`` and its autoencoder ``folder/tiny-vae``; returns the checkpoint folder."""
    torch.manual_seed(0)
    tokenizer = build_tokenizer(WORDS, torch.linspace(1.0, 0.0, len(WORDS)), 700)
    profile = Profile(injection, prediction, SIDE, LENGTH)
    autoencoder = AutoencoderTiny(
        encoder_block_out_channels=(16,) * 4,
        decoder_block_out_channels=(16,) * 4,
        num_encoder_blocks=(1, 1, 1, 1),
        num_decoder_blocks=(1, 1, 1, 1),
        latent_channels=4,
    )
    save_autoencoder(autoencoder, folder / "tiny-vae")
    save_mllm_edit(
        Denoiser(tiny_unet(injection, width=width), profile),
        build_encoder(tokenizer),
        folder / "tiny",
        "tiny-vae",
    )
    return folder / "tiny"
