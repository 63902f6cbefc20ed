"""The RTR-DiT runner: frames in, frames out, with text, references, switches and public layouts."""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_rtr_dit import ROWS, TEXT, tiny_autoencoder, tiny_wan, write_demo, write_public, write_umt5

from livestyle.engine.cache.roll import Roll
from livestyle.engine.conditioning.host_text import HostText, HostTextFile
from livestyle.engine.conditioning.recipe import ConditioningRecipe
from livestyle.engine.conditioning.timeline import StyleTimeline, parse_schedule
from livestyle.engine.errors import CheckpointError, SettingError
from livestyle.engine.families import StreamRequest, load_model, make_runner, probe, weight_bytes
from livestyle.engine.families.base import Chunk, DenoiseSettings, ModelHandle
from livestyle.engine.families.footprint import footprint
from livestyle.engine.families.rtr_dit.hosted_text import HostedText
from livestyle.engine.families.rtr_dit.model import RTRDiTModel
from livestyle.engine.families.rtr_dit.profile import PROFILES
from livestyle.engine.families.rtr_dit.runner import RTRDiTRunner
from livestyle.engine.families.rtr_dit.text import lent, load_text
from livestyle.engine.media.types import Frames
from livestyle.engine.sampling.few_step import few_step_schedule
from livestyle.engine.sampling.noise_control import MotionNoiseController, start_at
from livestyle.lab.benchmark.inline import play

CLIP = np.random.default_rng(3).integers(0, 255, (14, 32, 48, 3), dtype=np.uint8)
RED, BLUE = torch.tensor([0.9, 0.1, 0.1]).expand(40, 30, 3), torch.tensor([0.1, 0.1, 0.9]).expand(20, 60, 3)


def load(path: Path, **handle: Any) -> RTRDiTModel:
    return load_model(ModelHandle(str(path), **handle), torch.device("cpu"), torch.float32)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> RTRDiTModel:
    return load(write_demo(tmp_path_factory.mktemp("rtr")))


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with an autoencoder that needs no lookahead, and one that does."""
    folder = tmp_path_factory.mktemp("parts")
    tiny_autoencoder(folder / "causal")
    tiny_autoencoder(folder / "ahead", lead=0)
    yield folder


def style(
    prompt: str = "paper", *references: torch.Tensor, node: str = "p", **fields: Any
) -> ConditioningRecipe:
    return ConditioningRecipe(prompt, references=references, node_id=node, **fields)


def runner(model: RTRDiTModel, conditioning: Any = None, **settings: Any) -> RTRDiTRunner:
    with torch.no_grad():
        return make_runner(
            model,
            StreamRequest(
                DenoiseSettings(**{"steps": 2, **settings}),
                conditioning or style(),
                node_id="d",
                model_node_id="m",
                width=48,
                height=32,
            ),
        )


def latents(made: RTRDiTRunner, frames: np.ndarray | None = CLIP, **options: Any) -> np.ndarray:
    """The stream's latents, one row a latent frame: random weights decode to almost nothing."""
    found: list[torch.Tensor] = []
    denoise = made.denoise

    def kept(*arguments: Any) -> Any:
        found.append(denoise(*arguments))
        return found[-1]

    made.denoise = kept
    list(play(made, frames, **options))
    return torch.cat(found).numpy()


@pytest.mark.parametrize(("chunk", "frames"), [(0, 14), (0, 1), (12, 14), (12, 9), (12, 22)])
def test_as_many_frames_come_out_as_go_in(demo: RTRDiTModel, chunk: int, frames: int) -> None:
    made = np.concatenate(list(play(runner(demo, chunk=chunk), np.resize(CLIP, (frames, 32, 48, 3)))))
    assert made.shape == (frames, 32, 48, 3) and made.dtype == np.uint8


def test_it_is_the_same_again_after_a_reset_and_another_with_another_seed(demo: RTRDiTModel) -> None:
    made = runner(demo)
    first = latents(made)
    made.reset()
    assert np.array_equal(latents(made), first)
    assert not np.allclose(latents(runner(demo, seed=5)), first, atol=1e-3)


