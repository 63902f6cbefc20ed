"""Which device each part of a model is on: the denoiser, or its halves, its text encoder, its autoencoder."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import Literal

import torch

from ..errors import SettingError
from .base import ModelHandle

Part = Literal["denoiser", "second_half", "text_encoder", "autoencoder"]


@dataclass(frozen=True)
class Devices:
    """One device for each part.

    Attributes:
        second_half: of the denoiser's last blocks, where they are not with the first ones.
    """

    denoiser: torch.device
    text_encoder: torch.device
    autoencoder: torch.device
    second_half: torch.device | None = None

    @property
    def each(self) -> tuple[torch.device, ...]:
        """Every device once, the denoiser's first."""
        second = () if self.second_half is None else (self.second_half,)
        return tuple(dict.fromkeys((self.denoiser, *second, self.text_encoder, self.autoencoder)))


def device_names() -> tuple[str, ...]:
    """The devices of this machine that a part may be put on; the CPU is the last."""
    return (*(f"cuda:{index}" for index in range(torch.cuda.device_count())), "cpu")


def choices(widget: str) -> tuple[str, ...]:
    """What a part may be put on; the denoiser (``"device"``) also on two cards, half of its blocks each."""
    names = device_names()
    cards = names[:-1] if widget == "device" else ()
    return (*names, *(f"{one}+{other}" for one, other in permutations(cards, 2)))


def devices_of(handle: ModelHandle, usual: torch.device) -> Devices:
    """Where a handle's parts go; nothing is spread over devices unless the handle says so.

    Args:
        handle: what an artist chose.
        usual: the host's device, for a denoiser without a choice.

    Raises:
        SettingError: a device that this machine does not have.
    """
    first, _, second = handle.device.partition("+")
    denoiser = _device("device", first) or usual
    return Devices(
        denoiser,
        _device("text_encoder_device", handle.text_encoder_device) or denoiser,
        _device("autoencoder_device", handle.autoencoder_device) or denoiser,
        _device("device", second),
    )


def part_of(name: str) -> Part:
    """The part that a checkpoint's folder of weights belongs to, by its name (``unet``, ``vae``, ...)."""
    if name in ("vae", "autoencoder"):
        return "autoencoder"
    return "text_encoder" if name.startswith("text_encoder") else "denoiser"


def _device(widget: str, name: str) -> torch.device | None:
    if not name:
        return None
    if name not in device_names():
        raise SettingError(f"{widget} {name} isn't here: choose auto or {', '.join(device_names())}.")
    return torch.device(name)
