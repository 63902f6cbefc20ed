"""What ComfyUI asks back is given back."""

from __future__ import annotations

import time

import psutil
from comfy_client import ComfyClient
from comfy_server import ComfyServer
from graphs import restyle
from tiny_checkpoint import write_tiny_checkpoint

MIB = 2**20
WAIT_S = 30.0


def test_free_gives_the_weights_back(server: ComfyServer, client: ComfyClient, clip: str) -> None:
    """/free, as "Unload models" in ComfyUI's menu sends it, and the next run loads them again."""
    folder = write_tiny_checkpoint(server.base / "models" / "stream_models", width=640)
    weights = sum(file.stat().st_size for file in folder.rglob("*.safetensors"))
    assert weights > 150 * MIB, "too small to be seen in the memory of a whole process"
    graph = restyle(clip, "tiny", width=64, height=64)
    process = psutil.Process(server.pid)

    for _ in range(2):
        ended = client.run(graph)
        assert ended.status == "success", ended.error
        loaded = process.memory_info().rss
        client.free()
        deadline = time.monotonic() + WAIT_S
        while loaded - process.memory_info().rss < 0.8 * weights and time.monotonic() < deadline:
            time.sleep(0.2)
        assert loaded - process.memory_info().rss >= 0.8 * weights