def test_strength_goes_from_the_source_to_the_model(demo: RTRDiTModel) -> None:
    stream = demo.autoencoder.for_stream()
    with torch.no_grad():
        source = torch.cat([stream.encode_chunk(torch.from_numpy(CLIP[:13])), stream.flush()]).numpy()
    none, half, full = (latents(runner(demo, strength=s), CLIP[:13]) for s in (0.0, 0.5, 1.0))
    assert np.allclose(none, source, atol=1e-5)
    assert np.allclose(half, (none + full) / 2, atol=1e-4) and not np.allclose(full, none, atol=1e-2)


def test_text_and_references_condition_separately_and_together(demo: RTRDiTModel) -> None:
    made = [
        latents(runner(demo, recipe))
        for recipe in (
            style(""),
            style("paper"),
            style("", RED),
            style("paper", RED),
            style("paper", BLUE),
            style("paper", RED, BLUE),
            style("paper", RED, reference_strength=0.4),
        )
    ]
    for number, one in enumerate(made):
        assert all(np.abs(one - other).max() > 1e-4 for other in made[number + 1 :])
    assert np.array_equal(latents(runner(demo, style("paper", RED, reference_strength=0.0))), made[1])


def test_text_strength_goes_from_silence_to_the_prompt(demo: RTRDiTModel) -> None:
    silent, half, whole, none = (
        latents(runner(demo, style(prompt, RED, text_strength=strength)))
        for prompt, strength in (("", 1.0), ("paper", 0.5), ("paper", 1.0), ("paper", 0.0))
    )
    assert np.array_equal(none, silent)
    assert 0 < np.abs(half - silent).mean() < np.abs(whole - silent).mean()


@pytest.mark.parametrize("frames", [5, 14])
def test_stream_batch_gives_every_frame_one_chunk_later(demo: RTRDiTModel, frames: int) -> None:
    made = runner(demo, advanced=(("stream_batch", True),))
    assert made.requirements.delay == 1
    live = {parameter.key: parameter.default for parameter in made.live_parameters}
    needs, first, sizes, index = made.requirements, 0, [], 0
    clip = np.resize(CLIP, (frames, 32, 48, 3))
    while first < frames + needs.chunk_frames:
        count = needs.first if index == 0 else needs.chunk_frames
        part = clip[first : first + count]
        valid = len(part)
        given = None
        if valid:
            part = np.concatenate([part, np.repeat(part[-1:], count - valid, axis=0)])
            given = Frames(part, first, (Fraction(0),) * count)
        with torch.inference_mode():
            done = made.decode(made.denoise(made.encode(Chunk(index, given, valid, first, live)), live))
        sizes.append(len(done))
        index, first = index + 1, first + count
        if not valid:
            break
    assert sizes[0] == 0 and sizes[1] == needs.first
    assert sum(sizes) >= frames
    with pytest.raises(SettingError, match="stream_batch needs a video"):
        made.reset()
        made.encode(Chunk(0, None, needs.first, 0, live))


def test_a_source_as_tokens(tmp_path: Path, parts: Path) -> None:
    path = write_public(tmp_path, "tokens.safetensors", injection="token", references=1, block=1, window=4)
    model = load(path, autoencoder=str(parts / "causal"))
    assert runner(model).requirements.needs_source
    first, second = (latents(runner(model), frames) for frames in (CLIP, 255 - CLIP))
    assert first.shape == second.shape and not np.allclose(first, second, atol=1e-6)  # random weights
    none = latents(runner(model, strength=0.0))
    assert np.abs(none - first).max() > 1e-3


def test_more_references_than_the_model_takes_are_refused(demo: RTRDiTModel) -> None:
    with pytest.raises(SettingError, match="3 pictures for one style, this model takes 2"):
        runner(demo, style("paper", RED, BLUE, RED))


