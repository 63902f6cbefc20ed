"""The states that a session goes through, and its listeners."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from typing import Any, Literal

from ..errors import LiveStyleError
from ..log import log

State = Literal["loading", "warming", "running", "draining", "done", "failed", "cancelled"]
ORDER: tuple[State, ...] = ("loading", "warming", "running", "draining", "done", "failed", "cancelled")

Listener = Callable[[Mapping[str, Any]], None]


class Lifecycle:
    """Goes forward only, and ends once; every method may be called from any thread.

    Attributes:
        state: what the session is doing.
        stage: the same as a line for the artist.
        error: why it ended, where that was not at the end of its stream.
    """

    def __init__(self) -> None:
        self.state: State = "loading"
        self.stage = "Waiting"
        self.error: LiveStyleError | None = None
        self._lock = threading.RLock()
        self._listeners: list[Listener] = []
        self._finished = threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        """Whether a final state is reached, after at most ``timeout`` seconds."""
        return self._finished.wait(timeout)

    def move(self, state: State, stage: str) -> None:
        """Go forward to a state; nothing happens where that would be backward."""
        with self._lock:
            backward = self._finished.is_set() or ORDER.index(state) < ORDER.index(self.state)
            if backward or (state, stage) == (self.state, self.stage):
                return
            self.state, self.stage = state, stage
        self.emit({"type": "state", "state": state, "stage": stage})

    def conclude(self, state: State, error: LiveStyleError | None) -> bool:
        """Reach a final state; False where one was reached already."""
        stage = str(error) if error else "Done"
        with self._lock:
            if self._finished.is_set():
                return False
            self.state, self.stage, self.error = state, stage, error
            self._finished.set()
        # Outside the lock: a listener may read the parameter store, which holds its own while it emits.
        self.emit({"type": "state", "state": state, "stage": stage})
        return True

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Have a function called with every event from now on; the result ends that."""
        with self._lock:
            self._listeners.append(listener)

        def leave() -> None:
            with self._lock, contextlib.suppress(ValueError):
                self._listeners.remove(listener)

        return leave

    def emit(self, event: Mapping[str, Any]) -> None:
        """Call every listener; one that fails is logged."""
        with self._lock:
            listeners = tuple(self._listeners)
        for listener in listeners:
            try:
                listener(event)
            except Exception:
                log.exception("A listener failed")
