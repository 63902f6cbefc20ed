"""StreamEdit-DiT's recipe against its definitions, and its stages end to end at toy size."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from moving_clips import panning
from tiny_rtr_dit import CHANNELS, WORDS, tiny_autoencoder
from tiny_streamedit_dit import SIZES

from livestyle.engine.autoencoders.latents import LatentFormat
from livestyle.engine.autoencoders.load import load_video_autoencoder
from livestyle.engine.conditioning.ensemble import TextEncoder
from livestyle.engine.networks.streamedit_dit.model import StreamEditDiT
from livestyle.engine.sampling.edit_stream import PIPELINED
from livestyle.lab.mllm_edit.training.text import build_tokenizer
from livestyle.lab.rtr_dit.training.sentences import build_sentence_encoder
from livestyle.lab.streamedit_dit.training.batches import Batch, EditBatches, Share
from livestyle.lab.streamedit_dit.training.buffer import Layout, Window, WindowMixture, fill, fit
from livestyle.lab.streamedit_dit.training.card import write_card
from livestyle.lab.streamedit_dit.training.distillation import MACRO, MICRO, Round, distil, mean_velocity
from livestyle.lab.streamedit_dit.training.losses import (
    coherence_loss,
    denoising_loss,
    edit_weights,
    picture_errors,
)
from livestyle.lab.streamedit_dit.training.pool import (
    EditPool,
    WorldRecipe,
    encode_windows,
    encode_worlds,
    latent_motion,
)
from livestyle.lab.streamedit_dit.training.preview import FilmPreview, preview_cases
from livestyle.lab.streamedit_dit.training.stages import STAGES, Stage, train_stage, without_streaming
from livestyle.lab.streamedit_dit.training.text import NAME, QUESTIONS, answers
from livestyle.lab.training.loop import LoopConfig
from livestyle.lab.world.edits import WorldEdit

FORMAT = LatentFormat((0.0,) * CHANNELS, (1.0,) * CHANNELS)


def numbered_pool(clips: int = 3, frames: int = 7, side: int = 4) -> EditPool:
    """Sources are 0, target v of clip i is 10 i + v + 1 everywhere, plus a tenth of the frame's number."""
    sources = np.zeros((clips, frames, CHANNELS, side, side), np.float16)
    targets = np.zeros((clips, 2, *sources.shape[1:]), np.float16)
    for clip in range(clips):
        for variant in range(2):
            targets[clip, variant] = 10 * clip + variant + 1
    ramp = (np.arange(frames, dtype=np.float16) / 10)[:, None, None, None]
    return EditPool(
        sources + ramp,
        targets + ramp,
        np.ones((clips, frames - 1, side, side, 3), np.float16),
        (("oil", "autumn"),) * clips,
    )


def batch_of(source: torch.Tensor, target: torch.Tensor, before: torch.Tensor | None = None) -> Batch:
    count, frames, _, height, width = source.shape
    motion = torch.zeros(count, frames - 1, height, width, 3)
    motion[..., 2] = 1.0
    return Batch(source, target, target if before is None else before, motion, ["oil"] * count)


