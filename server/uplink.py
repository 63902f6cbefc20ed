"""What one page sends to the sources of a session that take a browser's camera or screen.

A page says ``ready`` for a read node and is told how many pictures it may send; each costs it one.
The page that was ready last is the one that is listened to, so a reloaded page takes over.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from ..engine.errors import SettingError
from .frame_messages import PushedFrame
from .messages import Camera

if TYPE_CHECKING:
    from ..engine.media.live.frame_inbox import FrameInbox

_speakers: WeakKeyDictionary[FrameInbox, Uplink] = WeakKeyDictionary()
"""Which page each inbox listens to."""

OLDEST_S = 10.0
"""A picture can't be older than this, whatever the page says."""


class Uplink:
    """The pictures of one page.

    Args:
        inboxes: of the session, by the id of the read node.
        on_wanted: called on the event loop when ``wanted`` has something to say.
        from_thread: has something called on the event loop.
    """

    def __init__(
        self,
        inboxes: Mapping[str, FrameInbox],
        on_wanted: Callable[[], None],
        from_thread: Callable[..., None],
    ) -> None:
        self._inboxes = inboxes
        self._on_wanted = on_wanted
        self._from_thread = from_thread
        self._credit: dict[str, int] = {}
        self._untold: Counter[str] = Counter()
        self._stops: dict[str, Callable[[], None]] = {}

    def hear(self, camera: Camera) -> None:
        """The page's camera is ready, silent, or gone.

        Raises:
            SettingError: the node takes no pictures from a page.
        """
        inbox = self._inbox(camera.node)
        if camera.state == "ready":
            self._listen(camera.node, inbox)
            return
        if _speakers.get(inbox) is not self:
            raise SettingError(f"Node {camera.node} does not listen to this page.")
        if camera.state == "paused":
            inbox.pause(camera.reason)
        else:
            self._leave(camera.node, camera.reason)

    def push(self, frame: PushedFrame) -> None:
        """Hand a picture on.

        Raises:
            SettingError: there was no credit for it, or nobody takes it.
        """
        inbox = self._inbox(frame.node)
        if self._credit.get(frame.node, 0) < 1:
            raise SettingError("A picture came without credit.")
        self._credit[frame.node] -= 1
        now = time.monotonic()
        captured_at = now if frame.taken is None else min(now, max(now - OLDEST_S, frame.taken / 1000))
        if inbox.wanted and not inbox.push(
            frame.jpeg, pts=captured_at, captured_at=captured_at
        ):  # Stop may cross a picture
            raise SettingError(f"Node {frame.node} did not take the picture.")

    def wanted(self) -> list[dict[str, Any]]:
        """Messages that tell the page of credit it has not been told of."""
        messages = [{"type": "want", "node": node, "n": n} for node, n in self._untold.items()]
        self._untold.clear()
        return messages

    def close(self) -> None:
        """The page is gone."""
        for node in list(self._credit):
            self._leave(node, "The page with the camera is closed: open it again.")

    def _listen(self, node: str, inbox: FrameInbox) -> None:
        self._credit[node] = 0
        _speakers[inbox] = self
        self._stops[node] = inbox.listen(lambda n: self._from_thread(self._grant, node, n))

    def _grant(self, node: str, n: int) -> None:
        if n > 0 and node in self._credit:
            self._credit[node] += n
            self._untold[node] += n
            self._on_wanted()

    def _leave(self, node: str, reason: str) -> None:
        """Send no more; a page that has taken over is left alone."""
        del self._credit[node], self._untold[node]
        stop, inbox = self._stops.pop(node), self._inboxes[node]
        if _speakers.get(inbox) is self:
            del _speakers[inbox]
            stop()
            inbox.leave(reason)

    def _inbox(self, node: str) -> FrameInbox:
        inbox = self._inboxes.get(node)
        if inbox is None:
            raise SettingError(f"Node {node} takes no pictures from a page.")
        return inbox
