"""Keeps passwords and stream keys out of the files that are written.

A recorded file carries its workflow, and people share files.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

_SCHEME = r"(?:rtsps?|rtmps?|srt|udp|https?)://"
# As far as anything secret may reach: to a space, or to the next address of a list.
_STREAM = re.compile(rf"{_SCHEME}(?:(?![,;|\"']+{_SCHEME})\S)+", re.IGNORECASE)
_APP = re.compile(r"/[\w.-]+/")


def without_secrets(tags: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Container tags whose JSON has no user, password, query or stream key in any address."""
    return tuple((name, json.dumps(_cleaned(json.loads(text)))) for name, text in tags)


def _cleaned(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _cleaned(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_cleaned(each) for each in value]
    return _STREAM.sub(_cleaned_address, value) if isinstance(value, str) else value


def _cleaned_address(found: re.Match[str]) -> str:
    """An address as far as it can be shown; of RTMP everything behind the application is the key."""
    try:
        parts = urlsplit(found[0])
    except ValueError:
        return ""
    path = parts.path
    if parts.scheme.startswith("rtmp"):
        app = _APP.match(path)
        path = app[0] if app else "/"
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], path=path, query="", fragment="").geturl()
