"""A model of three parts, each of which may be on a device of its own."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import torch
from torch import nn

from ..errors import SettingError
from .base import DenoiseSettings, StreamModel
from .devices import Devices, Part


@dataclass(frozen=True)
class PartedModel(StreamModel):
    """What the four families' models have in common.

    Attributes:
        devices: of the parts; None where all are on the host's.
    """

    devices: Devices | None = field(default=None, kw_only=True)

    @abstractmethod
    def parts(self) -> Mapping[Part, tuple[nn.Module, ...]]:
        """The modules of each part, the denoiser's first."""

    @abstractmethod
    def working_bytes(self, settings: DenoiseSettings, width: int, height: int) -> Mapping[Part, int]:
        """``stream_bytes`` by the part that works with them."""

    def placed(self, devices: Devices) -> Self:
        """The same model with every part on its device; raises SettingError for blocks that stay together."""
        placed = replace(self, devices=devices)
        parts = placed.parts()
        if devices.second_half is not None and "second_half" not in parts:
            raise SettingError("device: only causal video models go on two cards, choose one.")
        for part, modules in parts.items():
            for module in modules:
                module.to(getattr(devices, part))
        return placed

    def modules(self) -> tuple[nn.Module, ...]:
        return tuple(module for modules in self.parts().values() for module in modules)

    def stream_bytes(self, settings: DenoiseSettings, width: int, height: int) -> int:
        return sum(self.working_bytes(settings, width, height).values())

    def modules_on(self, usual: torch.device) -> dict[torch.device, tuple[nn.Module, ...]]:
        found: dict[torch.device, tuple[nn.Module, ...]] = {}
        for part, modules in self.parts().items():
            if modules:
                device = self._device(part, usual)
                found[device] = (*found.get(device, ()), *modules)
        return found

    def stream_bytes_on(self, usual: torch.device, *request: Any) -> dict[torch.device, int]:
        found: dict[torch.device, int] = {}
        for part, size in self.working_bytes(*request).items():
            device = self._device(part, usual)
            found[device] = found.get(device, 0) + size
        return found

    def _device(self, part: Part, usual: torch.device) -> torch.device:
        return usual if self.devices is None else getattr(self.devices, part)
