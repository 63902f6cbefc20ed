"""Values that a page must not send, while a model loads and while it plays: socket and run survive."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from route_client import READER, next_frame, next_text, of_type, serve, socket_of, start
from runtime_stubs import Behaviour, Zoo, read, stylise, write

from livestyle.engine.runtime.registry import SessionRegistry
from livestyle.engine.runtime.session import StreamSession

LONG = "1" + "0" * 400
WRONG = [
    ("2.strength", LONG),
    ("2.strength", f"-{LONG}"),
    ("2.strength", "1e400"),
    ("2.strength", "NaN"),
    ("2.strength", "-Infinity"),
    ("2.strength", "true"),
    ("2.strength", "null"),
    ("2.strength", "{}"),
    ("2.strength", '"much"'),
    ("2.seed", LONG),
    ("2.seed", "1.5"),
    ("p.prompt", "3"),
    ("p.prompt", r'"\ud800"'),
    ("p.prompt", r'"\udfff ink \ud83d"'),
    (r"2.\ud800", "1"),
]


def _text(key: str, value: str, seq: int) -> str:
    return f'{{"type": "set", "key": "{key}", "value": {value}, "seq": {seq}}}'


def _strict(text: str) -> Any:
    """JSON as browsers read it, which know no NaN."""
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


async def _answer(socket: Any, seq: int, kinds: tuple[str, ...]) -> dict[str, Any]:
    while True:
        message = await socket.receive(timeout=10)
        if isinstance(message.data, str):
            data = _strict(message.data)
            if data["type"] in kinds and data.get("seq", seq) == seq:
                return data


@pytest.mark.parametrize(("key", "value"), WRONG)
def test_a_wrong_value_while_it_plays(registry: SessionRegistry, key: str, value: str) -> None:
    session = start(registry)

    async def talk(client: TestClient) -> None:
        async with socket_of(client, session) as socket:
            await next_text(socket, lambda message: message["type"] == "live" and message["values"])
            await socket.send_str(_text(key, value, 1))
            refused = await _answer(socket, 1, ("error", "rejected"))
            assert refused["message"] and "\n" not in refused["message"] and len(refused["message"]) < 200
            await socket.send_str(_text("2.strength", "0.25", 2))
            assert (await _answer(socket, 2, ("applied",)))["key"] == "2.strength"
            await socket.send_json({"type": "credit", "n": 1})
            await next_frame(socket)

    serve(registry, talk)
    assert session.state != "failed"


def test_wrong_values_while_a_model_loads(registry: SessionRegistry) -> None:
    loaded = threading.Event()
    zoo = Zoo({"stub": Behaviour(delays={"step": 0.02})})

    def load(handle: Any) -> Any:
        loaded.wait(30)
        return zoo(handle)

    session = registry.open(write(stylise(read(length=100_000, size=(64, 48)))), load)
    session.start()

    async def talk(client: TestClient) -> None:
        async with socket_of(client, session) as socket:
            for seq, (key, value) in enumerate(WRONG):
                await socket.send_str(_text(key, value, seq))
            await socket.send_str(_text("2.strength", "0.25", 99))
            await _answer(socket, 99, ("received",))
            loaded.set()
            await _answer(socket, 99, ("applied",))
            await socket.send_json({"type": "credit", "n": 1})
            await next_frame(socket)

    serve(registry, talk)
    assert session.state != "failed"


@pytest.mark.parametrize(("key", "value"), WRONG)
def test_each_wrong_value_before_the_model_is_loaded_is_told_why(
    registry: SessionRegistry, key: str, value: str
) -> None:
    loaded = threading.Event()
    zoo = Zoo({"stub": Behaviour(delays={"step": 0.02})})

    def load(handle: Any) -> Any:
        loaded.wait(30)
        return zoo(handle)

    session = registry.open(write(stylise(read(length=100_000, size=(64, 48)))), load)
    session.start()

    async def talk(client: TestClient) -> None:
        async with socket_of(client, session) as socket:
            await socket.send_str(_text(key, value, 7))
            asyncio.get_running_loop().call_later(0.3, loaded.set)
            kinds = ("error",) if "ud800" in key else ("rejected", "error")
            refused = await _answer(socket, 7, kinds)
            assert refused["message"] and "\n" not in refused["message"]
            await socket.send_str(_text("2.strength", "0.25", 8))
            await _answer(socket, 8, ("applied",))

    serve(registry, talk)
    assert session.state != "failed"


def test_receipts_have_the_number_of_the_page_that_sent_the_change(registry: SessionRegistry) -> None:
    session = start(registry)

    async def talk(client: TestClient) -> None:
        async with socket_of(client, session) as sender, socket_of(client, session) as other:
            for socket in (sender, other):
                await next_text(socket, lambda message: message["type"] == "live" and message["values"])
            await sender.send_str(_text("2.strength", "0.25", 5))
            for kind in ("received", "applied"):
                mine = await next_text(sender, of_type(kind))
                others = await next_text(other, of_type(kind))
                assert mine.pop("seq") == 5 and "sender" not in mine
                assert others == mine
            await sender.send_json({"type": "set", "key": "2.strength", "value": 0.5})
            assert "seq" not in await next_text(sender, of_type("received"))

    serve(registry, talk)


def test_a_cameras_reason_that_is_no_text_is_refused(
    registry: SessionRegistry, session: StreamSession
) -> None:
    """It would be shown on the node, by way of ComfyUI, which encodes it."""

    async def talk(client: TestClient) -> None:
        async with socket_of(client, session) as socket:
            await socket.send_json({"type": "camera", "node": READER, "state": "ready"})
            await socket.send_str(
                f'{{"type": "camera", "node": "{READER}", "state": "paused", "reason": "\\ud800"}}'
            )
            assert "reason" in (await next_text(socket, of_type("error")))["message"]

    serve(registry, talk)
    for note in session.notes:
        note.encode()


def test_a_recall_glides_and_names_what_is_not_there(registry: SessionRegistry) -> None:
    session = start(registry)

    async def talk(client: TestClient) -> None:
        async with socket_of(client, session) as socket:
            await next_text(socket, lambda message: "2.strength" in message.get("values", {}))
            values = {"2.strength": 0.25, "2.seed": 5, "p.prompt": "ink", "7.gone": 1}
            await socket.send_json({"type": "recall", "values": values, "fade": 0.5})
            heard: list[dict[str, Any]] = []
            while not (heard and heard[-1]["type"] == "applied" and heard[-1]["key"] == "2.strength"):
                heard.append(await next_text(socket, lambda message: "key" in message))
            glide = [entry["value"] for entry in heard if entry["type"] == "gliding"]
            assert len(glide) > 1 and glide == sorted(glide, reverse=True) and glide[-1] == 0.25
            assert [entry["key"] for entry in heard if entry["type"] == "error"] == ["7.gone"]
            values = {"2.strength": 0.25, "2.seed": 5, "p.prompt": "ink", "9.volume": 1.0}
            assert dict(session.store.snapshot()) == values

    serve(registry, talk)


@pytest.mark.parametrize("body", ['"values": [1]', '"values": {"2.seed": null}', '"values": {}, "fade": 1e9'])
def test_a_wrong_recall_is_refused_in_one_line(registry: SessionRegistry, body: str) -> None:
    session = start(registry)

    async def talk(client: TestClient) -> None:
        async with socket_of(client, session) as socket:
            await socket.send_str(f'{{"type": "recall", {body}}}')
            assert (await next_text(socket, of_type("error")))["message"]

    serve(registry, talk)
