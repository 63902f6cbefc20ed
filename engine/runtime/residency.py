"""Who decides where weights live: the host, or nobody but us."""

from __future__ import annotations

import gc
from typing import Protocol

import torch

from ..families.base import StreamModel


class Residency(Protocol):
    """Memory management of the host; a session asks it before every burst of work.

    Attributes:
        device: where the weights are while a session works with them.
    """

    @property
    def device(self) -> torch.device: ...

    def acquire(self, model: StreamModel, memory_required: int) -> None:
        """Put the model's weights on the device, with so many bytes to spare; may block."""

    def released(self) -> None:
        """The session has let go of memory; give it back to the device."""


class OwnResidency:
    """Without a host: weights are moved to the device and stay there."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def acquire(self, model: StreamModel, memory_required: int) -> None:
        for module in model.modules():
            module.to(self.device)

    def released(self) -> None:
        if self.device.type == "cuda":
            gc.collect()
            torch.cuda.empty_cache()
