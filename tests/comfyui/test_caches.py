"""A result that a cache revives is the right one, whatever ComfyUI's cache."""

from __future__ import annotations

import numpy as np
import pytest
from comfy_client import ComfyClient
from comfy_fixtures import StartServer
from graphs import play, restyle, shown_file
from sample_clips import make_clip

CACHES = [("--cache-classic",), ("--cache-lru", "20"), ("--cache-ram", "1"), ("--cache-none",)]


@pytest.mark.parametrize("options", CACHES, ids=lambda options: options[0])
def test_going_back_to_earlier_settings(
    start_server: StartServer, checkpoint: str, options: tuple[str, ...]
) -> None:
    server = start_server(*options)
    try:
        client = ComfyClient(server.url)
        make_clip(server.input / "a.mp4", frames=12)
        make_clip(server.input / "b.mp4", frames=9)
        runs = []
        for file, prompt in (
            ("a.mp4", "oil painting"),
            ("b.mp4", "pencil sketch"),
            ("a.mp4", "oil painting"),
        ):
            ended = client.run(restyle(file, checkpoint, prompt=prompt))
            assert ended.status == "success", ended.error
            runs.append(play(shown_file(ended, server.output)["path"]).pixels)
        assert [len(run) for run in runs] == [12, 9, 12]
        np.testing.assert_array_equal(runs[0], runs[2])
    finally:
        server.stop()
