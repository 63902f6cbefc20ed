"""The student of the image autoencoder begins where its teacher is, and learns from it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderTiny
from diffusers.models.autoencoders.vae import AutoencoderTinyBlock
from sample_pictures import picture

from livestyle.engine.autoencoders.image import ImageAutoencoder, load_image_autoencoder
from livestyle.lab.autoencoders.image_distillation import ADDED, distil, lighter
from livestyle.lab.training import package
from livestyle.lab.training.loop import LoopConfig


def teacher(fine: int) -> AutoencoderTiny:
    """Four stages; ``fine`` blocks where a student has none."""
    torch.manual_seed(0)
    model = AutoencoderTiny(
        encoder_block_out_channels=(8,) * 4,
        decoder_block_out_channels=(8,) * 4,
        num_encoder_blocks=(0, fine, 1, 1),
        num_decoder_blocks=(1, 1, fine, 0),
        latent_channels=4,
    ).requires_grad_(False)
    for half in (model.encoder, model.decoder):
        for block in half.modules():
            if isinstance(block, AutoencoderTinyBlock):
                block.conv[-1].weight.mul_(8.0)  # so that it is seen when a block is missing
    return model


def test_without_fine_blocks_the_student_is_the_teacher() -> None:
    """But for the edge, where the teacher's padding lies between layers that are one now."""
    one, other = ImageAutoencoder(teacher(0)), ImageAutoencoder(lighter(teacher(0)).requires_grad_(False))
    assert (other.spatial, other.channels, other.patch) == (one.spatial, one.channels, 4)
    frames = torch.from_numpy(picture(192, 1).astype(np.float32)).permute(2, 0, 1)[None] / 127.5 - 1.0
    latents, inner = one.encode(frames), (..., slice(8, -8), slice(8, -8))
    assert torch.allclose(other.encode(frames)[inner], latents[inner], atol=1e-5)
    shown, middle = one.decode(latents), (..., slice(32, -32), slice(32, -32))
    assert torch.allclose(other.decode(latents)[middle], shown[middle], atol=1e-5)


def test_an_end_that_works_on_patches_is_kept() -> None:
    """As the encoder was by the time the decoder was made cheaper: a second student of the first."""
    first = ImageAutoencoder(lighter(teacher(0)))
    again = lighter(first.model)
    assert all(
        torch.equal(value, again.state_dict()[name]) for name, value in first.model.state_dict().items()
    )


def test_blocks_at_half_size_become_blocks_at_quarter_size() -> None:
    student = lighter(teacher(1)).config
    assert student.num_encoder_blocks == (1, 1) and student.num_decoder_blocks == (1, 1 + ADDED)


def test_a_student_learns_the_latents_and_its_folder_plays(tmp_path: Path) -> None:
    windows = np.stack([picture(64, seed) for seed in range(6)]).reshape(2, 3, 1, 64, 64, 3)
    pictures = torch.from_numpy(windows.reshape(6, 64, 64, 3))
    wanted = ImageAutoencoder(teacher(1)).encode_chunk(pictures)
    beginner = ImageAutoencoder(lighter(teacher(1)).requires_grad_(False))
    start = beginner.encode_chunk(pictures)
    config = LoopConfig(steps=150, learning_rate=3e-3, warmup=5, ema=0.8)
    student = distil(teacher(1), windows, tmp_path / "run", config, batch=4, crop=64)
    package.save_autoencoder(student, tmp_path / "vae")
    played = load_image_autoencoder(tmp_path / "vae", torch.float32)
    found = played.encode_chunk(pictures)
    before, after = (float((latents - wanted).square().mean()) for latents in (start, found))
    assert after < 0.5 * before
    shown = played.decode_chunk(wanted)
    assert shown.shape == pictures.shape and shown.dtype == torch.uint8
    missed, before = (
        float((each.decode_chunk(wanted).float() - pictures).square().mean()) for each in (played, beginner)
    )
    assert missed < 0.75 * before  # not less: between pictures it is held to a teacher that knows none


def test_a_chunk_is_the_pictures_one_by_one() -> None:
    student = ImageAutoencoder(lighter(teacher(0)).requires_grad_(False))
    frames = torch.from_numpy(np.stack([picture(64, seed) for seed in range(2)]))
    together = student.encode_chunk(frames)
    apart = torch.cat([student.encode_chunk(frame[None]) for frame in frames])
    assert torch.allclose(together, apart, atol=1e-5)
    shown = student.decode_chunk(together)
    assert shown.shape == frames.shape
    assert torch.allclose(shown[1:].float(), student.decode_chunk(together[1:]).float(), atol=1.0)


@pytest.mark.parametrize("patch", [1, 2, 4])
def test_patches_do_not_change_what_a_pixel_is(patch: int) -> None:
    """Values of a latent come from the pixels under it, whatever the patch: 8 of them along each side."""
    stages = {1: 4, 2: 3, 4: 2}[patch]
    model = AutoencoderTiny(
        in_channels=3 * patch**2,
        out_channels=3 * patch**2,
        encoder_block_out_channels=(8,) * stages,
        decoder_block_out_channels=(8,) * stages,
        num_encoder_blocks=(0,) * stages,
        num_decoder_blocks=(0,) * stages,
        latent_channels=4,
    ).requires_grad_(False)
    autoencoder = ImageAutoencoder(model)
    assert autoencoder.spatial == 8
    frames = torch.zeros(1, 128, 128, 3, dtype=torch.uint8)
    dot = frames.clone()
    dot[0, 67, 35] = 255
    changed = (autoencoder.encode_chunk(dot) - autoencoder.encode_chunk(frames)).abs().sum((0, 1)).nonzero()
    assert changed.min(0).values.tolist() >= [6, 2] and changed.max(0).values.tolist() <= [10, 6]
    assert [8, 4] in changed.tolist()
