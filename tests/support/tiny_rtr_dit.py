"""Random causal video checkpoints, small enough to build in a test, in the layouts that are published."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import PreTrainedTokenizerFast, UMT5Config, UMT5EncoderModel

from livestyle.engine.autoencoders.taehv import save_taehv
from livestyle.engine.networks.causal_wan import CausalWan, CausalWanConfig
from livestyle.engine.networks.taehv import TAEHV, TAEHVConfig
from livestyle.lab.mllm_edit.training.text import build_tokenizer
from livestyle.lab.rtr_dit.training.package import save_rtr_dit
from livestyle.lab.rtr_dit.training.recipe import Recipe
from livestyle.lab.rtr_dit.training.sentences import build_sentence_encoder

WORDS = ["paint", "picture", "colour", "sketch", "light", "dark", "water", "stone", "glass", "paper"]
CHANNELS, TEXT, ROWS = 4, 32, 16


def tiny_autoencoder(folder: Path, lead: int = 3) -> Path:
    """4 channels, 4x8x8; ``lead=0`` looks ahead as the published ones do."""
    torch.manual_seed(1)
    config = TAEHVConfig(
        latent_channels=CHANNELS,
        encoder_channels=(8, 8, 8, 8),
        encoder_blocks=(1, 1, 1),
        decoder_channels=(8, 8, 8, 8),
        decoder_blocks=(1, 1, 1),
        lead=lead,
    )
    save_taehv(TAEHV(config), folder)
    return folder


def tiny_wan(
    in_channels: int = CHANNELS, text_dim: int = TEXT, dim: int = 256, out_channels: int = CHANNELS
) -> CausalWan:
    """Two heads of 128, as Wan's, so that a file without a description can be read."""
    torch.manual_seed(0)
    sizes = CausalWanConfig(
        in_channels=in_channels,
        out_channels=out_channels,
        dim=dim,
        ffn_dim=64,
        freq_dim=16,
        text_dim=text_dim,
        heads=dim // 128,
        layers=2,
    )
    return CausalWan(sizes).eval()


def write_demo(folder: Path, block: int = 1) -> Path:
    """``folder/rtr-dit`` with the source on its channels, and its autoencoder beside it."""
    torch.manual_seed(0)
    tokenizer = build_tokenizer(WORDS, torch.linspace(1.0, 0.0, len(WORDS)), 600)
    encoder = build_sentence_encoder(tokenizer)
    tiny_autoencoder(folder / "demo-video")
    net = tiny_wan(2 * CHANNELS, text_dim=96, dim=128)
    save_rtr_dit(net, encoder, Recipe(block=block, window=4 * block), folder / "rtr-dit", "demo-video")
    return folder / "rtr-dit"


def write_umt5(folder: Path) -> Path:
    """``text_encoder`` and ``tokenizer`` of a tiny UMT5."""
    torch.manual_seed(2)
    tokenizer = build_tokenizer(WORDS, torch.linspace(1.0, 0.0, len(WORDS)), 600)
    config = UMT5Config(vocab_size=len(tokenizer), d_model=TEXT, d_kv=8, d_ff=32, num_layers=1, num_heads=2)
    UMT5EncoderModel(config).save_pretrained(folder / "text_encoder")
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer.backend_tokenizer, pad_token="<|endoftext|>"
    ).save_pretrained(folder / "tokenizer")
    return folder


def write_public(folder: Path, name: str, **note: object) -> Path:
    """A single file of weights in the layout that its suffix stands for, UMT5 beside it.

    Args:
        note: the ``profile`` of a description beside the file; none is written without.
    """
    write_umt5(folder)
    tensors = {f"model.{key}": tensor for key, tensor in tiny_wan().state_dict().items()}
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".pt":
        old = {key: torch.zeros_like(tensor) for key, tensor in tensors.items()}
        torch.save({"generator": old, "generator_ema": tensors, "step": 600}, path)
    else:
        save_file(tensors, path)
    if note:
        path.with_suffix(".json").write_text(json.dumps({"profile": note}))
    return path
