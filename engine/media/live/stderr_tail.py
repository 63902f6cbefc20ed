"""What a process said last, read as it says it: a full pipe would stop the process."""

from __future__ import annotations

import threading
from typing import IO

KEPT = 4096
"""Bytes that are remembered, however much is said."""

ENDING_S = 1.0
"""Seconds for the last bytes of a process that has ended."""


class StderrTail:
    """Reads a pipe to its end on a thread of its own.

    Args:
        pipe: of bytes; taken over, and closed at its end.
    """

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._said = b""
        self._thread = threading.Thread(target=self._read, name="livestyle-last-words", daemon=True)
        self._thread.start()

    def line(self) -> str:
        """The last line that was said, once the process has ended; empty if it said nothing."""
        self._thread.join(ENDING_S)
        lines = self._said.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""

    def _read(self) -> None:
        with self._pipe:
            while piece := self._pipe.read1(KEPT):
                self._said = (self._said + piece)[-KEPT:]
