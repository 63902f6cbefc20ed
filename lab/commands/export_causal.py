"""Turns a published causal checkpoint into one file that says what it is, here and to ComfyUI."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors.torch import save_file

from ...engine.errors import CheckpointError
from ...engine.families.base import ModelHandle
from ...engine.families.rtr_dit.checkpoint import read_tensors, recognised
from ...engine.families.rtr_dit.evidence import PROFILE_TEXT
from ...engine.families.rtr_dit.profile import PROFILES
from ...engine.networks.causal_wan.keys import original_keys


def export_causal(weights: Path, output: Path, profile: str = "") -> None:
    """Write the network alone, under Wan's own names, with a header that survives renaming.

    ComfyUI 0.33 takes a Wan file for a causal one by ``config`` in its header. Nothing is converted.

    Args:
        weights: ``.pt`` or ``.safetensors``.
        output: a new ``.safetensors``.
        profile: what it is played as; ``""`` recognises it.

    Raises:
        CheckpointError, SettingError: it can't be read or recognised, or ``output`` is there already.
    """
    if output.suffix != ".safetensors" or output.exists():
        raise CheckpointError(f"{output.name} is there already or no .safetensors: name a new file.")
    found, _ = recognised(ModelHandle(str(weights), profile=profile))
    names = [name for name, known in PROFILES.items() if known == found.profile]
    if not names:
        raise CheckpointError(f"{weights.name} has a description of its own: keep it beside the file.")
    tensors = original_keys(read_tensors(weights, found.profile.averaged))
    header = {
        "config": json.dumps({"transformer": {"causal_ar": True}}),
        PROFILE_TEXT: profile or names[0],
        "modelspec.title": found.name,
    }
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, output, header)
