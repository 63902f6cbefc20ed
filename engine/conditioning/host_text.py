"""A text encoder of the host's: a CLIP of ComfyUI's, which moves it between devices and counts it itself."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

import torch

from ..errors import SettingError

_ENCODING = threading.Lock()
"""The host's memory management knows one thread at a time."""


class HostText:
    """Reads prompts through a CLIP.

    Args:
        clip: what ComfyUI's CLIPLoader gives.
    """

    def __init__(self, clip: Any) -> None:
        self.clip = clip

    def __reduce__(self) -> NoReturn:
        raise SettingError("clip reads prompts on this machine only: disconnect it, or set run_on to here.")

    @property
    def device_bytes(self) -> int:
        """What the host makes free on the device before it encodes, a tenth more than the weights."""
        return int(self.clip.patcher.model_size() * 1.1)

    def rows(self, prompt: str) -> int:
        """Rows of a prompt's states, padding included."""
        return max(len(row) for batch in self.clip.tokenize(prompt).values() for row in batch)

    def states(self, prompt: str) -> torch.Tensor:
        """States (1, rows, width) on the CPU."""
        with _ENCODING, torch.inference_mode(False), torch.no_grad():
            return self.clip.encode_from_tokens(self.clip.tokenize(prompt)).cpu()


@dataclass(frozen=True)
class HostTextFile:
    """A file that the host can read as a text encoder.

    Attributes:
        path: absolute.
        load: gives its CLIP, of the path and a device, ``""`` for the host's; called on the session's thread.
    """

    path: str
    load: Callable[[str, str], Any] = field(compare=False, repr=False)

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        """On another machine there is no host: None, and a checkpoint's own encoder reads."""
        return type(None), ()

    def open(self, device: str = "") -> HostText:
        """The encoder, loaded by the host, which has it compute on a device."""
        return HostText(self.load(self.path, device))
