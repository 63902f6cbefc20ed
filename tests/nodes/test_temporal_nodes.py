"""TemporalLLLite and FlowWarp, with ComfyUI imported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from sample_pictures import picture
from tiny_checkpoint import tiny_unet
from tiny_lllite import random_adapter

from livestyle.engine.errors import LiveStyleError
from livestyle.engine.families import demo_adapters
from livestyle.engine.families.base import ModelHandle, TemporalAdapter
from livestyle.engine.motion.flow import FlowSettings
from livestyle.engine.motion.refresh import RefreshPolicy
from livestyle.engine.networks.lllite_file import save_lllite
from livestyle.engine.runtime.plan import FlowBlend, PlanNode

RunNode = Callable[..., Any]
MODEL = ModelHandle("somewhere", node_id="2")


@pytest.fixture(scope="module")
def adapter(comfy: Path) -> str:
    """An adapter in models/controlnet, by its name in the list."""
    folder = comfy / "models" / "controlnet"
    folder.mkdir(exist_ok=True)
    save_lllite(folder / "steady.safetensors", random_adapter(tiny_unet("channel")), {})
    return "steady.safetensors"


def refusal(call: Callable[..., Any], *arguments: Any, **inputs: Any) -> str:
    with pytest.raises(LiveStyleError) as refused:
        call(*arguments, **inputs)
    assert "\n" not in str(refused.value)
    return str(refused.value)


class TestTemporalLLLite:
    def test_an_adapter_travels_on_the_model(self, run_node: RunNode, comfy: Path, adapter: str) -> None:
        model = run_node("TemporalLLLite", "6", model=MODEL, adapter=adapter).args[0]
        (patch,) = model.patches
        assert patch == TemporalAdapter(
            str(comfy / "models" / "controlnet" / adapter), fingerprint=patch.fingerprint, node_id="6"
        )
        assert patch.fingerprint
        assert (model.checkpoint, model.node_id) == ("somewhere", "2")

    def test_nodes_in_a_row_stack(self, run_node: RunNode, adapter: str) -> None:
        flow = FlowSettings("farneback", 1.0)
        one = run_node("TemporalLLLite", "6", model=MODEL, adapter=adapter, hooks="down", flow=flow).args[0]
        two = run_node(
            "TemporalLLLite",
            "7",
            model=one,
            adapter=adapter,
            multiplier=0.5,
            refresh_every=8,
            refresh_motion=2.5,
            refresh_cuts=False,
            refresh_prompt=False,
        ).args[0]
        assert [patch.node_id for patch in two.patches] == ["6", "7"]
        assert (two.patches[0].hooks, two.patches[0].flow) == ("down", flow)
        assert two.patches[1].refresh == RefreshPolicy(8, 2.5, False, False)
        assert two.patches[1].multiplier == 0.5

    def test_none_leaves_the_model_as_it_is(self, run_node: RunNode) -> None:
        assert run_node("TemporalLLLite", model=MODEL).args[0] is MODEL

    def test_weights_are_shared_with_and_without(self, run_node: RunNode, adapter: str) -> None:
        from livestyle.engine.runtime.loaded_models import ModelStore

        loads: list[ModelHandle] = []
        store = ModelStore(lambda handle: loads.append(handle) or object())  # type: ignore[arg-type]
        patched = run_node("TemporalLLLite", model=MODEL, adapter=adapter).args[0]
        store.keep_only([MODEL, patched])
        assert store.get(MODEL) is store.get(patched)
        assert len(loads) == 1

    def test_what_cannot_work_is_refused(self, run_node: RunNode, comfy: Path, adapter: str) -> None:
        wrong = comfy / "models" / "controlnet" / "sdxl.safetensors"
        save_file({"lllite_unet_input_blocks_4_1_x.down.0.weight": torch.zeros(1)}, wrong)
        assert "SDXL" in refusal(run_node, "TemporalLLLite", model=MODEL, adapter=wrong.name)
        assert "models/controlnet" in refusal(
            run_node, "TemporalLLLite", model=MODEL, adapter="gone.safetensors"
        )
        for name, value in (("multiplier", 5.0), ("hooks", "sideways"), ("refresh_every", -1)):
            said = refusal(run_node, "TemporalLLLite", model=MODEL, adapter=adapter, **{name: value})
            assert said.startswith(name)

    def test_files_and_demos_are_listed(self, node_classes: dict[str, Any], adapter: str) -> None:
        options = node_classes["TemporalLLLite"].GET_NODE_INFO_V1()["input"]["optional"]["adapter"][1][
            "options"
        ]
        assert options[0] == "none"
        assert adapter in options
        assert set(demo_adapters()) <= set(options)

    def test_a_changed_file_runs_again(self, node_classes: dict[str, Any], comfy: Path, adapter: str) -> None:
        mark = node_classes["TemporalLLLite"].fingerprint_inputs
        before = mark(adapter=adapter)
        assert before == mark(adapter=adapter)
        save_lllite(comfy / "models" / "controlnet" / adapter, random_adapter(tiny_unet("channel"), 5), {})
        assert mark(adapter=adapter) != before


def pan(count: int, side: int = 64) -> torch.Tensor:
    """An IMAGE batch that moves two pixels a frame."""
    wide = picture(side + 2 * count)
    clip = np.stack([wide[:side, 2 * i : 2 * i + side] for i in range(count)])
    return torch.from_numpy(clip).float() / 255


class TestFlowWarp:
    def test_a_stream_gets_its_step(self, run_node: RunNode) -> None:
        parent = PlanNode(FlowBlend(), node_id="1")
        plan, images, flow = run_node(
            "FlowWarp", "8", frames=parent, scale=0.25, occlusion=False, blend=0.7
        ).args
        assert plan == PlanNode(FlowBlend(FlowSettings("dis_fast", 0.25), False, 0.7), (parent,), "8")
        assert flow == FlowSettings("dis_fast", 0.25)
        assert "connect" in images.message

    def test_without_inputs_it_tells_how_motion_is_found(self, run_node: RunNode) -> None:
        stream, images, flow = run_node("FlowWarp", estimator="farneback", scale=1.0).args
        assert flow == FlowSettings("farneback", 1.0)
        assert "connect" in stream.message and "connect" in images.message

    def test_a_single_image_is_carried_along_the_guide(self, run_node: RunNode) -> None:
        guide = pan(6)
        images = run_node("FlowWarp", images=guide[:1], guide=guide, scale=1.0, blend=1.0).args[1]
        assert images.shape == guide.shape
        inner = (slice(None), slice(16, -16), slice(16, -16))
        away = (images - guide)[inner].abs().mean()
        assert away < 0.25 * (guide - guide[:1])[inner].abs().mean()

    def test_flicker_goes_and_blend_0_is_the_identity(self, run_node: RunNode) -> None:
        guide = pan(8)
        light = torch.tensor([0.86, 1.0, 0.8, 0.94, 0.83, 0.97, 0.89, 0.91])
        flicker = (guide * light.view(-1, 1, 1, 1)).contiguous()
        same = run_node("FlowWarp", images=flicker, guide=guide, blend=0.0).args[1]
        assert torch.equal(same, flicker)
        steady = run_node("FlowWarp", images=flicker, guide=guide, blend=0.8).args[1]
        level = [clip.mean((1, 2, 3)).diff().abs().mean() for clip in (flicker, steady)]
        assert level[1] < 0.5 * level[0]

    def test_a_guide_of_another_size(self, run_node: RunNode) -> None:
        assert run_node("FlowWarp", images=pan(3), guide=pan(3, 96)).args[1].shape == (3, 64, 64, 3)

    def test_what_does_not_fit_is_refused(self, run_node: RunNode) -> None:
        assert "as many" in refusal(run_node, "FlowWarp", images=pan(3), guide=pan(4))
        assert "connect images" in refusal(run_node, "FlowWarp", guide=pan(4))
        for name, value in (("scale", 0.0), ("blend", 1.5), ("estimator", "guess")):
            assert refusal(run_node, "FlowWarp", **{name: value}).startswith(name)
