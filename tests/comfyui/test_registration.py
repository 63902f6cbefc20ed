"""The pack registers in a real ComfyUI."""

from __future__ import annotations

import re

from comfy_client import ComfyClient
from comfy_fixtures import FOLDER
from comfy_server import ComfyServer

NODE_IDS = {
    "LoadStreamModel",
    "MLLMEncode",
    "TemporalLLLite",
    "FlowWarp",
    "KVCacheStyleSwitch",
    "StreamDenoise",
    "FrameStreamIO",
}


def test_all_nodes_are_registered(client: ComfyClient) -> None:
    info = client.object_info()
    assert set(info) >= NODE_IDS
    for node in NODE_IDS:
        assert info[node]["python_module"] == f"custom_nodes.{FOLDER}"
        assert info[node]["description"] and info[node]["category"] and info[node]["display_name"]


def test_every_input_has_a_tooltip(client: ComfyClient) -> None:
    info = client.object_info()
    silent = [
        f"{node}.{name}"
        for node in sorted(NODE_IDS)
        for group in ("required", "optional")
        for name, spec in info[node]["input"].get(group, {}).items()
        if not (len(spec) > 1 and spec[1].get("tooltip"))
    ]
    assert silent == []


def test_log_shows_no_failed_import(server: ComfyServer) -> None:
    failed = re.compile("IMPORT FAILED|Error while calling comfy_entrypoint|Traceback")
    start = server.log_text().split("got prompt")[0]  # later ones are of prompts that other tests let fail
    assert [line for line in start.splitlines() if failed.search(line)] == []
