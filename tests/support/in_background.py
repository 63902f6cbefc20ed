"""Sessions that play in the background of a real ComfyUI."""

from __future__ import annotations

import time
from typing import Any

import av
from comfy_client import ComfyClient
from comfy_server import ComfyServer
from graphs import WRITE, Prompt, generate
from live_session import Session

SECRET = "this tab's secret"
WAIT_S = 120.0


def in_background(graph: Prompt) -> Prompt:
    graph[WRITE]["inputs"]["run_mode"] = "background"
    return graph


def endless(checkpoint: str, **denoise: Any) -> Prompt:
    """Pictures without a source, until Stop."""
    return in_background(generate(checkpoint, **denoise))


def listed(client: ComfyClient, kind: str = "sessions") -> list[dict[str, Any]]:
    headers = {"X-LiveStyle": "1", "X-LiveStyle-Client-Secret": client.secret}
    return client.request("/livestyle/sessions", headers=headers)[kind]


def wait_until(holds: Any) -> Any:
    deadline = time.monotonic() + WAIT_S
    while not (found := holds()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def played(tab: ComfyClient, session: Session) -> int:
    """Frames so far."""
    (frames,) = [each["frames"] for each in listed(tab) if each["session"] == session.id]
    return frames


def plays_on(tab: ComfyClient, session: Session) -> None:
    """It makes more frames from here."""
    before = played(tab, session)
    wait_until(lambda: played(tab, session) > before + 8)


def begin(tab: ComfyClient, graph: Prompt) -> Session:
    """What plays once the Run has ended."""
    ended = tab.run(graph)
    assert ended.status == "success", ended.error
    (entry,) = [each for each in listed(tab) if each["background"] and each["token"]]
    return Session(tab.url, entry["session"], entry["token"])


def end(tab: ComfyClient, session: Session) -> dict[str, Any]:
    """Stop it; what the list then says of it."""
    session.stop()
    wait_until(lambda: session.state() is None)
    (entry,) = [each for each in listed(tab, "ended") if each["session"] == session.id]
    return entry


def frames_in(server: ComfyServer, entry: dict[str, Any]) -> int:
    (file,) = entry["files"].values()
    with av.open(str(server.output / file["subfolder"] / file["filename"])) as container:
        return sum(1 for _ in container.decode(video=0))
