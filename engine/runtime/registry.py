"""All sessions of the process. They must not live in ComfyUI's output cache, which forgets."""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from .loaded_plan import Loader
from .plan import PlanNode
from .session import StreamSession

KEPT = 8
"""Ended sessions that are remembered, for a page that is still open."""

JOIN_S = 10.0
"""How long a new session of a node waits for the threads of the earlier one."""

TICK_S = 0.1
"""How often it looks meanwhile whether it is still wanted."""


class SessionRegistry:
    """Sessions by the node that pumps and the digest of its plan."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: dict[tuple[str, str], StreamSession] = {}

    def open(
        self, plan: PlanNode, loader: Loader, *, check: Callable[[], None] | None = None, **options: Any
    ) -> StreamSession:
        """A new session, not started; earlier ones of the same node are cancelled and joined first.

        Args:
            plan, loader, options: as for ``StreamSession``.
            check: called while it waits for earlier ones; what it raises ends the wait, and
                no session is opened.

        Raises:
            SettingError: the plan writes nothing.
        """
        session = StreamSession(plan, loader, **options)
        session.listen(lambda event: _end_preview(session, event))
        with self._lock:
            earlier = [known for known in self._sessions.values() if known.node_id == session.node_id]
        for known in earlier:
            known.cancel()
            _join(known, check or (lambda: None))
        with self._lock:
            key = (session.node_id, session.digest)
            self._sessions.pop(key, None)
            self._sessions[key] = session
            self._forget()
        return session

    def get(self, session_id: str) -> StreamSession | None:
        """The session with this id, running or lately ended."""
        with self._lock:
            return next((known for known in self._sessions.values() if known.id == session_id), None)

    def running(self) -> list[StreamSession]:
        """Sessions that have not ended, oldest first."""
        with self._lock:
            return [known for known in self._sessions.values() if not known.wait(0)]

    def close(self) -> None:
        """Cancel everything and wait until files are playable; for the end of the process."""
        for session in self.running():
            session.cancel()
            session.join(JOIN_S)

    def _forget(self) -> None:
        ended = [key for key, known in self._sessions.items() if known.wait(0)]
        for key in ended[: max(0, len(ended) - KEPT)]:
            del self._sessions[key]


def _join(session: StreamSession, check: Callable[[], None]) -> None:
    """Wait for the threads of an ended session, for as long as ``check`` doesn't raise."""
    deadline = time.monotonic() + JOIN_S
    while not session.join(TICK_S) and time.monotonic() < deadline:
        check()


def _end_preview(session: StreamSession, event: Mapping[str, Any]) -> None:
    if event["type"] == "state" and session.wait(0):
        session.preview.end()


sessions = SessionRegistry()
atexit.register(sessions.close)
