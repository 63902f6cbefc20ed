"""What single profiles ask of a stream: LiveEdit's pixels, a picture to start from, an averaged sink."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKLWan
from safetensors.torch import save_file
from tiny_rtr_dit import CHANNELS, tiny_autoencoder, tiny_wan, write_public, write_umt5

from livestyle.engine.autoencoders.load import load_video_autoencoder
from livestyle.engine.conditioning.recipe import ConditioningRecipe
from livestyle.engine.errors import SettingError
from livestyle.engine.families import StreamRequest, load_model, make_runner
from livestyle.engine.families.base import DenoiseSettings, ModelHandle
from livestyle.engine.families.rtr_dit.model import RTRDiTModel
from livestyle.engine.families.rtr_dit.profile import PROFILES
from livestyle.engine.families.rtr_dit.runner import RTRDiTRunner
from livestyle.engine.families.rtr_dit.styles import reference_latents
from livestyle.lab.benchmark.inline import play

CLIP = np.random.default_rng(3).integers(0, 255, (21, 32, 48, 3), dtype=np.uint8)
PICTURE = torch.tensor([0.9, 0.1, 0.1]).expand(40, 30, 3)


@pytest.fixture(autouse=True)
def no_grad() -> Iterator[None]:
    with torch.no_grad():
        yield


def load(folder: Path, name: str, **handle: Any) -> RTRDiTModel:
    path = folder / name
    if "ar-forcing" in name:
        write_umt5(folder)
        save_file(dict(tiny_wan(2 * CHANNELS).state_dict()), path)
    else:
        write_public(folder, name)
    autoencoder = tiny_autoencoder(folder / "vae")
    handle = {"autoencoder": str(autoencoder), **handle}
    return load_model(ModelHandle(str(path), **handle), torch.device("cpu"), torch.float32)


def runner(model: RTRDiTModel, *references: torch.Tensor, side: int = 0, **settings: Any) -> RTRDiTRunner:
    return make_runner(
        model,
        StreamRequest(
            DenoiseSettings(**{"steps": 1, **settings}),
            ConditioningRecipe("paper", references=references, node_id="p"),
            node_id="d",
            model_node_id="m",
            width=side or 48,
            height=side or 32,
        ),
    )


def latents(made: RTRDiTRunner, frames: np.ndarray | None = None, **options: Any) -> list[torch.Tensor]:
    found: list[torch.Tensor] = []
    denoise = made.denoise

    def kept(*arguments: Any) -> Any:
        found.append(denoise(*arguments))
        return found[-1]

    made.denoise = kept
    list(play(made, frames, **options))
    return [each for each in found if each is not None]


def test_liveedit_s_autoencoder_is_given_pixels_from_0_to_1(tmp_path: Path) -> None:
    """A picture p as the autoencoder's own (p + 1) / 2, and back."""
    model = load(tmp_path, "ar-forcing.safetensors")
    assert model.profile == PROFILES["liveedit"]
    own = load_video_autoencoder(tmp_path / "vae", torch.float32)
    grey = torch.full((32, 48, 3), 51, dtype=torch.uint8)
    lighter = torch.full((32, 48, 3), 153, dtype=torch.uint8)
    assert torch.allclose(
        model.autoencoder.encode_image(grey), own.encode_image(lighter), rtol=1e-5, atol=1e-6
    )
    latent = torch.randn(2, CHANNELS, 4, 6, generator=torch.Generator().manual_seed(1))
    plain = (own._decode(latent, True) * 2 - 1).clamp(0, 1) * 255
    assert (model.autoencoder.decode_chunk(latent) - plain.permute(0, 2, 3, 1)).abs().max() <= 0.51
    assert sum(map(len, latents(runner(model), CLIP))) == 6


def test_a_picture_is_the_first_latent_of_a_stream_without_source(tmp_path: Path) -> None:
    model = load(tmp_path, "framewise-2step.safetensors")
    made = latents(runner(model, PICTURE), None, length=9)
    recipe = ConditioningRecipe("paper", references=(PICTURE,))
    picture = reference_latents(recipe, model.autoencoder, 48, 32)
    assert picture is not None
    assert torch.equal(made[0], picture[0])
    free = latents(runner(model), None, length=9)
    assert all((a - b).abs().max() > 1e-4 for a, b in zip(made, free, strict=True))
    with pytest.raises(SettingError, match="from a picture or a video"):
        latents(runner(model, PICTURE), CLIP)
    with pytest.raises(SettingError, match="2 pictures for one style, this model takes 1"):
        runner(model, PICTURE, PICTURE)


