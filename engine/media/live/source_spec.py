"""Live sources as values that a plan can carry."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..sources import SourceSpec
from ..types import FrameSource
from .addresses import parse_url
from .capture import Capture
from .clock import ClockPolicy
from .devices import DeviceCapture
from .frame_inbox import FrameInbox
from .live_source import LiveSource
from .ndi import NdiCapture
from .network import NetworkCapture
from .pushed import PushedCapture

OPENING_S = 12.0
"""Seconds for the first picture."""

OPENING_BY_HAND_S = 60.0
"""The same where a person has to press a button in the browser first."""


@dataclass(frozen=True)
class LiveSpec(SourceSpec):
    """A source without end before it is opened.

    ``location`` is the address, or what names the device; ``fps`` the rate to ask a device for,
    0 for its own; of ``trim`` only the duration counts.

    Attributes:
        clock: which pictures are used when more come than the session takes.
        allow_private: whether a network stream may come from this machine or its network.
        inbox: where a page leaves pictures; only for kind ``pushed``.
    """

    clock: ClockPolicy = "latest"
    allow_private: bool = False
    inbox: FrameInbox | None = field(compare=False, repr=False, default=None)

    @property
    def label(self) -> str:
        """Without a password that the address may have."""
        return parse_url(self.location).shown if self.kind == "network" else self.location or self.kind

    def open(self) -> FrameSource:
        """Begin to connect; ``connect`` of the source waits for its first picture."""
        opening = OPENING_BY_HAND_S if self.kind == "pushed" else OPENING_S
        return LiveSource(self._capture(), self.clock, opening=opening, duration=self.trim.duration)

    def _capture(self) -> Capture:
        if self.kind == "network":
            return NetworkCapture(parse_url(self.location), self.allow_private)
        if self.kind == "ndi":
            return NdiCapture(self.location)
        if self.kind == "pushed":
            assert self.inbox is not None
            return PushedCapture(self.location, self.inbox)
        return DeviceCapture(self.location, self.kind == "screen", self.fps)