@pytest.mark.parametrize("policy", ["refresh_last", "cross_attn_only", "blend"])
def test_a_schedule_switches_at_the_next_block(demo: RTRDiTModel, policy: str) -> None:
    """Frame 6 is in the block of frames 5 to 8, so the block from frame 9 is the first in the new style."""
    timeline = StyleTimeline(
        (style("paper"), style("dark water", RED, node="q")),
        triggers=parse_schedule("6:2", 2),
        policy=policy,
        node_id="s",
    )
    made = runner(demo, timeline)
    found, before = latents(made), latents(runner(demo))
    assert np.array_equal(found[:3], before[:3]) and np.abs(found[3] - before[3]).max() > 1e-4
    assert [(s.value, s.frame) for chunk in range(5) for s in made.switches(chunk)] == [(2, 9)]


def test_a_live_change_and_a_live_prompt_act_at_their_block(demo: RTRDiTModel) -> None:
    timeline = StyleTimeline((style("paper"), style("dark water", node="q")), node_id="s")
    found = latents(runner(demo, timeline), changes={2: {"s.active": 2}})
    text = latents(runner(demo), changes={2: {"p.prompt": "dark water"}})
    assert np.allclose(found, text, atol=1e-5)
    before = latents(runner(demo))
    assert np.array_equal(found[:2], before[:2]) and np.abs(found[2] - before[2]).max() > 1e-4


def test_other_pictures_act_at_the_next_block(demo: RTRDiTModel) -> None:
    blue = RED.flip(-1)
    made = runner(demo, style("paper", RED))
    encode = made.encode

    def restyled(chunk: Chunk) -> Any:
        if chunk.index == 2:
            made.restyle(style("paper", blue))
        return encode(chunk)

    made.encode = restyled
    timeline = StyleTimeline((style("paper", RED), style("paper", blue, node="q")), node_id="s")
    assert np.allclose(
        latents(made), latents(runner(demo, timeline), changes={2: {"s.active": 2}}), atol=1e-5
    )
    with pytest.raises(SettingError, match="pictures for one style"):
        made.restyle(style("paper", *[RED] * 9))


def test_a_cache_in_eight_bits_is_smaller_and_close(demo: RTRDiTModel) -> None:
    plain, small = runner(demo), runner(demo, advanced=(("cache_precision", "fp8"),))
    assert small.state.rollout.cache.bytes < 0.7 * plain.state.rollout.cache.bytes
    expected, found = latents(plain), latents(small)
    assert np.array_equal(found[:1], expected[:1])  # the first block has no past
    difference = np.abs(found - expected)
    assert 0 < difference.max() and difference.mean() < 0.05 * np.abs(expected).mean()
    bytes_of = [
        demo.stream_bytes(DenoiseSettings(steps=2, advanced=advanced), 480, 320)
        for advanced in ((), (("cache_precision", "fp8"),))
    ]
    assert bytes_of[1] < bytes_of[0]


def test_the_expert_widgets_size_the_cache(demo: RTRDiTModel) -> None:
    made = runner(demo, advanced=(("cache_window", 7), ("cache_sink", 2), ("rope_mode", "absolute")))
    layout = made.state.rollout.cache.layout
    assert (layout.window, layout.sink, made.state.rollout.cache.rope) == (7, 2, "absolute")
    for wrong, line in (
        ({"advanced": (("cache_window", 2), ("cache_sink", 2))}, "cache_window is 2: use 3 or more"),
        ({"chunk": 5}, "use a multiple of 4"),
        ({"steps": 9}, "made for 2, use 1 to 2"),
        ({"noise": "flow_warped"}, "does not fit causal video models"),
    ):
        with pytest.raises(SettingError, match=line):
            runner(demo, **wrong)


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("self_forcing_dmd.pt", {}),
        ("longlive/base.safetensors", {}),
        ("model.safetensors", {"base": "streamdiffusion_v2"}),
    ],
)
def test_public_layouts_restyle_and_generate(
    tmp_path: Path, parts: Path, name: str, note: dict[str, Any]
) -> None:
    note = note | {"text_length": ROWS} if note else note
    path = write_public(tmp_path, name, **note)
    assert probe(path).name == "rtr_dit"
    model = load(path, autoencoder=str(parts / "causal"), text_encoder=str(tmp_path))
    wanted = {k: v for k, v in tiny_wan().state_dict().items()}
    assert all(torch.equal(tensor, wanted[key]) for key, tensor in model.net.state_dict().items())
    restyled = np.concatenate(list(play(runner(model, style("dark water")), CLIP)))
    assert restyled.shape == CLIP.shape
    generated = np.concatenate(list(play(runner(model, style("dark water")), None, length=10)))
    assert generated.shape == (10, 32, 48, 3)
    with pytest.raises(SettingError, match="follows words only"):
        runner(model, style("paper", RED))


