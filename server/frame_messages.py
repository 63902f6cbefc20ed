"""Pictures over a session's websocket, both ways, and what a page hears.

Either way a message is the length of the header (4 bytes, big endian), the header as JSON, and then
JPEGs: the preview's result, followed by its source where that was asked for; or a camera's picture;
or samples, of the microphone for modulators or beside a camera's pictures.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..engine.errors import SettingError
from ..engine.modulation.sound import RATE
from ..engine.runtime.preview_picture import PreviewFrame
from .json_fields import number_field, text_field, whole_field

LARGEST_FRAME = 4 * 1024 * 1024
"""Bytes of a picture message; a larger message of any kind ends the connection with code 1009."""

LONGEST_HEADER = 1024
RATES = (8000, 192_000)
"""Samples a second of the sound beside pictures, as the page's sound card has them."""


@dataclass(frozen=True)
class PushedFrame:
    """A picture that a page took.

    Attributes:
        node: the read node it is for.
        taken: when, in milliseconds on the server's clock as the page knows it; None if it doesn't.
        jpeg: the picture.
    """

    node: str
    taken: float | None
    jpeg: bytes


@dataclass(frozen=True)
class PushedSound:
    """What a page's microphone has heard.

    Attributes:
        samples: float32 mono (n,), -1 to 1, at the rate that modulators listen to.
    """

    samples: np.ndarray


@dataclass(frozen=True)
class CameraSound:
    """What is heard beside the pictures of a camera or screen.

    Attributes:
        node: the read node it is for.
        taken: when its first sample was, see ``PushedFrame``.
        rate: samples a second.
        samples: int16 (n, channels), 1 or 2 of them.
    """

    node: str
    taken: float | None
    rate: int
    samples: np.ndarray


def preview_message(frame: PreviewFrame) -> bytes:
    """Header: frame, pts, w, h; ``born`` in milliseconds on the server's clock; ``source``."""
    source = frame.source or b""
    facts = {
        "frame": frame.frame,
        "pts": frame.pts,
        "w": frame.width,
        "h": frame.height,
        "born": round(frame.captured_at * 1000, 2),
        "source": len(source),
    }
    header = json.dumps(facts).encode()
    return struct.pack(">I", len(header)) + header + frame.jpeg + source


def parse_frame(message: bytes) -> PushedFrame | PushedSound | CameraSound:
    """Raises SettingError with one line where the message can't be a picture or a sound."""
    if len(message) > LARGEST_FRAME:
        raise SettingError(f"A picture may have {LARGEST_FRAME} bytes: send a smaller one.")
    if len(message) < 4:
        raise SettingError("The picture's header is cut off.")
    (length,) = struct.unpack_from(">I", message)
    if length > min(LONGEST_HEADER, len(message) - 4):
        raise SettingError("The picture's header is longer than it may be.")
    header, jpeg = _header(message[4 : 4 + length]), message[4 + length :]
    if "sound" in header and "node" not in header:
        whole_field(header, "sound", RATE, RATE)
        return PushedSound(_samples(jpeg, RATE, 1)[:, 0].astype(np.float32) / 2**15)
    node = text_field(header, "node")
    taken = number_field(header, "taken", 0, 1e15) if "taken" in header else None
    if "sound" in header:
        rate = whole_field(header, "sound", *RATES)
        return CameraSound(node, taken, rate, _samples(jpeg, rate, whole_field(header, "channels", 1, 2)))
    if not jpeg.startswith(b"\xff\xd8"):
        raise SettingError("The picture is not a JPEG.")
    return PushedFrame(node, taken, jpeg)


def _samples(raw: bytes, rate: int, channels: int) -> np.ndarray:
    if not raw or len(raw) % (2 * channels) or len(raw) > 2 * channels * rate:
        raise SettingError("A sound must be 16-bit samples of at most a second.")
    return np.frombuffer(raw, "<i2").astype(np.int16).reshape(-1, channels)


def _header(raw: bytes) -> dict[str, Any]:
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        raise SettingError("The picture's header is not JSON.") from None
    if not isinstance(data, dict):
        raise SettingError("The picture's header must be a JSON object.")
    return data
