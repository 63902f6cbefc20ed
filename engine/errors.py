"""Errors meant for the artist: one line that says what to change."""

from __future__ import annotations

import re
from collections.abc import Collection

# Ends a line, moves the cursor, turns the direction of reading, or has no bytes in UTF-8 (lone surrogates,
# which JSON and file names in another encoding can bring).
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """``text`` on one line that every log and socket takes: other characters as ``\\n`` or ``\\ud800``."""
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def printable_lines(text: str) -> str:
    """``printable`` for text that may have several lines."""
    return "\n".join(map(printable, text.split("\n")))


class LiveStyleError(Exception):
    """Base of every error that LiveStyle raises on purpose; its text, always ``printable``, is shown.

    ComfyUI writes it to a log and a socket on the thread that runs all prompts: text that they can't
    encode would end that thread.
    """

    def __init__(self, line: str = "") -> None:
        super().__init__(printable(line))


class MediaError(LiveStyleError):
    """A source can't be read or a target can't be written."""


class CheckpointError(LiveStyleError):
    """A model file or folder is missing, damaged, or not what the node expects."""


class SettingError(LiveStyleError):
    """A widget's value can't work; the text names the widget and a value that does."""


class SessionCancelled(LiveStyleError):
    """The session was cancelled; whatever had been written so far is playable."""


def one_line(error: BaseException, longest: int = 160) -> str:
    """What an error of another library says, on one line of at most ``longest`` characters."""
    return printable(" ".join(str(error).split()))[:longest]


def one_of(widget: str, value: str, options: Collection[str]) -> str:
    """``value``, where it is an option of that widget; ComfyUI 0.3.75 takes any text for a combo.

    Raises:
        SettingError: it is none of them; the text lists them.
    """
    if value not in options:
        raise SettingError(
            f"{widget} can't be '{value}': choose one of {', '.join(options) or 'nothing (empty)'}."
        )
    return value
