"""Whether a value from outside fits a live setting."""

from __future__ import annotations

import math
from typing import Any

from ..errors import SettingError
from ..families.base import LiveParameter
from ..takes.lane import Value


def fitting(spec: LiveParameter, value: Any) -> Value:
    """The value as the setting has it.

    Raises:
        SettingError: it is of the wrong kind, out of bounds, or nothing that the model can take.
    """
    value = _text(spec, value) if spec.kind == "text" else _number(spec, value)
    if spec.check is not None:
        spec.check(value)
    return value


def is_number(value: Any) -> bool:
    """Whether a value is a number that arithmetic can use; JSON has longer integers than any float."""
    try:
        return not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value)
    except OverflowError:
        return False


def is_text(value: Any) -> bool:
    """Whether a value is text that can be encoded; JSON can hold halves of characters."""
    try:
        return isinstance(value, str) and value.encode() is not None
    except UnicodeEncodeError:
        return False


def _text(spec: LiveParameter, value: Any) -> str:
    name = _widget(spec)
    if not isinstance(value, str):
        raise SettingError(f"{name} must be text.")
    if not is_text(value):
        raise SettingError(f"{name} has half a character: type the text again.")
    if spec.maximum is not None and len(value) > spec.maximum:
        raise SettingError(f"{name} has {len(value)} characters: shorten it to {spec.maximum}.")
    return value


def _number(spec: LiveParameter, value: Any) -> float | int:
    name = _widget(spec)
    if not is_number(value):
        raise SettingError(f"{name} must be a number.")
    if spec.kind == "int" and value != int(value):
        raise SettingError(f"{name} must be a whole number: use {round(value)}.")
    if spec.minimum is not None and value < spec.minimum:
        raise SettingError(f"{name} is {_shown(value)}: use {spec.minimum} or more.")
    if spec.maximum is not None and value > spec.maximum:
        raise SettingError(f"{name} is {_shown(value)}: use {spec.maximum} or less.")
    return int(value) if spec.kind == "int" else float(value)


def _shown(value: float) -> str:
    return f"{value}" if abs(value) < 1e16 else f"{value:.3g}"


def _widget(spec: LiveParameter) -> str:
    return spec.key.rsplit(".", 1)[-1]
