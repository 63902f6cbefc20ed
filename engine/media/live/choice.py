"""What the live inputs of FrameStreamIO mean, as values that a plan can carry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from ...errors import SettingError, one_of
from ..types import Trim
from .addresses import SOURCE_SCHEMES, TARGET_SCHEMES, parse_url
from .clock import POLICIES, ClockPolicy
from .extras import extra
from .frame_inbox import FrameInbox
from .sink_spec import LiveSinkSpec, TargetKind
from .source_spec import LiveSpec

SOURCES = ("file", "network", "camera", "screen", "ndi", "browser camera", "browser screen")
TARGETS = ("file", "network", "virtual camera", "ndi")
CLOCKS = ("auto", *POLICIES)


@dataclass(frozen=True)
class LiveChoice:
    """The live read inputs as they arrived."""

    source: str = "file"
    url: str = ""
    device: str = ""
    clock: str = "auto"
    allow_private: bool = False


def live_source(choice: LiveChoice, trim: Trim) -> LiveSpec:
    """The live source that was chosen; its address is checked as text, and looked up when it is opened.

    Raises:
        SettingError: a widget's value can't work.
        MediaError: a package is missing.
    """
    one_of("source", choice.source, SOURCES)
    clock = one_of("clock", choice.clock, CLOCKS)
    policy = cast(ClockPolicy, "latest" if clock == "auto" else clock)
    if trim.start or trim.every_nth != 1:
        raise SettingError("start and every_nth are for files: set them to 0 and 1, and choose with clock.")
    live = Trim(duration=trim.duration)
    if choice.source.startswith("browser"):
        kind = "camera" if choice.source == "browser camera" else "screen"
        name = f"The browser's {kind}"
        return LiveSpec("pushed", name, trim=live, clock=policy, inbox=FrameInbox(kind))
    if choice.source == "network":
        if trim.fps:
            raise SettingError("A network stream has its own rate: set fps to 0.")
        url = parse_url(choice.url, SOURCE_SCHEMES)
        return LiveSpec("network", url.text, trim=live, clock=policy, allow_private=choice.allow_private)
    if choice.source == "ndi":
        extra("cyndilib")
        return LiveSpec("ndi", choice.url.strip(), trim=live, clock=policy)
    kind = "camera" if choice.source == "camera" else "screen"
    return LiveSpec(kind, choice.device, trim=live, clock=policy, fps=trim.fps)


def live_target(target: str, url: str, allow_private: bool, bitrate: int, keep_last: int) -> LiveSinkSpec:
    """The live target that was chosen.

    Raises:
        SettingError: a widget's value can't work.
        MediaError: a package is missing.
    """
    kind = cast(TargetKind, one_of("target", target, TARGETS))
    location = url.strip()
    if kind == "network":
        location = parse_url(location, TARGET_SCHEMES).text
    else:
        extra("cyndilib" if kind == "ndi" else "pyvirtualcam")
    return LiveSinkSpec(kind, location, allow_private, bitrate, keep_last)
