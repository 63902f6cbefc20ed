"""One page's websocket to one session: preview frames under credit, changes in, receipts out.

Every connection has a sending task of its own, a one-slot mailbox for frames and a short queue
for texts, so a page that stops reading delays nobody else and costs a bounded amount of memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from aiohttp import WSMsgType, web

from ..engine.errors import SettingError
from ..engine.runtime.preview import PreviewFrame
from ..engine.runtime.session import StreamSession
from .messages import LARGEST, Change, Credit, Message, Picture, RateLimit, parse

TICK_S = 0.1
TELEMETRY_S = 0.5
MOST_CREDIT = 4
TEXTS = 256


def frame_message(frame: PreviewFrame) -> bytes:
    """Length of the header (4 bytes, big endian), the header as JSON, the JPEG."""
    facts = {"frame": frame.frame, "pts": frame.pts, "w": frame.width, "h": frame.height}
    header = json.dumps(facts).encode()
    return struct.pack(">I", len(header)) + header + frame.jpeg


def state_message(session: StreamSession) -> dict[str, Any]:
    """What the meters on the node show."""
    progress = session.progress
    return {
        "type": "state",
        "state": session.state,
        "stage": session.stage,
        "done": progress.done,
        "total": progress.total,
        "fps": round(progress.fps, 2),
        "eta": None if progress.eta is None else round(progress.eta, 1),
        "error": "" if session.error is None else str(session.error),
    }


class LiveSocket:
    """Serves one websocket until the page or the session ends."""

    def __init__(self, session: StreamSession, socket: web.WebSocketResponse) -> None:
        self._session = session
        self._socket = socket
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._texts: deque[Mapping[str, Any]] = deque(maxlen=TEXTS)
        self._credit = 0
        self._rate = RateLimit()
        self._preview = session.preview.subscribe(on_ready=lambda: self._from_thread(self._wake.set))
        self._told: dict[str, Any] = {}
        self._telemetry_due = 0.0

    async def serve(self) -> None:
        """Read until the connection is closed; a task beside it writes."""
        leave = self._session.listen(lambda message: self._from_thread(self._heard, message))
        writer = asyncio.create_task(self._write())
        try:
            async for message in self._socket:
                if message.type is WSMsgType.TEXT:
                    self._read(message.data)
                elif message.type is WSMsgType.BINARY:
                    self._say({"type": "error", "message": "Send text, not binary messages."})
        finally:
            leave()
            self._preview.close()
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await writer

    def _read(self, text: str) -> None:
        if not self._rate.admit():
            if self._rate.just_exceeded:
                self._say(
                    {"type": "error", "message": "Too many messages: the rest of this second is ignored."}
                )
            return
        try:
            self._obey(parse(text))
        except SettingError as error:
            self._say({"type": "error", "message": str(error)})

    def _obey(self, message: Message) -> None:
        match message:
            case Credit(frames):
                granted = min(frames, MOST_CREDIT - self._credit)
                if granted > 0:
                    self._credit += granted
                    self._preview.grant(granted)
            case Picture(max_side, quality):
                self._preview.ask(max_side, quality)
            case Change(key, value, seq):
                try:
                    self._session.store.set(key, value, seq)  # the receipt comes through the session
                except SettingError as error:
                    self._say({"type": "error", "message": str(error), "key": key, "seq": seq})

    def _heard(self, message: Mapping[str, Any]) -> None:
        if message["type"] != "state":  # states are told at a steady pace
            self._say(message)

    def _say(self, message: Mapping[str, Any]) -> None:
        self._texts.append(message)
        self._wake.set()

    async def _write(self) -> None:
        while not self._socket.closed:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), TICK_S)
            self._wake.clear()
            over = self._session.wait(0)
            self._report()
            while self._texts:
                await self._socket.send_json(self._texts.popleft())
            frame = self._preview.take()
            if frame is not None:
                self._credit -= 1
                await self._socket.send_bytes(frame_message(frame))
            if over:
                await self._socket.close(message=b"The session is over.")

    def _report(self) -> None:
        """Queue what has changed: live values, state, and twice a second the telemetry."""
        values = dict(self._session.store.snapshot())
        if values.keys() != self._told.get("live", {}).keys():
            self._texts.append({"type": "live", "values": values})
        state = state_message(self._session)
        if state != self._told.get("state"):
            self._texts.append(state)
        self._told = {"live": values, "state": state}
        if time.monotonic() >= self._telemetry_due:
            self._telemetry_due = time.monotonic() + TELEMETRY_S
            self._texts.append({"type": "telemetry", **self._session.telemetry.snapshot()})

    def _from_thread(self, call: Any, *values: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the server is shutting down
            self._loop.call_soon_threadsafe(call, *values)


async def serve_websocket(request: web.Request, session: StreamSession) -> web.WebSocketResponse:
    """Upgrade a request that has been let in, and serve it."""
    socket = web.WebSocketResponse(heartbeat=20, max_msg_size=LARGEST, compress=False)
    await socket.prepare(request)
    await LiveSocket(session, socket).serve()
    return socket
