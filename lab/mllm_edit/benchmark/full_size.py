"""The published configuration with random weights: speed does not depend on what was learned.

DreamLite's U-Net has 389,968,388 parameters, Qwen3-VL-2B 2.13 billion, TAESDXL 2.4 million. The
tokenizer is the demo's, so prompts are widened until as many states are kept as with the real one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import AutoencoderTiny, DreamLiteUNetModel
from torch import nn
from transformers import PreTrainedTokenizerFast, Qwen3VLConfig, Qwen3VLModel

from ....engine.autoencoders.image import ImageAutoencoder
from ....engine.conditioning.mllm import MLLMEncoder
from ....engine.families.mllm_edit.denoiser import Denoiser
from ....engine.families.mllm_edit.model import MLLMEditModel
from ....engine.families.mllm_edit.profile import Profile
from ....engine.families.mllm_edit.unet import PUBLISHED_CONFIG

KEPT = 108
"""States that the paper's prompt and a picture of 256 pixels leave after the dropped ones."""


@dataclass(frozen=True)
class Scale:
    """Every width of one configuration.

    Attributes:
        name: how rows call it.
        side: of the frames in pixels.
        chunks: batch sizes that are measured.
        unet: arguments of ``DreamLiteUNetModel``.
        text, vision: of ``Qwen3VLConfig``.
        vae: the autoencoder's width.
        kept: conditioning states a frame.
    """

    name: str
    side: int
    chunks: tuple[int, ...]
    unet: Mapping[str, Any]
    text: Mapping[str, Any]
    vision: Mapping[str, Any]
    vae: int
    kept: int


FULL = Scale(
    name="full size",
    side=512,
    chunks=(1, 8, 16),
    unet=PUBLISHED_CONFIG,
    text={
        "vocab_size": 151936,
        "hidden_size": 2048,
        "intermediate_size": 6144,
        "num_hidden_layers": 28,
        "num_attention_heads": 16,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "max_position_embeddings": 262144,
        # As transformers before 5 spells it, which later ones read, too.
        "rope_theta": 5e6,
        "rope_scaling": {
            "rope_type": "default",
            "mrope_interleaved": True,
            "mrope_section": [24, 20, 20],
        },
    },
    vision={
        "depth": 24,
        "hidden_size": 1024,
        "intermediate_size": 4096,
        "num_heads": 16,
        "patch_size": 16,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "out_hidden_size": 2048,
        "num_position_embeddings": 2304,
        "deepstack_visual_indexes": [5, 11, 17],
    },
    vae=64,
    kept=KEPT,
)

TOY = Scale(
    name="toy size",
    side=64,
    chunks=(1, 2),
    unet={
        **FULL.unet,
        "sample_size": 16,
        "block_out_channels": (32, 32, 64),
        "layers_per_block": 1,
        "attention_head_dim": (2, 2, 4),
        "transformer_layers_per_block": (1, 1, 1),
        "cross_attention_dim": 48,
        "encoder_hid_dim": 64,
        "addition_time_embed_dim": 32,
        "projection_class_embeddings_input_dim": 64,
        "ff_mult": 2,
    },
    text={
        **FULL.text,
        "vocab_size": 8192,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 32,
        "max_position_embeddings": 4096,
        "rope_scaling": {**FULL.text["rope_scaling"], "mrope_section": [6, 5, 5]},
    },
    vision={
        **FULL.vision,
        "depth": 2,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_heads": 2,
        "out_hidden_size": 64,
        "num_position_embeddings": 64,
        "deepstack_visual_indexes": [0],
    },
    vae=16,
    kept=0,
)
"""The same network in every respect but its widths."""


def qwen_config(scale: Scale, tokenizer: PreTrainedTokenizerFast) -> Qwen3VLConfig:
    """The language model and its vision tower, with the tokenizer's own special tokens."""
    ids = tokenizer.convert_tokens_to_ids
    return Qwen3VLConfig(
        text_config=dict(scale.text),
        vision_config=dict(scale.vision),
        image_token_id=ids("<|image_pad|>"),
        video_token_id=ids("<|video_pad|>"),
        vision_start_token_id=ids("<|vision_start|>"),
        vision_end_token_id=ids("<|vision_end|>"),
    )


def random_model(
    scale: Scale,
    tokenizer: PreTrainedTokenizerFast,
    scheduler: Mapping[str, Any],
    device: torch.device,
    dtype: torch.dtype,
) -> MLLMEditModel:
    """A model in the published layout; random weights by seed 0, made on the device itself."""
    torch.manual_seed(0)
    profile = Profile()
    with torch.device(device):
        unet = DreamLiteUNetModel(**scale.unet)
        text = Qwen3VLModel(qwen_config(scale, tokenizer))
        autoencoder = AutoencoderTiny(
            encoder_block_out_channels=(scale.vae,) * 4, decoder_block_out_channels=(scale.vae,) * 4
        )
    encoder = MLLMEncoder(_frozen(text, dtype), tokenizer, profile.image_side, profile.context_length)
    return MLLMEditModel(
        denoiser=Denoiser(_frozen(unet, dtype).to(memory_format=torch.channels_last), profile),
        encoder=encoder,
        autoencoder=ImageAutoencoder(_frozen(autoencoder, dtype).to(memory_format=torch.channels_last)),
        scheduler=scheduler,
        profile=profile,
    )


def widened(prompt: str, encoder: MLLMEncoder, kept: int) -> str:
    """A prompt with words added until at least ``kept`` states remain of it."""
    while True:
        ids, drop = encoder.token_ids(prompt)
        if len(ids) - drop >= kept:
            return prompt
        prompt += " colour"


def _frozen(module: nn.Module, dtype: torch.dtype) -> nn.Module:
    return module.to(dtype).eval().requires_grad_(False)
