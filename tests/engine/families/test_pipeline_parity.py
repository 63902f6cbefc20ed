"""Equal weights, noise, picture and prompt states give the picture of diffusers' own pipelines."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DreamLiteMobilePipeline, DreamLitePipeline, FlowMatchEulerDiscreteScheduler
from diffusers.utils.torch_utils import randn_tensor
from PIL import Image
from tiny_checkpoint import write_tiny_checkpoint

from livestyle.engine.conditioning.states import TextStates
from livestyle.engine.conditioning.template import EDIT, GENERATE
from livestyle.engine.families import load_model
from livestyle.engine.families.base import DenoiseSettings, ModelHandle, StreamModel
from livestyle.engine.families.mllm_edit.guidance import Guidance
from livestyle.engine.families.mllm_edit.profile import Profile
from livestyle.engine.sampling.flow_match import FlowMatchSchedule
from livestyle.lab.benchmark.inline import restyle
from livestyle.lab.training.package import SCHEDULER

PICTURE = np.random.default_rng(1).integers(0, 255, (64, 96, 3), dtype=np.uint8)


def states(seed: int) -> torch.Tensor:
    return torch.randn(1, 40, 96, generator=torch.Generator().manual_seed(seed))


def pipeline(kind: type, model: StreamModel) -> DreamLitePipeline | DreamLiteMobilePipeline:
    pipe = kind(
        text_encoder=None,
        tokenizer=None,
        processor=None,
        vae=model.autoencoder.model,
        unet=model.denoiser.unet,
        scheduler=FlowMatchEulerDiscreteScheduler(**SCHEDULER),
    )
    pipe.text_encoder = model.encoder.model  # only asked for its dtype
    return pipe


def ours(model: StreamModel, asked: TextStates, steps: int, guidance: Guidance | None) -> torch.Tensor:
    with torch.inference_mode():
        source = model.autoencoder.encode_chunk(torch.from_numpy(PICTURE)[None])
        noise = randn_tensor(source.shape, generator=torch.Generator().manual_seed(5))
        schedule = FlowMatchSchedule.from_config(SCHEDULER, steps, source.shape[2] * source.shape[3] // 4)
        return model.denoiser.sample(noise, source, asked, schedule, guidance)


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_width_layout_equals_the_published_pipeline(tmp_path: Path, steps: int) -> None:
    folder = write_tiny_checkpoint(tmp_path, "width", "velocity")
    model = load_model(ModelHandle(str(folder)), torch.device("cpu"), torch.float32)
    asked = TextStates(states(2), (torch.arange(40) < 31).long()[None])
    pipe = pipeline(DreamLiteMobilePipeline, model)
    pipe.encode_prompt = lambda *_, **__: (asked.states, asked.mask)
    wanted = pipe(
        prompt="x",
        image=Image.fromarray(PICTURE),
        num_inference_steps=steps,
        output_type="latent",
        generator=torch.Generator().manual_seed(5),
    ).images
    assert torch.allclose(ours(model, asked, steps, None), wanted, atol=1e-3)


def test_guidance_equals_the_published_pipeline(tmp_path: Path) -> None:
    folder = write_tiny_checkpoint(tmp_path, "width", "velocity")
    model = load_model(ModelHandle(str(folder)), torch.device("cpu"), torch.float32)
    asked = TextStates(states(2), (torch.arange(40) < 31).long()[None])
    empty = TextStates(states(3), (torch.arange(40) < 12).long()[None])
    pipe = pipeline(DreamLitePipeline, model)
    rows = TextStates(
        *(torch.cat([e, e, a]) for e, a in ((empty.states, asked.states), (empty.mask, asked.mask)))
    )
    pipe.encode_prompt = lambda *_, **__: (rows.states, rows.mask)
    wanted = pipe(
        prompt="x",
        image=Image.fromarray(PICTURE),
        num_inference_steps=3,
        guidance_scale=2.5,
        image_guidance_scale=1.25,
        output_type="latent",
        generator=torch.Generator().manual_seed(5),
    ).images
    found = ours(model, asked, 3, Guidance(empty, 2.5, 1.25))
    assert torch.allclose(found, wanted, atol=1e-3)
    assert not torch.allclose(found, ours(model, asked, 3, None), atol=1e-2)
    assert EDIT.text(None) == pipe.prompt_template_encode_edit.format("")
    assert GENERATE.text(None) == pipe.prompt_template_encode_generate.format("")


def test_a_guided_model_plays_a_stream(tmp_path: Path) -> None:
    folder = write_tiny_checkpoint(tmp_path, "width", "velocity")
    described = json.loads((folder / "livestyle.json").read_text())
    outputs = []
    for guidance in (1.0, 3.5):
        described["profile"]["guidance"] = guidance
        (folder / "livestyle.json").write_text(json.dumps(described))
        model = load_model(ModelHandle(str(folder)), torch.device("cpu"), torch.float32)
        assert ("guidance 3.5" in model.remark) == (guidance == 3.5)
        frames = np.repeat(PICTURE[None], 2, axis=0)
        outputs.append(restyle(model, frames, "snow", DenoiseSettings(steps=2, chunk=2)))
    assert outputs[1].shape == (2, *PICTURE.shape)
    assert not np.array_equal(*outputs)


@pytest.mark.parametrize(
    ("name", "guided"), [("DreamLitePipeline", True), ("DreamLiteMobilePipeline", False)]
)
def test_the_published_base_model_is_guided(tmp_path: Path, name: str, guided: bool) -> None:
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": name}))
    assert Profile.load(tmp_path).guided == guided