def test_a_first_block_with_more_steps_and_stream_batch_exclude_each_other(tmp_path: Path) -> None:
    model = load(tmp_path, "framewise-2step.safetensors")
    with pytest.raises(SettingError, match="turn stream_batch off"):
        runner(model, steps=2, advanced=(("stream_batch", True),))
    one = load(tmp_path / "one", "framewise-1step.safetensors")
    with pytest.raises(SettingError, match="made for 1, use 1"):
        runner(one, steps=2)


def test_rolling_forcing_generates_at_once_and_holds_a_video_back(tmp_path: Path) -> None:
    model = load(tmp_path, "rolling_forcing_dmd.safetensors")
    assert model.profile == PROFILES["rolling_forcing"]
    made = runner(model, steps=5)
    assert made.requirements.delay == 4 and made.state.rollout.cache.layout.block == 15
    assert [len(block) for block in play(made, None, length=33)] == [9, 12, 12]
    assert sum(len(block) for block in play(runner(model, steps=5), CLIP)) == len(CLIP)
    with pytest.raises(SettingError, match="turn stream_batch off"):
        runner(model, steps=5, advanced=(("stream_batch", True),))


def test_memflow_s_bank_is_allocated_and_keeps_absolute_positions(tmp_path: Path) -> None:
    model = load(tmp_path, "memflow.safetensors")
    made = runner(model)
    assert sum(map(len, latents(made, None, length=33))) == 9
    cache = made.state.rollout.cache
    assert (cache.layout.bank, len(cache.roll.banked)) == (3, 1)
    assert cache.bytes == cache.layout.bytes(1, 4)
    with pytest.raises(SettingError, match="bank keeps frames"):
        runner(model, advanced=(("rope_mode", "relative"),))


def test_longlive_2_plays_with_wan_2_2_s_autoencoder(tmp_path: Path) -> None:
    """48 channels, sizes multiple of 32, blocks of 8 latents: 29 frames, then 32; also from a picture."""
    write_umt5(tmp_path)
    net = tiny_wan(48, out_channels=48)
    save_file(dict(net.state_dict()), tmp_path / "longlive2.safetensors")
    config = {"in_channels": 12, "out_channels": 12, "patch_size": 2, "is_residual": True, "z_dim": 48}
    config |= {"base_dim": 4, "decoder_base_dim": 4, "scale_factor_spatial": 16, "num_res_blocks": 1}
    AutoencoderKLWan(**config, latents_mean=[0.0] * 48, latents_std=[1.0] * 48).save_pretrained(
        tmp_path / "vae"
    )
    handle = ModelHandle(str(tmp_path / "longlive2.safetensors"), autoencoder=str(tmp_path / "vae"))
    model = load_model(handle, torch.device("cpu"), torch.float32)
    assert model.profile == PROFILES["longlive_2"] and model.profile.schedule(4).sigmas[0] < 1.0
    made = [len(pictures) for pictures in play(runner(model, PICTURE, side=32), None, length=61)]
    assert made == [29, 32]
    assert runner(model, side=32).requirements.multiple == 32
    with pytest.raises(SettingError, match="turn stream_batch off"):
        runner(model, steps=2, side=32, advanced=(("stream_batch", True),))


@pytest.mark.parametrize(
    "advanced", [{"cache_sink": 2}, {"cache_window": 10}, {"rope_mode": "absolute"}, {"chunk": 8}]
)
def test_an_averaged_sink_is_as_long_as_a_block(tmp_path: Path, advanced: dict[str, Any]) -> None:
    model = load(tmp_path, "rewardforcing.safetensors")
    assert len(latents(runner(model), CLIP)) == 2
    chunk = advanced.pop("chunk", 0)
    with pytest.raises(SettingError, match="averages"):
        runner(model, chunk=chunk, advanced=tuple(advanced.items()))