def test_a_diffusers_folder(tmp_path: Path, parts: Path) -> None:
    from diffusers.loaders.single_file_utils import convert_wan_transformer_to_diffusers

    folder = write_umt5(tmp_path / "Self-Forcing")
    (folder / "transformer").mkdir()
    (folder / "model_index.json").write_text('{"_class_name": "WanPipeline"}')
    tensors = convert_wan_transformer_to_diffusers(dict(tiny_wan().state_dict()))
    save_file({k: v.contiguous() for k, v in tensors.items()}, folder / "transformer" / "model.safetensors")
    (folder / "transformer" / "config.json").write_text('{"num_attention_heads": 2}')
    model = load(folder, autoencoder=str(parts / "causal"))
    assert model.profile == PROFILES["self_forcing"] and model.text is not None


def test_an_autoencoder_that_looks_ahead_holds_one_chunk_back(tmp_path: Path, parts: Path) -> None:
    path = write_public(tmp_path, "self_forcing.safetensors")
    made = runner(load(path, autoencoder=str(parts / "ahead")))
    assert (made.requirements.first, made.requirements.chunk_frames, made.requirements.delay) == (9, 12, 1)
    live = {parameter.key: parameter.default for parameter in made.live_parameters}
    counts, frames = [], np.resize(CLIP, (33, 32, 48, 3))
    bounds = ((0, 9), (9, 21), (21, 33), (33, 33))
    for index, (first, stop) in enumerate(bounds):
        given = Frames(frames[first:stop], first, tuple(Fraction(n, 16) for n in range(first, stop)))
        chunk = Chunk(index, given if stop > first else None, stop - first, first, live)
        with torch.inference_mode():
            counts.append(len(made.decode(made.denoise(made.encode(chunk), live))))
    assert counts == [0, 9, 12, 12]


@pytest.mark.parametrize("policy", ["refresh_last", "cross_attn_only", "blend"])
def test_a_live_prompt_of_a_style_with_pictures_may_change(demo: RTRDiTModel, policy: str) -> None:
    """While a blend lasts, the pictures of both prompts are in the cache."""
    timeline = StyleTimeline(
        (style("paper", RED, BLUE), style("dark water", node="q")), policy=policy, node_id="s"
    )
    before = latents(runner(demo, timeline))
    found = latents(runner(demo, timeline), changes={2: {"p.prompt": "dark water"}})
    assert np.array_equal(found[:2], before[:2]) and np.abs(found[2:] - before[2:]).max() > 1e-4


def test_a_core_conditioning_takes_the_place_of_the_text_encoder(tmp_path: Path, parts: Path) -> None:
    (tmp_path / "alone").mkdir()
    path = tmp_path / "alone" / "self_forcing.safetensors"
    save_file(dict(tiny_wan().state_dict()), path)
    model = load(path, autoencoder=str(parts / "causal"))
    with pytest.raises(SettingError, match="has no text encoder"):
        latents(runner(model))
    states = torch.randn(1, 12, TEXT, generator=torch.Generator().manual_seed(1))
    assert latents(runner(model, style("", external=[[states, {}]]))).shape[0] == 6
    with pytest.raises(SettingError, match=r"needs \(1, up to 512, 32\)"):
        latents(runner(model, style("", external=[[states[..., :8], {}]])))


