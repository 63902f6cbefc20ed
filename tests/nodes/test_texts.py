"""Help pages and translations are complete, and say what the nodes say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = ("en", "de", "fr")


def _locale(language: str) -> dict[str, Any]:
    return json.loads((ROOT / "locales" / language / "nodeDefs.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_locale_covers_every_node_input_and_output(language: str, schema: dict[str, Any]) -> None:
    texts = _locale(language)
    assert set(texts) == set(schema)
    for node_id, node in schema.items():
        assert set(texts[node_id]["inputs"]) == {each["name"] for each in node["inputs"]}
        assert set(texts[node_id]["outputs"]) == {str(number) for number in range(len(node["outputs"]))}
        assert all(each["tooltip"] for each in texts[node_id]["inputs"].values())


def test_the_english_locale_says_what_the_schema_says(schema: dict[str, Any]) -> None:
    texts = _locale("en")
    for node_id, node in schema.items():
        assert texts[node_id]["display_name"] == node["display_name"]
        assert texts[node_id]["description"] == node["description"]
        for each in node["inputs"]:
            said = texts[node_id]["inputs"][each["name"]]
            assert (said["name"], said["tooltip"]) == (each["display_name"], each["tooltip"])


@pytest.mark.parametrize("language", ("de", "fr"))
def test_a_translation_is_translated(language: str) -> None:
    english, other = _locale("en"), _locale(language)
    same = [
        (node_id, name)
        for node_id, node in english.items()
        for name, text in node["inputs"].items()
        if other[node_id]["inputs"][name]["tooltip"] == text["tooltip"] and not name.startswith("style")
    ]
    assert not same


def test_every_node_has_a_help_page_that_names_its_inputs(schema: dict[str, Any]) -> None:
    for node_id, node in schema.items():
        page = (ROOT / "web" / "docs" / f"{node_id}.md").read_text(encoding="utf-8")
        missing = [each["name"] for each in node["inputs"] if each["name"] not in page]
        assert not missing, (node_id, missing)
        assert "Not there yet" in page, node_id


def test_sources_are_plain_text() -> None:
    """The registry's checks read sources as cp1252."""
    for folder, pattern in (
        ("nodes", "*.py"),
        ("web", "**/*.*js"),
        ("web", "**/*.css"),
        ("web", "**/*.md"),
        ("locales", "**/*.json"),
        ("workflows", "**/*.json"),
    ):
        for path in (ROOT / folder).glob(pattern):
            path.read_text(encoding="utf-8").encode("cp1252")
