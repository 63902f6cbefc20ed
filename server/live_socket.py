"""One page's websocket to one session: preview frames under credit, changes in, receipts out.

Every connection has a sending task of its own, a one-slot mailbox for frames and a short queue
for texts, so a page that stops reading delays nobody else and costs a bounded amount of memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any
from uuid import uuid4

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from ..engine.errors import SettingError
from ..engine.modulation.modulator import Modulator
from ..engine.runtime.session import StreamSession
from .camera_upload import CameraUpload
from .client_messages import (
    Camera,
    Change,
    Clock,
    Credit,
    Message,
    Modulate,
    PauseStream,
    PreviewSettings,
    Recall,
    Record,
    Step,
    parse,
)
from .frame_messages import LARGEST_FRAME, CameraSound, PushedSound, parse_frame, preview_message
from .json_fields import value_field
from .rate_limit import RateLimit
from .request_body import LARGEST_JSON
from .session_events import ViewOf

TICK_S = 0.1
TELEMETRY_S = 0.5
MOST_CREDIT = 4
TEXTS = 256

RATE = 300
"""Messages a second that are listened to."""


def state_message(session: StreamSession) -> dict[str, Any]:
    """What the meters on the node show."""
    progress = session.progress
    return {
        "type": "state",
        "state": session.state,
        "stage": session.stage,
        "paused": session.paused,
        "done": progress.done,
        "total": progress.total,
        "fps": round(progress.fps, 2),
        "eta": None if progress.eta is None else round(progress.eta, 1),
        "error": "" if session.error is None else str(session.error),
    }


class LiveSocket:
    """Serves one websocket until the page or the session ends."""

    def __init__(self, session: StreamSession, socket: web.WebSocketResponse, view_of: ViewOf) -> None:
        self._id = uuid4().hex
        self._session = session
        self._socket = socket
        self._view_of = view_of
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._texts: deque[Mapping[str, Any]] = deque(maxlen=TEXTS)
        self._credit = 0
        self._rate = RateLimit(RATE)
        self._preview = session.preview.subscribe(on_ready=lambda: self._call_soon(self._wake.set))
        self._upload = CameraUpload(session.inboxes, self._wake.set, self._call_soon)
        self._reported: dict[str, Any] = {}
        self._telemetry_due = 0.0

    async def serve(self) -> None:
        """Read until the connection is closed; a task beside it writes."""
        leave = self._session.listen(lambda message: self._call_soon(self._on_event, message))
        writer = asyncio.create_task(self._write())
        try:
            async for message in self._socket:
                code = self._receive(message)
                if code is not None:
                    await self._socket.close(code=code)
        finally:
            leave()
            self._upload.close()
            self._preview.close()
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await writer

    def _receive(self, message: WSMessage) -> WSCloseCode | None:
        """Handle a message; gives a close code for what no page in good order sends."""
        if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
            return None
        if message.type is WSMsgType.TEXT and len(message.data) > LARGEST_JSON:
            return WSCloseCode.MESSAGE_TOO_BIG
        if not self._rate.admit():
            if self._rate.just_exceeded:
                self._send(
                    {"type": "error", "message": "Too many messages: the rest of this second is ignored."}
                )
            return WSCloseCode.POLICY_VIOLATION if self._rate.flooded else None
        try:
            if message.type is WSMsgType.BINARY:
                pushed = parse_frame(message.data)
                if isinstance(pushed, PushedSound):
                    self._session.store.signals.hear(pushed.samples)
                elif isinstance(pushed, CameraSound):
                    self._upload.hear(pushed)
                else:
                    self._upload.push(pushed)
            else:
                self._handle(parse(message.data))
        except SettingError as error:
            self._send({"type": "error", "message": str(error)})
        return None

    def _handle(self, message: Message) -> None:
        match message:
            case Credit(frames):
                granted = min(frames, MOST_CREDIT - self._credit)
                if granted > 0:
                    self._credit += granted
                    self._preview.grant(granted)
            case PreviewSettings(wish):
                self._preview.ask(wish)
            case Clock(at):
                self._send({"type": "clock", "at": at, "now": round(time.monotonic() * 1000, 3)})
            case Camera():
                self._upload.set_camera(message)
            case Record(node, on):
                self._record(node, on)
            case PauseStream(on):
                self._session.pause(on)
            case Step():
                self._session.step()
            case Modulate():
                self._answer(message.key, message.seq, lambda sender: self._modulate(message, sender))
            case Change():
                self._answer(message.key, message.seq, lambda sender: self._change(message, sender))
            case Recall(values, fade):
                _, refused = self._session.store.recall(values, fade)
                for key, line in refused.items():
                    self._send({"type": "error", "message": line, "key": key})

    def _answer(self, key: str, seq: int | None, act: Callable[[str], object]) -> None:
        """Change something; its receipt comes through the session, for it was sent by this page."""
        try:
            act("" if seq is None else self._id)
        except SettingError as error:
            self._send({"type": "error", "message": str(error), "key": key, "seq": seq})

    def _change(self, change: Change, sender: str) -> None:
        value = value_field({"value": change.value}, "value")
        self._session.store.set(change.key, value, change.seq, sender)

    def _modulate(self, wish: Modulate, sender: str) -> None:
        modulator = None if wish.modulator is None else Modulator.parse(wish.modulator)
        self._session.store.modulate(wish.key, modulator, wish.seq, sender)

    def _record(self, node: str, on: bool) -> None:
        switch = self._session.recorders.get(node)
        if switch is None:
            raise SettingError(f"Node {node} writes no file that could be switched.")
        switch.set(on)

    def _on_event(self, event: Mapping[str, Any]) -> None:
        message = dict(event)
        if message.pop("sender", "") != self._id:
            message.pop("seq", None)  # another page's number, or none
        if message["type"] == "take":
            self._send({**message, "path": None, "file": self._view_of(message["path"])})
        elif message["type"] != "state":  # _report sends states, at a steady pace
            self._send(message)

    def _send(self, message: Mapping[str, Any]) -> None:
        self._texts.append(message)
        self._wake.set()

    async def _write(self) -> None:
        while not self._socket.closed:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), TICK_S)
            self._wake.clear()
            over = self._session.wait(0)
            self._report()
            for wanted in self._upload.credit_messages():
                await self._socket.send_json(wanted)
            while self._texts:
                await self._socket.send_json(self._texts.popleft())
            frame = self._preview.take()
            if frame is not None:
                self._credit -= 1
                await self._socket.send_bytes(preview_message(frame))
            if over:
                await self._socket.close(message=b"The session is over.")

    def _report(self) -> None:
        """Queue what has changed: live values, state, and twice a second the telemetry."""
        values = self._session.store.resting()
        if values.keys() != self._reported.get("live", {}).keys():
            store = self._session.store
            modulators = {key: asdict(each) for key, each in store.modulators().items()}
            facts = {"modulators": modulators, "played": store.played(), "cues": store.cues.status()}
            self._texts.append({"type": "live", "values": values, **facts})
        state = state_message(self._session)
        if state != self._reported.get("state"):
            self._texts.append(state)
        self._reported = {"live": values, "state": state}
        if time.monotonic() >= self._telemetry_due:
            self._telemetry_due = time.monotonic() + TELEMETRY_S
            self._texts.append({"type": "telemetry", **self._session.telemetry.snapshot()})

    def _call_soon(self, call: Any, *values: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the server is shutting down
            self._loop.call_soon_threadsafe(call, *values)


async def serve_websocket(
    request: web.Request, session: StreamSession, view_of: ViewOf
) -> web.WebSocketResponse:
    """Upgrade a request that has been let in, and serve it; ``view_of`` names files as ``/view`` does."""
    socket = web.WebSocketResponse(heartbeat=20, max_msg_size=LARGEST_FRAME, compress=False)
    await socket.prepare(request)
    await LiveSocket(session, socket, view_of).serve()
    return socket
