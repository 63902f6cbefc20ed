"""What a finished file says of the values that were playing at its end."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from livestyle.engine.modulation.modulator import Modulator
from livestyle.server.last_values import QUEUED, with_last_values

PROMPT = {
    "4": {"class_type": "StreamDenoise", "inputs": {"steps": 1, "strength": 1.0, "model": ["2", 0]}},
    "3:7": {"class_type": "MLLMEncode", "inputs": {"prompt": "oil", "text_strength": 1.0}},
}


def _slot(name: str, link: int | None = None) -> dict[str, Any]:
    return {"name": name, "link": link, "widget": {"name": name}}


def _workflow() -> dict[str, Any]:
    """A denoiser, and a subgraph that shows the prompt of the encoder in it."""
    encoder = {
        "id": 7,
        "type": "MLLMEncode",
        "inputs": [{"name": "references"}, _slot("prompt", 1), _slot("text_strength")],
        "widgets_values": ["", 1.0],
    }
    inner = {
        "id": "uuid",
        "nodes": [encoder],
        "links": [{"id": 1, "origin_id": -10, "origin_slot": 1, "target_id": 7, "target_slot": 1}],
    }
    nodes = [
        {
            "id": 4,
            "type": "StreamDenoise",
            "inputs": [{"name": "model", "link": 9}, _slot("steps"), _slot("strength")],
            "widgets_values": [1, 1.0],
            "widgets_values_named": {"steps": 1, "strength": 1.0},
        },
        {
            "id": 3,
            "type": "uuid",
            "inputs": [{"name": "image"}, _slot("text")],
            "widgets_values": ["oil"],
        },
    ]
    return {"nodes": nodes, "links": [], "definitions": {"subgraphs": [inner]}}


def _tags(workflow: Any) -> tuple[tuple[str, str], ...]:
    return (("prompt", json.dumps(PROMPT)), ("workflow", json.dumps(workflow)))


def _read(tags: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    return {name: json.loads(text) for name, text in tags}


def test_the_prompt_and_the_widget_have_what_was_playing() -> None:
    played = _read(with_last_values(_tags(_workflow()), {"4.strength": 0.25, "3:7.text_strength": 1.0}))
    assert played["prompt"]["4"]["inputs"] == {"steps": 1, "strength": 0.25, "model": ["2", 0]}
    node = played["workflow"]["nodes"][0]
    assert node["widgets_values"] == [1, 0.25] and node["widgets_values_named"]["strength"] == 0.25
    assert played[QUEUED] == {"4.strength": 1.0}


def test_a_subgraph_keeps_what_it_shows() -> None:
    values = {"3:7.prompt": "a pencil sketch", "3:7.text_strength": 0.5}
    workflow = _read(with_last_values(_tags(_workflow()), values))["workflow"]
    assert workflow["nodes"][1]["widgets_values"] == ["a pencil sketch"]
    assert workflow["definitions"]["subgraphs"][0]["nodes"][0]["widgets_values"] == ["", 0.5]


def test_a_template_has_no_slots_for_widgets() -> None:
    prompt = {
        "4": {"class_type": "StreamDenoise", "inputs": {"steps": 1, "strength": 1.0, "model": ["2", 0]}}
    }
    node = {"id": 4, "inputs": [{"name": "model", "link": 1}], "widgets_values": [1, 1.0]}
    tags = (("prompt", json.dumps(prompt)), ("workflow", json.dumps({"nodes": [node]})))
    played = {name: json.loads(text) for name, text in with_last_values(tags, {"4.strength": 0.25})}
    assert played["workflow"]["nodes"][0]["widgets_values"] == [1, 0.25]


def test_what_was_not_changed_leaves_the_tags_as_they_are() -> None:
    assert with_last_values(_tags(_workflow()), {"4.strength": 1.0, "4.model": 3, "9.gone": 2}) == ()


def test_any_workflow_of_any_client_is_borne() -> None:
    for workflow in (
        None,
        [],
        {},
        {"nodes": 3},
        {"nodes": [{"id": 4}]},
        {"nodes": [{"id": 4, "inputs": [1]}]},
    ):
        played = _read(with_last_values(_tags(workflow), {"4.strength": 0.5, "3:7.prompt": "ink"}))
        assert played["workflow"] == workflow and played["prompt"]["3:7"]["inputs"]["prompt"] == "ink"


def test_it_opens_with_the_modulators_that_were_on() -> None:
    sine, low = Modulator("sine", 0.5, 0.25), Modulator("low", 0.0, 1.0)
    tags = _tags(_workflow())
    moved = with_last_values(tags, {"4.strength": 1.0}, {"4.strength": sine})
    played = _read(moved)
    assert played["prompt"]["4"]["_meta"] == {"livestyle_modulators": {"strength": asdict(sine)}}
    node = played["workflow"]["nodes"][0]
    assert node["properties"]["livestyle_modulators"] == {"strength": {**asdict(sine), "on": True}}
    assert node["widgets_values"] == [1, 1.0] and played[QUEUED] == {}
    queued = tuple((name, text) for name, text in moved if name != QUEUED)
    assert with_last_values(queued, {"4.strength": 1.0}, {"4.strength": sine}) == ()
    other = _read(with_last_values(queued, {"4.strength": 1.0}, {"4.strength": low}))
    assert other["workflow"]["nodes"][0]["properties"]["livestyle_modulators"]["strength"]["signal"] == "low"
    off = _read(with_last_values(queued, {"4.strength": 1.0}))
    assert off["prompt"]["4"]["_meta"] == {"livestyle_modulators": {}}
    kept = off["workflow"]["nodes"][0]["properties"]["livestyle_modulators"]["strength"]
    assert kept == {**asdict(sine), "on": False}


def test_a_modulator_in_a_subgraph_is_with_its_own_node() -> None:
    sine = Modulator("sine", 0.5, 0.25)
    tags = _tags(_workflow())
    workflow = _read(with_last_values(tags, {"3:7.text_strength": 1.0}, {"3:7.text_strength": sine}))[
        "workflow"
    ]
    (encoder,) = workflow["definitions"]["subgraphs"][0]["nodes"]
    assert encoder["properties"]["livestyle_modulators"]["text_strength"]["on"]


def test_modulators_without_a_canvas_are_in_the_prompt() -> None:
    sine = Modulator("sine", 0.5, 0.25)
    for odd in ({}, {"_meta": 3}, {"_meta": {"title": "Restyle"}}, {"_meta": {"livestyle_modulators": {}}}):
        tags = (("prompt", json.dumps({"4": {**PROMPT["4"], **odd}})),)
        meta = _read(with_last_values(tags, {"4.strength": 1.0}, {"4.strength": sine}))["prompt"]["4"][
            "_meta"
        ]
        assert meta["livestyle_modulators"] == {"strength": asdict(sine)}
    for bad in ({"livestyle_modulators": 3}, {"livestyle_modulators": {"strength": "sine"}}):
        tags = (("prompt", json.dumps({"4": {**PROMPT["4"], "_meta": bad}})),)
        assert with_last_values(tags, {"4.strength": 1.0}) == ()


def test_stream_keys_stay_out() -> None:
    tags = with_last_values(_tags(_workflow()), {"3:7.prompt": "rtmp://live.example/app/secret"})
    assert "secret" not in str(tags)
