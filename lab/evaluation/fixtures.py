"""Compares what the engine computes with what independent implementations computed from the same files."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
import torch
from diffusers import DreamLiteUNetModel
from safetensors.torch import load_file

from ...engine.autoencoders.taehv import published_config
from ...engine.cache.kv_cache import SegmentedKVCache
from ...engine.cache.layout import CacheLayout
from ...engine.cache.switch import SwitchPolicy
from ...engine.errors import CheckpointError
from ...engine.motion.flow import optical_flow
from ...engine.motion.warp import carry_latents
from ...engine.networks.causal_wan import CausalWan, CausalWanConfig
from ...engine.networks.hooks import hooked
from ...engine.networks.lllite_file import load_lllite
from ...engine.networks.taehv import TAEHV
from ...engine.sampling.block_pass import RolloutSettings
from ...engine.sampling.few_step import few_step_schedule
from ...engine.sampling.rollout import BlockRollout
from ...engine.sampling.style_states import StyleStates
from ..metrics import sharpness, temporal


@dataclass(frozen=True)
class Case:
    """One compared result; ``error`` is the largest absolute one unless the kind says otherwise."""

    name: str
    error: float
    tolerance: float

    @property
    def ok(self) -> bool:
        return self.error <= self.tolerance  # False for NaN


def check(folder: Path) -> Iterator[Case]:
    """Every case of a folder, whose name starts with its kind.

    Raises:
        CheckpointError: no such folder, or an unknown kind.
    """
    if not folder.is_dir():
        raise CheckpointError(f"Fixture folder {folder} does not exist.")
    for kind, cases in KINDS.items():
        if folder.name.startswith(kind):
            return cases(folder)
    raise CheckpointError(f"Fixture {folder.name} is of no known kind: {', '.join(KINDS)}.")


def _largest(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found - expected).abs().max()) if found.shape == expected.shape else float("inf")


@torch.no_grad()
def _lllite(folder: Path) -> Iterator[Case]:
    """One U-Net evaluation with different parts of the adapter on."""
    meta = json.loads((folder / "meta.json").read_text())
    io = load_file(folder / "io.safetensors")
    unet = DreamLiteUNetModel(**meta["unet_config"]).eval()
    tensors = load_file(folder / "unet.safetensors")
    # the file may hold the adapter that was attached when it was saved, too
    unet.load_state_dict({name: tensors[name] for name in unet.state_dict()})
    images = io["cond_image"]
    batch, _, height, width = images.shape
    half = io["latent"].shape[-1]

    def evaluate(network: DreamLiteUNetModel) -> torch.Tensor:
        return network(
            torch.cat([io["latent"], io["reference_latent"]], dim=3),
            io["timestep"],
            io["encoder_hidden_states"],
            encoder_attention_mask=io["encoder_attention_mask"],
            added_cond_kwargs={"time_ids": io["time_ids"]},
        ).sample[..., :half]

    for name in sorted(key for key in io if key.startswith("out_")):
        network = unet
        if name != "out_no_adapter":
            part, multiplier = re.fullmatch(
                r"out_(?:all_hooks|(\w+)_only)(?:_multiplier_([\d.]+))?", name
            ).groups()
            adapter, _ = load_lllite(
                folder / "lllite.safetensors", unet, (part,) if part else (), meta["vae_scale"]
            )
            stream = adapter.for_stream(batch, height, width)
            stream.refresh(images)
            stream.set_multiplier(float(multiplier or 1.0))
            network = hooked(unet, stream.hooks)
        yield Case(name, _largest(evaluate(network), io[name]), 2e-4)


def _metrics(folder: Path) -> Iterator[Case]:
    """The paper's measures, relative to 1e-3; the flow by its mean error of 1e-2 pixels."""
    expected = json.loads((folder / "expected.json").read_text())
    with np.load(folder / "frames.npz") as frames:
        source, output = frames["input"], frames["output"]
        flow, latent, warped = frames["flow_0_1"], frames["latent"], frames["warped_latent"]
    motion = temporal.clip_motion(source)
    measured = {
        "warping_error": temporal.warping_error(output, motion),
        "consecutive_l1": temporal.consecutive_l1(output),
        "consistency_ratio": temporal.consistency_ratio(output, motion),
        "n_pairs": len(motion),
        "sobel_output": sharpness.sobel_mixed(output),
        "sobel_input": sharpness.sobel_mixed(source),
        "hf_fft_output": sharpness.high_frequency(output),
        "hf_fft_input": sharpness.high_frequency(source),
        "reference_l1": temporal.reference_l1(output, source),
    }
    for name, value in measured.items():
        yield Case(name, abs(value - expected[name]), 1e-3 * abs(expected[name]))
    found = optical_flow(source[0], source[1], "farneback")
    yield Case("flow_0_1", float(np.abs(found - flow).mean()), 1e-2)
    carried = carry_latents(torch.from_numpy(latent), flow)
    tolerance = 1e-3 * float(np.abs(warped).max())
    yield Case("warped_latent", _largest(carried, torch.from_numpy(warped)), tolerance)


