"""Show control over HTTP: values by key and by address, presets, actions, and the document that says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from route_client import FOREIGN, LINKS, PAGE, SECRET, next_frame, next_text, of_type, serve, socket_of, start
from runtime_stubs import read, stylise, write

from livestyle.engine.errors import SettingError
from livestyle.engine.families.base import LiveParameter
from livestyle.engine.modulation.modulator import Modulator
from livestyle.engine.runtime.registry import SessionRegistry
from livestyle.engine.runtime.session import StreamSession
from livestyle.server.addresses import titles_of
from livestyle.server.host_names import HostNames
from livestyle.server.owners import hash_secret, set_owner
from livestyle.server.preset_bank import bank_json, parse_bank
from livestyle.server.prompt_settings import begin_settings
from livestyle.server.routes import register_routes

DOCUMENT = json.loads((Path(__file__).parents[2] / "web/pages/openapi.json").read_text(encoding="utf-8"))
BANK = {
    "format": "livestyle-presets",
    "version": 1,
    "presets": [
        {"name": "Dusk", "fade": 0.5, "values": {"2.strength": 0.25, "p.prompt": "oil at dusk"}},
        {"name": "Élan", "fade": 0, "values": {"2.strength": 1.0, "2.seed": 5, "8.gone": 1}},
    ],
}
TITLES = {"2": "Stream Denoise", "p": "MLLMEncode", "m": "Modèle"}


@pytest.fixture
def session(registry: SessionRegistry) -> StreamSession:
    """Plays slowly, and for longer than a test lasts."""
    session = start(registry)
    set_owner(session, write(stylise(read())), "tab", hash_secret(SECRET), TITLES)
    return session


def _fits(answer: Any, schema: str) -> Any:
    """The answer, which the document describes."""
    Draft202012Validator({**DOCUMENT, "$ref": f"#/components/schemas/{schema}"}).validate(answer)
    return answer


async def _playing(client: TestClient, session: StreamSession) -> None:
    async with socket_of(client, session) as socket:
        await socket.send_json({"type": "credit", "n": 1})
        await next_frame(socket)


async def _read(client: TestClient, session: StreamSession) -> dict[str, Any]:
    path = f"/livestyle/sessions/{session.id}/live?token={session.token}"
    return _fits(await (await client.get(path)).json(), "Live")


async def _write(client: TestClient, session: StreamSession, **body: Any) -> dict[str, Any]:
    path = f"/livestyle/sessions/{session.id}/live"
    answer = await client.post(path, json={"token": session.token, **body})
    assert answer.status == 200, await answer.text()
    return _fits(await answer.json(), "Done")


def test_values_are_read_and_written_by_address_or_key(
    registry: SessionRegistry, session: StreamSession
) -> None:
    async def talk(client: TestClient) -> None:
        await _playing(client, session)
        strength = next(
            each for each in (await _read(client, session))["controls"] if each["key"] == "2.strength"
        )
        assert strength == {
            "address": "/livestyle/stream_denoise/strength",
            "key": "2.strength",
            "kind": "float",
            "minimum": 0.0,
            "maximum": 1.0,
            "value": 1.0,
        }
        values = {strength["address"]: 0.5, "2.seed": 3, "/livestyle/node/p/prompt": "ink", "2.steps": 4}
        done = await _write(client, session, values=values)
        assert list(done["refused"]) == ["2.steps"]
        now = {each["key"]: each["value"] for each in (await _read(client, session))["controls"]}
        assert now == {"2.strength": 0.5, "2.seed": 3, "p.prompt": "ink", "9.volume": 1.0}

    serve(registry, talk)


def test_presets_are_recalled_by_name_and_number(registry: SessionRegistry, session: StreamSession) -> None:
    async def talk(client: TestClient) -> None:
        await _playing(client, session)
        path = f"/livestyle/sessions/{session.id}/presets"
        answer = await client.post(path, json={"token": session.token, "bank": BANK})
        assert await answer.json() == {"presets": 2}
        assert (await _read(client, session))["presets"] == ["Dusk", "Élan"]
        assert (await _write(client, session, preset="Dusk", fade=0))["refused"] == {}
        assert session.store.snapshot()["2.strength"] == 0.25
        assert list((await _write(client, session, preset=2))["refused"]) == ["8.gone"]
        values = {"2.strength": 1.0, "2.seed": 5, "p.prompt": "oil at dusk", "9.volume": 1.0}
        assert dict(session.store.snapshot()) == values

    serve(registry, talk)


SINE = {"signal": "sine", "offset": 0.5, "depth": 0.25, "rate": 2}


def test_modulators_are_read_and_written(registry: SessionRegistry, session: StreamSession) -> None:
    address = "/livestyle/stream_denoise/strength"

    async def talk(client: TestClient) -> None:
        await _playing(client, session)
        wanted = {address: SINE, "p.prompt": SINE, "2.seed": None}
        assert list((await _write(client, session, modulators=wanted))["refused"]) == ["p.prompt"]
        told = (await _read(client, session))["modulators"]
        assert list(told) == ["2.strength"] and told["2.strength"].items() >= SINE.items()
        await _write(client, session, values={address: 0.1})
        assert (await _read(client, session))["modulators"] == {}

    serve(registry, talk)


def test_a_page_modulates_and_is_answered(registry: SessionRegistry, session: StreamSession) -> None:
    async def talk(client: TestClient) -> None:
        async with socket_of(client, session) as socket:
            await socket.send_json({"type": "credit", "n": 1})
            await next_frame(socket)
            await socket.send_json({"type": "modulate", "key": "2.strength", "modulator": SINE, "seq": 5})
            told = await next_text(socket, of_type("received"))
            assert told["seq"] == 5 and told["modulator"]["rate"] == 2 and told["value"] == 1.0
            assert 0.25 <= (await next_text(socket, of_type("modulated")))["value"] <= 0.75
            wrong = {**SINE, "signal": "tide"}
            await socket.send_json({"type": "modulate", "key": "2.strength", "modulator": wrong, "seq": 6})
            told = await next_text(socket, of_type("error"))
            assert "signal must be one of" in told["message"] and told["seq"] == 6
        async with socket_of(client, session) as socket:
            live = await next_text(socket, of_type("live"))
            assert live["values"]["2.strength"] == 1.0, (
                "a page that comes later must not set what it sees move"
            )
            assert list(live["modulators"]) == ["2.strength"]

    serve(registry, talk)


def test_a_prompt_brings_modulators(registry: SessionRegistry) -> None:
    session = StreamSession(write(stylise(read())), lambda handle: None)
    set_owner(session, write(stylise(read())), "tab")
    graph = {
        "2": {"class_type": "StreamDenoise", "_meta": {"livestyle_modulators": {"strength": SINE}}},
        "8": {"class_type": "Other", "_meta": {"livestyle_modulators": "not ours to play"}},
    }
    begin_settings(session, graph)
    session.store.declare([LiveParameter("2.strength", "float", 1.0, 0.0, 1.0)])
    assert session.store.modulators() == {"2.strength": Modulator.parse(SINE)}
    with pytest.raises(SettingError, match="'strength': A modulator's depth"):
        graph["2"]["_meta"]["livestyle_modulators"] = {"strength": {**SINE, "depth": float("nan")}}
        begin_settings(session, graph)
    assert session.state == "cancelled"


def test_actions(registry: SessionRegistry, session: StreamSession) -> None:
    async def talk(client: TestClient) -> None:
        await _playing(client, session)
        assert (await _write(client, session, action="snapshot"))["file"] == {"filename": "snapshot.png"}
        await _write(client, session, action="record", on=False)
        assert not session.recorders["9"].on
        await _write(client, session, action="record")
        assert session.recorders["9"].on
        assert (await _write(client, session, action="stop"))["state"] == "draining"

    serve(registry, talk)


@pytest.mark.parametrize(
    "body",
    [
        {"action": "reboot"},
        {"action": ["stop"]},
        {"action": "record", "on": 1},
        {"preset": 3},
        {"preset": {}},
        {"preset": "Dusk", "fade": -1},
        {"values": [1]},
        {"values": {"2.seed": None}},
        {"values": {}, "fade": "2"},
    ],
)
def test_a_wrong_request_is_refused_in_one_line(
    registry: SessionRegistry, session: StreamSession, body: dict[str, Any]
) -> None:
    async def talk(client: TestClient) -> None:
        path = f"/livestyle/sessions/{session.id}/live"
        answer = await client.post(path, json={"token": session.token, **body})
        assert answer.status == 400
        assert len((await answer.text()).splitlines()) == 1

    serve(registry, talk)


def test_nothing_is_read_or_written_without_the_token(
    registry: SessionRegistry, session: StreamSession
) -> None:
    async def talk(client: TestClient) -> None:
        for what in ("live", "presets"):
            path = f"/livestyle/sessions/{session.id}/{what}"
            assert (await client.post(path, json={"token": "guessed"})).status == 401
            right = {"token": session.token}
            assert (await client.post(path, json=right, headers=FOREIGN)).status == 403
        assert (await client.get(f"/livestyle/sessions/{session.id}/live")).status == 401
        assert (await client.post("/livestyle/presets", json=BANK)).status == 403

    serve(registry, talk)


def test_a_file_of_presets_is_checked(registry: SessionRegistry) -> None:
    async def talk(client: TestClient) -> None:
        stored = {**BANK, "made_by": "somebody"}
        answer = await client.post("/livestyle/presets", json=stored, headers=PAGE)
        cues = {"tempo": 120.0, "beats": 4, "list": []}
        assert _fits(await answer.json(), "Bank") == {**BANK, "version": 2, "cues": cues}
        large = json.dumps(BANK) + " " * 1_400_000
        headers = {**PAGE, "Content-Type": "application/json"}
        assert (await client.post("/livestyle/presets", data=large, headers=headers)).status == 413
        assert (await client.post("/livestyle/presets", json={}, headers=PAGE)).status == 400

    serve(registry, talk)


def _with(**changes: Any) -> dict[str, Any]:
    return {**BANK, "presets": [{**BANK["presets"][0], **changes}]}


@pytest.mark.parametrize(
    ("bank", "told"),
    [
        ([], "no file of presets"),
        ({**BANK, "format": "other"}, "no file of presets"),
        ({**BANK, "version": 3}, "version 1 to 2"),
        ({**BANK, "version": True}, "version 1 to 2"),
        ({**BANK, "presets": BANK["presets"] * 60}, "at most 99"),
        ({**BANK, "presets": BANK["presets"] * 2}, "Two presets are called Dusk"),
        ({**BANK, "presets": [7]}, "Preset 1: it must be"),
        (_with(name=" "), "name must be"),
        (_with(name="a\nb"), "name must be"),
        (_with(name="x" * 61), "name must be"),
        (_with(fade=1e9), "fade must be"),
        (_with(fade=float("nan")), "fade must be"),
        (_with(values={"strength": 1}), "node id"),
        (_with(values={"2.prompt": "x" * 4001}), "4000"),
        (_with(values={"2.prompt": "\ud800"}), "whole characters"),
        (_with(values={"2.seed": 10**400}), "must be a number"),
        (_with(values={"2.seed": float("nan")}), "must be a number"),
        (_with(values={"2.seed": float("inf")}), "must be a number"),
        (_with(values={"2.seed": True}), "number or text"),
        (_with(values={f"{n}.seed": 1 for n in range(300)}), "at most 256"),
    ],
)
def test_a_hostile_file_of_presets_is_refused_in_one_line(bank: Any, told: str) -> None:
    with pytest.raises(SettingError, match=told) as refused:
        parse_bank(bank)
    assert len(str(refused.value).splitlines()) == 1


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    anything
    | st.fixed_dictionaries(
        {
            "format": st.just("livestyle-presets"),
            "version": st.sampled_from([1, 2]),
            "presets": st.lists(
                st.fixed_dictionaries(
                    {
                        "name": st.text(max_size=5) | anything,
                        "values": st.dictionaries(st.sampled_from(["2.seed", "p.prompt", "x"]), anything),
                        "picture": st.just("") | anything,
                        "references": st.just({"7.image": "a.png"}) | anything,
                    }
                ),
                max_size=2,
            )
            | anything,
            "cues": st.none()
            | st.fixed_dictionaries(
                {
                    "list": st.lists(
                        st.fixed_dictionaries(
                            {
                                "name": st.text(max_size=5),
                                "values": st.just({"2.seed": 1}) | anything,
                                "when": st.sampled_from(["hand", "bars", "cut", "frames"]) | anything,
                                "after": st.integers(0, 9) | anything,
                            }
                        ),
                        max_size=2,
                    )
                }
            )
            | anything,
        }
    )
)
def test_whatever_a_file_holds_it_is_refused_or_comes_back_the_same(data: Any) -> None:
    try:
        bank = parse_bank(data)
    except SettingError:
        return
    assert parse_bank(json.loads(json.dumps(bank_json(bank)))) == bank


def test_nodes_with_one_title_are_told_apart_by_id(registry: SessionRegistry) -> None:
    plan = write(stylise(read(length=100_000), "2"), compare="off")
    session = start(registry)
    set_owner(session, plan, "tab", hash_secret(SECRET), {"2": "Same", "p": "Same"})

    async def talk(client: TestClient) -> None:
        await _playing(client, session)
        described = await _read(client, session)
        assert {each["address"] for each in described["controls"]} == {
            "/livestyle/same/strength",
            "/livestyle/same/seed",
            "/livestyle/same/prompt",
            "/livestyle/node/9/volume",
        }
        assert described["warnings"] == []  # their inputs differ
        set_owner(session, plan, "tab", hash_secret(SECRET), {})
        described = await _read(client, session)
        assert "/livestyle/node/2/strength" in {each["address"] for each in described["controls"]}

    serve(registry, talk)


def test_titles_come_from_the_queued_graph() -> None:
    graph = {
        "4": {"class_type": "StreamDenoise", "_meta": {"title": "Débruiter"}},
        "5": {"class_type": "MLLMEncode", "_meta": {"title": "\u6587\u5b57"}},
        "3:7": {"class_type": "FlowWarp", "_meta": ["odd"]},
    }
    assert titles_of(graph) == {"4": "Débruiter", "5": "MLLMEncode", "3:7": "FlowWarp"}


def test_what_the_document_describes_is_there(registry: SessionRegistry) -> None:
    Draft202012Validator.check_schema(DOCUMENT["components"]["schemas"])
    table = web.RouteTableDef()
    register_routes(table, registry, LINKS, HostNames(), files=None)  # type: ignore[arg-type]
    served = {(route.path, route.method.lower()) for route in table if isinstance(route, web.RouteDef)}
    for path, methods in DOCUMENT["paths"].items():
        for method in methods.keys() - {"parameters"}:
            assert (path, method) in served

    async def talk(client: TestClient) -> None:
        answer = await client.get("/livestyle/pages/openapi.json")
        assert answer.content_type == "application/json" and await answer.json() == DOCUMENT

    serve(registry, talk)
