"""Errors meant for the artist: one line that says what to change."""

from __future__ import annotations


class LiveStyleError(Exception):
    """Base of every error that LiveStyle raises on purpose; its text is shown on the node."""


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
    return " ".join(str(error).split())[:longest]
