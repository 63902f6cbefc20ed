"""RTR-DiT's training, at toy size: what each stage sees, and which way its gradient points."""

from __future__ import annotations

import dataclasses
import inspect
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tiny_causal_wan import CONFIG, tiny_net

from livestyle.engine.networks.causal_wan import CausalWan
from livestyle.engine.networks.taehv import TAEHV, TAEHVConfig
from livestyle.engine.sampling.block_pass import RolloutSettings
from livestyle.engine.sampling.flow_match import renoise
from livestyle.engine.sampling.rollout import BlockRollout
from livestyle.engine.sampling.style_states import StyleStates
from livestyle.lab.autoencoders.discriminator import PatchDiscriminator
from livestyle.lab.mllm_edit.training.text import build_tokenizer
from livestyle.lab.rtr_dit.training import self_forcing
from livestyle.lab.rtr_dit.training.batches import Batch, Batches, Pool, Sentences
from livestyle.lab.rtr_dit.training.bidirectional import flow_matching_error, train_teacher
from livestyle.lab.rtr_dit.training.clip import denoise_clip, guided, solve
from livestyle.lab.rtr_dit.training.ode import causal_mask, record, solver_sigmas, train_causal
from livestyle.lab.rtr_dit.training.package import save_rtr_dit
from livestyle.lab.rtr_dit.training.paintings import UNNAMED
from livestyle.lab.rtr_dit.training.perceptual_loss import PerceptualLoss
from livestyle.lab.rtr_dit.training.recipe import Recipe, demo_network
from livestyle.lab.rtr_dit.training.self_forcing import PAIRED, SelfForcing, distribution_matching, roll_out
from livestyle.lab.rtr_dit.training.sentences import (
    SentenceEncoder,
    build_sentence_encoder,
    train_sentences,
)
from livestyle.lab.rtr_dit.training.triples import Triples
from livestyle.lab.styles import STYLES
from livestyle.lab.training.loop import LoopConfig

CHANNELS, SIDE = 4, 6
NETWORK = dataclasses.replace(CONFIG, in_channels=2 * CHANNELS, out_channels=CHANNELS)
RECIPE = Recipe(NETWORK, frames=5, window=3, block=1)


def net(**changes: object) -> CausalWan:
    return tiny_net(in_channels=2 * CHANNELS, out_channels=CHANNELS, **changes)


@pytest.fixture(scope="module")
def batches() -> Batches:
    rng = np.random.default_rng(0)
    latents = rng.standard_normal((3, 2, 6, CHANNELS, SIDE, SIDE)).astype(np.float16)
    styles = np.array([[0, UNNAMED], [3, UNNAMED], [len(STYLES) - 1, UNNAMED]])
    triples = Triples(latents[:, 0], latents, latents[:, :, 0], styles)
    states = torch.arange(1.0, len(STYLES) + 2).view(-1, 1, 1, 1).expand(-1, 2, 5, 8)
    return Batches((Pool(triples, clips=2, side=4),), Sentences(states), RECIPE)


@pytest.fixture(scope="module")
def batch(batches: Batches) -> Batch:
    drawn = (batches.draw(np.random.default_rng(seed)) for seed in range(100))
    return next(each for each in drawn if each.references is not None and each.text.any((1, 2)).all())


@pytest.fixture(scope="module")
def looks() -> PerceptualLoss:
    torch.manual_seed(0)
    sizes = TAEHVConfig(
        latent_channels=CHANNELS,
        encoder_channels=(8, 8, 8, 8),
        encoder_blocks=(1, 1, 1),
        decoder_channels=(8, 8, 8, 8),
        decoder_blocks=(1, 1, 1),
    )
    return PerceptualLoss(TAEHV(sizes), every=8)


