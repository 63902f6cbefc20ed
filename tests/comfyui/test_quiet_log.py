"""A plain run says nothing in ComfyUI's log that an artist can't use."""

from __future__ import annotations

import re

import pytest
from comfy_client import ComfyClient
from comfy_server import ComfyServer
from graphs import LOAD, restyle

DEMOS = ("demo: mllm-edit", "demo: rtr-dit", "demo: stream-dit", "demo: streamedit-dit")

COMPLAINT = re.compile(r"(?i)warn|deprecat|traceback|unable to|not expected|should be kept|will be ignored")


def complaints(log: str) -> list[str]:
    """Its lines that complain."""
    return [line for line in log.splitlines() if COMPLAINT.search(line)]


def test_starting_logs_no_warning(server: ComfyServer) -> None:
    start, _, _ = server.log_text().partition("Starting server")
    assert complaints(start) == []


@pytest.mark.parametrize("dtype", ["auto", "bf16"])
@pytest.mark.parametrize("checkpoint", DEMOS)
def test_a_run_logs_no_warning(
    server: ComfyServer, client: ComfyClient, clip: str, checkpoint: str, dtype: str
) -> None:
    already = len(server.log_text())
    graph = restyle(clip, checkpoint)
    graph[LOAD]["inputs"]["dtype"] = dtype
    ended = client.run(graph)
    assert ended.status == "success", ended.error
    said = server.log_text()[already:]
    assert complaints(said) == [], said
