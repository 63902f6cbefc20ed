"""How the ends of a stream say that they are doing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SourceStatus:
    """How a live source is doing.

    Attributes:
        state: ``connecting``, ``playing``, ``holding`` (silent), ``reconnecting``, ``paused`` or ``ended``.
        note: one line for the artist; empty while it plays.
        fps: pictures that come in a second, lately.
        dropped: pictures that its clock left out.
        held: how often the last picture was repeated.
        queue: pictures that wait.
        reconnects: how often it was lost and came back.
        damaged: pictures that could not be decoded.
    """

    state: str
    note: str = ""
    fps: float = 0.0
    dropped: int = 0
    held: int = 0
    queue: int = 0
    reconnects: int = 0
    damaged: int = 0


@dataclass(frozen=True)
class TargetStatus:
    """How a target is doing.

    Attributes:
        kind: ``file``, ``network``, ``camera`` or ``ndi``.
        state: ``recording``, ``off``, ``sending``, ``connecting`` or ``failed``.
        note: one line for the artist; empty while all is well.
        frames: taken so far.
        dropped: left out because the target did not keep up.
        file: name of the file being written, or empty.
    """

    kind: str
    state: str
    note: str = ""
    frames: int = 0
    dropped: int = 0
    file: str = ""
