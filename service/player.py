"""Plays a workflow on a thread of its own, once or again and again."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence

from ..engine.errors import LiveStyleError, SessionCancelled, one_line
from ..engine.log import log
from ..engine.runtime.registry import SessionRegistry
from . import host
from .executor import Executor
from .node_api import ComfyNode

CANCEL_S = 15.0
"""How long files may take to close after a cancel."""


class Player:
    """One workflow.

    Args:
        nodes: that it may use.
        sessions: of this process.
        repeat: begin again after each end.
        on_end: called on the player's thread after the last run.

    Attributes:
        outcomes: runs by how they ended: done, failed, cancelled.
        error: what ended the last run, or empty.
        draining: whether it was told to end.
    """

    def __init__(
        self,
        nodes: Sequence[type[ComfyNode]],
        sessions: SessionRegistry,
        repeat: bool,
        on_end: Callable[[], None],
    ) -> None:
        self._nodes = nodes
        self._sessions = sessions
        self._repeat = repeat
        self._on_end = on_end
        self._thread = threading.Thread(target=self._play, name="livestyle-player", daemon=True)
        self.outcomes: Counter[str] = Counter()
        self.error = ""
        self.draining = False

    @property
    def ready(self) -> bool:
        """Whether pictures come, and it was not told to end."""
        states = {session.state for session in self._sessions.running()}
        return not self.draining and "running" in states

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def drain(self) -> None:
        """End all sources: what was decoded is finished, files are closed, nothing begins again."""
        self.draining = True
        for session in self._sessions.running():
            session.stop()

    def join(self, timeout: float) -> None:
        """Wait for the end; after ``timeout`` seconds cancel, which leaves files playable."""
        self._thread.join(timeout)
        playing = self._sessions.running()
        if self._thread.is_alive():
            log.warning("Not finished after %g s: cancelled, the files end here.", timeout)
            host.place.interrupted.set()
            self._thread.join(CANCEL_S)
        for session in playing:  # no lane may be at work when the interpreter ends
            session.cancel()
            session.join(CANCEL_S)

    def _play(self) -> None:
        try:
            while True:
                outcome = self._play_once()
                self.outcomes[outcome] += 1
                if self.draining or not self._repeat or outcome != "done":
                    return
        finally:
            self._on_end()

    def _play_once(self) -> str:
        self.error = ""
        try:
            Executor(host.place.graph, self._nodes, self._check).run()
        except SessionCancelled:
            return "done" if self.draining and not host.place.interrupted.is_set() else "cancelled"
        except LiveStyleError as error:
            self.error = str(error)
        except Exception as error:
            log.exception("The workflow failed")
            self.error = one_line(error)
        if self.error:
            log.error("%s", self.error)
        return "failed" if self.error else "done"

    def _check(self) -> None:
        """Begin no further node once told to end."""
        if self.draining:
            raise SessionCancelled("The service ends.")
        host.check_interrupt()
