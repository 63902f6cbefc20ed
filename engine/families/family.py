"""The contract of a family: one object says how its checkpoints are known, measured, loaded and played.

The object is called ``FAMILY`` in the module ``family`` of the family's folder, or is what an entry point
of the group ``livestyle.families`` names (docs/add_a_family.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..conditioning.timeline import AnyConditioning
from .base import DenoiseSettings, ModelHandle, Runner, StreamModel
from .footprint import footprint
from .releases import Release


@dataclass(frozen=True)
class StreamRequest:
    """What one stream is asked for: everything that a runner is given beside the model.

    Attributes:
        settings: the widgets of StreamDenoise.
        conditioning: a recipe, or a timeline of recipes.
        node_id: the ComfyUI node that denoises, owner of the runner's live keys.
        model_node_id: the one that loaded the model, owner of the LoRA's live key.
        width, height: of the output in pixels; multiples of ``Requirements.multiple``.
    """

    settings: DenoiseSettings
    conditioning: AnyConditioning
    node_id: str
    model_node_id: str
    width: int
    height: int


@dataclass(frozen=True)
class Family:
    """One kind of streaming model.

    Attributes:
        name: as checkpoints, ``StreamModel.family`` and the node's readout spell it.
        recognises: whether a folder or file is a checkpoint of the family; reads descriptions and
            headers only, and raises nothing for other files.
        load: reads a checkpoint to a device in a dtype; raises CheckpointError and SettingError.
        runner: a new stream through a loaded model, with its own state; raises SettingError for a
            request that the model can't meet.
        footprint: bytes of weights by part, the largest first, from the files' headers; the dtype is
            that of all weights which the handle's ``fp8`` leaves alone.
        identify: one line before loading: which published checkpoint the handle's is taken for, and what
            said so; raises SettingError where the artist must choose, CheckpointError for what can't play.
        profiles: the names that ``ModelHandle.profile`` may have.
        releases: published checkpoints that LoadStreamModel lists and can download.
        independent: whether each chunk's pictures depend on that chunk, its number and its live values alone,
            so that several machines may share one clip.
        demos: checkpoint folders that come with the family, by the name shown in the list after "demo: ".
    """

    name: str
    recognises: Callable[[Path], bool]
    load: Callable[[ModelHandle, torch.device, torch.dtype], StreamModel]
    runner: Callable[[Any, StreamRequest], Runner]
    footprint: Callable[[ModelHandle, torch.dtype], Mapping[str, int]] = footprint
    identify: Callable[[ModelHandle], str] = lambda handle: ""
    profiles: tuple[str, ...] = ()
    releases: tuple[Release, ...] = ()
    independent: Callable[[ModelHandle, AnyConditioning, DenoiseSettings], bool] = lambda *request: False
    demos: tuple[tuple[str, Path], ...] = ()
