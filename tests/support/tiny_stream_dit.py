"""A random StreamDiT checkpoint in the documented layout, small enough to build in a test."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    ByT5Tokenizer,
    CLIPTextConfig,
    CLIPTextModel,
    PreTrainedTokenizerFast,
    T5Config,
    T5EncoderModel,
)

from livestyle.engine.autoencoders.latents import LatentFormat
from livestyle.engine.autoencoders.taehv import save_taehv
from livestyle.engine.conditioning.ensemble import TextEnsemble
from livestyle.engine.families.stream_dit.checkpoint import save_checkpoint
from livestyle.engine.families.stream_dit.profile import Profile
from livestyle.engine.networks.stream_dit.config import StreamDiTConfig
from livestyle.engine.networks.stream_dit.model import StreamDiT
from livestyle.engine.networks.taehv import TAEHV, TAEHVConfig
from livestyle.engine.sampling.partition import Partition

TEXT_WIDTHS = {"ul2": 16, "byt5": 8, "metaclip": 12}
WORDS = ["<pad>", "</s>", "<unk>", "a", "red", "blue", "circle", "star", "moves", "left"]


def write_text_encoder(folder: Path, name: str) -> None:
    """A tiny UL2, ByT5 or MetaCLIP in transformers' own layout."""
    torch.manual_seed(len(name))
    width = TEXT_WIDTHS[name]
    if name == "metaclip":
        config = CLIPTextConfig(
            vocab_size=len(WORDS),
            hidden_size=width,
            intermediate_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            max_position_embeddings=16,
            pad_token_id=0,
            eos_token_id=1,
        )
        model = CLIPTextModel(config)
    else:
        config = T5Config(
            vocab_size=384 if name == "byt5" else len(WORDS),
            d_model=width,
            d_kv=4,
            d_ff=16,
            num_layers=1,
            num_heads=2,
            feed_forward_proj="gated-gelu",
        )
        model = T5EncoderModel(config)
    model.save_pretrained(folder)
    tokenizer = ByT5Tokenizer(extra_ids=0) if name == "byt5" else _word_tokenizer()
    tokenizer.save_pretrained(folder)


def _word_tokenizer() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing("$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )


PARTITIONS = (Partition(4, 2), Partition(8, 1), Partition(2, 4, 2), Partition(4, 2, 2))


def write_tiny_checkpoint(folder: Path, texts: tuple[str, ...] = ("byt5",), name: str = "tiny") -> Path:
    """``folder/<name>`` and its autoencoder ``folder/tiny-video``; returns the checkpoint folder."""
    torch.manual_seed(0)
    config = TAEHVConfig(
        latent_channels=4,
        encoder_channels=(8, 8, 8, 8),
        encoder_blocks=(1, 1, 1),
        decoder_channels=(8, 8, 8, 8),
        decoder_blocks=(1, 1, 1),
        lead=3,
    )
    save_taehv(TAEHV(config), folder / "tiny-video")
    network = StreamDiTConfig(
        channels=4,
        width=16,
        depth=2,
        heads=2,
        window=(2, 2, 2),
        text=tuple((text, TEXT_WIDTHS[text]) for text in texts),
    )
    model = StreamDiT(network)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    profile = Profile(
        PARTITIONS,
        latents=LatentFormat((0.1,) * 4, (0.9,) * 4),
        text_limits=tuple((text, 64 if text == "byt5" else 16) for text in texts),
    )
    for text in texts:
        write_text_encoder(folder / name / "text_encoders" / text, text)
    save_checkpoint(folder / name, model, TextEnsemble({}), profile, "tiny-video")
    return folder / name
