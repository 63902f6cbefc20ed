"""The baseline: diffusers' own ``DreamLiteMobilePipeline``, frame by frame, on networks of our widths.

Speed does not depend on the weights, so they are random; the layout is the published one (source to the
right of the noisy latent, velocity prediction, an autoencoder that starts and ends with whole pixels).
"""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from diffusers import DreamLiteMobilePipeline, DreamLiteUNetModel, FlowMatchEulerDiscreteScheduler
from PIL import Image
from transformers import Qwen3VLForConditionalGeneration, Qwen3VLProcessor
from transformers.models.qwen3_vl.video_processing_qwen3_vl import Qwen3VLVideoProcessor

from ....engine.autoencoders.image import ImageAutoencoder
from ....engine.families.mllm_edit.denoiser import Denoiser
from ....engine.families.mllm_edit.model import MLLMEditModel
from ...autoencoders.image_training import build
from ...training.processor import image_processor


def published_layout(model: MLLMEditModel, dtype: torch.dtype) -> MLLMEditModel:
    """The same text encoder with a random U-Net and autoencoder in the published layout.

    The autoencoder has the widths and blocks of the one that the demo's was distilled from.
    """
    config = dict(model.denoiser.unet.config)
    config["in_channels"] = config["out_channels"]
    torch.manual_seed(0)
    unet = DreamLiteUNetModel.from_config(config).eval().requires_grad_(False)
    unet = unet.to(dtype).to(memory_format=torch.channels_last)
    autoencoder = build().requires_grad_(False).eval().to(dtype).to(memory_format=torch.channels_last)
    profile = dataclasses.replace(model.profile, injection="width", prediction="velocity", canvas=None)
    return dataclasses.replace(
        model,
        denoiser=Denoiser(unet, profile),
        autoencoder=ImageAutoencoder(autoencoder),
        profile=profile,
    )


def pipeline(model: MLLMEditModel, dtype: torch.dtype) -> DreamLiteMobilePipeline:
    """diffusers' pipeline over the parts of a published-layout model, in ``dtype``.

    It gets our tokenizer's drop index and a processor of our picture side; it is otherwise as it comes.
    """
    encoder = model.encoder
    text = Qwen3VLForConditionalGeneration(encoder.model.config).eval().requires_grad_(False)
    text.model.load_state_dict(encoder.model.state_dict())
    tokenizer = encoder.tokenizer
    tokenizer.image_token, tokenizer.video_token = "<|image_pad|>", "<|video_pad|>"
    tokenizer.vision_start_token, tokenizer.vision_end_token = "<|vision_start|>", "<|vision_end|>"
    processor = Qwen3VLProcessor(image_processor(encoder), tokenizer, Qwen3VLVideoProcessor())
    unet = DreamLiteUNetModel.from_config(model.denoiser.unet.config).eval().requires_grad_(False)
    unet.load_state_dict(model.denoiser.unet.state_dict())
    vae = (
        type(model.autoencoder.model).from_config(model.autoencoder.model.config).eval().requires_grad_(False)
    )
    vae.load_state_dict(model.autoencoder.model.state_dict())
    pipe = DreamLiteMobilePipeline(
        text_encoder=text.to(dtype),
        tokenizer=tokenizer,
        processor=processor,
        vae=vae.to(dtype),
        unet=unet.to(dtype),
        scheduler=FlowMatchEulerDiscreteScheduler(**model.scheduler),
    )
    _, pipe.prompt_template_encode_edit_start_idx = encoder.token_ids("")
    pipe.set_progress_bar_config(disable=True)
    return pipe


def edit_frames(
    pipe: DreamLiteMobilePipeline, frames: np.ndarray, prompt: str, steps: int
) -> list[Image.Image]:
    """One call a frame, as the pipeline is documented: picture in, picture out."""
    generator = torch.Generator()
    return [
        pipe(
            prompt=prompt,
            image=Image.fromarray(frame),
            num_inference_steps=steps,
            generator=generator.manual_seed(0),
        ).images[0]
        for frame in frames
    ]
