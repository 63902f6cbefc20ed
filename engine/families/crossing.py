"""What goes from one part's device to another's while a stream plays, and how much that is."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace

import torch

from ..conditioning.states import TextStates
from ..transfers import upload


class Crossing:
    """Between cards a copy goes from memory to memory, in order with what this lane does on both.

    Nothing happens, and nothing is counted, where a tensor is on the device already.

    Attributes:
        bytes: taken across since the stream began.
        chunks: that have begun; set by the encode lane.
    """

    def __init__(self) -> None:
        self.bytes = self.chunks = 0
        self._lock = threading.Lock()  # all three lanes count

    def take(self, x: torch.Tensor, device: torch.device) -> torch.Tensor:
        """A tensor on a device."""
        if x.device == device:
            return x
        with self._lock:
            self.bytes += x.nbytes
        return upload(x, device)

    def states(self, text: TextStates, device: torch.device) -> TextStates:
        """States and their mask on a device; the same object where they are there."""
        if text.states.device == device:
            return text
        mask = None if text.mask is None else self.take(text.mask, device)
        return replace(text, states=self.take(text.states, device), mask=mask)

    def readout(self) -> Mapping[str, str]:
        """For the node's meters: what a chunk takes across on average; empty where nothing does."""
        if not self.bytes:
            return {}
        return {"crossing": f"{self.bytes / max(1, self.chunks) / 1e6:.2f} MB"}
