"""Video autoencoders on a stream: chunks equal one piece, one frame in the first latent, state per stream."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLWan
from diffusers.loaders.single_file_utils import convert_wan_vae_to_diffusers
from safetensors.torch import save_file

from livestyle.engine.autoencoders.latents import WAN_21, WAN_22, LatentFormat
from livestyle.engine.autoencoders.load import load_video_autoencoder
from livestyle.engine.autoencoders.taehv import TAEHVAutoencoder, published_config, save_taehv
from livestyle.engine.autoencoders.video import VideoAutoencoder
from livestyle.engine.autoencoders.wan import WanAutoencoder
from livestyle.engine.autoencoders.wan_layouts import diffusers_names, sizes
from livestyle.engine.errors import CheckpointError
from livestyle.engine.networks.taehv import TAEHV, TAEHVConfig, TGrow, WideMemBlock

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

TINY_22 = {
    **TINY_WAN,
    "decoder_base_dim": 8,
    "dim_mult": [1, 1, 1],
    "temperal_downsample": [True, True],
    "is_residual": True,
    "in_channels": 12,
    "out_channels": 12,
    "patch_size": 2,
    "scale_factor_spatial": 8,
}
"""As Wan 2.2's, with a level less."""


def tiny(kind: str) -> VideoAutoencoder:
    torch.manual_seed(3)
    if kind.startswith("wan"):
        sizes = TINY_22 if kind == "wan 2.2" else TINY_WAN
        return WanAutoencoder(AutoencoderKLWan(**sizes).eval().requires_grad_(False))
    config = TAEHVConfig(**{**vars(TINY), **(LEADING if kind == "demo" else {})})
    return TAEHVAutoencoder(TAEHV(config).eval().requires_grad_(False), LatentFormat())


@pytest.fixture(params=["taehv", "demo", "wan", "wan 2.2"])
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
    for kind in ("demo", "wan", "wan 2.2"):
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


@pytest.mark.parametrize("kind", ["wan", "wan 2.2"])
def test_wan_equals_diffusers_in_one_piece(kind: str) -> None:
    stream, frames = tiny(kind), clip(9)
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


SUPER = TAEHVConfig(latent_channels=48, patch=2, decoder_channels=(512, 256, 128, 64), wide=True)


def test_taew2_2_super_has_the_published_tensors() -> None:
    with torch.device("meta"):
        tensors = TAEHV(SUPER).state_dict()
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items() if name.startswith("decoder")}
    assert shapes["decoder.0.weight"] == (512, 48, 1, 1) and shapes["decoder.22.weight"] == (12, 64, 3, 3)
    assert shapes["decoder.1.conv.0.weight"] == (1024, 1, 7, 7)
    assert [shapes[f"decoder.{at}.conv.weight"][:2] for at in (7, 14, 21)] == [
        (256, 256),
        (256, 128),
        (128, 64),
    ]
    assert published_config(tensors) == SUPER
    assert tensors["encoder.0.weight"].shape == (64, 12, 3, 3)


def test_taew2_2_super_decodes_as_a_plain_loop_over_frames(tmp_path: Path) -> None:
    """Frame by frame with the block's formula written out; in chunks it gives the same."""
    torch.manual_seed(4)
    model = TAEHV(replace(SUPER, encoder_channels=(8, 8, 8, 8), decoder_channels=(16, 12, 8, 8))).eval()
    save_file(model.state_dict(), tmp_path / "taew2_2_super.safetensors")
    loaded = load_video_autoencoder(tmp_path / "taew2_2_super.safetensors", torch.float32)
    assert loaded.latent_format == WAN_22 and loaded.model.config == model.config
    assert (loaded.spatial, loaded.temporal, loaded.lookahead) == (16, 4, 3)

    def block(layer: WideMemBlock, x: torch.Tensor, past: torch.Tensor) -> torch.Tensor:
        wide, up, _, down = layer.conv
        both = torch.cat([x, past], 1)
        planes = [
            F.conv2d(both[:, c : c + 1], wide.weight[c : c + 1], padding=3) for c in range(both.shape[1])
        ]
        return x + down(torch.relu(up(torch.cat(planes, 1))))

    latents, frames = torch.randn(3, 48, 2, 3), []
    frames = list(latents.split(1))
    with torch.no_grad():
        for layer in model.decoder:
            if isinstance(layer, WideMemBlock):
                before = [torch.zeros_like(frames[0]), *frames[:-1]]
                frames = [block(layer, x, past) for x, past in zip(frames, before, strict=True)]
            elif isinstance(layer, TGrow):
                frames = [part for x in frames for part in layer.conv(x).chunk(layer.stride, dim=1)]
            else:
                frames = [layer(x) for x in frames]
        plain = F.pixel_shuffle(torch.cat(frames), 2)[3:]
        stream = loaded.for_stream()
        shown = torch.cat([stream._decode(latents[:1], True), stream._decode(latents[1:], False)])
    torch.testing.assert_close(shown, plain, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("channels", "space"), [(16, WAN_21), (48, WAN_22)])
