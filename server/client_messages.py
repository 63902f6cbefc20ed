"""Text messages from a page over a session's websocket, parsed and checked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from ..engine.errors import SettingError
from ..engine.runtime.preview_picture import PreviewWish
from .json_fields import flag_field, number_field, recall_fields, text_field, whole_field

KINDS = ("credit", "set", "modulate", "recall", "preview", "clock", "camera", "record", "pause", "step")

CameraState = Literal["ready", "paused", "gone"]


@dataclass(frozen=True)
class Credit:
    """The page can take so many more frames."""

    frames: int


@dataclass(frozen=True)
class Change:
    """A new value for a live setting, not checked yet; ``seq`` comes back in the page's receipts."""

    key: str
    value: Any
    seq: int | None


@dataclass(frozen=True)
class Modulate:
    """A modulator for a live number, or None for none, not checked yet; ``seq`` as of ``Change``."""

    key: str
    modulator: Any
    seq: int | None


@dataclass(frozen=True)
class Recall:
    """New values for several live settings at once, not checked yet; ``fade`` in seconds of the stream."""

    values: dict[str, Any]
    fade: float


@dataclass(frozen=True)
class PreviewSettings:
    """Size, quality and rate of the preview from now on."""

    wish: PreviewWish


@dataclass(frozen=True)
class Clock:
    """Asks for the server's time; ``at``, the page's own time, comes back with it."""

    at: float


@dataclass(frozen=True)
class Camera:
    """The state of the camera or screen that a page sends to a read node.

    Attributes:
        node: the read node.
        state: ``ready`` to send, ``paused`` (muted), or ``gone``.
        reason: one line for the artist, or empty.
        sound: whether sound comes beside the pictures.
    """

    node: str
    state: CameraState
    reason: str
    sound: bool = False


@dataclass(frozen=True)
class Record:
    """Begin or end a file while the stream goes on."""

    node: str
    on: bool


@dataclass(frozen=True)
class PauseStream:
    """Have the stream stand still, or go on."""

    on: bool


@dataclass(frozen=True)
class Step:
    """Go on by one chunk, and stand still."""


Message = Credit | Change | Modulate | Recall | PreviewSettings | Clock | Camera | Record | PauseStream | Step


def parse(text: str) -> Message:
    """Raises SettingError with one line where the message can't be understood."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise SettingError("The message is not JSON.") from None
    if not isinstance(data, dict):
        raise SettingError("The message must be a JSON object.")
    match data.get("type"):
        case "credit":
            return Credit(whole_field(data, "n", 1, 1000))
        case "preview":
            return PreviewSettings(_wish(data))
        case "set":
            return Change(text_field(data, "key"), data.get("value"), _seq(data))
        case "modulate":
            return Modulate(text_field(data, "key"), data.get("modulator"), _seq(data))
        case "recall":
            return Recall(*recall_fields(data))
        case "clock":
            return Clock(number_field(data, "at", -1e15, 1e15))
        case "camera":
            return _camera(data)
        case "record":
            return Record(text_field(data, "node"), flag_field(data, "on"))
        case "pause":
            return PauseStream(flag_field(data, "on"))
        case "step":
            return Step()
    raise SettingError(f"The message's type must be one of {', '.join(KINDS)}.")


def _seq(data: dict[str, Any]) -> int | None:
    return None if data.get("seq") is None else whole_field(data, "seq", 0, 2**53)


def _camera(data: dict[str, Any]) -> Camera:
    state = data.get("state")
    if state not in get_args(CameraState):
        raise SettingError(f"state must be one of {', '.join(get_args(CameraState))}.")
    reason = text_field({"reason": "", **data}, "reason")
    sound = flag_field({"sound": False, **data}, "sound")
    return Camera(text_field(data, "node"), cast(CameraState, state), " ".join(reason.split()), sound)


def _wish(data: dict[str, Any]) -> PreviewWish:
    return PreviewWish(
        longest_side=whole_field(data, "max_side", 64, 2048),
        quality=whole_field(data, "quality", 30, 95),
        with_source=flag_field({"source": False, **data}, "source"),
        fps=number_field({"fps": 0, **data}, "fps", 0, 60),
        on_canvas=flag_field({"canvas": False, **data}, "canvas"),
    )
