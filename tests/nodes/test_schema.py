"""What ComfyUI and saved graphs see of the nodes.

``LIVESTYLE_FREEZE=1`` writes the schema of today into schema.json: for new nodes and new optional
inputs at the end only.
"""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from livestyle.engine.media.live.devices import Device

IDS = [
    "LoadStreamModel",
    "MLLMEncode",
    "StreamDenoise",
    "FrameStreamIO",
    "TemporalLLLite",
    "KVCacheStyleSwitch",
    "FlowWarp",
]
LISTED = {
    *("checkpoint", "autoencoder", "text_encoder", "lora", "file", "device", "adapter", "reference"),
    *("text_encoder_device", "autoencoder_device"),
}
"""Combos whose options depend on the machine."""

KEPT = (
    "display_name",
    "advanced",
    "live",
    "default",
    "min",
    "max",
    "step",
    "multiline",
    "options",
    "tooltip",
)


def describe(node: Any) -> dict[str, Any]:
    """What a saved graph or a caller relies on, and the texts that locales translate."""
    info = node.GET_NODE_INFO_V1()
    return {
        "display_name": info["display_name"],
        "category": info["category"],
        "description": info["description"],
        "output_node": info["output_node"],
        "inputs": [
            _input(name, *spec, required=group == "required")
            for group in ("required", "optional")
            for name, spec in info["input"].get(group, {}).items()
        ],
        "outputs": [
            {"name": name, "type": kind, "tooltip": tooltip}
            for name, kind, tooltip in zip(
                info["output_name"], info["output"], info["output_tooltips"], strict=True
            )
        ],
    }


def _input(name: str, kind: str, options: dict[str, Any], required: bool) -> dict[str, Any]:
    kept = {key: options[key] for key in KEPT if key in options}
    if name in LISTED:
        kept["options"] = "listed"
    return {"name": name, "type": kind, "required": required, **kept}


def _inputs(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((node_id, each) for node_id, node in schema.items() for each in node["inputs"])


def test_all_seven_nodes_are_registered(node_classes: dict[str, Any]) -> None:
    assert list(node_classes) == IDS


def test_the_schema_is_the_frozen_one(node_classes: dict[str, Any], schema: dict[str, Any]) -> None:
    """An input that goes, moves or changes its type breaks saved graphs: then this must be a new node."""
    today = {node_id: describe(node) for node_id, node in node_classes.items()}
    if os.environ.get("LIVESTYLE_FREEZE"):
        path = Path(__file__).with_name("schema.json")
        path.write_text(json.dumps(today, indent=1) + "\n", encoding="utf-8")
    else:
        assert today == schema


def test_devices_are_looked_for_now_and_then(
    node_classes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from livestyle.nodes import frame_stream_inputs

    looks = iter(range(9))
    monkeypatch.setattr(frame_stream_inputs, "list_cameras", lambda: [Device(next(looks), "Webcam", "")])
    monkeypatch.setattr(frame_stream_inputs, "list_screens", list)
    frame_stream_inputs.device_labels.cache_clear()
    listed = [frame_stream_inputs.device_labels(period) for period in (1, 1, 2)]
    frame_stream_inputs.device_labels.cache_clear()
    assert listed == [("0: Webcam",), ("0: Webcam",), ("1: Webcam",)]


def test_everything_has_a_tooltip(schema: dict[str, Any]) -> None:
    assert all(each.get("tooltip") for _, each in _inputs(schema))
    assert all(output["tooltip"] for node in schema.values() for output in node["outputs"])
    assert all(node["description"] and node["display_name"] for node in schema.values())
    assert {node["category"] for node in schema.values()} == {"LiveStyle"}


def test_defaults_are_valid(schema: dict[str, Any]) -> None:
    for node_id, each in _inputs(schema):
        if "min" in each:
            assert each["min"] <= each["default"] <= each["max"], (node_id, each["name"])
        if isinstance(each.get("options"), list):
            assert each["default"] in each["options"], (node_id, each["name"])


def test_bypass_is_the_identity(schema: dict[str, Any]) -> None:
    """ComfyUI bypasses an output to the first input of its type."""
    for node_id, wanted in {
        "StreamDenoise": "frames",
        "FrameStreamIO": "frames",
        "TemporalLLLite": "model",
        "KVCacheStyleSwitch": "style",
        "FlowWarp": "frames",
    }.items():
        kind = schema[node_id]["outputs"][0]["type"]
        assert next(each["name"] for each in schema[node_id]["inputs"] if each["type"] == kind) == wanted


def test_execute_takes_every_input_with_the_schemas_default(
    node_classes: dict[str, Any], schema: dict[str, Any]
) -> None:
    """ComfyUI fills in no defaults for optional inputs that an API prompt leaves out."""
    for node_id in IDS:
        parameters = inspect.signature(node_classes[node_id].execute).parameters
        assert set(parameters) == {each["name"] for each in schema[node_id]["inputs"]}
        for each in schema[node_id]["inputs"]:
            default = parameters[each["name"]].default
            if each["required"]:
                assert default is inspect.Parameter.empty, (node_id, each["name"])
            elif "default" in each:
                assert default == each["default"], (node_id, each["name"])


def test_nodes_that_put_their_id_into_the_plan_are_cached_by_id(node_classes: dict[str, Any]) -> None:
    """0.3.75 overlooks a V3 node's hidden id in its cache keys: two equal nodes would share one output."""
    for node_id in IDS:
        assert node_classes[node_id].NOT_IDEMPOTENT, node_id
