"""Pictures over the websocket: what comes out of us, and what may come in."""

from __future__ import annotations

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livestyle.engine.errors import SettingError
from livestyle.engine.runtime.preview_picture import PreviewFrame
from livestyle.server.frame_messages import (
    LARGEST_FRAME,
    PushedFrame,
    PushedSound,
    parse_frame,
    preview_message,
)

JPEG = b"\xff\xd8rest"


def _message(header: object, jpeg: bytes = JPEG) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack(">I", len(text)) + text + jpeg


def test_a_preview_carries_result_and_source() -> None:
    frame = PreviewFrame(b"result", b"source", 7, 0.25, 12.345, 64, 48)
    message = preview_message(frame)
    (length,) = struct.unpack(">I", message[:4])
    header = json.loads(message[4 : 4 + length])
    assert header == {"frame": 7, "pts": 0.25, "w": 64, "h": 48, "born": 12345.0, "source": 6}
    assert message[4 + length :] == b"resultsource"


def test_a_picture_is_understood() -> None:
    assert parse_frame(_message({"node": "1:2", "taken": 12.5})) == PushedFrame("1:2", 12.5, JPEG)
    assert parse_frame(_message({"node": "1"})) == PushedFrame("1", None, JPEG)


def test_a_sound_is_understood() -> None:
    pushed = parse_frame(_message({"sound": 24_000}, struct.pack("<3h", 0, 16384, -32768)))
    assert isinstance(pushed, PushedSound) and pushed.samples.tolist() == [0, 0.5, -1]


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (_message({"sound": 48_000}, bytes(4)), "24000"),
        (_message({"sound": True}, bytes(4)), "24000"),
        (_message({"sound": 24_000}, bytes(3)), "16-bit"),
        (_message({"sound": 24_000}, bytes(48_002)), "16-bit"),
        (b"", "cut off"),
        (b"\0\0\0", "cut off"),
        (b"\0\0\0\5abc", "longer"),
        (b"\xff\xff\xff\xff" + b"x" * 2000, "longer"),
        (struct.pack(">I", 3) + b"{]}" + JPEG, "not JSON"),
        (struct.pack(">I", 1000) + b"[" * 1000 + JPEG, "not JSON"),
        (struct.pack(">I", 2) + b"\xc3\x28" + JPEG, "not JSON"),
        (_message([1]), "object"),
        (_message({}), "node"),
        (_message({"node": 1}), "node"),
        (_message({"node": "x" * 300}), "node"),
        (_message({"node": "1", "taken": "now"}), "taken"),
        (_message({"node": "1", "taken": True}), "taken"),
        (_message({"node": "1", "taken": -5}), "taken"),
        (_message({"node": "1", "taken": float("nan")}), "taken"),
        (_message({"node": "1", "taken": 10**300}), "taken"),
        (_message({"node": "1"}, b""), "JPEG"),
        (_message({"node": "1"}, b"GIF89a"), "JPEG"),
        (_message({"node": "1"}, JPEG + bytes(LARGEST_FRAME)), "bytes"),
    ],
)
def test_what_is_refused(message: bytes, says: str) -> None:
    with pytest.raises(SettingError, match=says) as refused:
        parse_frame(message)
    assert "\n" not in str(refused.value)


def _refused_or_understood(message: bytes) -> None:
    try:
        assert isinstance(parse_frame(message), PushedFrame | PushedSound)
    except SettingError as error:
        assert "\n" not in str(error)


@given(st.binary(max_size=300))
def test_any_bytes(message: bytes) -> None:
    _refused_or_understood(message)


@given(st.integers(0, 2**32 - 1), st.binary(max_size=200), st.binary(max_size=50))
def test_any_length_and_header(length: int, header: bytes, rest: bytes) -> None:
    _refused_or_understood(struct.pack(">I", length) + header + rest)


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just([[]])


@given(st.dictionaries(st.sampled_from(["node", "taken", "more"]), VALUES), st.binary(max_size=9))
def test_any_fields(header: dict, jpeg: bytes) -> None:
    _refused_or_understood(_message(header, jpeg))
    _refused_or_understood(_message(header, JPEG + jpeg))
