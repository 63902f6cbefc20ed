"""Who decides where weights live: the host, or nobody but us."""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from typing import Protocol

import torch

from ..families.base import StreamModel


class Residency(Protocol):
    """Memory management of the host; called before runners are made and before every burst of work.

    Attributes:
        device: where weights are while a session works with them, but for parts that were put elsewhere.
    """

    @property
    def device(self) -> torch.device: ...

    def acquire(self, models: Sequence[StreamModel], memory_required: Mapping[torch.device, int]) -> None:
        """Put the weights of all these models on their devices, with so many bytes to spare; may block.

        In one call: one by one, models would push each other out.
        """

    def released(self) -> None:
        """The session has let go of runners and models; give their memory back to the device."""


class OwnResidency:
    """Without a host: weights are moved to their devices and stay there."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def acquire(self, models: Sequence[StreamModel], memory_required: Mapping[torch.device, int]) -> None:
        for model in models:
            for device, modules in model.modules_on(self.device).items():
                for module in modules:
                    module.to(device)

    def released(self) -> None:
        gc.collect()  # what a session leaves behind refers to itself
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
