"""The template and its API twin fit the nodes and each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from graphs import twin_name
from PIL import Image

from livestyle.server.examples import example_path

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "workflows").glob("*.json"))
KINDS = {"INT": int, "FLOAT": (int, float), "STRING": str, "BOOLEAN": bool, "COMBO": str}
NOTES = {"Note", "MarkdownNote"}
CORE = {"CLIPLoader", "CLIPTextEncode"}
"""ComfyUI's own nodes, whose widgets are its business."""
LINK_ID, SOURCE, SOURCE_SLOT, TARGET, TARGET_SLOT, KIND = range(6)


def _widgets(node: dict[str, Any]) -> list[str]:
    """Widget names in the editor's order; the upload button for ``file`` comes last."""
    names = [each["name"] for each in node["inputs"] if each["type"] in KINDS]
    return [*names, "upload"] if "file" in names else names


@pytest.fixture(params=TEMPLATES, ids=lambda path: path.stem)
def template(request: pytest.FixtureRequest) -> Path:
    return request.param


def _twin(template: Path) -> Path:
    return template.parent / "api" / f"{twin_name(template)}.json"


def _load(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def test_thumbnails_are_small() -> None:
    assert sum(path.with_suffix(".jpg").stat().st_size for path in TEMPLATES) < 2_500_000


def test_there_is_a_template() -> None:
    wanted = {
        "restyle_a_video",
        "restyle_with_temporal_adapter",
        "compare_with_and_without_adapter",
        "style_switch_show",
        "endless_text_to_video",
        "video_through_streamdit",
        "instructed_editing",
        "adaptive_window_explained",
        "restyle_with_a_reference_image",
        "four_styles_on_a_timeline",
        "text_to_video_stream",
        "self_forcing_on_a_video",
        "liveedit_on_a_webcam",
        "longlive_2_text_to_video",
        "image_to_video_stream",
        "record_a_take_and_render_it_again",
        "cue_list_show",
        "a_and_b_with_a_crossfader",
    }
    assert wanted <= {twin_name(path) for path in TEMPLATES}
    assert [path.stem[:3] for path in TEMPLATES] == [
        f"{number:02} " for number in range(1, len(TEMPLATES) + 1)
    ]


def test_a_template_has_a_thumbnail_and_an_api_twin(template: Path) -> None:
    """Every front end asks for NAME.jpg; browsers look at the bytes, so an animated WebP moves there."""
    needs_files = any(node["properties"].get("models") for node in _load(template)["nodes"])
    with Image.open(template.with_suffix(".jpg")) as picture:
        assert max(picture.size) >= 200
        if not needs_files:
            assert picture.format == "WEBP" and picture.n_frames >= 10
    assert _twin(template).exists()


def test_the_template_fits_the_nodes(template: Path, schema: dict[str, Any]) -> None:
    graph = _load(template)
    assert graph["version"] == 0.4
    nodes = {node["id"]: node for node in graph["nodes"]}
    assert graph["last_node_id"] == max(nodes) and graph["last_link_id"] == len(graph["links"])
    for node in nodes.values():
        if node["type"] in NOTES | CORE:
            continue
        described = schema[node["type"]]
        properties = node["properties"]
        assert properties["Node name for S&R"] == node["type"] and properties["cnr_id"] == "livestyle"
        values = dict(zip(_widgets(described), node["widgets_values"], strict=True))
        for each in described["inputs"]:
            if each["type"] in KINDS:
                assert isinstance(values[each["name"]], KINDS[each["type"]]), (node["id"], each["name"])
        for slot in node["inputs"]:
            assert slot["type"] == next(e["type"] for e in described["inputs"] if e["name"] == slot["name"])
        assert [slot["type"] for slot in node["outputs"]] == [out["type"] for out in described["outputs"]]
    for link in graph["links"]:
        source, target = nodes[link[SOURCE]], nodes[link[TARGET]]
        assert link[LINK_ID] in source["outputs"][link[SOURCE_SLOT]]["links"]
        assert target["inputs"][link[TARGET_SLOT]]["link"] == link[LINK_ID]
        assert link[KIND] == source["outputs"][link[SOURCE_SLOT]]["type"]


def test_the_api_twin_says_the_same(template: Path, schema: dict[str, Any]) -> None:
    graph, prompt = _load(template), _load(_twin(template))
    links = {link[LINK_ID]: link for link in graph["links"]}
    nodes = {str(node["id"]): node for node in graph["nodes"] if node["type"] not in NOTES}
    assert set(nodes) == set(prompt)
    for node_id, node in nodes.items():
        assert prompt[node_id]["class_type"] == node["type"]
        if node["type"] in CORE:
            continue
        described = schema[node["type"]]
        values = dict(zip(_widgets(described), node["widgets_values"], strict=True))
        for name, value in prompt[node_id]["inputs"].items():
            if isinstance(value, list):
                slot = next(slot for slot in node["inputs"] if slot["name"] == name)
                link = links[slot["link"]]
                assert value == [str(link[SOURCE]), link[SOURCE_SLOT]]
            else:
                assert values[name] == value, (node_id, name)
        required = {each["name"] for each in described["inputs"] if each["required"]}
        assert required <= set(prompt[node_id]["inputs"])


def test_a_template_names_examples_that_are_there_or_where_to_get_its_files(template: Path) -> None:
    for node in _load(template)["nodes"]:
        texts = [value for value in node.get("widgets_values", []) if isinstance(value, str)]
        assert all(example_path(text) for text in texts if text.startswith("example: "))
        wanted = {text for text in texts if text.endswith((".pt", ".safetensors"))}
        assert {model["name"] for model in node["properties"].get("models", [])} == wanted
        assert not any(text.endswith((".mp4", ".png")) for text in texts)


def test_a_template_is_an_app(template: Path) -> None:
    """App mode shows the inputs that an artist turns, and the node that writes."""
    graph = _load(template)
    nodes = {node["id"]: node for node in graph["nodes"]}
    data = graph["extra"]["linearData"]
    assert len(data["inputs"]) >= 2
    assert all(node_id in nodes and isinstance(widget, str) for node_id, widget in data["inputs"])
    (writer,) = data["outputs"]
    assert nodes[writer]["widgets_values"][0] == "write"


def test_templates_that_need_public_files_come_last() -> None:
    needing = [
        "models" in json.dumps([node["properties"] for node in _load(path)["nodes"]]) for path in TEMPLATES
    ]
    assert needing == sorted(needing) and any(needing)


def test_the_versions_agree(template: Path) -> None:
    version = _version()
    nodes = [node for node in _load(template)["nodes"] if node["type"] not in NOTES | CORE]
    assert {node["properties"]["ver"] for node in nodes} == {version}


def _version() -> str:
    import tomllib

    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def test_comfyui_serves_the_templates_from_our_folder() -> None:
    """Of these folders it lists all and serves the first: templates of a later one are not found."""
    names = ("example_workflows", "example", "examples", "workflow", "workflows")
    assert [name for name in names if (ROOT / name).exists()] == ["workflows"]
