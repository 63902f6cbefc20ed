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
    """Sessions by their id."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: dict[str, StreamSession] = {}

    def open(
        self, plan: PlanNode, loader: Loader, *, check: Callable[[], None] | None = None, **options: Any
    ) -> StreamSession:
        """A new session, not started; earlier ones of the same node are ended and joined first.

        One that plays in the background finishes its file, any other is cancelled.

        Args:
            plan, loader, options: as for ``StreamSession``.
            check: called while it waits for earlier ones; what it raises ends the wait, and
                no session is opened.

        Raises:
            SettingError: the plan writes nothing.
        """
        session = StreamSession(plan, loader, **options)
        session.listen(lambda event: _end_preview(session, event))
        check = check or (lambda: None)
        with self._lock:
            earlier = [known for known in self._sessions.values() if _gives_way(known, session)]
        for known in earlier:
            if known.background:
                _finish(known, check)
            known.cancel()
            _join(known, check)
        with self._lock:
            self._sessions[session.id] = session
            self._forget()
        return session

    def get(self, session_id: str) -> StreamSession | None:
        """The session with this id, running or lately ended."""
        with self._lock:
            return self._sessions.get(session_id)

    def playing(self, node_id: str, graph: str) -> StreamSession | None:
        """What plays in the background for a node of a graph, unless it was stopped."""
        theirs = [known for known in self.running() if (known.node_id, known.graph) == (node_id, graph)]
        return next((known for known in theirs if known.background and not known.stopping), None)

    def ended(self) -> list[StreamSession]:
        """The last of those that have ended, oldest first."""
        with self._lock:
            return [known for known in self._sessions.values() if known.wait(0)]

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


def _gives_way(known: StreamSession, session: StreamSession) -> bool:
    """Whether it must end before a session; in another graph, another node may have the same id."""
    return known.node_id == session.node_id and (not known.background or known.graph == session.graph)


def _finish(session: StreamSession, check: Callable[[], None]) -> None:
    """Have a session end as by Stop, for as long as ``check`` doesn't raise."""
    session.stop()
    while not session.wait(TICK_S):
        check()


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
