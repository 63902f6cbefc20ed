"""What the timeline reads and writes: a take as JSON, and an edited one beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from route_client import FOREIGN, PAGE, serve

from livestyle.engine.errors import MediaError
from livestyle.engine.runtime.registry import SessionRegistry
from livestyle.engine.takes.take import load_take
from livestyle.server.actions import Files

NAME = "clip_00001_.take.jsonl [output]"
HEADER = {
    "format": "livestyle-take",
    "version": 1,
    "fps": "24",
    "values": {"4.strength": 1.0, "3.prompt": "oil", "4.seed": 0},
    "graph": {"4": {"inputs": {}}},
}
CHANGES = [
    {"frame": 8, "pts": 0.333, "key": "4.strength", "value": 0.25},
    {"frame": 16, "pts": 0.667, "key": "4.strength", "value": 0.5},
]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """An output folder with one take."""
    text = [HEADER, *CHANGES, {"frame": 16, "pts": 0.667, "key": "3.prompt", "value": "ink"}, {"end": 48}]
    (tmp_path / "clip_00001_.take.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in text))

    def locate(name: str) -> str:
        path = (tmp_path / name.removesuffix(" [output]")).resolve()
        if not path.is_relative_to(tmp_path):
            raise MediaError(f"'{name}' lies outside ComfyUI's folders.")
        return str(path)

    def view_of(path: Path) -> dict[str, str]:
        return {"filename": path.relative_to(tmp_path).name}

    return Files(lambda pixels, tags: tmp_path / "x.png", view_of, locate)


async def read(client: TestClient, name: str = NAME) -> dict[str, Any]:
    answer = await client.get("/livestyle/takes", params={"file": name}, headers=PAGE)
    assert answer.status == 200, await answer.text()
    return await answer.json()


def test_a_take_is_read_and_an_edit_lies_beside_it(
    registry: SessionRegistry, files: Files, tmp_path: Path
) -> None:
    async def talk(client: TestClient) -> None:
        take = await read(client)
        assert take["end"] == 48 and take["first"] == 0 and "graph" not in take
        assert take["changes"][:2] == CHANGES and len(take["changes"]) == 3
        moved = {**CHANGES[0], "frame": 12, "pts": 0.5}
        body = {"file": NAME, "changes": [moved], "values": {"4.strength": 0.75}, "first": 4, "end": 40}
        for number in (1, 2):
            answer = await client.post("/livestyle/takes", json=body, headers=PAGE)
            assert await answer.json() == {"file": {"filename": f"clip_00001__edit{number}.take.jsonl"}}

    serve(registry, talk, files)
    edited = load_take(tmp_path / "clip_00001__edit1.take.jsonl")
    assert (edited.first, edited.end, list(edited.lanes)) == (4, 40, ["4.strength"])
    assert (edited.lanes["4.strength"].start, edited.lanes["4.strength"].frames) == (0.75, [12])
    assert edited.header["graph"] == HEADER["graph"]
    assert load_take(tmp_path / "clip_00001_.take.jsonl").end == 48


@pytest.mark.parametrize(
    "name", ["../clip.take.jsonl", "/etc/passwd", "gone.take.jsonl", "", "x.take.jsonl/../../y"]
)
def test_nothing_else_is_read(registry: SessionRegistry, files: Files, name: str) -> None:
    async def talk(client: TestClient) -> None:
        answer = await client.get("/livestyle/takes", params={"file": name}, headers=PAGE)
        assert answer.status == 400 and "\n" not in await answer.text()

    serve(registry, talk, files)


@pytest.mark.parametrize(
    "change",
    [
        {"changes": "all"},
        {"changes": [1]},
        {"changes": [{**CHANGES[0], "frame": -1}]},
        {"changes": [{**CHANGES[0], "value": "much"}]},
        {"changes": [{**CHANGES[0], "key": "9.gone"}]},
        {"values": {"9.gone": 1}},
        {"values": {"4.strength": [1]}},
        {"first": -1},
        {"end": 0.5},
        {"file": "../x.take.jsonl"},
    ],
)
def test_a_wrong_edit_leaves_nothing(
    registry: SessionRegistry, files: Files, tmp_path: Path, change: dict[str, Any]
) -> None:
    body = {"file": NAME, "changes": CHANGES, "values": {}, "first": 0, "end": 48, **change}

    async def talk(client: TestClient) -> None:
        answer = await client.post("/livestyle/takes", json=body, headers=PAGE)
        assert answer.status == 400 and "\n" not in await answer.text()

    serve(registry, talk, files)
    assert len(list(tmp_path.iterdir())) == 1


def test_other_sites_get_nothing(registry: SessionRegistry, files: Files) -> None:
    async def talk(client: TestClient) -> None:
        for headers in ({}, {**PAGE, **FOREIGN}):
            answer = await client.get("/livestyle/takes", params={"file": NAME}, headers=headers)
            assert answer.status == 403
            answer = await client.post("/livestyle/takes", json={"file": NAME}, headers=headers)
            assert answer.status == 403

    serve(registry, talk, files)
