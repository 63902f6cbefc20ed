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
    from ..engine.media.live.frame_inbox import Inlet

_speakers: WeakKeyDictionary[Inlet, Uplink] = WeakKeyDictionary()
"""Which page each inlet listens to."""

OLDEST_S = 10.0
"""A picture can't be older than this, whatever the page says."""


class Uplink:
    """The pictures of one page.

    Args:
        inlets: of the session, by the id of the read node.
        on_wanted: called on the event loop when ``wanted`` has something to say.
        from_thread: has something called on the event loop.
    """

    def __init__(
        self,
        inlets: Mapping[str, Inlet],
        on_wanted: Callable[[], None],
        from_thread: Callable[..., None],
    ) -> None:
        self._inlets = inlets
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
        inlet = self._inlet(camera.node)
        if camera.state == "ready":
            self._listen(camera.node, inlet)
            return
        if _speakers.get(inlet) is not self:
            raise SettingError(f"Node {camera.node} does not listen to this page.")
        if camera.state == "paused":
            inlet.pause(camera.reason)
        else:
            self._leave(camera.node, camera.reason)

    def push(self, frame: PushedFrame) -> None:
        """Hand a picture on.

        Raises:
            SettingError: there was no credit for it, or nobody takes it.
        """
        inlet = self._inlet(frame.node)
        if self._credit.get(frame.node, 0) < 1:
            raise SettingError("A picture came without credit.")
        self._credit[frame.node] -= 1
        now = time.monotonic()
        born = now if frame.taken is None else min(now, max(now - OLDEST_S, frame.taken / 1000))
        if inlet.wanted and not inlet.push(frame.jpeg, pts=born, born=born):  # Stop may cross a picture
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

    def _listen(self, node: str, inlet: Inlet) -> None:
        self._credit[node] = 0
        _speakers[inlet] = self
        self._stops[node] = inlet.listen(lambda n: self._from_thread(self._grant, node, n))

    def _grant(self, node: str, n: int) -> None:
        if n > 0 and node in self._credit:
            self._credit[node] += n
            self._untold[node] += n
            self._on_wanted()

    def _leave(self, node: str, reason: str) -> None:
        """Send no more; a page that has taken over is left alone."""
        del self._credit[node], self._untold[node]
        stop, inlet = self._stops.pop(node), self._inlets[node]
        if _speakers.get(inlet) is self:
            del _speakers[inlet]
            stop()
            inlet.leave(reason)

    def _inlet(self, node: str) -> Inlet:
        inlet = self._inlets.get(node)
        if inlet is None:
            raise SettingError(f"Node {node} takes no pictures from a page.")
        return inlet
