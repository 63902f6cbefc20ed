"""TAESD's single files in each published layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, AutoencoderTiny
from safetensors.torch import save_file

from livestyle.engine.autoencoders.image import load_image_autoencoder
from livestyle.engine.errors import CheckpointError

WEIGHTS = Path(__file__).resolve().parents[4] / "shared" / "weights"


@pytest.fixture(scope="module")
def model() -> AutoencoderTiny:
    torch.manual_seed(0)
    return AutoencoderTiny(
        encoder_block_out_channels=(8,) * 4,
        decoder_block_out_channels=(8,) * 4,
        num_encoder_blocks=(1, 2, 3, 3),
        num_decoder_blocks=(3, 2, 1, 0),
        latent_channels=4,
    )


def halves(model: AutoencoderTiny) -> tuple[dict, dict]:
    """Encoder and decoder with the original keys: the decoder counts its clamp."""

    def below(head: str, shift: int) -> dict:
        found = {}
        for key, tensor in model.state_dict().items():
            if key.startswith(head):
                number, _, rest = key.removeprefix(head).partition(".")
                found[f"{int(number) + shift}.{rest}"] = tensor.contiguous()
        return found

    return below("encoder.layers.", 0), below("decoder.layers.", 1)


def write(model: AutoencoderTiny, folder: Path, layout: str) -> Path:
    encoder, decoder = halves(model)
    path = folder / "tiny_decoder.safetensors"
    if layout == "halves":
        save_file(encoder, folder / "tiny_encoder.safetensors")
        save_file(decoder, path)
    elif layout == "one file":
        both = {f"taesd_encoder.{key}": value for key, value in encoder.items()}
        save_file(both | {f"taesd_decoder.{key}": value for key, value in decoder.items()}, path)
    else:
        save_file({key: value.contiguous() for key, value in model.state_dict().items()}, path)
    return path


@pytest.mark.parametrize("layout", ["halves", "one file", "diffusers"])
def test_every_layout_gives_the_same_autoencoder(model: AutoencoderTiny, tmp_path: Path, layout: str) -> None:
    loaded = load_image_autoencoder(write(model, tmp_path, layout), torch.float32)
    assert (loaded.channels, loaded.spatial) == (4, 8)
    frames = torch.from_numpy(np.random.default_rng(0).integers(0, 255, (1, 32, 48, 3), dtype=np.uint8))
    pictures = frames.permute(0, 3, 1, 2).float() / 127.5 - 1.0
    with torch.no_grad():
        latents = loaded.encode_chunk(frames)
        assert torch.allclose(latents, model.encode(pictures).latents, atol=1e-6)
        decoded = ((model.decode(latents).sample * 127.5 + 128).clamp(0, 255)).to(torch.uint8)
        assert torch.equal(loaded.decode_chunk(latents), decoded.permute(0, 2, 3, 1))


def test_either_half_names_both(model: AutoencoderTiny, tmp_path: Path) -> None:
    write(model, tmp_path, "halves")
    first, second = (
        load_image_autoencoder(tmp_path / f"tiny_{half}.safetensors", torch.float32).model.state_dict()
        for half in ("encoder", "decoder")
    )
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_a_half_alone_names_the_other(model: AutoencoderTiny, tmp_path: Path) -> None:
    path = write(model, tmp_path, "halves")
    (tmp_path / "tiny_encoder.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"is one half: put tiny_encoder\.safetensors beside it\.$"):
        load_image_autoencoder(path, torch.float32)


def test_another_autoencoder_is_refused_in_one_line(tmp_path: Path) -> None:
    big = AutoencoderKL(block_out_channels=(8,), norm_num_groups=4)
    path = tmp_path / "sdxl_vae.safetensors"
    save_file({key: value.contiguous() for key, value in big.state_dict().items()}, path)
    with pytest.raises(CheckpointError, match=r"^Autoencoder sdxl_vae.* is no TAESD: .*taesdxl_decoder"):
        load_image_autoencoder(path, torch.float32)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="damaged or cut off"):
        load_image_autoencoder(path, torch.float32)


@pytest.mark.skipif(not WEIGHTS.is_dir(), reason="../shared/weights is not on this machine")
@pytest.mark.parametrize(("name", "channels", "floor"), [("taesdxl", 4, 19.0), ("taesd3", 16, 24.0)])
def test_the_real_files_reproduce_a_picture(name: str, channels: int, floor: float) -> None:
    """PSNR of a smooth picture with some detail; 23.7 and 28.5 dB on real video at 256x256."""
    rows, columns = np.mgrid[0:128, 0:128] / 127.0
    waves = 0.15 * np.sin(14 * rows) * np.cos(9 * columns)
    picture = np.stack([rows, columns, 0.5 + waves], axis=-1).clip(0, 1)
    frames = torch.from_numpy((picture * 255).astype(np.uint8))[None]
    loaded = load_image_autoencoder(WEIGHTS / f"{name}_decoder.safetensors", torch.float32)
    with torch.inference_mode():
        latents = loaded.encode_chunk(frames)
        restored = loaded.decode_chunk(latents)
    assert latents.shape == (1, channels, 16, 16)
    error = (restored.float() - frames.float()).square().mean()
    assert 10 * torch.log10(255**2 / error) > floor
