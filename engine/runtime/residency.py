"""Who decides where weights live: the host, or nobody but us."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
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

    def hold(self, models: Sequence[StreamModel]) -> Callable[[], None]:
        """Leave the weights where they are, whoever else needs room, until the function is called."""
        ...

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

    def hold(self, models: Sequence[StreamModel]) -> Callable[[], None]:
        return lambda: None  # nobody else moves them

    def released(self) -> None:
        gc.collect()  # what a session leaves behind refers to itself
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


class HeldResidency:
    """For a session that plays on when its prompt has ended: the weights stay until it ends, too.

    The host is asked for them once, while the prompt still waits: its memory management knows one thread at
    a time. What other prompts need meanwhile, they find in the memory that is left.
    """

    def __init__(self, host: Residency) -> None:
        self._host = host
        self._let_go: Callable[[], None] | None = None

    @property
    def device(self) -> torch.device:
        return self._host.device

    def acquire(self, models: Sequence[StreamModel], memory_required: Mapping[torch.device, int]) -> None:
        if self._let_go is None:
            self._host.acquire(models, memory_required)
            self._let_go = self._host.hold(models)

    def hold(self, models: Sequence[StreamModel]) -> Callable[[], None]:
        return self._host.hold(models)

    def released(self) -> None:
        if self._let_go is not None:
            self._let_go()
        self._host.released()
