"""Compares what the engine computes with what independent implementations computed from the same files."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import DreamLiteUNetModel
from safetensors.torch import load_file

from ..errors import CheckpointError
from ..metrics import sharpness, temporal
from ..motion.flow import optical_flow
from ..motion.warp import carry_latents
from ..networks.hooks import hooked
from ..networks.lllite_file import load_lllite

LATER = ("causal_wan", "taehv")


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
        CheckpointError: an unknown kind, or one whose family is not here yet.
    """
    if not folder.is_dir():
        raise CheckpointError(f"Fixture folder {folder} does not exist.")
    for kind, cases in KINDS.items():
        if folder.name.startswith(kind):
            return cases(folder)
    if folder.name.startswith(LATER):
        raise CheckpointError(f"Fixture {folder.name} belongs to a family that comes later.")
    raise CheckpointError(f"Fixture {folder.name} is of no known kind: {', '.join((*KINDS, *LATER))}.")


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


KINDS: dict[str, Callable[[Path], Iterator[Case]]] = {"lllite": _lllite, "metrics": _metrics}
