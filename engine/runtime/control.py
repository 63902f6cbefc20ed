"""What the threads of a session share: a wake-up call, the first failure, whether to go on."""

from __future__ import annotations

import threading
import traceback

from ..errors import LiveStyleError, SessionCancelled
from ..log import log
from .failures import stage_error


class Control:
    """Any thread may call anything; only the session's own thread waits."""

    def __init__(self) -> None:
        self._wake = threading.Event()
        self._halt = threading.Event()
        self._lock = threading.Lock()
        self.failure: LiveStyleError | None = None

    @property
    def halted(self) -> bool:
        """Whether stages should not start any more."""
        return self._halt.is_set()

    def halt(self) -> None:
        """No stage starts any more; what runs ends at its next operation."""
        self._halt.set()
        self._wake.set()

    def check(self) -> None:
        """Raise SessionCancelled once halted."""
        if self.halted:
            raise SessionCancelled("The run was cancelled.")

    def fail(self, stage: str, error: BaseException, remedy: str = "") -> None:
        """A stage failed: keep the first failure and halt. After a halt, errors are only echoes."""
        with self._lock:
            if self.halted:
                return
            if not isinstance(error, LiveStyleError):
                # As text: a log handler that keeps records would keep the frames and their tensors.
                log.error("%s failed\n%s", stage, "".join(traceback.format_exception(error)))
            self.failure = stage_error(stage, error, remedy)
            self.halt()

    def wake(self) -> None:
        """Something has changed that the session's thread should look at."""
        self._wake.set()

    def wait(self, timeout: float | None = None) -> None:
        """Until ``wake`` or ``halt`` was called since the last wait."""
        self._wake.wait(timeout)
        self._wake.clear()
