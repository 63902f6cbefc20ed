"""The pack's own routes, as its front end uses them."""

from __future__ import annotations

import json
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import websocket
from comfy_client import ComfyClient, Event, Outcome, Prompt

STATES = ("loading", "warming", "running", "draining", "done", "failed", "cancelled")


class Run:
    """A prompt that was queued and runs in the background, with the session it opened."""

    def __init__(self, client: ComfyClient, prompt: Prompt) -> None:
        self.client = client
        self.events: list[Event] = []
        self._changed = threading.Condition()
        self._outcome: Outcome | None = None
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._work, args=(prompt,), daemon=True)
        self._thread.start()

    def _work(self, prompt: Prompt) -> None:
        try:
            self._outcome = self.client.run(prompt, self._on_event)
        except Exception as error:
            self._error = error
        with self._changed:
            self._changed.notify_all()

    def _on_event(self, event: Event) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def wait_for(self, wanted: Callable[[Event], bool], timeout: float = 120.0) -> Event:
        """The first event that fits, also if it came before."""
        with self._changed:
            found = self._changed.wait_for(
                lambda: next(filter(wanted, self.events), None) or self._error or self._outcome, timeout
            )
            event = next(filter(wanted, self.events), None)
        assert event, f"the prompt ended without it: {found}"
        return event

    def session(self) -> Session:
        """The session that the run opened."""
        data = self.wait_for(lambda event: event["type"] == "livestyle.session")["data"]
        return Session(self.client.url, data["session"], data["token"])

    def wait_state(self, state: str) -> None:
        """Wait until the session is in this state or past it; poll, because the route is the truth."""
        session, deadline = self.session(), time.monotonic() + 120
        while time.monotonic() < deadline:
            now = session.state()
            if now is None or STATES.index(now) >= STATES.index(state):
                return
            time.sleep(0.01)
        raise AssertionError(f"the session never got to {state}")

    def wait_frames(self, frames: int) -> None:
        """Wait until so many frames are done."""
        self.wait_for(lambda event: event["type"] == "progress" and event["data"]["value"] >= frames)

    def end(self, timeout: float = 120.0) -> Outcome:
        """Wait for the prompt's end."""
        self._thread.join(timeout)
        assert not self._thread.is_alive(), "the prompt did not end"
        if self._error:
            raise self._error
        assert self._outcome
        return self._outcome


@dataclass(frozen=True)
class Session:
    """Address and key of a running session."""

    url: str
    id: str
    token: str

    def state(self) -> str | None:
        """Its state, or None once it is over."""
        answer = ComfyClient(self.url).request("/livestyle/sessions", headers={"X-LiveStyle": "1"})
        return next((s["state"] for s in answer["sessions"] if s["session"] == self.id), None)

    def await_stage(self, beginning: str) -> None:
        """Wait until what it does begins with this."""
        with self.socket() as socket:
            while not socket.wait_for("state")["stage"].startswith(beginning):
                pass

    def stop(self, token: str | None = None, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Ask it to end its source."""
        body = {"token": self.token if token is None else token}
        return ComfyClient(self.url).request(f"/livestyle/sessions/{self.id}/stop", body, headers)

    @contextmanager
    def socket(self, token: str | None = None, **options: Any) -> Iterator[Socket]:
        """Its websocket; raises WebSocketBadStatusException where the server refuses."""
        options.setdefault("suppress_origin", "origin" not in options)
        address = f"{self.url.replace('http', 'ws', 1)}/livestyle/sessions/{self.id}/ws"
        connection = websocket.create_connection(
            f"{address}?token={self.token if token is None else token}", timeout=60, **options
        )
        try:
            yield Socket(connection)
        finally:
            connection.close()


class Socket:
    """The JSON and picture messages of a session."""

    def __init__(self, connection: websocket.WebSocket) -> None:
        self.connection = connection

    def send(self, **message: Any) -> None:
        """Send a JSON message."""
        self.connection.send(json.dumps(message))

    def receive(self) -> dict[str, Any]:
        """The next message; a picture is ``{"type": "frame", ..., "jpeg": bytes}``.

        Raises:
            EOFError: when the server closed; its argument is the close code.
        """
        code, data = self.connection.recv_data()
        if code == websocket.ABNF.OPCODE_CLOSE:
            raise EOFError(struct.unpack(">H", data[:2])[0] if len(data) > 1 else 1005)
        if code == websocket.ABNF.OPCODE_TEXT:
            return json.loads(data)
        (length,) = struct.unpack(">I", data[:4])
        return {**json.loads(data[4 : 4 + length]), "type": "frame", "jpeg": data[4 + length :]}

    def wait_for(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The next message of this type with these fields."""
        while True:
            message = self.receive()
            if message["type"] == kind and all(message.get(name) == value for name, value in fields.items()):
                return message
