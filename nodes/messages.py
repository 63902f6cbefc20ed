"""What a page may say over a session's websocket, checked."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..engine.errors import SettingError

LARGEST = 64 * 1024
"""Bytes of a message; a larger one ends the connection with code 1009."""

RATE = 300
"""Messages a second that are listened to."""


@dataclass(frozen=True)
class Credit:
    """So many more frames may be sent."""

    frames: int


@dataclass(frozen=True)
class Change:
    """A live value was changed; ``seq`` comes back in the receipts."""

    key: str
    value: float | int | str
    seq: int | None


@dataclass(frozen=True)
class Picture:
    """How large and how good the preview should be."""

    max_side: int
    quality: int


Message = Credit | Change | Picture


def parse(text: str) -> Message:
    """Raises SettingError with one line where the message can't be understood."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise SettingError("The message is not JSON.") from None
    if not isinstance(data, dict):
        raise SettingError("The message must be a JSON object.")
    kind = data.get("type")
    if kind == "credit":
        return Credit(_whole(data, "n", 1, 1000))
    if kind == "preview":
        return Picture(_whole(data, "max_side", 64, 2048), _whole(data, "quality", 30, 95))
    if kind == "set":
        return _change(data)
    raise SettingError("The message's type must be credit, set or preview.")


def _change(data: dict[str, Any]) -> Change:
    key, value = data.get("key"), data.get("value")
    if not isinstance(key, str):
        raise SettingError("key must be text such as '4.strength'.")
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise SettingError("value must be a number or text.")
    return Change(key, value, None if data.get("seq") is None else _whole(data, "seq", 0, 2**53))


def _whole(data: dict[str, Any], name: str, low: int, high: int) -> int:
    value = data.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise SettingError(f"{name} must be a whole number from {low} to {high}.")
    return value


class RateLimit:
    """Counts messages in windows of one second.

    Args:
        limit: messages a window lets through.
        clock: seconds, monotonic.
    """

    def __init__(self, limit: int = RATE, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._since = clock()
        self._count = 0

    def admit(self) -> bool:
        """Whether the message that came now is within the limit."""
        now = self._clock()
        if now - self._since >= 1:
            self._since, self._count = now, 0
        self._count += 1
        return self._count <= self._limit

    @property
    def just_exceeded(self) -> bool:
        """Whether the last message was the first one over the limit in its window."""
        return self._count == self._limit + 1
