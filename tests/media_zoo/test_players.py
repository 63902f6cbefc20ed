"""Files that we write, played by Chromium: each kind of sound that is copied, and what is made of the rest.

Debian's Chromium decodes H.264, AAC and MP3; ALAC is Apple's and no browser's, so there only the
picture has to play.
"""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from recipes import H264, flashing
from test_zoo import play

CODECS = ["aac", "libmp3lame", "libopus", "libvorbis", "ac3", "flac", "pcm_s16le", "alac"]
SILENT_IN_CHROMIUM = {"alac"}

PAGE = "<video id=v muted></video>"
PLAYED = """async (url) => {
  const video = document.getElementById("v");
  video.src = url;
  await new Promise((done, failed) => {
    video.onended = done;
    video.onerror = () => failed(new Error(video.error.message));
    video.play().catch(failed);
  });
  const decoded = [video.webkitVideoDecodedByteCount, video.webkitAudioDecodedByteCount];
  return [video.duration, video.videoWidth, ...decoded];
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("played")


@pytest.fixture(scope="module")
def page(folder: Path) -> Iterator[tuple[object, str]]:
    """A page of a local server, and its address."""
    sync_api = pytest.importorskip("playwright.sync_api")
    program = shutil.which("chromium")
    if not program:
        pytest.skip("there is no Chromium; 'apt-get install chromium' brings one")
    (folder / "index.html").write_text(PAGE)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    handler.log_message = lambda *_: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{served.server_port}"
        with sync_api.sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
            opened = browser.new_page()
            opened.goto(f"{address}/index.html")
            yield opened, address
            browser.close()
        served.shutdown()


@pytest.mark.parametrize("codec", CODECS)
def test_chromium_plays_what_we_write(folder: Path, page: tuple, codec: str) -> None:
    clip = flashing(folder, f"{codec}.mkv", *H264, "-c:a", codec)
    play(clip, folder / f"{codec}.mp4")
    opened, address = page
    duration, width, picture, sound = opened.evaluate(PLAYED, f"{address}/{codec}.mp4")
    assert duration == pytest.approx(1.2, abs=0.1) and width == 96 and picture > 0
    assert (sound > 0) == (codec not in SILENT_IN_CHROMIUM)
