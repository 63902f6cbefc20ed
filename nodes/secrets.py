"""Keeps passwords and stream keys out of the files that are written.

A recorded file carries its workflow, and people share files.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

_STREAM = re.compile(r"(rtsps?|rtmps?|srt|udp|https?)://\S+", re.IGNORECASE)


def without_secrets(tags: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Container tags whose JSON has no user, password, query or stream key in any address."""
    return tuple((name, json.dumps(_cleaned(json.loads(text)))) for name, text in tags)


def _cleaned(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _cleaned(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_cleaned(each) for each in value]
    return _cleaned_text(value) if isinstance(value, str) and _STREAM.fullmatch(value.strip()) else value


def _cleaned_text(text: str) -> str:
    """An address as far as it can be shown; of RTMP the last part of the path is the key."""
    try:
        parts = urlsplit(text.strip())
    except ValueError:
        return ""
    path = parts.path
    if parts.scheme.startswith("rtmp") and path.count("/") > 1:
        path = path.rpartition("/")[0] + "/"
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], path=path, query="", fragment="").geturl()
