"""The take that lies beside a recording and grows with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO

from ..log import log
from .lane import Value
from .lines import change_line, end_line
from .log import TakeLog
from .take import FORMAT, SUFFIX, VERSION, Take


class TakeBeside:
    """Writes ``name.take.jsonl`` for ``name.mp4``, on the writing thread.

    The file appears with the first change: a run that nobody touched is told by its graph alone. It has what
    changed before this recording began, too, for a picture depends on all that came before it. Every line is
    with the system as soon as it is written, so a process that is killed leaves a take. Where a model or
    source is swapped for another the take ends, and says so; what is recorded later has none.

    Args:
        recording: the file beside which it lies.
        taken: what the session's chunks read.
        facts: gives the first line's facts; asked once.
        first: number of the first frame that is recorded.
    """

    def __init__(
        self, recording: Path, taken: TakeLog, facts: Callable[[], Mapping[str, Any]], first: int
    ) -> None:
        self._path = recording.with_suffix(SUFFIX)
        self._taken = taken
        self._facts = facts
        self._first = first
        self._written = 0
        self._file: TextIO | None = None
        self._failed = False

    def write(self) -> None:
        """Append what has changed since the last call. A disk that is full ends the take, not the stream."""
        changes, count = self._taken.since(self._written)
        swapped = self._taken.swapped
        if self._failed or not (changes or (swapped and not self._file)):
            return
        if swapped and self._first >= swapped.frame:
            return
        try:
            if self._file is None:
                self._file = self._path.open("x", encoding="utf-8", newline="\n")
                header = {"format": FORMAT, "version": VERSION, **self._facts()}
                take = Take({**header, "values": self._starts()}, {}, self._first)
                self._file.writelines(f"{line}\n" for line in take.lines())
            self._file.writelines(f"{change_line(change)}\n" for change in changes)
            self._file.flush()
        except OSError as error:
            self._give_up(error)
        self._written = count

    def close(self, end: int) -> None:
        """Append the rest; ``end`` is the number of the frame after the recording's last one."""
        self.write()
        file, self._file = self._file, None
        if file is None:
            return
        try:
            with file:
                if not self._failed:
                    swapped = self._taken.swapped
                    if swapped and swapped.frame < end:
                        file.write(f"{end_line(swapped.frame, swapped.name)}\n")
                    else:
                        file.write(f"{end_line(end)}\n")
        except OSError as error:
            self._give_up(error)

    def _starts(self) -> dict[str, Value]:
        return {key: lane.start for key, lane in self._taken.lanes.items()}

    def _give_up(self, error: OSError) -> None:
        self._failed = True
        log.warning("%s can't be written on (%s): later changes are not in it.", self._path, error.strerror)