def test_what_can_not_be_loaded_is_named(tmp_path: Path, parts: Path) -> None:
    path = write_public(tmp_path, "self_forcing.safetensors")
    with pytest.raises(CheckpointError, match="pick one for autoencoder"):
        load(path)
    torch.save({"generator": {"a": Path("code")}}, tmp_path / "code.pt")
    with pytest.raises(CheckpointError, match="could run code"):
        load(tmp_path / "code.pt")
    tensors = dict(tiny_wan().state_dict())
    del tensors["blocks.1.ffn.2.weight"]
    save_file(tensors, tmp_path / "self_forcing_part.safetensors")
    with pytest.raises(CheckpointError, match=r"lacks blocks.1.ffn.2.weight \(1 tensors"):
        load(tmp_path / "self_forcing_part.safetensors")
    save_file({"conv.weight": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match="holds no causal Wan network"):
        probe(tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match="its base is one of self_forcing"):
        load(write_public(tmp_path / "odd", "x.safetensors", base="nobody"))


def test_padding_rows_are_kept_and_zero(tmp_path: Path) -> None:
    text = load_text(write_umt5(tmp_path), "umt5", ROWS, torch.float32)
    assert text is not None and text.offload
    with torch.no_grad():
        states = text.encode("dark water", torch.device("cpu"))
    said = len(text.encoder.token_ids("dark water"))
    assert states.shape == (1, ROWS, TEXT)
    assert states[0, :said].abs().sum(-1).min() > 0 and not states[0, said:].any()
    assert text.encode("dark water", torch.device("cpu")).data_ptr() == states.data_ptr()
    with pytest.raises(SettingError, match="too long"):
        text.check("paper " * 99)


def test_a_lent_encoder_goes_up_only_and_is_counted(tmp_path: Path) -> None:
    """Its own weights stay where they are: nothing is copied back, also after an error."""
    text = load_text(write_umt5(tmp_path), "umt5", ROWS, torch.float32)
    assert text is not None
    model = text.encoder.model
    before = {name: (tensor, tensor.data_ptr()) for name, tensor in model.state_dict(keep_vars=True).items()}
    with torch.inference_mode(), contextlib.suppress(KeyError), lent(model, torch.device("meta")):
        assert {tensor.device.type for tensor in model.state_dict().values()} == {"meta"}
        raise KeyError
    after = model.state_dict(keep_vars=True)
    assert all(after[name] is tensor and tensor.data_ptr() == at for name, (tensor, at) in before.items())
    assert text.lent_bytes >= sum(tensor.nbytes for tensor in model.parameters())


def test_a_lent_encoder_is_part_of_what_a_stream_takes(demo: RTRDiTModel, tmp_path: Path) -> None:
    text = load_text(write_umt5(tmp_path), "umt5", ROWS, torch.float32)
    assert text is not None
    resident, lending = (
        replace(demo, text=each).stream_bytes(DenoiseSettings(), 128, 128) for each in (None, text)
    )
    assert lending - resident == text.lent_bytes


def test_a_lent_encoder_is_not_counted_among_the_weights_too(tmp_path: Path, parts: Path) -> None:
    path = write_public(tmp_path, "self_forcing.safetensors")
    handle = ModelHandle(
        str(path), autoencoder=str(parts / "causal"), text_encoder=str(tmp_path / "text_encoder")
    )
    assert footprint(handle, torch.bfloat16)["text_encoder"] > 0
    assert set(weight_bytes(handle, torch.bfloat16)) == {"model", "vae"}


def test_step_lists_are_the_published_ones() -> None:
    for name, published in (
        ("self_forcing", (1.0, 0.9375, 2.5 / 3, 0.625, 0.0)),
        ("self_forcing", (1.0, 2.5 / 3, 0.0)),
        ("streamdiffusion_v2", (0.7, 0.5, 0.4, 0.2, 0.0)),
    ):
        assert PROFILES[name].schedule(len(published) - 1).sigmas == pytest.approx(published)
    assert few_step_schedule((1000, 750, 500, 250), 8.0).sigmas[1] == pytest.approx(0.96)


def test_a_noisy_source_starts_where_streamdiffusion_v2_does() -> None:
    """Noise 0.8 is told as 0.7; later steps stay; fast motion takes up to 0.09 away at once."""
    schedule = PROFILES["streamdiffusion_v2"].schedule(4)
    assert start_at(schedule, 0.8, 0.1).sigmas == pytest.approx((0.7, 0.5, 0.4, 0.2, 0.0))
    assert start_at(schedule, 0.45, 0.1).sigmas == pytest.approx((0.35, 0.2, 0.0))
    control = MotionNoiseController()
    control.look(np.zeros((2, 8, 8, 3), np.uint8))
    assert control.reduction == 0.0
    control.look(np.full((1, 8, 8, 3), 255, np.uint8))
    assert control.reduction == pytest.approx(0.09)
    control.look(np.full((1, 8, 8, 3), 255, np.uint8))
    assert control.reduction == pytest.approx(0.009)


def test_memory_is_estimated(demo: RTRDiTModel) -> None:
    small, large = (demo.stream_bytes(DenoiseSettings(chunk=4), side, side) for side in (128, 256))
    assert 3.5 * small < large < 4.5 * small


def test_a_pickled_file_and_its_autoencoder_are_weighed_without_loading(tmp_path: Path, parts: Path) -> None:
    """Once, though the file holds the weights with and without averaging."""
    path = write_public(tmp_path, "self_forcing.pt")
    autoencoder = parts / "causal"
    sizes = weight_bytes(ModelHandle(str(path), autoencoder=str(autoencoder)), torch.bfloat16)
    tensors = tiny_wan().state_dict().values()
    assert sizes["model"] == sum(2 * tensor.numel() for tensor in tensors)
    weights = load_file(autoencoder / "diffusion_pytorch_model.safetensors").values()
    assert sizes["vae"] == sum(2 * tensor.numel() for tensor in weights)
    torch.save({"generator": {"a": Path("code")}}, tmp_path / "code.pt")
    assert weight_bytes(ModelHandle(str(tmp_path / "code.pt")), torch.bfloat16) == {"model": 0}


def test_a_mask_cache_is_for_edits_in_three_steps_and_is_counted(
    demo: RTRDiTModel, tmp_path: Path, parts: Path
) -> None:
    share = {"advanced": (("mask_cache", 0.3),)}
    with pytest.raises(SettingError, match="use 3 steps, or set it to 0"):
        runner(demo, **share)
    four = replace(demo, profile=replace(demo.profile, steps=(1000, 750, 500, 250)))
    with pytest.raises(SettingError, match="don't go together"):
        runner(four, steps=4, advanced=(("mask_cache", 0.3), ("stream_batch", True)))
    whole, spared = (latents(runner(four, steps=4, **more)) for more in ({}, share))
    assert np.array_equal(spared[:1], whole[:1]) and not np.array_equal(spared, whole)
    counted = [four.stream_bytes(DenoiseSettings(steps=4, **more), 48, 32) for more in ({}, share)]
    masks = runner(four, steps=4, **share).state.rollout.masks
    assert masks is not None
    assert counted[1] - counted[0] == sum(output.nbytes for output in masks._outputs)
    words = load(write_public(tmp_path, "self_forcing_dmd.safetensors"), autoencoder=str(parts / "causal"))
    with pytest.raises(SettingError, match="for models that edit a source"):
        runner(words, steps=4, **share)


def test_a_prompt_that_says_so_begins_a_new_shot(tmp_path: Path, parts: Path) -> None:
    """LongLive 2: with the words it was trained with, live; another prompt goes on with the shot."""
    profile = {
        "base": "self_forcing",
        "block": 1,
        "window": 4,
        "sink": 1,
        "shot_jump": 8,
        "switch": "cross_attn_only",
    }
    model = load(write_public(tmp_path, "shots.safetensors", **profile), autoencoder=str(parts / "causal"))

    def played(prompt: str) -> tuple[np.ndarray, Roll]:
        made = runner(model, fps=24.0)
        found = latents(made, None, length=25, changes={2: {"p.prompt": prompt}})
        made.state.rollout.settle()
        return found, made.state.rollout.cache.roll

    cut, plain, opening = played("The scene transitions. Dark water."), played("dark water"), played("paper")
    assert [roll.position for _, roll in (cut, plain, opening)] == [7 + 8, 7, 7]
    assert len(cut[1].pinned) == 1 and not plain[1].pinned
    assert np.array_equal(cut[0][:2], plain[0][:2]) and not np.array_equal(cut[0][2], plain[0][2])
    first = runner(model, style("The scene transitions. Dark water."), fps=24.0)
    latents(first, None, length=9)
    assert first.state.rollout.cache.roll.position < 8  # a stream does not begin with a cut


class Clip:
    """What HostText asks of ComfyUI's CLIP: rows padded to 8, states of 32 channels."""

    class patcher:
        @staticmethod
        def model_size() -> int:
            return 1000

    def tokenize(self, prompt: str) -> dict[str, list[list[tuple[int, float]]]]:
        words = [(len(word), 1.0) for word in prompt.split()]
        return {"umt5xxl": [words + [(0, 1.0)] * (8 - len(words))]}

    def encode_from_tokens(self, tokens: dict[str, list[list[tuple[int, float]]]]) -> torch.Tensor:
        (rows,) = tokens["umt5xxl"]
        return torch.tensor([[[float(number)] * TEXT for number, _ in rows]])


def test_the_host_s_encoder_is_taken_counted_and_stays_on_its_machine(tmp_path: Path, parts: Path) -> None:
    """A file of the host's comes before UMT5 beside the checkpoint; not before another kind of encoder."""
    path = write_public(tmp_path, "self_forcing_dmd.safetensors")
    file = HostTextFile(str(path), lambda *_: Clip())
    model = load(path, autoencoder=str(parts / "causal"), host_text=file)
    own = load(path, autoencoder=str(parts / "causal"))
    assert isinstance(model.text, HostedText) and not isinstance(own.text, HostedText)
    assert model.text.lent_bytes == 1100
    states = model.text.encode("dark water", torch.device("cpu"))
    assert states.shape == (1, PROFILES["self_forcing"].text_length, TEXT) and states[0, :2, 0].tolist() == [
        4,
        5,
    ]
    with pytest.raises(SettingError, match="prompt has 600 tokens, this model reads 512: shorten it"):
        model.text.check("paper " * 600)
    assert not isinstance(load(write_demo(tmp_path / "demo"), host_text=file).text, HostedText)
    handle = pickle.loads(pickle.dumps(ModelHandle(str(path), host_text=file)))
    assert handle.host_text is None and handle.checkpoint == str(path)
    with pytest.raises(SettingError, match="set run_on to here"):
        pickle.dumps(style("paper", clip=HostText(Clip())))


def test_clip_of_a_recipe_reads_its_prompt_and_no_other_s(tmp_path: Path, parts: Path) -> None:
    model = load(write_public(tmp_path, "self_forcing_dmd.safetensors"), autoencoder=str(parts / "causal"))
    clip = HostText(Clip())
    both = StyleTimeline((style("dark water", clip=clip), style("dark water", node="q")), node_id="s")
    made = runner(model, both, fps=24.0)
    texts = [made._text(recipe, "dark water") for recipe in both.styles]
    assert texts[0][0, :2, 0].tolist() == [4, 5] and not torch.equal(texts[0], texts[1])
    checks = {each.key: each.check for each in made.live_parameters}
    with pytest.raises(SettingError, match="this model reads 512"):
        checks["p.prompt"]("paper " * 600)
