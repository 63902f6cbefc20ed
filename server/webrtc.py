"""WebRTC with the optional package aiortc: a page's camera in, a node's picture and sound out.

Import it only where ``extra("aiortc")`` has found the package. Everything runs on the server's event
loop; aiortc encodes and decodes on threads. Of an offer only what names codecs and keys is used: its
addresses are left out, so the server sends nothing anywhere but answers to whoever comes with the
password of its own answer. No STUN or TURN server is asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from typing import Any

from aiortc import (
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError

from ..engine.errors import SettingError
from ..engine.log import log
from ..engine.media.live.frame_inbox import FrameInbox
from ..engine.media.live.steady_arrival import SteadyArrival
from .preview_feed import SessionOf
from .viewer_tracks import PictureTrack, SoundTrack

CONNECT_S = 15.0
"""How long a page may take to come after it has its answer."""

HELD_S = 0.08
"""Sound that aiortc keeps back: four packets of 20 ms."""

_ADDRESSES = ("a=candidate:", "a=end-of-candidates", "a=remote-candidates:")


class Peer:
    """One connection; it ends itself when the page leaves, or never comes.

    Args:
        on_closed: called once, when it is over.
    """

    def __init__(self, on_closed: Callable[[], None]) -> None:
        self._on_closed = on_closed
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._tasks: set[asyncio.Task[None]] = set()
        self._picture: PictureTrack | None = None
        self._sound: SoundTrack | None = None
        self._closed = False
        self._connection.on("connectionstatechange", self._on_state)

    async def receive(self, offer: str, inbox: FrameInbox) -> str:
        """Take a page's picture and sound for a session; gives the answer. For ``offer`` see ``_answer``."""

        def on_track(track: Any) -> None:
            self._spawn((_take if track.kind == "video" else _hear)(track, inbox))

        inbox.sounds = inbox.sounds or "\nm=audio " in offer

        self._connection.on("track", on_track)
        return await self._answer(offer)

    async def send(self, offer: str, session_of: SessionOf) -> str:
        """Show a node's picture to the page, and have it hear its sound where it offers to; gives the answer.

        For ``offer`` see ``_answer``.
        """
        zero = time.monotonic()
        self._picture = PictureTrack(session_of, zero)
        transceiver = self._connection.addTransceiver(self._picture, direction="sendonly")
        codecs = RTCRtpSender.getCapabilities("video").codecs
        # VP8 costs several times as much to encode.
        transceiver.setCodecPreferences(sorted(codecs, key=lambda codec: codec.mimeType != "video/H264"))
        if "\nm=audio " in offer:
            self._sound = SoundTrack(self._picture.place, zero)
            self._connection.addTransceiver(self._sound, direction="sendonly")
        return await self._answer(offer)

    async def close(self) -> None:
        """Hang up; harmless when repeated."""
        if self._closed:
            return
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await self._connection.close()
        if self._picture is not None:
            await self._picture.let_go()
        if self._sound is not None:
            await asyncio.to_thread(self._sound.let_go)
        self._on_closed()

    async def _answer(self, offer: str) -> str:
        """The SDP of the answer.

        Raises:
            SettingError: the offer, SDP with one section for video and at most one for audio, can't be read
                or agreed to.
        """
        try:
            description = RTCSessionDescription(_without_addresses(offer), "offer")
            await self._connection.setRemoteDescription(description)
            await self._connection.setLocalDescription(await self._connection.createAnswer())
        except Exception as error:  # aiortc's parser raises whatever an odd text leads it to
            log.debug("An offer was refused", exc_info=True)
            await self.close()
            raise SettingError("The WebRTC offer can't be agreed to: reload the page.") from error
        self._spawn(self._expect())
        return self._connection.localDescription.sdp

    async def _expect(self) -> None:
        await asyncio.sleep(CONNECT_S)
        if self._connection.connectionState != "connected":
            self._end()

    def _on_state(self) -> None:
        if self._connection.connectionState in ("failed", "closed"):
            self._end()

    def _end(self) -> None:
        # Not among our tasks, which it cancels.
        ending = asyncio.ensure_future(self.close())
        ending.add_done_callback(lambda done: done.cancelled() or done.exception())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _take(track: Any, inbox: FrameInbox) -> None:
    """Leave pictures for the session as they come; it takes what it has room for."""
    leave, arrival = inbox.listen(lambda _: None), SteadyArrival()
    try:
        with contextlib.suppress(MediaStreamError):  # the page has hung up
            while True:
                frame = await track.recv()
                taken = arrival.of(frame.time, time.monotonic())
                inbox.push(frame, pts=taken, captured_at=taken)
    finally:
        leave()


async def _hear(track: Any, inbox: FrameInbox) -> None:
    """Leave sound for the session as it comes."""
    arrival = SteadyArrival()
    with contextlib.suppress(MediaStreamError):
        while True:
            frame = await track.recv()
            inbox.hear(frame, arrival.of(frame.time, time.monotonic() - HELD_S))


def _without_addresses(offer: str) -> str:
    """The offer without a line that says where the page is; raises ValueError where it is for more."""
    lines = offer.splitlines()
    media = sorted(line[:8] for line in lines if line.startswith("m="))
    if media not in (["m=video "], ["m=audio ", "m=video "]):
        raise ValueError(f"{len(media)} media sections")
    return "\r\n".join(line for line in lines if not line.startswith(_ADDRESSES)) + "\r\n"
