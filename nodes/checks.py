"""Checks that ComfyUI does not make, or not in every version."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from ..engine.errors import SettingError


def within(widget: str, value: float, low: float, high: float) -> None:
    """Raise SettingError where a number that arrived through a link is out of its widget's range."""
    if not low <= value <= high:
        raise SettingError(f"{widget} is {value:g}: choose a value from {low:g} to {high:g}.")


def is_text(widget: str, value: str) -> None:
    """Raise SettingError where a text has halves of characters, which JSON can bring and UTF-8 has not."""
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise SettingError(f"{widget} has a broken character in '{value[:80]}': delete it and type it again.")


def tensor_fingerprint(tensor: Any) -> str:
    """Stands for a tensor's content in comparisons: shape, dtype and a hash of the bytes.

    For small tensors (reference pictures, text embeddings); it reads all of it.
    """
    data = tensor.detach().contiguous().cpu().float().numpy().tobytes()
    return f"{tuple(tensor.shape)}-{hashlib.sha256(data).hexdigest()[:16]}"


def colour_named(name: str, value: str) -> tuple[int, int, int]:
    """RGB, 0..255, of a widget's ``#rrggbb``.

    Raises:
        SettingError: it is no colour.
    """
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", value.strip()):
        raise SettingError(f"{name} is '{value}': use # and six hexadecimal digits, like #000000 for black.")
    red, green, blue = bytes.fromhex(value.strip()[1:])
    return red, green, blue
