"""One attack of each kind on a real ComfyUI: it is answered in one line, and the next prompt runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import pytest
from absurd_checkpoints import CONFIGURATIONS, copy, zip_bomb
from comfy_client import ComfyClient, ComfyError
from comfy_server import ComfyServer
from graphs import ENCODE, LOAD, READ, WRITE, Prompt, restyle, shown_file
from hls_traps import traps
from sample_clips import make_clip

pytestmark = pytest.mark.slow  # a real ComfyUI

Attack = Callable[[Path, Prompt], None]

PATIENCE_S = 120.0

RAW = ("Traceback", "Errno", "Error:", "Error(", "NoneType", "did not end")
"""What no artist should have to read."""


def _widget(node: str, **values: object) -> Attack:
    def attack(base: Path, graph: Prompt) -> None:
        graph[node]["inputs"] |= values

    return attack


def _network(address: str) -> Attack:
    """Read a stream; ``{traps}`` is a server of lists that lead nowhere."""

    def attack(base: Path, graph: Prompt) -> None:
        url = address.format(traps=(base / "traps").read_text())
        graph[READ]["inputs"] |= {"file": "", "source": "network", "url": url, "allow_private": True}

    return attack


def _configuration(case: str) -> Attack:
    """Load a checkpoint whose description says what can't be."""

    def attack(base: Path, graph: Prompt) -> None:
        demo, damage, _ = CONFIGURATIONS[case]
        folder = base / "models" / "stream_models" / case.replace(" ", "_").replace("^", "")
        damage(copy(demo, folder))
        graph[LOAD]["inputs"]["checkpoint"] = folder.name

    return attack


def _zip_bomb(base: Path, graph: Prompt) -> None:
    (base / "models" / "stream_models").mkdir(exist_ok=True)
    zip_bomb(base / "models" / "stream_models" / "wan_bomb.pt")
    graph[LOAD]["inputs"]["checkpoint"] = "wan_bomb.pt"


def _latin_1_name(base: Path, graph: Prompt) -> None:
    """A broken file whose name no UTF-8 knows."""
    name = os.fsdecode(b"caf\xe9.mp4")
    (base / "input" / name).write_bytes(b"noise")
    graph[READ]["inputs"]["file"] = name


def _link_out(base: Path, graph: Prompt) -> None:
    """A link in the input folder that leads out of it."""
    outside = base / "private"
    outside.mkdir(exist_ok=True)
    if not (base / "input" / "shortcut.mp4").is_symlink():
        make_clip(outside / "clip.mp4", frames=3)
        (base / "input" / "shortcut.mp4").symlink_to(outside / "clip.mp4")
    graph[READ]["inputs"]["file"] = "shortcut.mp4"


# what is tried, and a word of the line that is right
ATTACKS: dict[str, tuple[Attack, str]] = {
    "a path of half a character": (_widget(READ, file="", path="\ud800"), "path"),
    "a prompt with half a character": (_widget(ENCODE, prompt="oil \ud83d painting"), "prompt"),
    "a prefix with half a character": (_widget(WRITE, filename_prefix="x\udcff"), "filename_prefix"),
    "a checkpoint of half a character": (_widget(LOAD, checkpoint="\udfff"), "checkpoint"),
    "a file name in Latin-1": (_latin_1_name, "file"),
    "a prefix of two lines": (_widget(WRITE, filename_prefix="a\nb"), "filename_prefix"),
    "a prefix of 300 characters": (_widget(WRITE, filename_prefix="x" * 300), "shorten"),
    "a list that lists itself": (_network("{traps}/itself.m3u8"), "list to list"),
    "an encrypted stream": (_network("{traps}/aes.m3u8"), "encrypted"),
    "a host without a name": (_network("rtsp://a..b/"), "host"),
    "10^9 heads": (_configuration("10^9 heads"), "heads"),
    "10^7 layers": (_configuration("10^7 layers of an encoder"), "num_hidden_layers"),
    "a deep description": (_configuration("deep note"), "deep"),
    "a note that is a list": (_configuration("a note that is a list"), "again"),
    "a tokenizer's pattern that is none": (_configuration("a bad pattern"), "okenizer"),
    "a zip bomb": (_zip_bomb, "compressed"),
    "a link out of the input folder": (_link_out, "link"),
}


@pytest.fixture(scope="module", autouse=True)
def _traps(server: ComfyServer) -> Iterator[None]:
    with traps() as running:
        (server.base / "traps").write_text(running.url)
        yield


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack(name: str, server: ComfyServer, client: ComfyClient, checkpoint: str, clip: str) -> None:
    attack, right = ATTACKS[name]
    graph = restyle(clip, checkpoint)
    attack(server.base, graph)
    try:
        ended = client.run(graph, timeout=PATIENCE_S)
        assert ended.status == "error"
        line = ended.error
    except ComfyError as refused:
        line = str(refused)
    assert right in line, line
    assert "\n" not in line and len(line) < 400 and line.encode()
    assert not any(
        raw in line for raw in ("Traceback", "Errno", "Error:", "Error(", "NoneType", "did not end")
    )
    assert client.run(restyle(clip, checkpoint), timeout=PATIENCE_S).status == "success"


def test_a_source_that_was_cut_is_played_and_its_result_is_not_complete(
    server: ComfyServer, client: ComfyClient, checkpoint: str, clip: str
) -> None:
    whole = make_clip(server.input / "faststart.mp4", frames=48)
    cut = server.input / "cut.mkv"
    with av.open(str(whole)) as source, av.open(str(cut), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    cut.write_bytes(cut.read_bytes()[:-2000])
    ended = client.run(restyle("cut.mkv", checkpoint), timeout=PATIENCE_S)
    assert ended.status == "success"
    assert shown_file(ended, server.output)["complete"] is False
    assert client.run(restyle(clip, checkpoint), timeout=PATIENCE_S).status == "success"