def randn(shape: torch.Size, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


# batches


def test_text_and_reference_are_left_out_independently(batches: Batches) -> None:
    drawn = [batches.draw(np.random.default_rng(seed)) for seed in range(600)]
    referenced = [each.references is not None for each in drawn]
    silent = [bool((each.text == 0).all((1, 2))[0]) for each in drawn]
    assert np.mean(referenced) == pytest.approx(1 - RECIPE.drop_reference, abs=0.06)
    for kept in (True, False):
        share = np.mean([s for s, r in zip(silent, referenced, strict=True) if r is kept])
        assert share == pytest.approx(RECIPE.drop_text, abs=0.06)


def test_without_a_reference_the_text_tells_the_style(batches: Batches) -> None:
    for seed in range(60):
        drawn = batches.draw(np.random.default_rng(seed))
        numbers = drawn.text[:, 0, 0]
        # row 0 of the sentences belongs to style pictures
        assert drawn.references is not None or not bool((numbers == 1.0).any())


def test_a_batch_depends_on_its_generator_only(batches: Batches) -> None:
    first, again = (batches.draw(np.random.default_rng(4)) for _ in range(2))
    assert torch.equal(first.target, again.target) and torch.equal(first.source, again.source)
    assert first.source.shape == (2, RECIPE.frames, CHANNELS, 4, 4)


def test_pools_of_other_sizes_take_turns(batches: Batches) -> None:
    small = batches.pools[0]
    large = dataclasses.replace(small, clips=1, side=6, share=1.0)
    mixed = dataclasses.replace(batches, pools=(dataclasses.replace(small, share=3.0), large))
    sizes = [tuple(mixed.draw(np.random.default_rng(seed)).source.shape) for seed in range(200)]
    assert set(sizes) == {(2, RECIPE.frames, CHANNELS, 4, 4), (1, RECIPE.frames, CHANNELS, 6, 6)}
    assert np.mean([size[0] == 2 for size in sizes]) == pytest.approx(0.75, abs=0.08)


# evaluations of a clip


def test_references_condition_every_frame_and_are_not_returned(batch: Batch) -> None:
    x, sigma = randn(batch.target.shape), torch.full((2, RECIPE.frames), 0.7)
    x0 = denoise_clip(net(), x, sigma, batch, "x0")
    other = dataclasses.replace(batch, references=batch.references + 1.0)
    moved = (denoise_clip(net(), x, sigma, other, "x0") - x0).abs().amax((0, 2, 3, 4))
    assert x0.shape == x.shape
    assert (moved > 1e-6).all()


def test_guidance_goes_from_no_conditions_through_the_conditions(batch: Batch) -> None:
    x, sigma = randn(batch.target.shape), torch.full((2, RECIPE.frames), 0.7)
    plain = denoise_clip(net(), x, sigma, batch.without_conditions(), "x0")
    full = denoise_clip(net(), x, sigma, batch, "x0")
    torch.testing.assert_close(guided(net(), x, sigma, batch, "x0", 1.0), full)
    torch.testing.assert_close(guided(net(), x, sigma, batch, "x0", 3.0), plain + 3.0 * (full - plain))


def test_the_solver_ends_where_the_network_points(batch: Batch) -> None:
    blind = net()
    torch.nn.init.zeros_(blind.head.head.weight)
    torch.nn.init.zeros_(blind.head.head.bias)
    noise = randn(batch.target.shape)
    states = solve(blind, noise, batch, "x0", (1.0, 0.5, 0.0))
    torch.testing.assert_close(states[1], 0.5 * noise)  # halfway to a clean clip of zeros
    torch.testing.assert_close(states[2], torch.zeros_like(noise))


def test_velocity_and_x0_networks_have_the_same_error_at_full_noise(batch: Batch) -> None:
    """At sigma 1 a velocity is the noise minus x0, so only the sign of the output differs."""
    blind = net()
    torch.nn.init.zeros_(blind.head.head.weight)
    torch.nn.init.zeros_(blind.head.head.bias)
    noise, ones = randn(batch.target.shape), torch.ones(2, RECIPE.frames)
    assert torch.equal(denoise_clip(blind, noise, ones, batch, "velocity"), noise)
    assert torch.equal(denoise_clip(blind, noise, ones, batch, "x0"), torch.zeros_like(noise))


# stage (a)


def test_the_teacher_learns(batches: Batches, batch: Batch, tmp_path: Path) -> None:
    config = LoopConfig(steps=40, learning_rate=5e-3, warmup=5, seed=1, ema=0.9)
    torch.manual_seed(config.seed)
    before = CausalWan(NETWORK)
    trained = train_teacher(batches, RECIPE, tmp_path, config)
    generator = torch.Generator()
    errors = []
    for network in (before, trained):
        generator.manual_seed(3)
        with torch.no_grad():
            errors.append(float(flow_matching_error(network, batch.target, batch, RECIPE, generator)))
    assert errors[1] < 0.9 * errors[0]


# stage (b)


def test_the_solver_passes_the_students_noise_levels() -> None:
    levels = solver_sigmas(RECIPE, 4)
    assert set(RECIPE.schedule.sigmas) <= set(levels)
    assert list(levels) == sorted(levels, reverse=True) and levels[0] == 1.0 and levels[-1] == 0.0


def test_trajectories_are_recorded_once(batches: Batches, tmp_path: Path) -> None:
    recipe = dataclasses.replace(RECIPE, guidance=1.0)
    first = record(net(), batches, recipe, tmp_path, count=2, steps=2, seed=5)
    kept = [first.states(index) for index in range(2)]
    assert kept[1].shape == (3, 2, RECIPE.frames, CHANNELS, 4, 4)
    again = record(net(layers=1), batches, recipe, tmp_path, count=2, steps=2, seed=5)
    assert all(torch.equal(again.states(index), kept[index]) for index in range(2))
    drawn = again.conditions(1, batches)
    assert torch.equal(drawn.source, first.conditions(1, batches).source)


def test_the_student_does_not_see_later_blocks(batch: Batch) -> None:
    x, sigma = randn(batch.target.shape), torch.full((2, RECIPE.frames), 0.7)
    mask = causal_mask(RECIPE, batch)
    later = x.clone()
    later[:, 3:] += 1.0
    first, second = (denoise_clip(net(), each, sigma, batch, "x0", mask) for each in (x, later))
    torch.testing.assert_close(first[:, :3], second[:, :3])
    assert (first[:, 3:] - second[:, 3:]).abs().max() > 1e-4


def test_regression_brings_the_student_to_the_trajectories(batches: Batches, tmp_path: Path) -> None:
    recipe = dataclasses.replace(RECIPE, guidance=1.0)
    solved = record(net(), batches, recipe, tmp_path / "solved", count=1, steps=2, seed=5)
    config = LoopConfig(steps=50, learning_rate=3e-3, warmup=5, ema=0.9)
    train_causal(net().requires_grad_(True), solved, batches, recipe, tmp_path / "run", config)
    log = [json.loads(line)["loss"] for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    start = float(solved.states(0)[-1].square().mean())
    assert log[-1] < start


# stage (c)


def test_a_rollout_in_training_is_the_rollout_of_inference(batch: Batch) -> None:
    made = roll_out(net(), batch, RECIPE, 1, torch.Generator().manual_seed(2))
    generator = torch.Generator().manual_seed(2)
    cache = self_forcing.SegmentedKVCache(RECIPE.cache_layout(4, 4, references=1), batch=2)
    rollout = BlockRollout(net(), cache, RolloutSettings(RECIPE.schedule, "x0"))
    rollout.switch(StyleStates(batch.text, batch.references))
    shape = batch.target[:, :1].shape
    parts = [
        rollout.step(
            torch.randn(shape, generator=generator),
            lambda _: torch.randn(shape, generator=generator),
            batch.source[:, frame : frame + 1],
        )
        for frame in range(RECIPE.frames)
    ]
    torch.testing.assert_close(made, torch.cat(parts, dim=1))


@pytest.mark.parametrize("exit_step", [0, 1])
def test_gradients_flow_through_the_last_evaluation_of_each_block(batch: Batch, exit_step: int) -> None:
    network, modes = net().requires_grad_(True), []
    network.register_forward_pre_hook(lambda *_: modes.append(torch.is_grad_enabled()))
    made = roll_out(network, batch, RECIPE, exit_step, torch.Generator())
    assert made.requires_grad
    assert modes.count(True) == RECIPE.frames
    # the prefilled reference, the steps before, and every block's clean pass but the last one's
    assert modes.count(False) == 1 + RECIPE.frames * exit_step + RECIPE.frames - 1
    made.square().mean().backward()
    assert network.text_embedding[0].weight.grad.abs().sum() > 0.0


def test_equal_scores_give_no_gradient(batch: Batch) -> None:
    recipe = dataclasses.replace(RECIPE, guidance=1.0)
    made = randn(batch.target.shape).requires_grad_(True)
    loss = distribution_matching(made, net(), net(), batch, recipe, torch.Generator().manual_seed(0))
    loss.backward()
    assert loss.item() == 0.0 and not made.grad.any()


def test_the_gradient_leads_from_the_critics_clip_to_the_teachers(batch: Batch) -> None:
    teacher, critic = net(), net(layers=1)
    recipe = dataclasses.replace(RECIPE, guidance=1.0)
    made = randn(batch.target.shape).requires_grad_(True)
    generator = torch.Generator().manual_seed(0)
    distribution_matching(made, teacher, critic, batch, recipe, generator).backward()
    generator.manual_seed(0)
    sigma = self_forcing.draw_sigmas(2, recipe.noise_shift, generator)
    noisy = renoise(made.detach(), torch.randn(made.shape, generator=generator), sigma.view(-1, 1, 1, 1, 1))
    real, fake = (
        denoise_clip(each, noisy, sigma[:, None].expand(2, RECIPE.frames), batch, "x0").detach()
        for each in (teacher, critic)
    )
    cosine = torch.cosine_similarity(made.grad.flatten(1), (fake - real).flatten(1))
    torch.testing.assert_close(cosine, torch.ones(2))


def test_looks_are_equal_only_for_equal_clips_and_pull_towards_them(
    looks: PerceptualLoss, batch: Batch
) -> None:
    made = (batch.target + randn(batch.target.shape)).requires_grad_(True)
    assert looks(batch.target, batch.target).apart == 0.0
    apart = looks(made, batch.target).apart
    apart.backward()
    assert apart > 0.0
    closer = made.detach() - 0.1 * made.grad / made.grad.abs().max()
    assert looks(closer, batch.target).apart < apart


def test_a_discriminator_learns_to_tell_made_from_painted_and_says_so(
    looks: PerceptualLoss, batch: Batch
) -> None:
    torch.manual_seed(0)
    discriminator = PatchDiscriminator()
    optimiser = torch.optim.AdamW(discriminator.parameters(), lr=2e-3)
    made = torch.zeros_like(batch.target).requires_grad_(True)
    losses = []
    for _ in range(12):
        verdict = looks(made, batch.target, discriminator)
        losses.append(verdict.mistaken.item())
        optimiser.zero_grad()
        verdict.mistaken.backward()
        optimiser.step()
    assert made.grad is None, "its own loss teaches the discriminator alone"
    assert losses[-1] < losses[0]
    before = looks(made, batch.target, discriminator).found
    (against,) = torch.autograd.grad(before, made)
    better = made.detach() - 2.0 * against / against.abs().max()
    assert looks(better, batch.target, discriminator).found < before


def test_texture_pulls_as_hard_as_it_is_told() -> None:
    made = randn((3, 1, 2, 4, 4)).requires_grad_(True)
    wanted, painted = randn(made.shape), randn(made.shape)
    painted[2] = 0.0  # the last clip is not looked at
    plain = self_forcing._pull(made, (made * wanted).sum(), None, 0.4)
    assert torch.equal(plain, wanted)
    both = self_forcing._pull(made, (made * wanted).sum(), (made * painted).sum(), 0.4)
    assert torch.equal(both[2], wanted[2])
    torch.testing.assert_close((both - wanted).norm(), 0.4 * wanted[:2].norm())


def test_paired_targets_need_no_critic(batches: Batches, looks: PerceptualLoss, tmp_path: Path) -> None:
    before, loop = net(), LoopConfig(steps=2, warmup=1)
    student = self_forcing.train_student(net(), net(), batches, RECIPE, tmp_path, loop, PAIRED, looks)
    assert not torch.equal(student.head.head.weight, before.head.head.weight)
    kept = load_file(tmp_path / "state.safetensors")
    assert not any("critic" in name for name in kept) and any("discriminator" in name for name in kept)


def test_student_and_critic_take_turns(
    batches: Batches, looks: PerceptualLoss, tmp_path: Path, monkeypatch
) -> None:
    seen: list[tuple[bool, bool]] = []
    pairs: list[torch.nn.Module] = []
    original = self_forcing.train

    def watched(pair, loss, *arguments, **options):
        pairs.append(pair)

        def wrapped(step: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
            terms = loss(step, generator)
            terms["loss"].backward(retain_graph=True)
            parts = (pair.student, pair.critic)
            seen.append(tuple(any(p.grad is not None for p in part.parameters()) for part in parts))
            for parameter in pair.parameters():
                parameter.grad = None
            return terms

        return original(pair, wrapped, *arguments, **options)

    monkeypatch.setattr(self_forcing, "train", watched)
    teacher = net()
    kept = {name: tensor.clone() for name, tensor in teacher.state_dict().items()}
    student = self_forcing.train_student(
        net().requires_grad_(True),
        teacher,
        batches,
        RECIPE,
        tmp_path,
        LoopConfig(steps=4, warmup=1),
        SelfForcing(critic_updates=2),
        looks,
    )
    assert seen == [(True, False), (False, True), (False, True), (True, False)]
    assert all(torch.equal(tensor, kept[name]) for name, tensor in teacher.state_dict().items())
    assert not torch.equal(student.head.head.weight, kept["head.head.weight"])
    assert all(torch.isfinite(p).all() for p in student.parameters())


# what is packed


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    words = ["oil", "painting", "make", "winter"]
    torch.manual_seed(0)
    encoder = build_sentence_encoder(build_tokenizer(words, torch.linspace(1.0, 0.0, 4), 700))
    encoder.model.eval().requires_grad_(False)
    return encoder


def test_sentences_end_in_zero_rows_and_silence_is_zero(encoder: SentenceEncoder) -> None:
    states = encoder(["make it an oil painting", "oil", ""])
    lengths = states.abs().sum(-1).ne(0).sum(1).tolist()
    assert states.shape == (3, 24, 96)
    assert lengths[0] > lengths[1] > 0 == lengths[2]
    assert states[1, : lengths[1]].ne(0).any(-1).all()
    torch.testing.assert_close(encoder(["oil"])[0], states[1])


def test_the_demo_checkpoint_stays_below_8_mb(encoder: SentenceEncoder) -> None:
    network = CausalWan(demo_network())
    embeddings = encoder.model.get_input_embeddings().weight
    layers = sum(p.numel() for p in encoder.model.parameters()) - embeddings.numel()
    vocabulary = inspect.signature(train_sentences).parameters["vocabulary"].default
    text = layers + vocabulary * embeddings.shape[1]
    tokenizer = 300_000
    assert 2 * (sum(p.numel() for p in network.parameters()) + text) + tokenizer < 8_000_000


def test_a_checkpoint_says_how_to_run_it(encoder: SentenceEncoder, tmp_path: Path) -> None:
    before = encoder(["oil painting"])
    save_rtr_dit(net(), encoder, RECIPE, tmp_path, "demo-video")
    note = json.loads((tmp_path / "livestyle.json").read_text())
    assert note["family"] == "rtr_dit" and note["shared"] == {"vae": "demo-video"}
    assert note["network"] == dataclasses.asdict(NETWORK)
    assert (note["profile"]["block"], note["profile"]["window"], note["profile"]["steps"]) == (
        1,
        3,
        [1000, 500],
    )
    after = SentenceEncoder.load(tmp_path)(["oil painting"])
    torch.testing.assert_close(after, before, atol=0.05, rtol=0.05)
