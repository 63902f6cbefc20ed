"""Our rollout against ComfyUI 0.33's own SamplerARVideo: ``tests/support/core_ar_video.py`` made the file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from einops import rearrange
from safetensors import safe_open

from livestyle.engine.cache.kv_cache import SegmentedKVCache
from livestyle.engine.cache.layout import CacheLayout
from livestyle.engine.networks.causal_wan import CausalWan
from livestyle.engine.networks.causal_wan.keys import infer_config, original_keys
from livestyle.engine.sampling.block_pass import RolloutSettings
from livestyle.engine.sampling.flow_match import FlowMatchSchedule
from livestyle.engine.sampling.rollout import BlockRollout
from livestyle.engine.sampling.style_states import StyleStates

FIXTURE = Path(__file__).parents[2] / "data" / "core_ar_video.safetensors"


def frames_first(latents: torch.Tensor) -> torch.Tensor:
    return rearrange(latents, "b c f h w -> b f c h w")


@torch.no_grad()
@pytest.mark.parametrize("rope", ["relative", "absolute"])
@pytest.mark.parametrize("case", ["chunk_wise", "frame_wise", "from_picture"])
def test_the_same_weights_and_noise_make_what_core_makes(case: str, rope: str) -> None:
    """Self-Forcing and Causal Forcing: blocks of three and one, and one that starts from a picture.

    1.6e-6 apart where the latents reach 7. Core computes the angles of the timestep's encoding in float32,
    ours in float64.
    """
    with safe_open(FIXTURE, "pt") as file:
        said = file.metadata()
        tensors = {name: file.get_tensor(name).float() for name in file.keys()}
    assert said["comfyui"] == "0.33.0"
    weights = {k.removeprefix("weights/"): t for k, t in tensors.items() if k.startswith("weights/")}
    net = CausalWan(infer_config(original_keys(weights), int(said["heads"])))
    net.load_state_dict(weights)
    net.requires_grad_(False).eval()
    block, length, picture = json.loads(said["cases"])[case]
    config, schedule = net.config, FlowMatchSchedule(tuple(json.loads(said["sigmas"])))
    layout = CacheLayout(config.layers, config.heads, config.head_width, 4, block, length)
    rollout = BlockRollout(net, SegmentedKVCache(layout, rope=rope), RolloutSettings(schedule))
    rollout.switch(StyleStates(tensors["text"], None, 1.0))
    noise, made = frames_first(tensors[f"{case}/noise"]), []
    held = frames_first(tensors[f"{case}/picture"]) if picture else None
    for first in range(0, length, block):
        number = (first - picture) // block

        def fresh(step: int, number: int = number) -> torch.Tensor:
            return frames_first(tensors[f"{case}/fresh/{number}/{step}"])

        kept = held if not first else None
        made.append(rollout.step(noise[:, first : first + block], fresh, held=kept))
    difference = torch.cat(made, dim=1) - frames_first(tensors[f"{case}/made"])
    assert difference.abs().max() < 2e-5
