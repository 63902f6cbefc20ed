"""StreamDiT's recipe against its definitions, and end to end at toy size."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from livestyle.engine.autoencoders.latents import LatentFormat
from livestyle.engine.autoencoders.taehv import TAEHVAutoencoder
from livestyle.engine.conditioning.ensemble import TextEnsemble
from livestyle.engine.conditioning.states import TextStates
from livestyle.engine.networks.stream_dit.config import StreamDiTConfig
from livestyle.engine.networks.stream_dit.model import StreamDiT
from livestyle.engine.networks.taehv import TAEHV, TAEHVConfig
from livestyle.engine.sampling.flow_match import warp
from livestyle.engine.sampling.partition import Partition
from livestyle.lab.stream_dit.training.ablation import MIXTURES, denoising_error, interval, table
from livestyle.lab.stream_dit.training.buffered_flow_matching import (
    Mixture,
    change_of_error,
    draw_batch_sigmas,
    draw_part,
    draw_sigmas,
    draw_stretches,
    flow_matching_loss,
    weighted_error,
)
from livestyle.lab.stream_dit.training.card import write_card
from livestyle.lab.stream_dit.training.distillation import (
    Distillation,
    distillation_loss,
    draw_segment,
    teacher_segment,
)
from livestyle.lab.stream_dit.training.latents import (
    WorldBatch,
    WorldBatches,
    encode_worlds,
    measure_format,
    object_positions,
    scene_rng,
)
from livestyle.lab.stream_dit.training.recipe import Stage, distil, train_teacher
from livestyle.lab.stream_dit.training.text import (
    NAME,
    QUESTIONS,
    WIDTH,
    Reader,
    answers,
    build_encoder,
    train_text_encoder,
)
from livestyle.lab.training.loop import LoopConfig
from livestyle.lab.world.render import render
from livestyle.lab.world.scene import Actor, Scene, draw_scene
from livestyle.lab.world.sentences import describe

NETWORK = StreamDiTConfig(channels=2, width=16, depth=2, heads=2, window=(2, 2, 2), text=((NAME, WIDTH),))
MIXTURE = Mixture(buffer=4, chunk_sizes=(1, 2, 4))


class Field(nn.Module):
    """A stand-in network whose velocity is known: ``slope * x`` with a prompt, ``0`` without."""

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.slope = slope
        self.seen: list[torch.Tensor] = []

    def read_text(self, text: dict, batch: int) -> TextStates:
        return TextStates(
            torch.full((batch, 1, 1), float(bool(text))), torch.ones(batch, 1, dtype=torch.bool)
        )

    def forward(self, x: torch.Tensor, sigma: torch.Tensor, text: TextStates) -> torch.Tensor:
        self.seen.append(sigma)
        return self.slope * x * text.states[..., None, None]


@pytest.mark.parametrize("shift", [1.0, 3.0])
@pytest.mark.parametrize("chunk", [1, 2, 4, 16])
def test_each_chunk_draws_from_its_own_segment(chunk: int, shift: float) -> None:
    partition = Partition(16 // chunk, chunk, shift=shift)
    rng = np.random.default_rng(0)
    drawn = np.stack([draw_sigmas(partition, rng) for _ in range(400)]).reshape(400, -1, chunk)
    assert (drawn == drawn[:, :, :1]).all()
    for index in range(partition.chunks):
        levels = warp(drawn[:, index, 0], 1 / shift) * partition.chunks - index
        assert 0.0 <= levels.min() < 0.05 and 0.95 < levels.max() <= 1.0


def test_layouts_are_mixed_inside_a_batch_and_parts_are_ends_of_the_buffer() -> None:
    rng = np.random.default_rng(0)
    rows = draw_batch_sigmas(Mixture(), 64, rng)
    assert rows.shape == (64, 16)
    assert {len(set(row.tolist())) for row in rows} == {1, 2, 4, 8, 16}
    parts = [draw_part(Mixture(), rng) for _ in range(500)]
    whole = [part for part in parts if part == slice(0, 16)]
    assert 0.7 < len(whole) / 500 < 0.9
    assert all(part.start == 0 or part.stop == 16 for part in parts)
    assert {part.stop - part.start for part in parts} == set(range(1, 17))


def test_a_batch_of_stretches_sees_all_of_the_buffer() -> None:
    places = torch.arange(16.0).expand(400, 16)
    stretches = draw_stretches(places, 4, np.random.default_rng(0))
    assert torch.equal(stretches, stretches[:, :1] + torch.arange(4.0))
    assert set(stretches[:, 0].tolist()) == set(range(13))


def test_the_loss_asks_for_noise_minus_data() -> None:
    """A network that gives x: x - (noise - data) is known, and for data 0 is (sigma - 1) * noise."""
    mixture = Mixture(buffer=4, chunk_sizes=(4,), partial=0.0, unconditional=0.0, knee=0.0, steadiness=0.0)
    clips = torch.zeros(64, 4, 2, 8, 8)
    field = Field(1.0)
    text = {"byt5": TextStates(torch.zeros(64, 1, 1), torch.ones(64, 1, dtype=torch.bool))}
    generator = torch.Generator().manual_seed(0)
    batch = WorldBatch(clips, [], torch.zeros(64, 4, 8, 8, dtype=torch.bool))
    loss = flow_matching_loss(field, batch, text, mixture, np.random.default_rng(0), generator)
    assert float(loss) == pytest.approx(float((1 - field.seen[0]).square().mean()), rel=0.02)


def test_below_the_knee_the_error_of_the_data_counts() -> None:
    """Equal errors of the data are larger ones of the velocity by 1 / sigma; the weight takes that back."""
    sigma = torch.tensor([[0.1, 0.2]])
    velocity = (1.0 / sigma)[:, :, None, None, None].expand(1, 2, 1, 2, 2)
    nothing = torch.zeros_like(velocity)
    assert float(weighted_error(velocity, nothing, sigma, 0.5)) == pytest.approx(1 / 0.5**2)
    above = torch.tensor([[0.6, 0.9]])
    assert float(weighted_error(velocity, nothing, above, 0.5)) == pytest.approx((100 + 25) / 2)


def test_an_error_that_moves_with_its_object_is_steady() -> None:
    """The data's error is sigma times the velocity's: equal ones of the data do not change, at any level."""
    sigma, places = torch.tensor([[0.2, 0.4, 0.8]]), torch.ones(1, 3, 2, 2)
    velocity = (0.5 / sigma)[:, :, None, None, None].expand(1, 3, 1, 2, 2).clone()
    nothing = torch.zeros_like(velocity)
    assert float(change_of_error(velocity, nothing, sigma, places)) == pytest.approx(0.0, abs=1e-9)
    velocity[:, 1] *= -1.0
    assert float(change_of_error(velocity, nothing, sigma, places)) == pytest.approx(1.0)


def test_the_teacher_takes_s_guided_euler_steps_a_level() -> None:
    config = Distillation((Partition(2, 2),), teacher_steps=4, guidance=3.0)
    field = Field(0.5)
    start, sigma = torch.ones(1, 4, 1, 1, 1), torch.tensor([[0.5, 0.5, 1.0, 1.0]])
    prompt, null = field.read_text({"byt5": None}, 1), field.read_text({}, 1)
    end = teacher_segment(field, start, sigma, torch.full_like(sigma, 0.5), prompt, null, config)
    assert torch.allclose(end, torch.full_like(end, (1 - 0.125 * 3.0 * 0.5) ** 4))
    assert len(field.seen) == 8
    assert torch.allclose(field.seen[-1], sigma - 0.375)


def test_a_student_that_moves_as_the_teacher_does_has_no_loss() -> None:
    config = Distillation((Partition(2, 2),), teacher_steps=1, guidance=1.0)
    clips = torch.randn(2, 4, 1, 2, 2)
    text = {"byt5": TextStates(torch.zeros(2, 1, 1), torch.ones(2, 1, dtype=torch.bool))}
    arguments = (clips, text, config, np.random.default_rng(0), torch.Generator().manual_seed(0))
    assert float(distillation_loss(Field(0.7), Field(0.7), *arguments)) < 1e-10
    assert float(distillation_loss(Field(0.2), Field(0.7), *arguments)) > 0.01


def test_the_student_starts_where_the_buffer_does() -> None:
    rng = np.random.default_rng(0)
    drawn = {tuple(map(tuple, draw_segment(Partition(2, 2, 2), rng))) for _ in range(20)}
    assert drawn == {
        ((0.5, 0.5, 1.0, 1.0), (0.25, 0.25, 0.75, 0.75)),
        ((0.25, 0.25, 0.75, 0.75), (0.0, 0.0, 0.5, 0.5)),
    }


def test_answers_are_what_a_sentence_says() -> None:
    scene = Scene((Actor("orange", "ring", "up", "slow"),), "ripples", "still")
    rng = np.random.default_rng(0)
    said = [answers(describe(scene, rng)) for _ in range(50)]
    assert all(len(row) == len(QUESTIONS) == 10 for row in said)
    assert {tuple(row[:2]) for row in said} == {(2, 6)}
    assert {tuple(row[4:8]) for row in said} == {(0, 0, 0, 0)}
    assert {row[2] for row in said} == {0, 7}


def test_a_cut_shows_another_scene_before_the_one_that_is_described() -> None:
    pool = np.arange(5, dtype=np.float16)[:, None, None, None, None].repeat(8, 1).repeat(4, 3)
    data = WorldBatches(pool, LatentFormat(), seed=0, cuts=1.0)
    batch = data.draw(40, 6, np.random.default_rng(0))
    assert batch.latents.shape == (40, 6, 1, 4, 1)
    assert len(set(batch.prompts)) > 5
    scenes = [row[:, 0, 0, 0].tolist() for row in batch.latents]
    assert all(len(set(row)) <= 2 for row in scenes)
    assert sum(row[0] != row[-1] for row in scenes) > 20
    uncut = WorldBatches(pool, LatentFormat(), seed=0, cuts=0.0)
    whole = uncut.draw(40, 6, np.random.default_rng(0)).latents
    assert all(len(set(row[:, 0, 0, 0].tolist())) == 1 for row in whole)


def test_objects_are_where_the_world_renders_them() -> None:
    scene = draw_scene(scene_rng(4, 1))
    empty = dataclasses.replace(scene, actors=())
    shown, bare = (render(each, 1 + 4 * 5, 128).astype(int) for each in (scene, empty))
    middle = abs(shown - bare)[[3, 7, 11, 15, 19]].max(-1) > 8  # of latents 1 to 5
    cells = middle.reshape(5, 16, 8, 16, 8).any((2, 4))
    positions = object_positions(scene, 1, 5, (16, 16))
    assert not (cells & ~positions).any()
    assert positions.mean() < 2.5 * cells.mean()


def test_an_error_where_objects_are_weighs_more() -> None:
    sigma, nothing = torch.ones(1, 1), torch.zeros(1, 1, 1, 2, 2)
    wrong = torch.zeros(1, 1, 1, 2, 2)
    wrong[..., 0, 0] = 1.0
    places = torch.ones(1, 1, 2, 2)
    places[..., 0, 0] = 3.0
    assert float(weighted_error(wrong, nothing, sigma, 0.3)) == pytest.approx(0.25)
    assert float(weighted_error(wrong, nothing, sigma, 0.3, places / places.mean())) == pytest.approx(0.5)


def test_worlds_are_encoded_once_and_without_the_start_of_a_stream(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = TAEHVConfig(
        latent_channels=4,
        encoder_channels=(8, 8, 8, 8),
        encoder_blocks=(1, 1, 1),
        decoder_channels=(8, 8, 8, 8),
        decoder_blocks=(1, 1, 1),
        lead=3,
    )
    autoencoder = TAEHVAutoencoder(TAEHV(config), LatentFormat())
    arguments = {"clips": 3, "latents": 5, "side": 32, "seed": 4}
    pool = encode_worlds(autoencoder, tmp_path / "pool.npy", **arguments)
    again = encode_worlds(None, tmp_path / "pool.npy", **arguments)
    assert pool.shape == (3, 5, 4, 4, 4)
    assert np.array_equal(pool, again)
    film = render(draw_scene(scene_rng(4, 1)), 1 + 4 * 6, 32)
    expected = autoencoder.for_stream().encode_chunk(torch.from_numpy(film))[2:]
    assert np.allclose(pool[1], expected.detach(), atol=1e-2)
    fitted = measure_format(pool).normalise(torch.from_numpy(pool.astype(np.float32)))
    assert fitted.mean((0, 1, 3, 4)).abs().max() < 1e-3
    assert torch.allclose(fitted.square().mean((0, 1, 3, 4)), torch.ones(4), atol=1e-2)


def test_the_text_encoder_reads_and_learns(tmp_path: Path) -> None:
    encoder = train_text_encoder(tmp_path, LoopConfig(steps=3), batch=4)
    logits = Reader(build_encoder())(["a red circle"])
    assert [row.shape[1] for row in logits] == [1 + len(options) for _, options in QUESTIONS]
    assert sum(p.numel() for p in encoder.model.parameters()) < 350_000


def test_every_word_of_the_world_has_a_token_of_its_own() -> None:
    encoder = build_encoder()
    rng = np.random.default_rng(0)
    for _ in range(200):
        sentence = describe(draw_scene(rng), rng).text
        ids = encoder.token_ids(sentence)
        assert encoder.tokenizer.unk_token_id not in ids
        assert ids[-1] == encoder.tokenizer.eos_token_id
    assert encoder.token_ids("a crimson circle").count(encoder.tokenizer.unk_token_id) == 1


def test_both_stages_run_and_resume(tmp_path: Path) -> None:
    pool = np.random.default_rng(0).normal(size=(4, 6, 2, 4, 4)).astype(np.float16)
    data = WorldBatches(pool, LatentFormat((0.0, 0.0), (1.0, 1.0)), seed=0)
    text = TextEnsemble({NAME: build_encoder()})
    config = LoopConfig(steps=3, learning_rate=3e-3, warmup=1)
    stages = (Stage("stretches", data, config, 2, 4), Stage("buffers", data, config, 4, 2))
    teacher = train_teacher(StreamDiT(NETWORK), text, tmp_path, stages, MIXTURE)
    distillation = Distillation((Partition(2, 2), Partition(1, 4, 2)), teacher_steps=2)
    student = distil(teacher, data, text, tmp_path / "student", config, distillation, batch=2)
    resumed = distil(teacher, data, text, tmp_path / "student", config, distillation, batch=2)
    assert any((a != b).any() for a, b in zip(student.parameters(), teacher.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(student.parameters(), resumed.parameters(), strict=True))


def test_the_card_names_the_command_and_every_weight_file(tmp_path: Path) -> None:
    folder = tmp_path / "stream-dit"
    (folder / "text_encoders").mkdir(parents=True)
    for name in ("model.safetensors", "text_encoders/model.safetensors"):
        (folder / name).write_bytes(name.encode())
    write_card(folder, StreamDiT(NETWORK), "demo-video", {"stretch_steps": 5, "begin_with": None}, 7)
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "`python scripts/train.py stream-dit --stretch-steps 5 --seed 7`" in card
    for path in folder.rglob("*.safetensors"):
        assert hashlib.sha256(path.read_bytes()).hexdigest() in card


def test_the_denoising_error_of_a_network_that_knows_the_answer_is_zero() -> None:
    """All clips are zero: what a network sees is sigma * noise, so the velocity is x / sigma."""

    class Knows(Field):
        def forward(self, x: torch.Tensor, sigma: torch.Tensor, text: TextStates) -> torch.Tensor:
            return self.slope * x / sigma[:, :, None, None, None]

    pool = np.zeros((4, 4, 1, 2, 2), np.float16)
    data = WorldBatches(pool, LatentFormat(), seed=0, cuts=0.0)
    text = TextEnsemble({NAME: build_encoder()})
    arguments = (data, text, Partition(4, 1), 1, 0)
    assert denoising_error(Knows(1.0), *arguments) < 1e-10
    once, again = (denoising_error(Knows(0.5), *arguments) for _ in range(2))
    assert once == again > 0.01


def test_table_3_has_a_row_for_each_mixture_with_intervals_over_seeds() -> None:
    assert interval([1.0, 2.0, 3.0]).mean == 2.0
    assert interval([1.0, 2.0, 3.0]).half == pytest.approx(2.484, abs=1e-3)
    rows = table({mixture: [{"joint": 0.5}, {"joint": 0.7}] for mixture in MIXTURES})
    assert [row["chunk_sizes"] for row in rows] == [[1], [1, 2], [1, 2, 4], [1, 2, 4, 8], [1, 2, 4, 8, 16]]
    assert rows[0]["joint"]["mean"] == pytest.approx(0.6)
    assert rows[-1]["paper_quality"] == max(row["paper_quality"] for row in rows)
