"""Decides which published checkpoint a file is, or that the artist must say it.

In this order: the profile widget, ``livestyle.json``, the file's header, the names of file and folder, the
tensors. Where none of them is sure, nothing is played: a wrong profile gives a bad picture without an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

from ...errors import CheckpointError, SettingError
from ...networks.causal_wan import CausalWanConfig
from ...networks.causal_wan.keys import infer_config, original_keys
from .evidence import Evidence
from .profile import PROFILES, Profile
from .published import PUBLISHED, TRAINING_STAGES, Layout, Published, alike, named, simple

LORA_DOWN = ("lora_A", "lora_down")
FUSED = ".to_qkv."
"""In the names of Krea's tensors and of no other's."""
WAN_22_CHANNELS = 48
TWO_POINT_TWO = {each.profile for each in PUBLISHED if each.layout == "wan2.2"} - {""}
"""Profiles for networks of 48 channels."""


@dataclass(frozen=True)
class Recognition:
    """What a checkpoint is played as.

    Attributes:
        name: of the published checkpoint, or of the profile where that was chosen.
        rule: what decided: ``"the profile widget"``, ``"livestyle.json"``, ``"its header"``, ``"its name"``
            or ``"its tensors"``.
        profile: what it is played with.
        terms: a line on its licence, or ``""``.
    """

    name: str
    rule: str
    profile: Profile
    terms: str = ""

    def line(self, evidence: Evidence) -> str:
        """One line for the node: the checkpoint, the rule, the weights that are taken, the licence."""
        told = [f"played as {self.name} ({self.rule})"]
        if evidence.left:
            entries = (evidence.entry, *evidence.left)
            taken = "generator" if not self.profile.averaged and "generator" in entries else evidence.entry
            left = ", ".join(entry for entry in entries if entry != taken)
            told.append(f"weights of {taken}, not {left}")
        return "; ".join([*told, self.terms] if self.terms else told)


def recognise(evidence: Evidence, note: Mapping[str, Any], chosen: str = "", heads: int = 0) -> Recognition:
    """What a checkpoint is played as.

    Args:
        note: its ``livestyle.json``.
        chosen: the profile widget; ``""`` for auto.
        heads: attention heads, where a description tells them.

    Raises:
        SettingError: the artist must choose a profile, or the chosen one needs other tensors.
        CheckpointError: it can't be played.
    """
    _refuse_unplayable(evidence)
    config = infer_config(original_keys(evidence.tensors), heads)
    layout = layout_of(config)
    by_header, by_name = named(evidence.header, layout), named(evidence.name, layout)
    if by_header is not None and by_header.asks:
        by_header = named(f"{evidence.header} {evidence.name}", layout)
    own = Profile.from_json(note["profile"]) if "profile" in note else None
    if chosen:
        return _chosen(evidence, chosen, own, layout)
    if own is not None:
        return Recognition(note["profile"].get("base", "described"), "livestyle.json", own, own.note)
    if evidence.profile in PROFILES:
        return replace(_chosen(evidence, evidence.profile, None, layout), rule="its header")
    fused = any(FUSED in name for name in evidence.tensors)
    by_tensors = named("krea", layout) if fused else None
    for found, rule in ((by_header, "its header"), (by_name, "its name"), (by_tensors, "its tensors")):
        if found is not None:
            return _known(evidence, found, rule)
    raise _question(evidence, layout, config.dim)


def layout_of(config: CausalWanConfig) -> Layout:
    """What a network's channels tell."""
    if config.out_channels == WAN_22_CHANNELS:
        return "wan2.2"
    return "source" if config.in_channels == 2 * config.out_channels else "plain"


def check_lora(file: str, tensors: Mapping[str, torch.Tensor], base: Recognition) -> None:
    """Raise where a LoRA makes another checkpoint of its base than the one that it would be played as.

    Args:
        file: its name with its folder's.
        tensors: shapes are enough.
        base: what the checkpoint was taken for.
    """
    sizes = {tuple(t.shape) for name, t in tensors.items() if any(part in name for part in LORA_DOWN)}
    short = file.rpartition("/")[2]
    if (128, 3072) in sizes:
        if base.rule == "the profile widget" and base.name in TWO_POINT_TWO:
            return
        raise CheckpointError(
            f"{short} is LongLive 2's LoRA, which its released checkpoints hold already: set lora to none, "
            "or choose profile longlive_2 where checkpoint is that model's AR generator."
        )
    if (256, 1536) not in sizes or base.rule in ("the profile widget", "livestyle.json"):
        return
    of = named(file, "plain")
    if base.name not in ("LongLive", "MemFlow") or (of is not None and of.name != base.name):
        raise SettingError(
            f"{short} is the LoRA of LongLive or of MemFlow, which have the same tensors: choose profile on "
            "Load Stream Model (longlive, memflow)."
        )


def _refuse_unplayable(evidence: Evidence) -> None:
    """Raise CheckpointError for what no profile can play."""
    if any(name.endswith("quantized_weight_values") for name in evidence.tensors):
        raise CheckpointError(
            f"{evidence.file} holds four-bit weights (LongLive 2, NVFP4), made for 2 or 4 steps, which this "
            "version can't unpack: use a bf16 checkpoint."
        )
    if any(part in name for name in evidence.tensors for part in LORA_DOWN):
        raise CheckpointError(
            f"{evidence.file} is a LoRA, no model: choose it as lora, and its base as checkpoint."
        )
    stage = next((stage for stage in TRAINING_STAGES if stage in simple(evidence.name)), None)
    if stage:
        raise CheckpointError(
            f"{evidence.file} is a stage of training ({stage}), which needs many steps and guidance: use the "
            "distilled checkpoint."
        )


def _chosen(evidence: Evidence, chosen: str, own: Profile | None, layout: Layout) -> Recognition:
    """The widget's profile; what reads the text is still the folder's own."""
    if chosen not in PROFILES:
        raise SettingError(f"profile '{chosen}' is unknown: choose one of {', '.join(PROFILES)}.")
    profile = PROFILES[chosen]
    needs = "source" if profile.injection == "channel" else "wan2.2" if chosen in TWO_POINT_TWO else "plain"
    if needs != layout:
        what = {"source": "reads", "plain": "does not read", "wan2.2": "has 48 channels and does not read"}
        raise SettingError(
            f"profile {chosen} does not fit {evidence.file}, which {what[layout]} the source's channels: "
            "choose another."
        )
    if own is not None:
        profile = replace(profile, text=own.text, text_length=own.text_length)
    return Recognition(chosen, "the profile widget", profile, profile.note)


def _known(evidence: Evidence, found: Published, rule: str) -> Recognition:
    if found.asks:
        raise SettingError(f"{evidence.file} is {found.name} by {rule}, {found.asks}.")
    profile = PROFILES[found.profile]
    return Recognition(found.name, rule, profile, found.licence or profile.note)


def _question(evidence: Evidence, layout: Layout, width: int) -> SettingError:
    """Names every checkpoint that has these tensors, and asks."""
    if layout == "wan2.2":
        return SettingError(
            f"{evidence.file} has 48 channels: Wan 2.2's TI2V-5B is not causal and can't stream; if it is "
            "LongLive 2, choose profile on Load Stream Model (longlive_2, or longlive_2_2step for 2 steps)."
        )
    candidates = alike(layout, width)
    playable = ", ".join(f"{each.profile} for {each.name}" for each in candidates if each.profile)
    said = "says that it is causal, but not which one" if evidence.causal else "does not say which one"
    return SettingError(
        f"{evidence.file} {said}, and several have the same tensors: choose profile on Load Stream Model "
        f"({playable})."
    )
