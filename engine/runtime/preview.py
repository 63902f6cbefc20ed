"""Live pictures for any number of viewers; a slow one costs the others nothing.

``publish`` leaves a frame and returns. A worker plays frames out evenly (they come in bursts, a
chunk at a time) and encodes one only when a viewer has credit for it. What a viewer hasn't
fetched yet is replaced, never queued.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from ..media.types import AudioTrack, Frames
from .pace import Pace
from .preview_picture import PreviewFrame, PreviewWish, encode

BACKLOG = 64
"""Frames that wait to be played out; beyond it the oldest are dropped."""


class PreviewClient:
    """A viewer's one-slot mailbox; made by ``PreviewHub.subscribe``."""

    def __init__(self, hub: PreviewHub, wish: PreviewWish, on_ready: Callable[[], None] | None) -> None:
        self._hub = hub
        self._wish = wish
        self._on_ready = on_ready
        self._slot: PreviewFrame | None = None
        self._credit = 0
        self._seen = 0
        self._served = float("-inf")

    def grant(self, frames: int = 1) -> None:
        """Allow so many more frames to be sent (the viewer has drawn what it got)."""
        with self._hub._changed:
            self._credit += frames
            self._hub._changed.notify_all()

    def ask(self, wish: PreviewWish) -> None:
        """Have other pictures from now on; other viewers keep theirs."""
        with self._hub._changed:
            self._wish = wish
            self._hub._changed.notify_all()

    def take(self, timeout: float = 0.0) -> PreviewFrame | None:
        """Empty the mailbox; None when nothing has come after ``timeout`` seconds."""
        with self._hub._changed:
            self._hub._changed.wait_for(lambda: self._slot is not None, timeout)
            frame, self._slot = self._slot, None
            self._hub._changed.notify_all()
            return frame

    def close(self) -> None:
        """Leave; harmless when repeated."""
        self._hub._leave(self)

    @property
    def _due(self) -> float:
        """When the next picture may come, on the monotonic clock."""
        return self._served + self._wish.interval

    def _waits_for(self, number: int) -> bool:
        return self._credit > 0 and self._slot is None and self._seen < number

    def _deliver(self, number: int, frame: PreviewFrame) -> None:
        self._slot = frame
        self._seen = number
        self._credit -= 1
        self._served = time.monotonic()


class PreviewHub:
    """The previews of one session.

    Args:
        wish: what a viewer gets by default.

    Attributes:
        audio: the sound of what is shown; None where it has none, or before it is known.
    """

    audio: AudioTrack | None = None

    def __init__(self, wish: PreviewWish | None = None) -> None:
        self._wish = wish or PreviewWish()
        self._changed = threading.Condition()
        self._backlog: deque[Frames] = deque()
        self._pace = Pace()
        self._current: Frames | None = None
        self._number = 0  # of the current frame, counted from 1
        self._due = 0.0
        self._clients: list[PreviewClient] = []
        self._worker: threading.Thread | None = None
        self._over = False
        self.dropped = 0

    def publish(self, frames: Frames) -> None:
        """Show frames, whose pixels nothing changes later; never blocks."""
        for index in range(len(frames)):
            self._publish(frames[index : index + 1])

    def _publish(self, frame: Frames) -> None:
        with self._changed:
            now = time.monotonic()
            self._pace.arrived(now)
            if not self._clients:
                self._show(frame)
                return
            if not self._backlog:
                # After a pause the even pace starts anew; frames are not rushed to catch up.
                self._due = max(self._due, now)
            if len(self._backlog) == BACKLOG:
                self._backlog.popleft()
                self.dropped += 1
            self._backlog.append(frame)
            self._changed.notify_all()

    def end(self) -> None:
        """The stream is over: the last frame stays, for snapshots, and the chunk around it goes.

        Ended sessions are remembered, and a chunk of large frames takes hundreds of megabytes.
        """
        with self._changed:
            self._over = True
            if self._current is not None and not self._backlog:
                self._current = _alone(self._current)

    @property
    def on_canvas(self) -> bool | None:
        """Whether a viewer shows the pictures on the node itself; None before one has said what it wants."""
        with self._changed:
            wishes = [client._wish for client in self._clients if client._wish is not self._wish]
            return any(wish.on_canvas for wish in wishes) if wishes else None

    def latest(self) -> Frames | None:
        """The frame that is shown now, at full size; None before the first."""
        with self._changed:
            return self._current

    def subscribe(
        self, wish: PreviewWish | None = None, *, on_ready: Callable[[], None] | None = None
    ) -> PreviewClient:
        """A new viewer; it gets the latest frame as soon as it grants credit.

        Args:
            wish: what pictures it wants; may be changed with ``ask``.
            on_ready: called on the hub's thread when the mailbox has been filled; must not block.
        """
        client = PreviewClient(self, wish or self._wish, on_ready)
        with self._changed:
            self._clients.append(client)
            if self._worker is None:
                self._worker = threading.Thread(target=self._serve, name="livestyle-preview", daemon=True)
                self._worker.start()
        return client

    def _leave(self, client: PreviewClient) -> None:
        with self._changed:
            if client in self._clients:
                self._clients.remove(client)
            self._changed.notify_all()

    def _serve(self) -> None:
        """Until the last viewer has left."""
        while True:
            with self._changed:
                while not (waiting := self._play()):
                    if not self._clients:
                        self._worker = None
                        self._show_last()
                        return
                    self._changed.wait(self._idle_seconds())
                frame, number = self._current, self._number
            assert frame is not None
            self._send(frame, number, waiting)
            del frame  # it may be the last one, and we wait for long

    def _play(self) -> list[PreviewClient]:
        """Move on to the frame that is due; the viewers that wait for it."""
        now = time.monotonic()
        while self._backlog and self._due <= now:
            if self._was_missed():
                self.dropped += 1
            self._show(self._backlog.popleft())
            self._due += self._pace.interval(len(self._backlog))
        return [client for client in self._waiting() if client._due <= now]

    def _was_missed(self) -> bool:
        """Whether no viewer got the current frame; those that want few pictures are not counted."""
        eager = [client for client in self._clients if not client._wish.fps]
        return bool(eager) and all(self._number > client._seen for client in eager)

    def _waiting(self) -> list[PreviewClient]:
        """The viewers that have credit for the current frame, though it may be too early for them."""
        return [client for client in self._clients if client._waits_for(self._number)]

    def _idle_seconds(self) -> float | None:
        """How long nothing will be due; None until something changes."""
        moments = [client._due for client in self._waiting()]
        if self._backlog:
            moments.append(self._due)
        return max(0.0, min(moments) - time.monotonic()) if moments else None

    def _show_last(self) -> None:
        if self._backlog:
            last = self._backlog.pop()
            self._backlog.clear()
            self._show(last)

    def _show(self, frame: Frames) -> None:
        """Make this the current frame; the last one of all is kept alone."""
        self._current = _alone(frame) if self._over and not self._backlog else frame
        self._number += 1

    def _send(self, frame: Frames, number: int, waiting: list[PreviewClient]) -> None:
        made: dict[PreviewWish, PreviewFrame] = {}
        for client in waiting:
            wish = client._wish
            if wish not in made:
                made[wish] = encode(frame, wish)
            with self._changed:
                client._deliver(number, made[wish])
                self._changed.notify_all()
            if client._on_ready is not None:
                client._on_ready()


def _alone(frame: Frames) -> Frames:
    """The same without its source, and without the chunk that its pixels are a part of."""
    return replace(frame, pixels=frame.pixels.copy(), source=None)
