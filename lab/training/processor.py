"""The published image processor, set up for the square picture that an encoder sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from transformers import Qwen2VLImageProcessor

if TYPE_CHECKING:
    from ...engine.conditioning.mllm import MLLMEncoder


def image_processor(encoder: MLLMEncoder) -> Qwen2VLImageProcessor:
    """What diffusers' pipelines and a checkpoint's ``processor/`` folder hold (mean and deviation 0.5).

    The engine cuts its patches on the device instead (``MLLMEncoder``); both give the same patches.
    """
    pixels = encoder.image_side**2
    return Qwen2VLImageProcessor(
        patch_size=encoder.patch,
        merge_size=encoder.merge,
        temporal_patch_size=encoder.temporal,
        min_pixels=pixels,
        max_pixels=pixels,
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
    )
