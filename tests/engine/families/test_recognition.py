"""Every published causal checkpoint, as its authors name it, moved and renamed: known, refused or asked."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from tiny_rtr_dit import tiny_wan, write_demo, write_public
from wan_files import FIVE, LARGE, SMALL, SOURCE, lora_shapes, wan_shapes, write_pickled, write_safetensors

from livestyle.engine.errors import CheckpointError, SettingError
from livestyle.engine.families import identify, load_model, profiles
from livestyle.engine.families.base import ModelHandle
from livestyle.engine.families.rtr_dit.checkpoint import recognised
from livestyle.engine.families.rtr_dit.profile import PROFILES, Profile

PARAMETERS = {"small": SMALL, "source": SOURCE, "large": LARGE, "five": FIVE}
LL2_HEADER = {"checkpoint_format": "longlive_generator_merged_bf16"}


def told(path: Path, **handle: str) -> str:
    line = identify(ModelHandle(str(path), **handle))
    assert "\n" not in line
    return line


def profile_of(path: Path, **handle: str) -> Profile:
    return recognised(ModelHandle(str(path), **handle))[0].profile


def write(folder: Path, name: str, size: str = "small") -> Path:
    """A file as its suffix has it; a ``.pt`` with everything that a trainer saves."""
    shapes = wan_shapes(PARAMETERS[size])
    path = folder / "at" / name
    if path.suffix == ".pt":
        return write_pickled(path, generator=shapes, generator_ema=shapes, critic=shapes)
    return write_safetensors(path, shapes)


@pytest.mark.parametrize(
    ("name", "size", "profile", "line"),
    [
        ("Self-Forcing/self_forcing_dmd.pt", "small", "self_forcing", "Self-Forcing (its name)"),
        (
            "chunkwise/causal_forcing.pt",
            "small",
            "causal_forcing",
            "Causal Forcing chunk-wise (its name); weights of generator, not generator_ema",
        ),
        (
            "framewise/causal_forcing.pt",
            "small",
            "self_forcing_framewise",
            "Causal Forcing frame-wise (its name); weights of generator_ema, not generator",
        ),
        (
            "x/causal_forcing-framewise.safetensors",
            "small",
            "self_forcing_framewise",
            "Causal Forcing frame-wise (its name)",
        ),
        ("LongLive-1.3B/longlive_base.pt", "small", "longlive", "LongLive (its name)"),
        (
            "wan_causal_dmd_v2v/model.pt",
            "small",
            "streamdiffusion_v2",
            "StreamDiffusionV2 (its name); weights of generator_ema, not generator; "
            "licence of the weights: none stated",
        ),
        (
            "wan_causal_dmd_v2v_14b/model.safetensors",
            "large",
            "streamdiffusion_v2",
            "StreamDiffusionV2 (its name); licence of the weights: none stated",
        ),
        (
            "krea-realtime-video/model.safetensors",
            "large",
            "krea",
            "Krea realtime (its name); " + PROFILES["krea"].note,
        ),
        ("rtr_dit/model.safetensors", "source", "rtr_dit", "RTR-DiT (its name)"),
        (
            "LiveEdit/ar-forcing_002000.pt",
            "source",
            "liveedit",
            "LiveEdit (its name); weights of generator, not generator_ema; licence: none seen",
        ),
        ("x/ar-forcing_002000.safetensors", "source", "liveedit", "LiveEdit (its name)"),
        (
            "causal-forcing++/framewise-2step.pt",
            "small",
            "causal_forcing_2step",
            "Causal Forcing++ with two steps (its name); weights of generator_ema, not generator",
        ),
        ("x/causal_forcing_2step.safetensors", "small", "causal_forcing_2step", "Causal Forcing++"),
        (
            "causal-forcing++/framewise-1step.pt",
            "small",
            "causal_forcing_1step",
            "Causal Forcing++ with one step (its name); weights of generator_ema, not generator",
        ),
        (
            "chunkwise/longvideo.safetensors",
            "small",
            "causal_forcing_long",
            "Causal Forcing for long videos (its name); licence: academic use only",
        ),
        (
            "x/rolling_forcing_dmd.pt",
            "small",
            "rolling_forcing",
            "Rolling Forcing (its name); weights of generator_ema, not generator; licence: academic use only",
        ),
        (
            "LongLive-2.0-5B/model_bf16.pt",
            "five",
            "longlive_2",
            "LongLive 2 (its name); weights of generator_ema, not generator; "
            "licence of the weights: none stated",
        ),
        ("LongLive-2.0-5B-NVFP4-S2/model_te.safetensors", "five", "longlive_2_2step", "LongLive 2 with two"),
        ("LongLive-2.0-5B-NVFP4-S4/model_te.safetensors", "five", "longlive_2", "LongLive 2 (its name)"),
        (
            "x/rewardforcing.safetensors",
            "small",
            "reward_forcing",
            "Reward-Forcing (its name); licence of the weights: none stated",
        ),
        (
            "MemFlow/base.safetensors",
            "small",
            "memflow",
            "MemFlow (its name); licence: Apache-2.0 and CC BY-NC-SA 4.0 contradict each other, so not for",
        ),
        ("Reward-Forcing-T2V-1.3B/model.safetensors", "small", "reward_forcing", "Reward-Forcing (its"),
    ],
)
def test_a_name_that_tells(tmp_path: Path, name: str, size: str, profile: str, line: str) -> None:
    path = write(tmp_path, name, size)
    assert told(path).startswith(f"played as {line}")
    assert profile_of(path) == PROFILES[profile]


@pytest.mark.parametrize(
    ("name", "size", "choices", "hidden"),
    [
        (
            "x/model.safetensors",
            "small",
            ["self_forcing", "causal_forcing", "longlive", "memflow for MemFlow"],
            "Rolling Forcing",
        ),
        ("x/base.pt", "small", ["longlive for LongLive", "memflow for MemFlow"], ""),
        (
            "x/causal_forcing.pt",
            "small",
            ["self_forcing_framewise for Causal", "causal_forcing for", "causal_forcing_2step for"],
            "",
        ),
        ("x/dmd.safetensors", "large", ["streamdiffusion_v2", "krea"], ""),
        ("x/model.safetensors", "five", ["longlive_2", "longlive_2_2step"], "not causal and can't stream"),
        ("x/model_te.safetensors", "five", ["longlive_2", "longlive_2_2step"], "4 or 2 steps"),
        ("longlive/model_te.safetensors", "five", ["longlive_2", "longlive_2_2step"], "4 or 2 steps"),
        ("x/model.safetensors", "source", ["rtr_dit for RTR-DiT", "liveedit for LiveEdit"], ""),
    ],
)
def test_one_that_does_not_say_what_it_is_is_asked(
    tmp_path: Path, name: str, size: str, choices: list[str], hidden: str
) -> None:
    path = write(tmp_path, name, size)
    with pytest.raises(SettingError, match="choose profile on Load Stream Model") as said:
        told(path)
    assert all(choice in str(said.value) for choice in choices) and hidden in str(said.value)
    with pytest.raises(SettingError, match="choose profile"):
        load_model(ModelHandle(str(path)), torch.device("cpu"), torch.bfloat16)


@pytest.mark.parametrize("size", ["small", "large", "source", "five"])
def test_any_choice_that_is_offered_is_taken_and_survives_a_move(tmp_path: Path, size: str) -> None:
    path = write(tmp_path, "Renamed by hand/MemFlow.safetensors", size)
    for name in profiles():
        sizes = {"source"} if PROFILES[name].injection == "channel" else {"small", "large"}
        if size in ({"five"} if name.startswith("longlive_2") else sizes):
            assert told(path, profile=name).startswith(f"played as {name} (the profile widget)")
            assert profile_of(path, profile=name) == PROFILES[name]
        else:
            with pytest.raises(SettingError, match="the source's channels: choose another"):
                told(path, profile=name)
    with pytest.raises(SettingError, match="profile nobody does not fit"):
        told(path, profile="nobody")


def test_without_wrapper_reward_forcing_s_layout_is_a_hint_and_no_proof(tmp_path: Path) -> None:
    path = write_pickled(tmp_path / "x" / "model.pt", flat=wan_shapes(SMALL))
    with pytest.raises(SettingError, match="Reward-Forcing"):
        told(path)


@pytest.mark.parametrize("stage", ["ar_diffusion", "causal_ode", "causal_cd", "ode_init"])
@pytest.mark.parametrize("choice", ["", "self_forcing"])
def test_a_stage_of_training_is_refused_whatever_is_chosen(tmp_path: Path, stage: str, choice: str) -> None:
    path = write(tmp_path, f"chunkwise/{stage}.pt")
    with pytest.raises(CheckpointError, match=rf"stage of training \({stage}\)"):
        told(path, profile=choice)


@pytest.mark.parametrize("choice", ["", "longlive"])
def test_four_bit_weights_are_refused_by_their_tensors(tmp_path: Path, choice: str) -> None:
    shapes = wan_shapes(FIVE)
    name = "model.blocks.0.self_attn.q.weight"
    shapes[name.replace(".weight", ".quantized_weight_values")] = (3072, 1536)
    del shapes[name]
    with pytest.raises(CheckpointError, match="2 or 4 steps.*can't unpack"):
        told(write_safetensors(tmp_path / "x" / "model.safetensors", shapes), profile=choice)


def test_texts_in_a_file_outlive_its_name(tmp_path: Path) -> None:
    """LongLive 2 merged, TE: the text beside the wrapped weights, or in the header once converted."""
    path = write_pickled(tmp_path / "LongLive-2" / "renamed.pt", LL2_HEADER, generator=wan_shapes(FIVE))
    with pytest.raises(SettingError, match="renamed.pt is LongLive 2 for four bits by its header, .*2 steps"):
        told(path)
    path = write_safetensors(tmp_path / "LongLive-2" / "nvfp4-s2.safetensors", wan_shapes(FIVE), **LL2_HEADER)
    assert told(path).startswith("played as LongLive 2 with two steps")
    merged = {"checkpoint_format": "longlive_generator_merged_lora"}
    path = write_safetensors(tmp_path / "x" / "renamed.safetensors", wan_shapes(FIVE), **merged)
    assert told(path).startswith("played as LongLive 2 (its header)")


def test_the_header_comes_before_the_name(tmp_path: Path) -> None:
    path = write_safetensors(
        tmp_path / "longlive" / "a.safetensors", wan_shapes(SMALL), model_name="self-forcing"
    )
    assert told(path) == "played as Self-Forcing (its header)"
    quiet = write_safetensors(
        tmp_path / "longlive" / "b.safetensors", wan_shapes(SMALL), prompt="self-forcing"
    )
    assert told(quiet) == "played as LongLive (its name)"


def test_krea_s_fused_tensors_are_its_own(tmp_path: Path) -> None:
    shapes = wan_shapes(LARGE)
    for name in [name for name in shapes if ".self_attn.q." in name]:
        first, *rest = shapes.pop(name)
        for part in "kv":
            shapes.pop(name.replace(".q.", f".{part}."))
        shapes[name.replace(".q.", ".to_qkv.")] = (3 * first, *rest)
    path = write_safetensors(tmp_path / "x" / "model.safetensors", shapes)
    assert told(path) == f"played as Krea realtime (its tensors); {PROFILES['krea'].note}"


def test_comfyui_s_mark_says_causal_and_leaves_the_block_open(tmp_path: Path) -> None:
    mark = json.dumps({"transformer": {"causal_ar": True}})
    path = write_safetensors(tmp_path / "x" / "model.safetensors", wan_shapes(SMALL, ""), config=mark)
    with pytest.raises(SettingError, match="says that it is causal, but not which one"):
        told(path)
    path = write_safetensors(tmp_path / "x" / "framewise.safetensors", wan_shapes(SMALL, ""), config=mark)
    assert told(path) == "played as Causal Forcing frame-wise (its name)"


@pytest.mark.parametrize("prefix", ["", "model.", "model._fsdp_wrapped_module.", "model.diffusion_model."])
def test_wrappers_around_names_change_nothing(tmp_path: Path, prefix: str) -> None:
    path = write_safetensors(tmp_path / "x" / "self_forcing.safetensors", wan_shapes(SMALL, prefix))
    assert told(path) == "played as Self-Forcing (its name)"


def test_a_description_comes_before_header_and_name_and_the_widget_before_it(tmp_path: Path) -> None:
    path = write_safetensors(tmp_path / "memflow" / "x.safetensors", wan_shapes(SMALL), model_name="longlive")
    path.with_suffix(".json").write_text('{"profile": {"base": "krea", "window": 9}}')
    assert told(path).startswith("played as krea (livestyle.json)")
    assert profile_of(path).window == 9
    assert told(path, profile="self_forcing") == "played as self_forcing (the profile widget)"


def test_a_chosen_profile_reads_text_as_the_folder_does(tmp_path: Path) -> None:
    demo = write_demo(tmp_path)
    assert told(demo) == "played as described (livestyle.json)"
    own, chosen = profile_of(demo), profile_of(demo, profile="rtr_dit")
    assert (chosen.text, chosen.text_length) == (own.text, own.text_length) == ("sentence", own.text_length)
    assert chosen.steps == PROFILES["rtr_dit"].steps != own.steps


def test_a_folder_of_diffusers_is_known_by_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "LongLive-diffusers"
    write_safetensors(folder / "transformer" / "model.safetensors", wan_shapes(SMALL, ""))
    (folder / "model_index.json").write_text('{"_class_name": "WanPipeline"}')
    assert told(folder) == "played as LongLive (its name)"
    folder = folder.rename(tmp_path / "five")
    write_safetensors(folder / "transformer" / "model.safetensors", wan_shapes(FIVE, ""))
    with pytest.raises(SettingError, match="48 channels"):
        told(folder)


def test_a_lora_is_no_checkpoint(tmp_path: Path) -> None:
    path = write_pickled(tmp_path / "LongLive" / "lora.pt", generator_lora=lora_shapes(1536, 256))
    with pytest.raises(CheckpointError, match="lora.pt is a LoRA, no model"):
        told(path)


def test_a_lora_of_longlive_or_memflow_is_asked(tmp_path: Path) -> None:
    base = write(tmp_path, "x/self_forcing.safetensors")
    loras = {
        name: write_pickled(tmp_path / name / "lora.pt", generator_lora=lora_shapes(1536, 256))
        for name in ("loras", "MemFlow", "LongLive")
    }
    for name in loras:
        with pytest.raises(SettingError, match="LongLive or of MemFlow.*choose profile"):
            told(base, lora=str(loras[name]))
        told(base, lora=str(loras[name]), profile="longlive")
    longlive = write(tmp_path, "longlive/base.safetensors")
    memflow = write(tmp_path, "memflow/base.safetensors")
    told(longlive, lora=str(loras["loras"]))
    told(memflow, lora=str(loras["MemFlow"]))
    with pytest.raises(SettingError, match="LongLive or of MemFlow"):
        told(longlive, lora=str(loras["MemFlow"]))


def test_longlive_2_s_lora_needs_its_own_base(tmp_path: Path) -> None:
    lora = write_pickled(tmp_path / "x" / "lora.pt", generator_lora=lora_shapes(3072, 128))
    for name, size, profile in (("self_forcing", "small", "self_forcing"), ("longlive-2", "five", "")):
        with pytest.raises(CheckpointError, match="LongLive 2's LoRA, which its released"):
            told(write(tmp_path, f"x/{name}.safetensors", size), lora=str(lora), profile=profile)
    told(write(tmp_path, "x/ar.safetensors", "five"), lora=str(lora), profile="longlive_2")


@pytest.mark.parametrize(
    ("name", "averaged"), [("framewise.pt", True), ("chunkwise_causal_forcing.pt", False)]
)
def test_the_weights_that_are_told_are_the_weights_that_are_loaded(
    tmp_path: Path, name: str, averaged: bool
) -> None:
    from livestyle.engine.families.rtr_dit.checkpoint import load_network

    path = write_public(tmp_path / "x", name)
    net = load_network(path, profile_of(path), torch.float32)
    filled = {key: tensor for key, tensor in tiny_wan().state_dict().items() if tensor.any()}
    for key, tensor in net.state_dict().items():
        if key in filled:
            assert torch.equal(tensor, filled[key] if averaged else torch.zeros_like(tensor))


@pytest.mark.parametrize(
    ("size", "published"), [("small", 1_418_996_800), ("large", 14_288_491_584), ("five", 4_999_787_712)]
)
def test_networks_have_the_published_number_of_parameters(size: str, published: int) -> None:
    """Built on the meta device: no data."""
    assert sum(math.prod(shape) for shape in wan_shapes(PARAMETERS[size]).values()) == published
