"""The microphone beside the browser's camera, in the file and at a WebRTC viewer; Chromium's beeps."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from canvas import RUN_MS, Canvas, open_canvas
from comfy_client import ComfyClient
from comfy_server import ComfyServer
from flashes import bursts

pytestmark = pytest.mark.timeout(1800)  # a busy machine takes minutes to open the page alone

TRANSPORT = "livestyle.camera.transport"
LOUD = 0.05
ENOUGH = 5
LISTEN = """threshold => {
    const { srcObject } = document.querySelector("video");
    if (!srcObject?.getAudioTracks().length) return false;
    if (!window.ear) {
        const context = new AudioContext();
        window.ear = context.createAnalyser();
        context.createMediaStreamSource(srcObject).connect(window.ear);
    }
    const heard = new Float32Array(window.ear.fftSize);
    window.ear.getFloatTimeDomainData(heard);
    return Math.max(...heard.map(Math.abs)) > threshold;
}"""


@pytest.fixture(params=["websocket", "WebRTC"])
def transport(server: ComfyServer, request: pytest.FixtureRequest) -> object:
    """The artist's setting, for this test only."""
    client = ComfyClient(server.url)
    client.request("/settings", {TRANSPORT: request.param, "Comfy.TutorialCompleted": True})
    yield request.param
    client.request("/settings", {TRANSPORT: "websocket"})


def _begin(canvas: Canvas) -> str:
    """Run, and wait for a picture; a selector of the stage."""
    stage = canvas.stage()
    seen = "stage => Number(document.querySelector(`${stage} canvas`).dataset.frame ?? -1)"
    canvas.page.eval_on_selector(f"{stage} canvas", "canvas => delete canvas.dataset.frame")
    canvas.run()
    canvas.page.wait_for_function(f"stage => ({seen})(stage) > 5", arg=stage, timeout=RUN_MS)
    return stage


def _end(canvas: Canvas, stage: str) -> None:
    canvas.page.locator(f"{stage} .livestyle-stop").dispatch_event("click")
    canvas.await_result(stage)


def test_a_microphone_goes_along(
    chromium_with_camera: object, server: ComfyServer, checkpoint: str, transport: str
) -> None:
    pytest.importorskip("aiortc", reason="needs the optional package aiortc")
    with open_canvas(chromium_with_camera, server.url) as canvas:
        canvas.load_template("webcam_restyle")
        canvas.make_small()
        (writer,) = (node["id"] for node in canvas.nodes("FrameStreamIO") if "frames" in node["links"])
        (reader,) = (node["id"] for node in canvas.nodes("FrameStreamIO") if "frames" not in node["links"])
        stage = _begin(canvas)
        capture = canvas.view(reader, "capture")
        canvas.page.eval_on_selector(
            f"{capture} select[title^=Sound]",
            """select => {
                select.value = "default";
                select.dispatchEvent(new Event("change"));
            }""",
        )
        canvas.page.wait_for_function(
            "capture => document.querySelector(`${capture} video`).srcObject?.getAudioTracks().length === 1",
            arg=capture,
        )
        _end(canvas, stage)
        stage = _begin(canvas)

        tab = canvas.page.evaluate("sessionStorage.getItem('clientId')")
        answer = ComfyClient(server.url).request(
            f"/livestyle/watch?node={writer}&client={tab}", headers={"X-LiveStyle": "1"}
        )
        watcher = canvas.page.context.new_page()
        watcher.goto(f"{server.url}{answer['path']}/webrtc")
        watcher.wait_for_function(LISTEN, arg=LOUD, timeout=RUN_MS, polling=20)
        assert not watcher.eval_on_selector("video", "video => video.muted")
        watcher.close()
        newest = max((server.output / "livestyle").glob("*.mp4"), key=lambda path: path.stat().st_mtime)
        for _ in range(RUN_MS // 500):
            if len(_beeps(newest)) >= ENOUGH:  # two a second, where nothing stands still
                break
            canvas.page.wait_for_timeout(500)
        _end(canvas, stage)
    beeps = _beeps(newest)
    between = np.diff(beeps)
    print(f"{transport}: {len(beeps)} beeps, seconds between them: {np.round(between, 2)}")
    assert len(beeps) >= ENOUGH and abs(float(np.median(between)) - 0.5) < 0.05


def _beeps(path: Path) -> list[float]:
    """When each one begins, in what is written so far."""
    try:
        with av.open(str(path)) as file:
            parts = [frame.to_ndarray().mean(0) for frame in file.decode(audio=0)]
            rate = file.streams.audio[0].rate
    except (av.error.FFmpegError, IndexError):  # it has only just begun
        return []
    loud = np.flatnonzero(np.abs(np.concatenate(parts or [np.zeros(0)])) > LOUD)
    return [begin for begin, _ in bursts(loud / rate)]
