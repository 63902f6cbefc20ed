"""Live targets as values that a plan can carry."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from ..types import AudioTrack, FrameSink
from .addresses import TARGET_SCHEMES, parse_url
from .live_sink import LiveSink
from .ndi import NdiSender
from .push import NetworkSender
from .sender import Sender
from .virtual_camera import VirtualCameraSender

TargetKind = Literal["network", "virtual camera", "ndi"]


@dataclass(frozen=True)
class LiveSinkSpec:
    """A live target before it is opened.

    Attributes:
        kind: what it is.
        location: the address, the virtual camera's device, or the NDI name.
        allow_private: whether an address may lead to this machine or its network.
        bitrate: kilobits a second of a network stream.
        keep_last: how many of the last frames to hand back as pixels.
    """

    kind: TargetKind
    location: str
    allow_private: bool = False
    bitrate: int = 4000
    keep_last: int = 0

    def open(self, width: int, height: int, fps: Fraction, audio: AudioTrack | None) -> FrameSink:
        """Begin to connect; frames are taken at once, and sound goes along to network streams.

        Raises:
            SettingError: the address is not allowed.
            MediaError: a package is missing.
        """
        return LiveSink(self._sender(audio is not None), (width, height), fps, audio, self.keep_last)

    def _sender(self, sounds: bool) -> Sender:
        if self.kind == "network":
            url = parse_url(self.location, TARGET_SCHEMES)
            return NetworkSender(url, self.allow_private, self.bitrate, sounds)
        if self.kind == "ndi":
            return NdiSender(self.location or "LiveStyle")
        return VirtualCameraSender(self.location)
