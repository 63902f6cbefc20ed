"""Talk to a ComfyUI over its HTTP and websocket API.

Needs only what ComfyUI itself brings (aiohttp), so that it works in any ComfyUI's environment.
"""

from __future__ import annotations

import asyncio
import json
import queue
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

Event = dict[str, Any]
Prompt = Mapping[str, Any]


class ComfyError(Exception):
    """ComfyUI refused a request, or the connection was lost; one line that says why.

    Attributes:
        status: the HTTP status, or 0 without an answer.
    """

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True)
class Outcome:
    """How a prompt ended.

    Attributes:
        status: ``"success"``, ``"error"`` or ``"interrupted"``.
        error: the failing node's message, else empty.
        node: the id of the failing node, else empty.
        outputs: what the nodes showed, by node id.
        seconds: from queueing to the end.
    """

    status: str
    error: str = ""
    node: str = ""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0


class ComfyClient:
    """One client of a ComfyUI server.

    Args:
        url: of the server.
        secret: goes along with every prompt; LiveStyle gives the session's token to whoever shows it.
    """

    def __init__(self, url: str, secret: str = "") -> None:
        self.url = url.rstrip("/")
        self.id = uuid.uuid4().hex
        self.secret = secret

    def request(self, path: str, payload: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        """GET ``path``, or POST ``payload`` as JSON to it; the answer's JSON, None where it is empty.

        Raises:
            ComfyError: with the server's reason.
        """
        data = None if payload is None else json.dumps(payload).encode()
        sent = {"Content-Type": "application/json"} if data is not None else {}
        request = urllib.request.Request(self.url + path, data, {**sent, **(headers or {})})
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                body = response.read()
        except urllib.error.HTTPError as error:
            raise ComfyError(_reason(error), error.code) from None
        except (urllib.error.URLError, OSError) as error:
            raise ComfyError(f"no answer from {self.url}{path}: {error}") from None
        return json.loads(body) if body.strip() else None

    def object_info(self) -> dict[str, Any]:
        """All node definitions by id."""
        return self.request("/object_info")

    def queue(self, prompt: Prompt, workflow: Mapping[str, Any] | None = None) -> str:
        """Queue an API-format prompt; its id.

        Raises:
            ComfyError: when the server refuses the prompt, or a part of it: it would run the rest.
        """
        extra: dict[str, Any] = {}
        if workflow is not None:
            extra["extra_pnginfo"] = {"workflow": workflow}
        if self.secret:
            extra["livestyle_client_secret"] = self.secret
        payload = {"prompt": prompt, "client_id": self.id, "extra_data": extra}
        answer = self.request("/prompt", payload)
        if answer["node_errors"]:
            self.request("/queue", {"delete": [answer["prompt_id"]]})
            raise ComfyError(_node_errors(answer))
        return answer["prompt_id"]

    def history(self) -> dict[str, Any]:
        """All finished prompts by id."""
        return self.request("/history")

    def interrupt(self, prompt_id: str | None = None) -> None:
        """Cancel the running prompt."""
        self.request("/interrupt", {"prompt_id": prompt_id} if prompt_id else {})

    def end_all(self) -> None:
        """Cancel the running prompt, and forget those that wait."""
        self.request("/queue", {"clear": True})
        if self.request("/queue")["queue_running"]:
            self.interrupt()

    def free(self) -> None:
        """Unload models and forget cached results."""
        self.request("/free", {"unload_models": True, "free_memory": True})

    def outcome(self, prompt_id: str) -> Outcome | None:
        """How the prompt ended, or None while it waits or runs."""
        entry = self.request(f"/history/{prompt_id}").get(prompt_id)
        if entry is None:
            return None
        messages = dict(entry["status"]["messages"])
        outputs = entry.get("outputs", {})
        if "execution_interrupted" in messages:
            return Outcome("interrupted", outputs=outputs)
        if failed := messages.get("execution_error"):
            return Outcome("error", failed["exception_message"].strip(), str(failed["node_id"]), outputs)
        return Outcome(entry["status"]["status_str"], outputs=outputs)

    def run(
        self,
        prompt: Prompt,
        on_event: Callable[[Event], None] | None = None,
        *,
        workflow: Mapping[str, Any] | None = None,
        timeout: float = 600.0,
    ) -> Outcome:
        """Queue a prompt and wait for its end.

        Args:
            prompt: the graph in API format.
            on_event: called with every event ``{"type": ..., "data": ...}`` of the websocket.
            workflow: the graph in UI format, for the result's metadata.
            timeout: seconds to wait at most.

        Raises:
            ComfyError: when the server refuses the prompt, goes away, or takes too long.
        """
        started = time.monotonic()
        with self.events() as events:
            prompt_id = self.queue(prompt, workflow)
            while True:
                left = started + timeout - time.monotonic()
                try:
                    event = events.get(timeout=max(left, 0.01))
                except queue.Empty:
                    raise ComfyError(f"the prompt did not end in {timeout:.0f} s") from None
                if event["type"] == "closed":
                    raise ComfyError("ComfyUI closed the connection")
                if on_event:
                    on_event(event)
                if event["type"] == "executing" and event["data"]["node"] is None:
                    if event["data"].get("prompt_id") == prompt_id:
                        break
        ended = self.outcome(prompt_id)
        assert ended, "ComfyUI announces the end after it stored the result"
        return Outcome(ended.status, ended.error, ended.node, ended.outputs, time.monotonic() - started)

    def wait(self, prompt_id: str, timeout: float = 600.0) -> Outcome:
        """Wait for the end of a prompt that was queued before.

        Raises:
            ComfyError: when it takes too long.
        """
        deadline = time.monotonic() + timeout
        while (ended := self.outcome(prompt_id)) is None:
            if time.monotonic() > deadline:
                raise ComfyError(f"the prompt did not end in {timeout:.0f} s")
            time.sleep(0.05)
        return ended

    @contextmanager
    def events(self) -> Iterator[queue.Queue[Event]]:
        """The JSON events that the server sends to this client; ``{"type": "closed"}`` is the last."""
        received: queue.Queue[Event] = queue.Queue()
        connected = threading.Event()
        loop = asyncio.new_event_loop()
        task = loop.create_task(self._listen(received, connected))

        def listen() -> None:
            asyncio.set_event_loop(loop)
            try:
                loop.run_until_complete(task)
            except (asyncio.CancelledError, aiohttp.ClientError, OSError):
                pass
            finally:
                received.put({"type": "closed"})
                connected.set()
                loop.close()

        thread = threading.Thread(target=listen, name="comfy-events", daemon=True)
        thread.start()
        connected.wait()
        try:
            yield received
        finally:
            if thread.is_alive():
                try:
                    loop.call_soon_threadsafe(task.cancel)
                except RuntimeError:  # it ended in between
                    pass
            thread.join()

    async def _listen(self, received: queue.Queue[Event], connected: threading.Event) -> None:
        async with aiohttp.ClientSession() as session:
            async with session.ws_connect(f"{self.url}/ws?clientId={self.id}", max_msg_size=0) as socket:
                async for message in socket:
                    connected.set()  # the server greets with a status event: from then on it knows us
                    if message.type is aiohttp.WSMsgType.TEXT:
                        received.put(json.loads(message.data))


def _reason(error: urllib.error.HTTPError) -> str:
    """One line from the body of a refused request."""
    text = error.read().decode(errors="replace").strip()
    try:
        body = json.loads(text)
    except ValueError:
        return f"HTTP {error.code}: {text[:300]}"
    if not isinstance(body, dict) or not isinstance(body.get("error"), dict):
        return f"HTTP {error.code}: {text[:300]}"
    summary = f"{body['error'].get('message')} {body['error'].get('details') or ''}"
    return _node_errors(body) or summary.strip()


def _node_errors(body: Mapping[str, Any]) -> str:
    """What a refusal says of single nodes."""
    return "; ".join(
        f"{node['class_type']}: {problem['message']} ({problem['details']})"
        for node in (body.get("node_errors") or {}).values()
        for problem in node["errors"]
    )
