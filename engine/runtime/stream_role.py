"""What a FrameStreamIO does: told by its mode and by what is connected to it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from ..errors import SettingError, one_of

MODES = ("auto", "read", "write", "mix")
STREAMS = ("frames", "compare", "frames_b", "mask")

Role = Literal["reads", "writes", "mixes"]


def role_of(mode: str, used: Collection[str]) -> Role:
    """The node's role.

    Args:
        used: names of the inputs that are connected, and of those that name a source.

    Raises:
        SettingError: mode and connections contradict each other.
    """
    streams = [name for name in STREAMS if name in used]
    second = [name for name in streams if name in ("frames_b", "mask")]
    if one_of("mode", mode, MODES) == "read" and streams:
        raise SettingError(
            f"mode is read, but {' and '.join(streams)} is connected: set mode to auto, or disconnect it."
        )
    if mode == "write" and second:
        raise SettingError(
            f"mode is write, but {' and '.join(second)} is connected: set mode to mix, or disconnect it."
        )
    mixes = mode == "mix" or bool(second)
    if mixes and "frames_b" not in used:
        raise SettingError("FrameStreamIO has nothing to mix in: connect a second stream to frames_b.")
    if "frames" not in used:
        if mode == "write" or streams:
            raise SettingError(
                f"FrameStreamIO can't {'mix' if mixes else 'write'}: connect a stream to frames."
            )
        return "reads"
    others = [name for name in used if name in ("video", "images", *["compare"] * mixes)]
    if others:
        raise SettingError(
            f"frames and {' and '.join(others)} are connected: a node writes, reads or mixes, so use two."
        )
    return "mixes" if mixes else "writes"
