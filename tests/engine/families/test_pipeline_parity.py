"""Equal weights, noise, picture and prompt states give diffusers' ``DreamLiteMobilePipeline``'s picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from diffusers import DreamLiteMobilePipeline, FlowMatchEulerDiscreteScheduler
from diffusers.utils.torch_utils import randn_tensor
from PIL import Image
from tiny_checkpoint import write_tiny_checkpoint

from livestyle.engine.conditioning.mllm import Conditioning
from livestyle.engine.families import load_model
from livestyle.engine.families.base import ModelHandle
from livestyle.engine.sampling.flow_match import FlowMatchSchedule
from livestyle.engine.training.package import SCHEDULER


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_width_layout_equals_the_published_pipeline(tmp_path_factory, steps: int) -> None:
    folder = write_tiny_checkpoint(tmp_path_factory.mktemp("width"), "width", "velocity")
    model = load_model(ModelHandle(str(folder)), torch.device("cpu"), torch.float32)
    picture = np.random.default_rng(1).integers(0, 255, (64, 96, 3), dtype=np.uint8)
    states = torch.randn(1, 40, 96, generator=torch.Generator().manual_seed(2))
    mask = (torch.arange(40) < 31).long()[None]
    pipeline = DreamLiteMobilePipeline(
        text_encoder=None,
        tokenizer=None,
        processor=None,
        vae=model.autoencoder.model,
        unet=model.denoiser.unet,
        scheduler=FlowMatchEulerDiscreteScheduler(**SCHEDULER),
    )
    pipeline.text_encoder = model.encoder.model  # only asked for its dtype
    pipeline.encode_prompt = lambda *_, **__: (states, mask)
    wanted = pipeline(
        prompt="x",
        image=Image.fromarray(picture),
        num_inference_steps=steps,
        output_type="latent",
        generator=torch.Generator().manual_seed(5),
    ).images
    with torch.inference_mode():
        source = model.autoencoder.encode_chunk(torch.from_numpy(picture)[None])
        noise = randn_tensor(source.shape, generator=torch.Generator().manual_seed(5))
        schedule = FlowMatchSchedule.from_config(SCHEDULER, steps, source.shape[2] * source.shape[3] // 4)
        ours = model.denoiser.sample(noise, source, Conditioning(states, mask), schedule)
    assert torch.allclose(ours, wanted, atol=1e-3)