@torch.no_grad()
def _causal_wan(folder: Path) -> Iterator[Case]:
    """Few-step rollouts with a key-value cache, absolute positions."""
    meta = json.loads((folder / "meta.json").read_text())
    io, sizes = load_file(folder / "io.safetensors"), meta["config"]
    config = CausalWanConfig(
        in_channels=sizes["in_dim"],
        out_channels=sizes["out_dim"],
        heads=sizes["num_heads"],
        layers=sizes["num_layers"],
        **{name: sizes[name] for name in ("dim", "ffn_dim", "freq_dim", "text_dim", "eps")},
    )
    net = CausalWan(config).eval()
    net.load_state_dict(load_file(folder / "weights.safetensors"))
    schedule = few_step_schedule(meta["denoising_step_list"], meta["timestep_shift"])
    blocks = io["noise"].split(meta["num_frame_per_block"], dim=1)
    height, width = io["noise"].shape[-2:]

    def play(window: int, sink: int, switch_at: int | None = None) -> tuple[torch.Tensor, BlockRollout]:
        layout = CacheLayout(
            config.layers,
            config.heads,
            config.head_width,
            height * width // 4,
            meta["num_frame_per_block"],
            window,
            sink,
        )
        cache = SegmentedKVCache(layout, batch=len(io["noise"]), rope="absolute")
        settings = RolloutSettings(schedule, context_noise=meta["context_noise"])
        rollout = BlockRollout(net, cache, settings, SwitchPolicy("cross_attn_only"))
        rollout.switch(StyleStates(io["context_a"]))
        fresh, made = iter(io["renoise"]), []
        for index, noise in enumerate(blocks):
            if index == switch_at:
                rollout.switch(StyleStates(io["context_b"]))
            made.append(rollout.step(noise, lambda step: next(fresh)))
        rollout.settle()
        return torch.cat(made, dim=1), rollout

    everything = io["noise"].shape[1] + meta["num_frame_per_block"]  # the last block is history, too
    for name in sorted(key for key in io if key.startswith("out_")):
        if local := re.fullmatch(r"out_local(\d+)_sink(\d+)", name):
            result, _ = play(int(local[1]), int(local[2]))
        elif name == "out_global_prompt_switch":
            result, _ = play(everything, 0, meta["switch_at_block"])
        else:
            result, rollout = play(everything, 0)
            keys, _ = rollout.cache.contents(config.layers - 1)
            error = _largest(keys, io["kv_last_layer_k_global"])
            yield Case("kv_last_layer_k_global", error, 2e-4)
        yield Case(name, _largest(result, io[name]), 2e-4)
    context = net.cross_attention_kv(io["context_a"])
    queries = net.rotation(range(blocks[0].shape[1]), height, width)
    flow = net(blocks[0], io["unequal_t"], context, queries)
    yield Case("flow_unequal_t", _largest(flow, io["flow_unequal_t"]), 2e-4)


@torch.no_grad()
def _taehv(folder: Path) -> Iterator[Case]:
    """Both directions, in one piece and a latent at a time."""
    meta = json.loads((folder / "meta.json").read_text())
    io = load_file(folder / "io.safetensors")
    shapes = sorted(meta["keys"].items())
    tensors = {name: _formula(index, shape) for index, (name, shape) in enumerate(shapes)}
    network = TAEHV(published_config(tensors)).eval()
    network.load_state_dict(tensors)
    video, size = io["video"], network.config.temporal
    video = torch.cat([video, video[:, -1:].expand(-1, -video.shape[1] % size, -1, -1, -1)], dim=1)
    for suffix, chunk in (("", video.shape[1]), ("_chunked", size)):
        latents = _in_chunks(network.encode, video, chunk)
        yield Case(f"latents{suffix}", _largest(latents, io["latents"]), 1e-4)
        decoded = _in_chunks(network.decode, io["latents"], chunk // size)[:, meta["frames_to_trim"] :]
        yield Case(f"decoded{suffix}", _largest(decoded.clamp(0.0, 1.0), io["decoded"]), 1e-4)


def _in_chunks(process: Callable, clip: torch.Tensor, size: int) -> torch.Tensor:
    """A clip (N, T, C, H, W) through one half of a TAEHV, ``size`` frames at a time."""
    memory, parts = (), []
    for chunk in clip.split(size, dim=1):
        part, memory = process(chunk, memory)
        parts.append(part)
    return torch.cat(parts, dim=1)


def _formula(index: int, shape: list[int]) -> torch.Tensor:
    """The weights that a ``taehv`` folder describes instead of holding them (its ``weight_fill``)."""
    place = torch.arange(1, prod(shape) + 1, dtype=torch.float64)
    value = torch.frac(torch.sin(place * 12.9898 + (index + 1) * 78.233) * 43758.5453).view(shape)
    return (value * (1.2 * (3.0 / prod(shape[1:])) ** 0.5 if len(shape) > 1 else 0.05)).float()


KINDS: dict[str, Callable[[Path], Iterator[Case]]] = {
    "causal_wan": _causal_wan,
    "lllite": _lllite,
    "metrics": _metrics,
    "taehv": _taehv,
}
