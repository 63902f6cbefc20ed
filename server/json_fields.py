"""Fields of a JSON object from outside, checked; each raises SettingError with one line."""

from __future__ import annotations

from typing import Any

from ..engine.errors import SettingError
from ..engine.runtime.fitting import is_text
from ..engine.runtime.glide import LONGEST_FADE_S

LONGEST_TEXT = 200
"""Characters of a node's id or of a reason."""

LONGEST_NAME = 60
"""Characters of a preset's or cue's name."""

MOST_VALUES = 256
"""Live settings that are changed at once."""


def flag_field(data: dict[str, Any], name: str) -> bool:
    """A field that must be true or false."""
    value = data.get(name)
    if not isinstance(value, bool):
        raise SettingError(f"{name} must be true or false.")
    return value


def text_field(data: dict[str, Any], name: str) -> str:
    """A field that must be a short text."""
    value = data.get(name)
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        raise SettingError(f"{name} must be text of at most {LONGEST_TEXT} characters.")
    if not is_text(value):
        raise SettingError(f"{name} has half a character: send whole ones.")
    return value


def line_field(data: dict[str, Any], name: str) -> str:
    """A field that must be a name for the artist, without space around it."""
    value = data.get(name)
    if not isinstance(value, str) or not 0 < len(value.strip()) <= LONGEST_NAME or not value.isprintable():
        raise SettingError(f"{name} must be a line of 1 to {LONGEST_NAME} characters.")
    return value.strip()


def number_field(data: dict[str, Any], name: str, low: float, high: float) -> float:
    """A field that must be a finite number within bounds."""
    value = data.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise SettingError(f"{name} must be a number from {low:g} to {high:g}.")
    return float(value)


def whole_field(data: dict[str, Any], name: str, low: int, high: int) -> int:
    """A field that must be a whole number within bounds."""
    value = data.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise SettingError(f"{name} must be a whole number from {low} to {high}.")
    return value


def value_field(data: dict[str, Any], name: str) -> float | int | str:
    """A field that must be a number or text; which of them, and its bounds, the setting itself checks."""
    value = data.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise SettingError(f"{name} must be a number or text.")
    return value


def recall_fields(data: dict[str, Any]) -> tuple[dict[str, float | int | str], float]:
    """``values``, an object of live settings, and ``fade``, seconds of the stream (0 where it is missing)."""
    values = data.get("values")
    if not isinstance(values, dict) or len(values) > MOST_VALUES:
        raise SettingError(f"values must be an object of at most {MOST_VALUES} settings.")
    fade = number_field({"fade": 0, **data}, "fade", 0, LONGEST_FADE_S)
    return {key: value_field(values, key) for key in values}, fade
