"""Video autoencoders on a stream: chunks equal one piece, one frame in the first latent, state per stream."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKLWan
from diffusers.loaders.single_file_utils import convert_wan_vae_to_diffusers
from safetensors.torch import save_file

from livestyle.engine.autoencoders.latents import WAN_21, LatentFormat
from livestyle.engine.autoencoders.load import load_video_autoencoder
from livestyle.engine.autoencoders.taehv import TAEHVAutoencoder, save_taehv
from livestyle.engine.autoencoders.video import VideoAutoencoder
from livestyle.engine.autoencoders.wan import WanAutoencoder
from livestyle.engine.errors import CheckpointError
from livestyle.engine.networks.taehv import TAEHV, TAEHVConfig

TINY = TAEHVConfig(
    latent_channels=4,
    encoder_channels=(8, 8, 8, 8),
    encoder_blocks=(0, 1, 2),
    decoder_channels=(8, 8, 8, 8),
    decoder_blocks=(1, 1, 1),
)
LEADING = {"lead": 3, "patch": 2, "encoder_space": (1, 2, 2), "decoder_space": (2, 2, 1)}
TINY_WAN = {
    "base_dim": 4,
    "z_dim": 4,
    "dim_mult": [1, 1, 1, 1],
    "num_res_blocks": 1,
    "latents_mean": [0.1, -0.2, 0.3, 0.0],
    "latents_std": [1.5, 0.5, 2.0, 1.0],
}


def tiny(kind: str) -> VideoAutoencoder:
    torch.manual_seed(3)
    if kind == "wan":
        return WanAutoencoder(AutoencoderKLWan(**TINY_WAN).eval().requires_grad_(False))
    config = TAEHVConfig(**{**vars(TINY), **(LEADING if kind == "demo" else {})})
    return TAEHVAutoencoder(TAEHV(config).eval().requires_grad_(False), LatentFormat())


@pytest.fixture(params=["taehv", "demo", "wan"])
def autoencoder(request: pytest.FixtureRequest) -> VideoAutoencoder:
    return tiny(request.param)


def clip(frames: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (frames, 16, 24, 3), generator=generator, dtype=torch.uint8)


def in_chunks(process: Callable, stream: torch.Tensor, sizes: tuple[int, ...]) -> torch.Tensor:
    return torch.cat([process(part) for part in stream.split(sizes)])


@pytest.mark.parametrize("sizes", [(4, 4, 4, 4, 1), (1, 4, 12), (9, 8), (2, 1, 6, 8)])
def test_chunks_equal_one_piece(autoencoder: VideoAutoencoder, sizes: tuple[int, ...]) -> None:
    whole, parts = autoencoder, autoencoder.for_stream()
    latents = torch.cat([whole.encode_chunk(clip(17)), whole.flush()])
    chunked = torch.cat([in_chunks(parts.encode_chunk, clip(17), sizes), parts.flush()])
    assert latents.shape == (5, 4, 2, 3)
    torch.testing.assert_close(chunked, latents, atol=1e-5, rtol=1e-5)
    pictures = whole.decode_chunk(latents)
    decoded = in_chunks(parts.decode_chunk, latents, (1, 2, 2))
    assert pictures.shape == (17, 16, 24, 3) and pictures.dtype == torch.uint8
    assert (decoded.int() - pictures.int()).abs().max() <= 1  # rounding


@pytest.mark.parametrize("frames", [1, 2, 4, 5, 12, 13, 14, 15, 16])
def test_the_first_latent_holds_one_frame(autoencoder: VideoAutoencoder, frames: int) -> None:
    early = autoencoder.encode_chunk(clip(frames))
    whole = frames - autoencoder.lookahead
    assert len(early) == (1 + (whole - 1) // 4 if whole > 0 else 0)
    latents = torch.cat([early, autoencoder.flush()])
    assert len(latents) == 1 + -(-(frames - 1) // 4)
    assert len(autoencoder.decode_chunk(latents)) == 1 + 4 * (len(latents) - 1) >= frames


def test_after_a_flush_another_stream_begins(autoencoder: VideoAutoencoder) -> None:
    first = torch.cat([autoencoder.encode_chunk(clip(6)), autoencoder.flush()])
    again = torch.cat([autoencoder.encode_chunk(clip(6)), autoencoder.flush()])
    assert torch.equal(first, again)


def test_without_lookahead_a_latent_knows_nothing_later() -> None:
    for kind in ("demo", "wan"):
        changed = clip(9)
        changed[5:] = 0
        assert torch.equal(tiny(kind).encode_chunk(clip(9))[:2], tiny(kind).encode_chunk(changed)[:2])


def test_streams_share_weights_but_no_state(autoencoder: VideoAutoencoder) -> None:
    alone = autoencoder.for_stream().encode_chunk(clip(13))
    other = autoencoder.for_stream()
    parts = []
    for part in clip(13).split(4):
        parts.append(autoencoder.encode_chunk(part))
        other.encode_chunk(clip(4, seed=1))
        autoencoder.encode_image(clip(1, seed=2)[0])
    torch.testing.assert_close(torch.cat(parts), alone, atol=1e-5, rtol=1e-5)
    assert other.model is autoencoder.model


def test_after_a_reset_a_stream_begins_anew(autoencoder: VideoAutoencoder) -> None:
    latents = autoencoder.encode_chunk(clip(12))
    frames = autoencoder.decode_chunk(latents)
    autoencoder.reset()
    assert torch.equal(autoencoder.encode_chunk(clip(12)), latents)
    assert torch.equal(autoencoder.decode_chunk(latents), frames)


def test_a_picture_is_one_latent(autoencoder: VideoAutoencoder) -> None:
    picture = clip(1)[0]
    still = autoencoder.for_stream().encode_chunk(picture.expand(1 + autoencoder.lookahead, -1, -1, -1))
    assert torch.equal(autoencoder.encode_image(picture), still)


def test_wan_equals_diffusers_in_one_piece() -> None:
    stream, frames = tiny("wan"), clip(9)
    pixels = (frames / 127.5 - 1.0).permute(3, 0, 1, 2).unsqueeze(0)
    raw = stream.model.encode(pixels).latent_dist.mode()
    latents = stream.encode_chunk(frames)
    torch.testing.assert_close(stream.denormalise(latents), raw[0].movedim(1, 0), atol=1e-5, rtol=1e-5)
    expected = stream.model.decode(raw).sample[0].permute(1, 2, 3, 0) * 127.5 + 128.0
    assert (stream.decode_chunk(latents).float() - expected.clamp(0, 255).floor()).abs().max() <= 1


def test_raw_and_normalised_latents() -> None:
    latents = torch.randn(3, 16, 2, 2)
    raw = WAN_21.denormalise(latents)
    assert float(raw[0, 1, 0, 0]) == pytest.approx(float(latents[0, 1, 0, 0]) * 1.4541 - 0.7089)
    torch.testing.assert_close(WAN_21.normalise(raw), latents)
    assert LatentFormat().normalise(latents) is latents


def test_a_saved_taehv_loads_again(tmp_path: Path) -> None:
    model = TAEHV(TAEHVConfig(**{**vars(TINY), **LEADING}))
    save_taehv(model, tmp_path / "video")
    loaded = load_video_autoencoder(tmp_path / "video", torch.float32)
    assert loaded.model.config == model.config
    assert (loaded.spatial, loaded.temporal, loaded.channels, loaded.lookahead) == (8, 4, 4, 0)
    weight = model.encoder[0].weight
    torch.testing.assert_close(loaded.model.encoder[0].weight, weight, atol=1e-2, rtol=1e-2)


def test_a_published_taehv_file_is_recognised_by_its_shapes(tmp_path: Path) -> None:
    model = TAEHV(TAEHVConfig(latent_channels=16, patch=2, decoder_channels=(32, 16, 16, 8)))
    save_file(model.state_dict(), tmp_path / "taew.safetensors")
    loaded = load_video_autoencoder(tmp_path / "taew.safetensors", torch.float32)
    assert loaded.model.config == model.config
    assert loaded.lookahead == 3 and loaded.latent_format == WAN_21


def test_a_wan_folder_loads(tmp_path: Path) -> None:
    AutoencoderKLWan(**TINY_WAN).save_pretrained(tmp_path / "wan")
    loaded = load_video_autoencoder(tmp_path / "wan", torch.float32)
    assert isinstance(loaded, WanAutoencoder)
    assert (loaded.spatial, loaded.temporal, loaded.channels) == (8, 4, 4)
    assert loaded.latent_format.deviation == (1.5, 0.5, 2.0, 1.0)


def original_wan_names(model: AutoencoderKLWan) -> dict[str, str]:
    """Wan's own name of each tensor, found by sending all that a file could hold through the converter."""
    residual = ["0.gamma", "2.weight", "2.bias", "3.gamma", "6.weight", "6.bias"]
    parts = [f"residual.{name}" for name in residual]
    parts += [
        f"{name}.{kind}" for name in ("shortcut", "resample.1", "time_conv") for kind in ("weight", "bias")
    ]
    attention = ["norm.gamma", "to_qkv.weight", "to_qkv.bias", "proj.weight", "proj.bias"]
    names = [f"conv{i}.{kind}" for i in (1, 2) for kind in ("weight", "bias")]
    for part, levels in (("encoder", "downsamples"), ("decoder", "upsamples")):
        names += [f"{part}.{name}" for name in ("conv1.weight", "conv1.bias", "head.0.gamma")]
        names += [f"{part}.head.2.{kind}" for kind in ("weight", "bias")]
        names += [f"{part}.middle.{i}.residual.{name}" for i in (0, 2) for name in residual]
        names += [f"{part}.middle.1.{name}" for name in attention]
        names += [f"{part}.{levels}.{i}.{name}" for i in range(16) for name in parts]
    known = model.state_dict()
    converted = ((next(iter(convert_wan_vae_to_diffusers({name: None}))), name) for name in names)
    return {theirs: name for theirs, name in converted if theirs in known}


def test_a_wan_file_with_its_original_names_loads(tmp_path: Path) -> None:
    model = AutoencoderKLWan(base_dim=4)
    names = original_wan_names(model)
    tensors = {names[name]: tensor.clone() for name, tensor in model.state_dict().items()}
    save_file(tensors, tmp_path / "wan_2.1_vae.safetensors")
    loaded = load_video_autoencoder(tmp_path / "wan_2.1_vae.safetensors", torch.float32)
    assert isinstance(loaded, WanAutoencoder) and loaded.latent_format == WAN_21
    for name, tensor in model.state_dict().items():
        assert torch.equal(loaded.model.state_dict()[name], tensor)


def test_files_that_are_no_video_autoencoder_are_refused(tmp_path: Path) -> None:
    save_file({"decoder.1.weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    (tmp_path / "text.safetensors").write_text("no")
    (tmp_path / "taew2_1.pth").write_bytes(b"PK")
    (tmp_path / "empty").mkdir()
    for name in ("other.safetensors", "text.safetensors", "taew2_1.pth", "empty", "missing"):
        with pytest.raises(CheckpointError, match=name.split(".")[0]):
            load_video_autoencoder(tmp_path / name, torch.float32)
