"""Pictures and sound that one page uploads to the read nodes that take a browser's camera or screen.

A page sends ``ready`` for a read node and is told how many pictures it may send; each costs one credit.
A node takes pictures from the page that was ready last, so a reloaded page takes over.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from av import AudioFrame

from ..engine.errors import SettingError
from .client_messages import Camera
from .frame_messages import CameraSound, PushedFrame

if TYPE_CHECKING:
    from ..engine.media.live.frame_inbox import FrameInbox

_active: WeakKeyDictionary[FrameInbox, CameraUpload] = WeakKeyDictionary()
"""The page from which each inbox takes pictures."""

OLDEST_S = 10.0
"""A picture can't be older than this, whatever the page says."""


class CameraUpload:
    """The pictures of one page.

    Args:
        inboxes: of the session, by the id of the read node.
        on_credit: called on the event loop when ``credit_messages`` has some.
        call_soon: calls a function on the event loop, from any thread.
    """

    def __init__(
        self,
        inboxes: Mapping[str, FrameInbox],
        on_credit: Callable[[], None],
        call_soon: Callable[..., None],
    ) -> None:
        self._inboxes = inboxes
        self._on_credit = on_credit
        self._call_soon = call_soon
        self._credit: dict[str, int] = {}
        self._unsent: Counter[str] = Counter()
        self._begun: Counter[str] = Counter()
        self._stops: dict[str, Callable[[], None]] = {}

    def set_camera(self, camera: Camera) -> None:
        """The page's camera is ready, paused, or gone.

        Raises:
            SettingError: the node takes no pictures from a page, or from another page.
        """
        inbox = self._inbox(camera.node)
        if camera.state == "ready":
            inbox.sounds = inbox.sounds or camera.sound
            self._begin(camera.node, inbox)
            return
        if _active.get(inbox) is not self:
            raise SettingError(f"Node {camera.node} does not listen to this page.")
        if camera.state == "paused":
            inbox.pause(camera.reason)
        else:
            self._end(camera.node, camera.reason)

    def hear(self, sound: CameraSound) -> None:
        """Hand sound on; it needs no credit.

        Raises:
            SettingError: the node takes no pictures from a page.
        """
        inbox = self._inbox(sound.node)
        if _active.get(inbox) is not self:
            return
        count, channels = sound.samples.shape
        frame = AudioFrame.from_ndarray(
            sound.samples.reshape(1, -1), "s16", "mono" if channels == 1 else "stereo"
        )
        taken = _captured_at(sound.taken, time.monotonic() - count / sound.rate)
        frame.sample_rate = sound.rate
        inbox.hear(frame, taken)

    def push(self, frame: PushedFrame) -> None:
        """Hand a picture on.

        Raises:
            SettingError: there was no credit for it, or no node takes it.
        """
        inbox = self._inbox(frame.node)
        if self._credit.get(frame.node, 0) < 1:
            raise SettingError("A picture came without credit.")
        self._credit[frame.node] -= 1
        captured_at = _captured_at(frame.taken, time.monotonic())
        if inbox.wanted and not inbox.push(
            frame.jpeg, pts=captured_at, captured_at=captured_at
        ):  # Stop may cross a picture
            raise SettingError(f"Node {frame.node} did not take the picture.")

    def credit_messages(self) -> list[dict[str, Any]]:
        """Messages with the credit that the page has not been told of."""
        messages = [{"type": "want", "node": node, "n": n} for node, n in self._unsent.items()]
        self._unsent.clear()
        return messages

    def close(self) -> None:
        """The page is gone."""
        for node in list(self._credit):
            self._end(node, "The page with the camera is closed: open it again.")

    def _begin(self, node: str, inbox: FrameInbox) -> None:
        self._credit[node] = 0
        del self._unsent[node]
        self._begun[node] += 1  # credit from before may still be on its way
        begun = self._begun[node]
        _active[inbox] = self
        self._stops[node] = inbox.listen(lambda n: self._call_soon(self._grant, node, begun, n))

    def _grant(self, node: str, begun: int, n: int) -> None:
        if n > 0 and node in self._credit and begun == self._begun[node]:
            self._credit[node] += n
            self._unsent[node] += n
            self._on_credit()

    def _end(self, node: str, reason: str) -> None:
        """Send no more; a page that has taken over is left alone."""
        del self._credit[node], self._unsent[node]
        stop, inbox = self._stops.pop(node), self._inboxes[node]
        if _active.get(inbox) is self:
            del _active[inbox]
            stop()
            inbox.leave(reason)

    def _inbox(self, node: str) -> FrameInbox:
        inbox = self._inboxes.get(node)
        if inbox is None:
            raise SettingError(f"Node {node} takes no pictures from a page.")
        return inbox


def _captured_at(taken: float | None, now: float) -> float:
    """``time.monotonic()`` of what a page took, whatever it says; ``now`` where it does not know."""
    return now if taken is None else min(now, max(now - OLDEST_S, taken / 1000))
