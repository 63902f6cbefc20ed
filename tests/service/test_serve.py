"""scripts/serve.py as a real process: real HTTP, a real clip with sound, real signals."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from urllib.request import urlopen

import av
import pytest
import websocket
from pythonosc.udp_client import SimpleUDPClient
from sample_clips import make_clip
from service_process import SECRET, ServiceProcess, workflow
from stream_servers import free_port

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to drain on")

SMALL = {"width": 64, "height": 64}


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    folder = tmp_path / "service" / "input"
    folder.mkdir(parents=True)
    return make_clip(folder / "clip.mp4", frames=24, size=(64, 64))


def _endless() -> dict:
    return workflow("endless_text_to_video")


def _frames(path: Path) -> int:
    with av.open(str(path)) as file:
        return sum(1 for _ in file.decode(video=0))


def test_a_workflow_plays_to_its_end(tmp_path: Path, clip: Path) -> None:
    graph = workflow(FrameStreamIO={"file": clip.name}, StreamDenoise=SMALL)
    with ServiceProcess(tmp_path, graph) as service:
        assert service.exit_code() == 0, service.log
        (video,) = service.videos
    with av.open(str(video)) as file:
        assert file.streams.video[0].frames == 24 and len(file.streams.audio) == 1
        assert json.loads(file.metadata["prompt"]).keys() == graph.keys()


def test_it_is_steered_and_watched_and_drained(tmp_path: Path) -> None:
    with ServiceProcess(tmp_path, _endless()) as service:
        assert service.ask("/health") == (200, '{"status": "ok"}')
        session = service.session()
        path = f"/livestyle/sessions/{session['session']}/live"
        assert service.ask(path, {"token": "wrong", "values": {"4.seed": 5}})[0] == 401
        status, text = service.ask(path, {"token": session["token"], "values": {"4.seed": 5}})
        assert status == 200 and json.loads(text)["refused"] == {}
        controls = json.loads(service.ask(f"{path}?token={session['token']}")[1])["controls"]
        assert {each["key"]: each["value"] for each in controls}["4.seed"] == 5

        status, text = service.ask("/metrics")
        assert status == 200 and 'livestyle_sessions{state="running"} 1.0' in text
        frames = re.search(r'livestyle_frames_total\{node="5",session="\w+"\} (\S+)', text)
        assert frames and float(frames[1]) > 0
        assert re.search(r"livestyle_latency_seconds\{.*quantile=\"0.95\".*\} \d", text)
        assert re.search(r'livestyle_memory_bytes\{where="host"\} \d', text)

        shown = re.search(r"Watch node 5 at (\S+)", service.log)
        assert shown
        with urlopen(f"{service.url}{shown[1]}/stream.mjpg", timeout=60) as stream:
            assert b"\xff\xd8\xff" in stream.read(4096)

        address = service.url.replace("http", "ws") + f"/livestyle/sessions/{session['session']}/ws"
        page = websocket.create_connection(f"{address}?token={session['token']}", timeout=60)
        page.send(json.dumps({"type": "credit", "n": 1}))
        while not isinstance(message := page.recv(), bytes):
            pass
        page.close()
        assert b"\xff\xd8\xff" in message

        service.terminate()
        assert service.exit_code() == 0, service.log
        (video,) = service.videos
    assert _frames(video) > 0
    assert "cancelled" not in service.log and SECRET not in service.log


def test_a_message_by_osc_is_applied(tmp_path: Path) -> None:
    port = free_port()
    with ServiceProcess(tmp_path, _endless(), "--osc", str(port)) as service:
        session = service.session()
        service.wait_until(lambda: f"OSC is received at port {port}" in service.log)
        address = service.url.replace("http", "ws") + f"/livestyle/sessions/{session['session']}/ws"
        page = websocket.create_connection(f"{address}?token={session['token']}", timeout=60)
        SimpleUDPClient("127.0.0.1", port).send_message("/livestyle/generate_live/seed", 5)
        for kind in ("received", "applied"):
            while (told := _told(page)) is None or told["type"] != kind or told.get("key") != "4.seed":
                pass
        page.close()
        path = f"/livestyle/sessions/{session['session']}/live?token={session['token']}"
        controls = json.loads(service.ask(path)[1])["controls"]
        assert {each["key"]: each["value"] for each in controls}["4.seed"] == 5
        service.terminate()
        assert service.exit_code() == 0, service.log


def _told(page: websocket.WebSocket) -> dict | None:
    """The next message; None for a picture."""
    message = page.recv()
    return None if isinstance(message, bytes) else json.loads(message)


def test_a_drain_that_takes_too_long_leaves_a_file(tmp_path: Path) -> None:
    with ServiceProcess(tmp_path, _endless(), "--drain", "0") as service:
        service.session()
        service.wait_until(lambda: service.videos)
        service.terminate()
        assert service.exit_code() == 0, service.log
        (video,) = service.videos
    assert _frames(video) > 0


def test_it_plays_again(tmp_path: Path, clip: Path) -> None:
    graph = workflow(FrameStreamIO={"file": clip.name}, StreamDenoise=SMALL)
    with ServiceProcess(tmp_path, graph, "--repeat") as service:
        service.wait_until(lambda: len(service.videos) >= 2)
        service.terminate()
        assert service.exit_code() == 0, service.log


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"FrameStreamIO": {"file": "absent.mp4"}}, "'absent.mp4' is not in"),
        ({"StreamDenoise": {"steps": 99}}, "steps is 99: choose a value from 1 to 50"),
        ({"StreamDenoise": {"steps": "many"}}, "steps of node 4 can't be many"),
        ({"StreamDenoise": {"model": ["9", 0]}}, "link it again"),
        ({"MLLMEncode": {"class": 1, "references": "starry"}}, "references of node 3 takes a link"),
    ],
)
def test_a_wrong_workflow_ends_in_one_line(tmp_path: Path, change: dict, line: str) -> None:
    with ServiceProcess(tmp_path, workflow(**change)) as service:
        assert service.exit_code() == 1
    assert line in service.log and "Traceback" not in service.log
