"""Waits for a session on the prompt's thread, so that Cancel and progress work as everywhere in ComfyUI."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from ..engine.runtime.session import Progress, StreamSession

TICK_S = 0.1
TEXT_S = 0.5


class Display(Protocol):
    """Progress bar and progress text of a node."""

    def bar(self, done: int, total: int) -> None:
        """Show ``done`` of ``total`` frames."""

    def text(self, line: str) -> None:
        """Show a line."""


def pump(session: StreamSession, display: Display, check_interrupt: Callable[[], None]) -> None:
    """Start a session and wait until it is over.

    Args:
        session: opened, not started.
        display: told of the progress; may raise what ``check_interrupt`` raises.
        check_interrupt: raises when the prompt was cancelled; the session is cancelled then,
            and closes its files while the exception is on its way.

    Raises:
        LiveStyleError: what ended the session, if it was an error.
    """
    session.start()
    text_due = 0.0
    try:
        while not session.wait(TICK_S):
            check_interrupt()
            progress = session.progress
            display.bar(progress.done, progress.total or progress.done + 1)
            if time.monotonic() >= text_due:
                text_due = time.monotonic() + TEXT_S
                display.text("\n".join([progress_line(session.stage, progress), *session.notes]))
    except BaseException:
        session.cancel()
        raise
    if session.error is not None:
        raise session.error
    progress = session.progress
    display.bar(progress.done, max(progress.done, 1))
    if session.notes:  # some come with the last frame
        display.text("\n".join([progress_line(session.stage, progress), *session.notes]))
    if session.notes:  # a short clip is over before they were shown
        display.text("\n".join(session.notes))


def progress_line(stage: str, progress: Progress) -> str:
    """Stage, frames, rate and time to go, as far as they are known."""
    parts = [stage]
    if progress.done:
        parts.append(f"{progress.done}/{progress.total}" if progress.total else f"{progress.done} frames")
    if progress.fps:
        parts.append(f"{progress.fps:.1f} fps")
    if progress.eta is not None:
        minutes, seconds = divmod(round(progress.eta), 60)
        parts.append(f"{minutes}:{seconds:02} left")
    return ", ".join(parts)
