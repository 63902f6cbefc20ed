"""All models of a plan on their devices together, with memory for what their streams compute."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from ..conditioning.timeline import StyleTimeline
from ..families.base import Requirements, StreamModel
from .control import Control
from .plan import PlanNode, stylised
from .residency import Residency


@dataclass(frozen=True)
class ModelPlacement:
    """What a plan needs on its devices.

    Attributes:
        models: each once.
        memory: bytes beside the weights on each device, of all streams together.
        remedy: what the artist should lower when they don't fit.
    """

    models: tuple[StreamModel, ...]
    memory: Mapping[torch.device, int]
    remedy: str

    @property
    def size(self) -> int:
        """Bytes of all weights, and of what their streams are reckoned to need beside them."""
        modules = [module for model in self.models for module in model.modules()]
        tensors = {id(each): each for part in modules for each in (*part.parameters(), *part.buffers())}
        return sum(each.nbytes for each in tensors.values()) + sum(self.memory.values())

    def acquire(self, residency: Residency, control: Control) -> None:
        """Have everything on its device; a failure goes to ``control``."""
        if not self.models:
            return
        try:
            residency.acquire(self.models, self.memory)
        except Exception as error:
            control.fail("Load", error, self.remedy)


def placement_of(
    models: Mapping[PlanNode, StreamModel],
    needs: Mapping[PlanNode, Requirements],
    width: int,
    height: int,
    usual: torch.device,
) -> ModelPlacement:
    """What a plan needs at a size.

    Args:
        models, needs: of each denoising node.
        width, height: in pixels.
        usual: the host's device.
    """
    # By identity: a model need not be hashable. One on another machine has no modules here.
    each = {id(model): model for model in models.values() if model.modules()}
    memory: Counter[torch.device] = Counter()
    for node, model in models.items():
        memory.update(model.stream_bytes_on(usual, stylised(node).settings, width, height))
    clips = {
        id(recipe.clip.clip): recipe.clip.device_bytes
        for node in models
        for recipe in StyleTimeline.of(stylised(node).conditioning).styles
        if recipe.clip is not None
    }
    memory[usual] += sum(clips.values())
    chunk = max((need.largest for need in needs.values()), default=1)
    return ModelPlacement(tuple(each.values()), memory, remedy_for(chunk, width, height))


def remedy_for(chunk: int, width: int, height: int) -> str:
    """What to lower when memory runs out."""
    lower = f"lower chunk on StreamDenoise (now {chunk}), then" if chunk > 1 else "lower"
    return f"{lower} width and height (now {width}x{height})"