def test_only_the_name_tells_a_lighttae_s_raw_latents(
    tmp_path: Path, channels: int, space: LatentFormat
) -> None:
    torch.manual_seed(4)
    model = TAEHV(TAEHVConfig(**{**vars(TINY), "latent_channels": channels}))
    loaded = {}
    for name in ("taew2_x", "LightTAEw2_x"):
        save_file(model.state_dict(), tmp_path / f"{name}.safetensors")
        loaded[name] = load_video_autoencoder(tmp_path / f"{name}.safetensors", torch.float32)
    normalised, raw = loaded.values()
    latents = torch.randn(2, channels, 2, 3)
    assert raw.latent_format == normalised.latent_format == space
    assert torch.equal(raw.decode_chunk(latents), normalised.decode_chunk(space.denormalise(latents)))
    picture = clip(1)[0]
    torch.testing.assert_close(space.denormalise(raw.encode_image(picture)), normalised.encode_image(picture))
    save_file(model.state_dict(), tmp_path / "renamed.safetensors")
    with pytest.raises(CheckpointError, match="renamed.safetensors has the tensors of taew and of lighttaew"):
        load_video_autoencoder(tmp_path / "renamed.safetensors", torch.float32)


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


def original_22_name(name: str) -> str:
    """The name in Wan 2.2's own file of a tensor that diffusers names so (numbers as its code builds it)."""
    if found := re.fullmatch(r"(en|de)coder\.(down|up)_blocks\.(\d)\.(.+)", name):
        half, way, level, rest = found.groups()
        last = {"en": 2, "de": 3}[half]  # the layer after the residual ones
        rest = re.sub(r"^(down|up)sampler\.", f"{last}.", rest)
        rest = re.sub(r"^resnets\.", "", rest).replace("conv_shortcut", "shortcut")
        for place, inner in ((0, "norm1"), (2, "conv1"), (3, "norm2"), (6, "conv2")):
            rest = rest.replace(f".{inner}.", f".residual.{place}.")
        return f"{half}coder.{way}samples.{level}.{way}samples.{rest}"
    for theirs, place in (("resnets.0", "0"), ("attentions.0", "1"), ("resnets.1", "2")):
        name = name.replace(f"mid_block.{theirs}.", f"middle.{place}.")
    for place, inner in ((0, "norm1"), (2, "conv1"), (3, "norm2"), (6, "conv2")):
        name = name.replace(f".{inner}.", f".residual.{place}.")
    for theirs, own in (("conv_in", "conv1"), ("norm_out", "head.0"), ("conv_out", "head.2")):
        name = name.replace(f"coder.{theirs}.", f"coder.{own}.")
    return re.sub("^post_quant_conv", "conv2", re.sub("^quant_conv", "conv1", name))


def test_wan_2_2_s_own_file_has_its_196_tensors_renamed_one_to_one() -> None:
    tensors = {
        "encoder.conv_in.weight": torch.empty(160, 12, device="meta"),
        "decoder.conv_in.weight": torch.empty(1024, device="meta"),
        "post_quant_conv.weight": torch.empty(48, device="meta"),
    }
    with torch.device("meta"):
        model = AutoencoderKLWan(**sizes(tensors))
    wanted = model.state_dict()
    own = {original_22_name(name): tensor for name, tensor in wanted.items()}
    assert len(own) == 196 and sum(tensor.numel() for tensor in own.values()) == 704_688_668
    assert {"decoder.upsamples.0.upsamples.0.residual.2.weight", "conv1.weight"} <= set(own)
    found = diffusers_names(own)
    assert {name: t.shape for name, t in found.items()} == {name: t.shape for name, t in wanted.items()}
    stream = WanAutoencoder(model)
    assert (stream.spatial, stream.temporal, stream.channels) == (16, 4, 48)
    assert stream.latent_format == WAN_22 and len(WAN_22.deviation) == 48
    ends = (*WAN_22.mean[:3], *WAN_22.mean[-2:], *WAN_22.deviation[:3], *WAN_22.deviation[-2:])
    assert ends == (-0.2289, -0.0052, -0.1323, -0.1681, -0.0667, 0.4765, 1.0364, 0.4514, 0.7468, 0.7744)


def test_a_wan_2_2_file_with_its_original_names_loads(tmp_path: Path) -> None:
    config = {**TINY_22, "z_dim": 48, "dim_mult": [1, 2, 4, 4], "temperal_downsample": [False, True, True]}
    config |= {"latents_mean": [0.0] * 48, "latents_std": [1.0] * 48, "num_res_blocks": 2}
    model = AutoencoderKLWan(**config)
    tensors = {original_22_name(name): tensor for name, tensor in model.state_dict().items()}
    save_file(tensors, tmp_path / "Wan2.2_VAE.safetensors")
    loaded = load_video_autoencoder(tmp_path / "Wan2.2_VAE.safetensors", torch.float32)
    assert loaded.encode_image(torch.zeros(32, 64, 3, dtype=torch.uint8)).shape == (1, 48, 2, 4)
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
