"""Help pages and translations are complete, and say what the nodes say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = ("en", "es", "fr", "ja", "ko", "zh")


FILES = ("commands", "main", "nodeDefs", "settings")


def _locale(language: str, file: str = "nodeDefs") -> dict[str, Any]:
    return json.loads((ROOT / "locales" / language / f"{file}.json").read_text(encoding="utf-8"))


def _texts(tree: dict[str, Any], place: tuple[str, ...] = ()) -> dict[tuple[str, ...], str]:
    """Every text of a locale's file by the keys that lead to it."""
    found: dict[tuple[str, ...], str] = {}
    for key, value in tree.items():
        found |= _texts(value, (*place, key)) if isinstance(value, dict) else {(*place, key): value}
    return found


def test_there_are_the_languages_that_the_front_end_offers() -> None:
    assert sorted(path.name for path in (ROOT / "locales").iterdir()) == sorted(LANGUAGES)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_all_locales_have_the_same_texts(language: str, file: str) -> None:
    english, other = _texts(_locale("en", file)), _texts(_locale(language, file))
    assert set(other) == set(english)
    assert all(text.strip() for text in other.values())
    gaps = re.compile(r"\{\w+\}")  # what the page fills in
    for place, text in other.items():
        assert sorted(gaps.findall(text)) == sorted(gaps.findall(english[place])), place


def test_every_word_of_the_page_is_in_the_locales() -> None:
    """Of what is given to t(), button() and the tables of texts in web/js."""
    words = _locale("en", "main")["livestyle"]
    assert all(text == english for text, english in words.items())
    said: set[str] = set()
    for path in (ROOT / "web" / "js").glob("*.*js"):
        source = path.read_text(encoding="utf-8")
        said.update(re.findall(r"""\b(?:t|labelled)\(\s*"((?:[^"\\]|\\.)*)\"""", source))
        for call in re.findall(r"""\bbutton\(([^;]*?)\(\) =>""", source):
            said.update(re.findall(r'"((?:[^"\\]|\\.)*)"', call)[1:])
        for table in re.findall(
            r"""^(?:export )?const (?:WAVES|SOUNDS|PICTURES|UNITS|EARS) = ([^;]*);""", source, re.M
        ):
            said.update(re.findall(r'"([^"]*)"', table))
    said = {text for text in said if text}
    for name in ("camera", "captures", "format"):  # whole sentences in tables and constants
        source = (ROOT / "web" / "js" / f"{name}.mjs").read_text(encoding="utf-8")
        said.update(re.findall(r'"([A-Z][^"]* [^"]*)"', source))
    assert len(said) > 40
    assert said - set(words) == set()


def test_every_line_of_the_server_that_is_translated_is_still_said() -> None:
    """Where a message changes in the code, its pattern in the locales follows."""
    folders = (ROOT / name for name in ("engine", "nodes", "server"))
    sources = [path.read_text(encoding="utf-8") for folder in folders for path in folder.rglob("*.py")]
    lines = _locale("en", "main")["livestyleLines"]
    assert all(text == english for text, english in lines.items())
    for line in lines:
        said = max(re.split(r"\{\w+\}", line), key=len).removeprefix(": ")
        assert any(said in source for source in sources), line


def test_settings_and_commands_of_the_page_are_translated() -> None:
    settings = (ROOT / "web" / "js" / "settings.mjs").read_text(encoding="utf-8")
    commands = (ROOT / "web" / "js" / "commands.mjs").read_text(encoding="utf-8")
    ids = set(re.findall(r'"(livestyle\.\w+\.\w+)"', settings))
    assert {name.replace(".", "_") for name in ids} == set(_locale("en", "settings"))
    ids = set(re.findall(r'id: "(livestyle\.\w+)"', commands))
    assert {name.replace(".", "_") for name in ids} == set(_locale("en", "commands"))
    for each in _locale("en", "settings").values():
        assert each["name"] in settings and each["tooltip"] in settings


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


@pytest.mark.parametrize("language", LANGUAGES[1:])
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
        ("workflows", "**/*.json"),
    ):
        for path in (ROOT / folder).glob(pattern):
            path.read_text(encoding="utf-8").encode("cp1252")