class Constant(torch.nn.Module):
    """A network whose velocity is everywhere the same number."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value
        self.sigmas: list[torch.Tensor] = []

    def forward(self, x: torch.Tensor, sigma: torch.Tensor, *_: object, **__: object) -> torch.Tensor:
        self.sigmas.append(sigma)
        return torch.full_like(x, self.value)


def text_encoder() -> TextEncoder:
    tokenizer = build_tokenizer(WORDS, torch.linspace(1.0, 0.0, len(WORDS)), 600)
    return TextEncoder(build_sentence_encoder(tokenizer).model.eval().requires_grad_(False), tokenizer, 60)


def test_batches_are_windows_of_one_clip_under_its_prompt() -> None:
    data = EditBatches((Share(numbered_pool()),), FORMAT, {}, side=2, unedited=0.3)
    rng = np.random.default_rng(0)
    for _ in range(20):
        batch = data.draw(3, 4 * 3 * 4, rng)
        assert batch.source.shape == batch.target.shape == batch.before.shape == (4, 3, CHANNELS, 2, 2)
        assert batch.motion.shape == (4, 2, 2, 2, 3)
        steps = batch.target[:, 1:, 0, 0, 0] - batch.target[:, :-1, 0, 0, 0]
        assert torch.allclose(steps, torch.full_like(steps, 0.1), atol=0.05)
        for index, prompt in enumerate(batch.prompts):
            same = torch.equal(batch.target[index], batch.source[index])
            assert same == (prompt == "")
            assert not torch.equal(batch.before[index], batch.target[index])


def test_a_short_pool_gives_what_it_has() -> None:
    data = EditBatches((Share(numbered_pool(frames=3)),), FORMAT, {})
    batch = data.draw(16, 10**4, np.random.default_rng(0))
    assert batch.source.shape[1] == 3
    layout = fit(Layout(13, np.array([0.2, 0.5, 0.9])), 3)
    assert (layout.history, layout.frames) == (0, 3)
    assert fit(Layout(0, np.array([0.2, 0.5, 0.9])), 2).sigmas.tolist() == [0.5, 0.9]


def test_windows_are_those_of_the_stream() -> None:
    rng = np.random.default_rng(0)
    drawn = [WindowMixture().draw(rng) for _ in range(600)]
    full = [layout for layout in drawn if layout.frames in (4, 6, 8, 16)]
    assert len(full) > 450
    assert {layout.frames for layout in full} == {4, 6, 8, 16}
    for layout in full:
        assert (np.diff(layout.sigmas) > 0).all()
    pipelined = [layout for layout in full if len(layout.sigmas) == 3 and layout.frames == 8]
    assert all(layout.history == 5 for layout in pipelined)
    levels = np.stack([layout.sigmas for layout in pipelined])
    assert (levels <= np.array([1, 2, 3]) / 3 + 1e-9).all() and (levels >= np.array([0, 1, 2]) / 3).all()


def test_a_changed_prompt_leaves_old_history_and_asks_for_the_new_picture() -> None:
    shape = (2, 5, CHANNELS, 2, 2)
    source, new, old = torch.zeros(shape), torch.full(shape, 2.0), torch.full(shape, -3.0)
    batch = batch_of(source, new, old)
    layout = Layout(3, np.array([0.5, 1.0]))
    window = fill(batch, layout, torch.Generator().manual_seed(0), changed=[4, 0])
    assert torch.equal(window.latents[0, :3], old[0, :3]) and torch.equal(window.latents[1, :3], new[1, :3])
    assert float((window.latents[0, 3] - window.latents[1, 3]).mean()) < -1.0  # half of it is the old edit
    assert window.sigma.tolist() == [[0, 0, 0, 0.5, 1.0]] * 2
    noisy = fill(batch, layout, torch.Generator().manual_seed(0), history_noise=0.5)
    assert 0.0 < (noisy.latents[:, :3] - new[:, :3]).abs().max() < 2.5


def test_the_right_velocity_has_no_error() -> None:
    """Data 1 and noise drawn by hand: noise - data is the velocity that both losses are 0 for."""
    target = torch.ones(1, 3, CHANNELS, 2, 2)
    batch = batch_of(torch.zeros_like(target), target)
    sigma = torch.tensor([[0.0, 0.4, 0.8]])
    noise = torch.full_like(target, 3.0)
    level = sigma[:, :, None, None, None]
    window = Window((1 - level) * target + level * noise, sigma, 1)
    errors = picture_errors(Constant(2.0), window, batch, None, "velocity")
    assert errors.abs().max() < 1e-6
    assert float(denoising_loss(errors, window, edit_weights(batch))) < 1e-10
    wrong = picture_errors(Constant(1.0), window, batch, None, "velocity")
    assert wrong[0, 0].abs().max() == 0.0  # history is no prediction
    weights = torch.ones(1, 1, 1, 1, 1)
    assert float(denoising_loss(wrong, window, weights)) == pytest.approx(1.0, abs=1e-5)  # (3 - 1 - 1) ** 2


def test_small_changes_count_like_large_ones() -> None:
    source = torch.zeros(2, 2, CHANNELS, 2, 2)
    target = source.clone()
    target[0] += 3.0
    target[1, :, :, 0, 0] = 1.0
    weights = edit_weights(batch_of(source, target)).flatten()
    assert weights[0] == pytest.approx(1 / 9.1) and weights[1] == pytest.approx(1 / 0.35)


def test_coherence_is_free_for_what_moves_and_costs_what_flickers() -> None:
    """An error that travels with the motion is coherent; the same error standing still is not."""
    errors = torch.zeros(1, 3, 1, 8, 8)
    for frame in range(3):
        errors[0, frame, 0, 3, 2 + frame] = 1.0
    motion = torch.zeros(1, 2, 8, 8, 3)
    motion[..., 0], motion[..., 2] = -1.0, 1.0  # everything was one cell further left
    weights = torch.ones(1, 1, 1, 1, 1)
    assert float(coherence_loss(errors, motion, 0, weights)) < 1e-10
    still = torch.zeros_like(errors)
    still[0, :, 0, 3, 2] = 1.0
    assert float(coherence_loss(still, motion, 0, weights)) > 0.01
    hidden = motion.clone()
    hidden[..., 2] = 0.0
    assert float(coherence_loss(still, hidden, 0, weights)) == 0.0
    assert float(coherence_loss(errors[:, :1], motion[:, :0], 0, weights)) == 0.0
    assert float(coherence_loss(still, motion, 2, weights)) == pytest.approx(
        float(coherence_loss(still, motion, 0, weights))
    )


def test_latent_motion_leads_back_along_the_film() -> None:
    film = panning("pan", frames=9, side=64).pixels  # everything moves one pixel to the left a frame
    motion = latent_motion(film, 4, 8)
    assert motion.shape == (2, 8, 8, 3)
    inner = motion[:, 2:6, 1:5]
    assert inner[..., 0].mean() == pytest.approx(0.5, abs=0.1)  # 4 pixels in four frames: half a cell
    assert inner[..., 2].mean() > 0.8 and 0.0 <= motion[..., 2].min()


def test_the_teacher_takes_its_steps_inside_one_of_the_students() -> None:
    target = torch.zeros(1, 4, CHANNELS, 2, 2)
    batch = batch_of(target, target)
    start = fill(batch, Layout(1, np.array([1 / 3, 2 / 3, 1.0])), torch.Generator().manual_seed(0))
    field = Constant(0.7)
    flow = mean_velocity(field, start, batch.source, None, 1 / 6, MICRO)
    assert len(field.sigmas) == 4
    assert torch.allclose(flow[:, 1:], torch.full_like(flow[:, 1:], 0.7), atol=1e-5)
    assert flow[:, 0].abs().max() == 0.0 and all(float(sigma[0, 0]) == 0.0 for sigma in field.sigmas)
    assert torch.allclose(field.sigmas[-1][0, 1:], start.sigma[0, 1:] - 3 / 24)


def test_rounds_are_about_100_to_20_and_20_to_6() -> None:
    assert [layout.levels for layout in MACRO.layouts] == [21, 20, 18]
    assert [layout.levels * MACRO.teacher_steps for layout in MACRO.layouts] == [105, 100, 90]
    assert {layout.levels for layout in MICRO.layouts} == {6}
    assert MICRO.layouts[0] == PIPELINED
    layout, width = replace(MICRO, layouts=(PIPELINED,), windows=(8,)).draw(np.random.default_rng(0))
    assert layout.history == 5 and width == pytest.approx(1 / 6)


def test_what_a_sentence_says() -> None:
    assert [len(options) for _, options in QUESTIONS] == [2, 8, 6, 14]
    assert answers(WorldEdit("recolour", "blue", "red"), "make the red circle blue") == [1, 1, 1, 6]
    assert answers(WorldEdit("recolour", "blue", "red"), "make the circle blue")[1] == 0
    assert answers(WorldEdit("background", "ripples"), "use dark ripples as the background") == [2, 0, 0, 14]


def test_the_ablation_has_one_window_and_no_temporal_term() -> None:
    stage = without_streaming(STAGES["quality"])
    assert stage.coherence == 0.0 and stage.mixture.windows == (4,)
    assert stage.changed == STAGES["quality"].changed
    assert without_streaming(STAGES["base"]) == STAGES["base"]


def test_both_kinds_of_pools_are_encoded_once(tmp_path: Path) -> None:
    tiny_autoencoder(tmp_path / "video")
    autoencoder = load_video_autoencoder(tmp_path / "video", torch.float32)
    (tmp_path / "windows").mkdir()
    clips = np.random.default_rng(0).integers(0, 255, (2, 3, 9, 32, 32, 3), dtype=np.uint8)
    np.save(tmp_path / "windows" / "windows.npy", clips)
    (tmp_path / "windows" / "windows.json").write_text('{"seed": 5}')
    styled = encode_windows(tmp_path / "windows", autoencoder, tmp_path / "styled")
    assert styled.sources.shape == (2, 3, CHANNELS, 32 // autoencoder.spatial, 32 // autoencoder.spatial)
    assert styled.motions.shape[:2] == (2, 2) and len(styled.edits) == 2
    recipe = WorldRecipe(clips=2, frames=5, side=32, seed=1)
    worlds = encode_worlds(recipe, autoencoder, tmp_path / "worlds")
    stamp = (tmp_path / "worlds" / "sources.npy").stat().st_mtime_ns
    again = encode_worlds(recipe, autoencoder, tmp_path / "worlds")
    assert (tmp_path / "worlds" / "sources.npy").stat().st_mtime_ns == stamp
    assert np.array_equal(worlds.targets, again.targets)
    assert [edit.kind for _, edit in worlds.edits[0]] == ["recolour", "background"]
    data = EditBatches((Share(styled), Share(worlds)), FORMAT, {}, side=2)
    prompts = {
        prompt for seed in range(8) for prompt in data.draw(2, 64, np.random.default_rng(seed)).prompts
    }
    assert len(prompts) > 4


@pytest.mark.slow
def test_all_stages_and_rounds_run_resume_and_preview(tmp_path: Path) -> None:
    torch.manual_seed(0)
    pool, text = numbered_pool(frames=9), text_encoder()
    data = EditBatches((Share(pool),), FORMAT, {}, side=4)
    tiny_autoencoder(tmp_path / "video")
    autoencoder = load_video_autoencoder(tmp_path / "video", torch.float32)
    show = FilmPreview(autoencoder, text, FORMAT, preview_cases((pool, world_pool())), frames=3)
    config = LoopConfig(steps=3, learning_rate=1e-3, warmup=1)
    net = StreamEditDiT(SIZES)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    for name, stage in STAGES.items():
        stage = replace(stage, cells=2 * 8 * 16)
        net = train_stage(net, data, text, stage, tmp_path / name, config, show if name == "base" else None)
        assert (tmp_path / name / "state.safetensors").exists()
    assert (tmp_path / "base" / "preview.png").exists()
    changed = [name for name, tensor in net.state_dict().items() if not torch.equal(tensor, before[name])]
    assert any(name.startswith("ptcm") for name in changed) and any("text_projection" in n for n in changed)
    plan = Round((PIPELINED,), teacher_steps=2, windows=(4,), cells=2 * 4 * 16)
    student = distil(net, data, text, plan, tmp_path / "micro", config)
    resumed = distil(net, data, text, plan, tmp_path / "micro", config)
    assert all(torch.equal(a, b) for a, b in zip(student.parameters(), resumed.parameters(), strict=True))
    assert any((a != b).any() for a, b in zip(student.parameters(), net.parameters(), strict=True))
    write_card(tmp_path, student, {"steps": 3, "micro_steps": 3}, 7)
    card = (tmp_path / "README.md").read_text()
    assert "--steps 3 --micro-steps 3 --seed 7" in card and "cubist" in card


def world_pool() -> EditPool:
    """A pool of one scene whose latents are noise."""
    from livestyle.lab.world.scene import Actor, Scene

    scene = Scene((Actor("red", "circle", "right", "slow"),), "ripples", "still")
    edits = ((scene, WorldEdit("recolour", "blue", "red")), (scene, WorldEdit("background", "night sky")))
    return replace(numbered_pool(clips=1), edits=(edits,))


def test_the_base_task_has_one_level_and_no_history() -> None:
    layouts = [Stage().layout(np.random.default_rng(seed)) for seed in range(40)]
    assert all(layout.history == 0 and len(set(layout.sigmas)) == 1 for layout in layouts)
    assert 5 < sum(float(layout.sigmas[0]) == 1.0 for layout in layouts) < 35
    assert (NAME, 96) in SIZES.text
